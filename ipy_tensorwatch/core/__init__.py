"""Frozen records and pure reasoning; imports without torch and without IPython."""
