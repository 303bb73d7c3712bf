"""Overwritten saved tensors: what backward will do, and which write to change."""
