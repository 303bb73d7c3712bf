"""Explain the error that a cell raised, from live frames and graphs."""
