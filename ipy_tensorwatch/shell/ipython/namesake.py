"""Microsoft's `tensorwatch`, an unrelated package of the same name, and what to type where it is installed."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path

OURS = Path(__file__).resolve().parents[3] / "tensorwatch.py"


def describe_namesake() -> str | None:
    """Say in one line that `%load_ext tensorwatch` means another package here; None where it means us."""
    place = _place()
    if place is None or place == OURS:
        return None
    return (
        f"tensorwatch: another package named tensorwatch is installed ({place}) and is not this one: "
        "load this one with %load_ext ipy_tensorwatch"
    )


def _place() -> Path | None:
    """Find what `import tensorwatch` leads to, without importing it."""
    module = sys.modules.get("tensorwatch")
    try:
        spec = getattr(module, "__spec__", None) if module else find_spec("tensorwatch")
    except (ImportError, ValueError):
        return None
    origin = getattr(module, "__file__", None) or getattr(spec, "origin", None)
    return Path(origin).resolve() if origin else None
