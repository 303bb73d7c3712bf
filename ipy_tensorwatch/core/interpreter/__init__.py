"""The abstract interpreter: which line of which notebook function may have written."""
