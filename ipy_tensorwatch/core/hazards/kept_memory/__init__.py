"""Memory that is kept by reference, under a name that promises a copy, or after it was freed."""
