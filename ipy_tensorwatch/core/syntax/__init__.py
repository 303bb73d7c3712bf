"""The text of cells: parsing, magics, probes and PyTorch's vocabulary."""
