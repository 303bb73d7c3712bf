"""Hazards, explained errors and their fixes, in words."""
