"""Bytes of elements, read as numbers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

_READ_AS = {"half": "float16", "bool": "uint8"}
"""A boolean is read as its byte, which may be other than 0 and 1 after a write through another dtype."""
_STRUCTURES = ("[", "(", "{")
"""The prefixes of structured dtypes' names, which NumPy would parse as something else."""
_KINDS = "biufcmM"
"""NumPy's kinds of numeric dtypes; in all others, a byte may be part of a pointer."""


def plain_number(value: Any) -> float | str:  # noqa: ANN401  (any of NumPy's numbers)
    """Return a number that JSON can represent, or text."""
    if isinstance(value, np.complexfloating):
        return str(value)
    number = float(value)
    return number if math.isfinite(number) else str(number)


def numbers(rows: np.ndarray[Any, Any], dtype: str) -> np.ndarray[Any, Any] | None:
    """Read rows of bytes as numbers in double precision; None for types that are not numeric."""
    name = dtype.removeprefix("torch.")
    if name[:1] in _STRUCTURES:
        return None
    raw = np.ascontiguousarray(rows)
    if name == "bfloat16":
        return (raw.view(np.uint16).astype(np.uint32) << 16).view(np.float32).ravel()
    try:
        kind = np.dtype(_READ_AS.get(name, name))
        if kind.kind not in _KINDS:
            return None
        values = raw.view(kind).ravel()
        return values if values.dtype.kind in "fciu" else values.astype(np.float64)
    except (TypeError, ValueError):
        return None


def largest_step(old: np.ndarray[Any, Any], new: np.ndarray[Any, Any], dtype: str) -> float | None:
    """Return the largest finite difference between two lists of elements, given as rows of bytes."""
    before, after = numbers(old, dtype), numbers(new, dtype)
    if before is None or after is None:
        return None
    with np.errstate(all="ignore"):
        steps = np.abs(np.subtract(after, before, dtype=np.result_type(before.dtype, np.float64)))
    largest = steps.max()
    if not np.isfinite(largest):
        steps = steps[np.isfinite(steps)]
        return float(steps.max()) if len(steps) else None
    return float(largest)
