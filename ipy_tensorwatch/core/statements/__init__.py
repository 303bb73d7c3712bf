"""What one statement does: its targets, calls, aliases and writes."""
