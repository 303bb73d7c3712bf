"""What the ranks report, joined: what all have in common, what only some have, and replicas that parted."""
