"""Compare the bytes of one path's own elements before and after a cell."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core.diff import Content
from ..core.records import Elements, Example

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..core.diff import Difference
    from ..core.reading import Reading
    from .fingerprint import Fingerprints, Mark, Verdict

EXAMPLES = 3
_READ_AS = {"half": "float16", "bool": "uint8"}
"""A boolean is shown as its byte, which may be other than 0 and 1 where it was written through another type."""


def contrast(
    difference: Difference, verdicts: Mapping[int, Verdict], prints: Fingerprints, examples: int = EXAMPLES
) -> Content:
    """Tell what became of the elements behind a path that led, and leads, to one object."""
    before, after = difference.before, difference.after
    if before is None or after is None:
        return Content(changed=None, verified=False)
    if before.unknown or after.unknown:
        return Content(changed=True if _gained(before, after) else None, verified=False)
    if not before.nbytes and not after.nbytes:
        return Content(changed=False, verified=True)
    old, new, since = marks_of(before, after, verdicts, prints)
    if old is None or new is None:
        moved = before.version != after.version or before.storage != after.storage
        return Content(changed=True if moved else None, verified=False, since=since)
    return _compare(before, after, old, new, since, examples)


def _gained(before: Reading, after: Reading) -> bool:
    """Take a raised version for a write where nothing better is known; a sparse tensor's components tell better."""
    if before.unknown != after.unknown:
        return True
    return before.version != after.version and "sparse" not in (before.unknown or "")


def marks_of(
    before: Reading, after: Reading, verdicts: Mapping[int, Verdict], prints: Fingerprints
) -> tuple[Mark | None, Mark | None, int | None]:
    """Find the marks of the memory before and after; None where it was not looked at."""
    old, new = verdicts.get(before.storage), verdicts.get(after.storage)
    since = old.since if old else None
    first = old.before if old else prints.marks.get(before.storage)
    if new is None:
        return first, prints.marks.get(after.storage), since
    return first, new.after, since


def _compare(  # noqa: PLR0913, PLR0917
    before: Reading, after: Reading, old: Mark, new: Mark, since: int | None, examples: int
) -> Content:
    if before.nbytes != after.nbytes or before.itemsize != after.itemsize:
        return Content(changed=True, verified=True, since=since)
    if old is new and _same_bytes(before, after):
        return Content(changed=False, verified=True, since=since)
    rows_before, rows_after = old.elements(before), new.elements(after)
    if rows_before is not None and rows_after is not None:
        if rows_before.shape != rows_after.shape and _same_bytes(before, after):
            rows_after = new.elements(before._replace(data_ptr=after.data_ptr))
        return _count(rows_before, rows_after, before.dtype, since, examples)
    digests = old.part_digest(before), new.part_digest(after)
    if None in digests:
        return Content(changed=True if before.version != after.version else None, verified=False, since=since)
    elements = Elements(changed=None, total=after.numel) if digests[0] != digests[1] else None
    return Content(changed=digests[0] != digests[1], verified=True, elements=elements, since=since)


def _same_bytes(before: Reading, after: Reading) -> bool:
    """Tell whether two layouts of one storage are the same set of bytes, as after `t_()`."""
    if before.storage != after.storage or (before.low, before.high) != (after.low, after.high):
        return False
    return before.layout == after.layout or (before.is_dense and after.is_dense)


def _count(
    before: np.ndarray[Any, Any],
    after: Any,  # noqa: ANN401
    dtype: str,
    since: int | None,
    examples: int,
) -> Content:
    old, new = (np.ascontiguousarray(rows).reshape(-1, max(1, rows.shape[-1])) for rows in (before, after))
    differs = _differing(old, new)
    changed = int(np.count_nonzero(differs))
    if not changed:
        return Content(changed=False, verified=True, since=since)
    where = slice(None) if changed == len(old) else np.flatnonzero(differs)
    first = np.arange(min(examples, changed)) if isinstance(where, slice) else where[:examples]
    elements = Elements(
        changed=changed,
        total=len(old),
        max_abs=_largest(old[where], new[where], dtype),
        examples=_examples(old, new, first, before.shape[:-1], dtype),
    )
    return Content(changed=True, verified=True, elements=elements, since=since)


def _differing(old: np.ndarray[Any, Any], new: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Tell which rows of bytes differ; as whole numbers where there are numbers of that size, which is far quicker."""
    size = old.shape[1]
    if size in {1, 2, 4, 8}:
        whole = np.dtype(f"u{size}")
        return np.asarray(old.view(whole).ravel() != new.view(whole).ravel())
    return np.asarray((old != new).any(axis=1))


def _largest(old: np.ndarray[Any, Any], new: np.ndarray[Any, Any], dtype: str) -> float | None:
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


def _examples(
    old: np.ndarray[Any, Any],
    new: np.ndarray[Any, Any],
    where: np.ndarray[Any, Any],
    shape: tuple[int, ...],
    dtype: str,
) -> tuple[Example, ...]:
    before, after = numbers(old[where], dtype), numbers(new[where], dtype)
    if before is None or after is None:
        return ()
    return tuple(
        Example(index=_place(flat, shape), before=plain_number(a), after=plain_number(b))
        for flat, a, b in zip(where.tolist(), before, after, strict=True)
    )


def _place(flat: int, shape: tuple[int, ...]) -> tuple[int, ...]:
    place = []
    for size in reversed(shape):
        flat, index = divmod(flat, size)
        place.append(index)
    return tuple(reversed(place))


def plain_number(value: Any) -> float | str:  # noqa: ANN401  (any of NumPy's numbers)
    """Turn a number into one that JSON has, or into text."""
    if isinstance(value, np.complexfloating):
        return str(value)
    number = float(value)
    return number if math.isfinite(number) else str(number)


def numbers(rows: np.ndarray[Any, Any], dtype: str) -> np.ndarray[Any, Any] | None:
    """Read rows of bytes as numbers that double precision holds; None for types that are none."""
    name = dtype.removeprefix("torch.")
    raw = np.ascontiguousarray(rows)
    if name == "bfloat16":
        return (raw.view(np.uint16).astype(np.uint32) << 16).view(np.float32).ravel()
    try:
        values = raw.view(np.dtype(_READ_AS.get(name, name))).ravel()
        return values if values.dtype.kind in "fciu" else values.astype(np.float64)
    except (TypeError, ValueError):
        return None
