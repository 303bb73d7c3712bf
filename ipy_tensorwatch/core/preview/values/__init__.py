"""The values and the memory of an abstract run."""
