"""Interpret the statements, expressions and calls of a cell on abstract values."""
