"""Read one tensor or array: its metadata, version counter and serial numbers."""
