"""The trace of one cell: all that capture passes to reasoning."""
