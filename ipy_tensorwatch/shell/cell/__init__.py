"""One cell while it runs and when it ends: recording, freezing, and its trace."""
