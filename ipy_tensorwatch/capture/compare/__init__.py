"""Compare bytes with earlier ones: fingerprints, copies and differences."""
