"""Look at the watched bytes between the statements of a running cell."""
