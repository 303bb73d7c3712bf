"""Digest, copy and count the memory of devices on the devices, CUDA among them, without a copy to the host."""
