"""Explain the error that a cell raised, from its frames and graphs while they are alive."""
