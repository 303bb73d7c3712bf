"""The elements of a small tensor before and after the last look, from its kept bytes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from ..core.records.report_parts import Values
from .compare.element_diff import marks_of
from .memory.numbers import numbers

if TYPE_CHECKING:
    import numpy as np

    from .compare.compare_bytes import Fingerprints
    from .observer import Observation

MAX_ELEMENTS = 1024


def values_of(path: str, observed: Observation | None, prints: Fingerprints) -> Values | None:
    """Return the elements behind a path that changed; None if they are many, not numeric, or not kept."""
    found = observed.found if observed else ()
    difference = next((one for one, content in found if str(one.path) == path and content.changed), None)
    if observed is None or difference is None or difference.before is None or difference.after is None:
        return None
    before, after = difference.before, difference.after
    old, new, _ = marks_of(before, after, observed.verdicts, prints)
    if old is None or new is None or before.shape != after.shape or not 0 < after.numel <= MAX_ELEMENTS:
        return None
    was, now = (_numbers(rows, before.dtype) for rows in (old.elements(before), new.elements(after)))
    return Values(shape=after.shape, before=was, after=now) if was is not None and now is not None else None


def _numbers(rows: np.ndarray[Any, Any] | None, dtype: str) -> tuple[float | None, ...] | None:
    """Read rows of bytes as numbers; None for a value that JSON cannot represent."""
    found = None if rows is None else numbers(rows.reshape(-1, rows.shape[-1]), dtype)
    if found is None or found.dtype.kind == "c":
        return None
    return tuple(one if math.isfinite(one) else None for one in map(float, found))
