"""Walk the user's objects without running any of their code."""
