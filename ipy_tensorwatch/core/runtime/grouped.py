"""Group things by a key, and count equal ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

K = TypeVar("K")
T = TypeVar("T")


def grouped(things: Iterable[T], key: Callable[[T], K]) -> dict[K, list[T]]:
    """Return things by their key; keys and things stay in order.

    Examples
    --------
    >>> grouped(["x", "h[0]", "xs", "h[1]"], key=len)
    {1: ['x'], 4: ['h[0]', 'h[1]'], 2: ['xs']}
    """
    found: dict[K, list[T]] = {}
    for one in things:
        found.setdefault(key(one), []).append(one)
    return found


def tally(things: Iterable[K]) -> dict[K, int]:
    """Return how often each thing occurs, in order.

    `collections.Counter` would ask whether `things` are a mapping: that calls the metaclass of any mapping that the
    user has defined.

    Examples
    --------
    >>> tally("abca")
    {'a': 2, 'b': 1, 'c': 1}
    """
    found: dict[K, int] = {}
    for one in things:
        found[one] = found.get(one, 0) + 1
    return found
