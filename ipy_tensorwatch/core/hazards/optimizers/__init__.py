"""Optimizers, and the parameters that they do not hold."""
