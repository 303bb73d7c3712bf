"""The panel: the widget and its messages."""
