"""What PyTorch and CPython give us: private names, threads and the garbage collector."""
