"""What one rank tells of itself: its place in the group, digests of its state, and the line it waits in."""
