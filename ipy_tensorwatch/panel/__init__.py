"""The panel: the widget, and what is sent to it."""
