"""Read frames and lines of the running program."""
