"""Changes, alias groups and the lines that wrote, in words."""
