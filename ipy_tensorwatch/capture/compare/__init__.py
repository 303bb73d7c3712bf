"""Compare bytes with what they were: fingerprints, copies and differences."""
