"""Sentences: changes, hazards, relations and measures in words."""
