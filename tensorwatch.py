"""Serve ``%load_ext tensorwatch``: everything else is in ``ipy_tensorwatch``.

This is not Microsoft's ``tensorwatch``, an unrelated package for plotting training runs. Where that one is installed,
its folder hides this module, and ``%load_ext ipy_tensorwatch`` does the same as this one would.
"""

from ipy_tensorwatch import load_ipython_extension, unload_ipython_extension

__all__ = ["load_ipython_extension", "unload_ipython_extension"]
