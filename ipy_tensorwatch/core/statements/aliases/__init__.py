"""What an expression refers to: access paths, and what a call's result shares with its arguments."""
