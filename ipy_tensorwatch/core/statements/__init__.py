"""What one statement says: its targets, calls, aliases and writes."""
