"""Take the snapshot of all tensors that variables lead to."""
