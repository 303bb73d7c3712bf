"""The evidence of one cell, indexed: which statements ran when, and what each may have written."""
