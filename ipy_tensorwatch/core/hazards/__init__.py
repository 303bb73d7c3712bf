"""Hazards: what will make a later backward raise or give a wrong result, and remedies."""
