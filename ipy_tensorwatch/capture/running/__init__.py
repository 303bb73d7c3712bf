"""Record writes while a cell runs: live watch, operators and optimizer steps."""
