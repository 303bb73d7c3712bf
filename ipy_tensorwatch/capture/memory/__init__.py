"""Read and write bytes of memory, and digest them."""
