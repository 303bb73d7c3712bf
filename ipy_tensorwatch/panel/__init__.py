"""The panel: the widget that the shell feeds, and its built front end."""
