"""The IPython side: the watcher, the magics, and the choice of output format."""
