"""Group things by a key."""

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
