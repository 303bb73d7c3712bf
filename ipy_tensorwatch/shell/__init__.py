"""IPython: the watcher, the magics, and choosing how to show."""
