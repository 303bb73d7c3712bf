"""Backwards that were wrong, graphs they freed, and gradients that share memory."""
