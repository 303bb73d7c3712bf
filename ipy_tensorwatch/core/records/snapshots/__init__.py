"""Snapshots of all paths, and the differences between two of them."""
