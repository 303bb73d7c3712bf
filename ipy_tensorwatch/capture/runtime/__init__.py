"""What we use of PyTorch and CPython: private names, threads and the garbage collector."""
