"""Read autograd graphs: saved tensors, checkpoints and failed nodes."""
