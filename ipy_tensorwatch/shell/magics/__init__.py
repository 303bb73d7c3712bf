"""The magics, one module for each part."""
