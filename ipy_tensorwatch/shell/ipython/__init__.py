"""Access to IPython: sources of cells, settings, options and output."""
