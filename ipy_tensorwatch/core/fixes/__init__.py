"""The fix of a silent change: where sharing began, and what to write there; the rule of a hazard makes its own."""
