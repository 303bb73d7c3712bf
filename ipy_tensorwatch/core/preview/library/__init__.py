"""What Python's containers, PyTorch, NumPy, modules and optimizers do in an abstract run."""
