"""Explain a cell's error: the statement, its variables and the fix."""
