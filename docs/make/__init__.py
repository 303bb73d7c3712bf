"""What makes the parts of the documentation that nobody writes by hand: `python -m docs.make`."""
