"""Wording of changes, hazards, relations and quantities."""
