"""Our code beside the user's program: the guard, signals and deadlines."""
