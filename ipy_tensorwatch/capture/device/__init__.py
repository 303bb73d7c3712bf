"""Digest the memory of devices on the devices, without a copy to the host."""
