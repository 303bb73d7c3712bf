"""Blame: what wrote, by which statement, and whether the change is silent."""
