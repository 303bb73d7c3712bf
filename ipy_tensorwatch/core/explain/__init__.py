"""Explain an error of a cell: the statement, its variables and the remedy."""
