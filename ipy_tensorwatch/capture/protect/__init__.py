"""Freeze memory, keep its bytes, and restore them."""
