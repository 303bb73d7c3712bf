"""What a statement writes, from its text alone."""
