"""Detect Microsoft's `tensorwatch`, an unrelated package of the same name."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path

OURS = Path(__file__).resolve().parents[3] / "tensorwatch.py"


def describe_other_tensorwatch() -> str | None:
    """Return a one-line note if `%load_ext tensorwatch` would load another package, else None."""
    place = _place()
    if place is None or place == OURS:
        return None
    return (
        f"tensorwatch: another package named tensorwatch is installed ({place}) and is not this one: "
        "load this one with %load_ext ipy_tensorwatch"
    )


def _place() -> Path | None:
    """Return the file that `import tensorwatch` would load, without importing it."""
    module = sys.modules.get("tensorwatch")
    try:
        spec = getattr(module, "__spec__", None) if module else find_spec("tensorwatch")
    except (ImportError, ValueError):
        return None
    origin = getattr(module, "__file__", None) or getattr(spec, "origin", None)
    return Path(origin).resolve() if origin else None
