"""What a cell would do, before it runs: an abstract run of its source over the last snapshot."""
