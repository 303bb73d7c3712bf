"""The pages that the magics show."""
