"""Which files are Python's own or of installed packages: all others are the user's."""

from __future__ import annotations

import sysconfig

_PLACES = ("<frozen ", *map(sysconfig.get_path, ("stdlib", "purelib", "platlib")))
_PACKAGES = ("site-packages", "dist-packages")


def is_library_file(path: str) -> bool:
    """Return whether a file or a folder belongs to Python or to an installed package."""
    return path.startswith(_PLACES) or any(one in path for one in _PACKAGES)
