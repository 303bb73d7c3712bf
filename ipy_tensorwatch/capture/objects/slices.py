"""Parts of a large container, copied on demand: copying all of it would touch every object."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

from .inspect_object import TRIES, Odd, is_a

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


class Slices(Sequence[Any]):
    """Returns the contents of a live container in parts, without running code of its own.

    Attributes
    ----------
    take
        Copies the items between two places.
    """

    __slots__ = ("_count", "_take")

    def __init__(self, count: int, take: Callable[[int, int], list[Any]]) -> None:
        self._count, self._take = count, take

    def __len__(self) -> int:
        """Return the number of items it had when opened."""
        return self._count

    def __getitem__(self, part: int | slice) -> Any:  # noqa: ANN401
        """Copy a part; items removed meanwhile are missing from it."""
        if isinstance(part, int):
            return self[part : part + 1][0]
        start, stop, _ = part.indices(self._count)
        return self._take(start, stop)


def slices_of(values: Any) -> Slices:  # noqa: ANN401  (a list, a tuple or a deque)
    """Return the parts of a list, a tuple or a deque."""
    if is_a(type(values), deque):
        return _walked(deque.__len__(values), lambda: deque.__iter__(values))
    base: Any = list if is_a(type(values), list) else tuple
    read = base.__getitem__
    return Slices(base.__len__(values), lambda start, stop: [*read(values, slice(start, stop))])


def columns_in_slices(mapping: dict[Any, Any]) -> tuple[Slices, Slices]:
    """Return the parts of the keys and of the values of a plain dict."""
    return _walked(len(mapping), lambda: iter(mapping)), _walked(len(mapping), lambda: iter(mapping.values()))


def _walked(count: int, begin: Callable[[], Iterable[Any]]) -> Slices:
    def take(start: int, stop: int) -> list[Any]:
        for _ in range(TRIES):
            try:
                return [*islice(begin(), start, stop)]
            except RuntimeError:  # another thread changed it meanwhile
                continue
        raise Odd("changed-by-thread")

    return Slices(count, take)
