"""The only room that touches live tensors: walks, reads, fingerprints and recorders."""
