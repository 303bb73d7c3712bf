"""Numbers, bytes, seconds and counts in words."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence

T = TypeVar("T")

_UNITS = ("B", "KB", "MB", "GB", "TB")
_STEP = 1024
_PLAIN = 1e6


def spell_number(value: float | str) -> str:
    """Format a number with three significant digits; whole numbers below a million in full.

    Examples
    --------
    >>> [spell_number(value) for value in (1.0, 0.01234, float("inf"), "nan", 1234567.0)]
    ['1', '0.0123', 'inf', 'nan', '1.23e+06']
    """
    if isinstance(value, str):
        return value
    if math.isfinite(value) and value == int(value) and abs(value) < _PLAIN:
        return str(int(value))
    return f"{value:.3g}"


def spell_bytes(count: int) -> str:
    """Format a number of bytes.

    Examples
    --------
    >>> [spell_bytes(count) for count in (24, 4096, 1500000)]
    ['24 B', '4 KB', '1.4 MB']
    """
    size, unit = float(count), 0
    while size >= _STEP and unit < len(_UNITS) - 1:
        size, unit = size / _STEP, unit + 1
    return f"{size:.1f}".removesuffix(".0") + f" {_UNITS[unit]}"


def spell_seconds(seconds: float) -> str:
    """Format a duration given in seconds.

    Examples
    --------
    >>> [spell_seconds(one) for one in (0.0000042, 0.0123, 2.5)]
    ['4.2 µs', '12.3 ms', '2.5 s']
    """
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds / 1e-6:.3g} µs"


def few(things: Sequence[T], limit: int) -> tuple[Sequence[T], int]:
    """Return the first items and the number left out, which is never one: the last item fits where "1 more" would.

    Examples
    --------
    >>> [few("abcde", limit) for limit in (3, 4)]
    [('abc', 2), ('abcde', 0)]
    """
    end = limit if len(things) > limit + 1 else len(things)
    return things[:end], len(things) - end


def count_of(number: int, noun: str) -> str:
    """Return a number with its noun, in the plural unless the number is one.

    Examples
    --------
    >>> [count_of(1, "silent change"), count_of(1200, "tensor")]
    ['1 silent change', '1,200 tensors']
    """
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def counts_found(silent: int, hazards: int) -> list[str]:
    """Return how many silent changes and hazards there are; neither, if there is none of it.

    Examples
    --------
    >>> counts_found(2, 1), counts_found(0, 0)
    (['2 silent changes', '1 hazard'], [])
    """
    return [count_of(number, noun) for number, noun in ((silent, "silent change"), (hazards, "hazard")) if number]
