"""Hazards, which make a later backward raise or give a wrong result, and their fixes."""
