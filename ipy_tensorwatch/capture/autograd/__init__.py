"""Read autograd's graph: saved tensors, checkpoints and failed nodes."""
