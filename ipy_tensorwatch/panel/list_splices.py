"""The difference of two lists, as splices that turn one into the other."""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence

T = TypeVar("T")


class Splice(NamedTuple):
    """Replace `drop` items at index `at`, counted after all earlier splices, by `put`; plain JSON."""

    at: int
    drop: int
    put: list[Any]


def splices(before: Sequence[T], after: Sequence[T], key: Callable[[T], Hashable]) -> tuple[Splice, ...]:
    """Return the splices that, applied in order, turn `before` into `after`; keys must be unique.

    Examples
    --------
    >>> splices("abcd", "axcd", key=str)
    (Splice(at=1, drop=1, put=['x']),)
    """
    if before is after:
        return ()
    alike = _count_equal(zip(before, after, strict=False))
    rest = min(len(before), len(after)) - alike
    tail = _count_equal(zip(reversed(before), reversed(after[len(after) - rest :]), strict=False))
    old, new = before[alike : len(before) - tail], after[alike : len(after) - tail]
    return tuple(_merged(_steps(old, new, key, alike)))


def dropped(items: Sequence[T], edits: Iterable[Splice]) -> Iterator[Sequence[T]]:
    """Yield the items that each splice removes.

    Examples
    --------
    >>> list(dropped("abcd", [Splice(1, 1, ["x", "y"]), Splice(4, 1, [])]))
    ['b', 'd']
    """
    shift = 0
    for at, drop, put in edits:
        yield items[at - shift : at - shift + drop]
        shift += len(put) - drop


def _count_equal(pairs: Iterable[tuple[object, object]]) -> int:
    count = 0
    for a, b in pairs:
        if a is not b and a != b:
            break
        count += 1
    return count


def _steps(old: Sequence[T], new: Sequence[T], key: Callable[[T], Hashable], at: int) -> Iterator[Splice]:
    """Yield single edits for the new list; items outside the longest common order are removed and inserted again."""
    places = {key(item): place for place, item in enumerate(old)}
    found = [places.get(key(item)) for item in new]
    staying = _longest_rise([place for place in found if place is not None])
    passed = 0
    for item, place in zip(new, found, strict=True):
        if place is None or place not in staying:
            yield Splice(at, 0, [item])
        else:
            if place > passed:
                yield Splice(at, place - passed, [])
            if old[place] != item:
                yield Splice(at, 1, [item])
            passed = place + 1
        at += 1
    if passed < len(old):
        yield Splice(at, len(old) - passed, [])


def _longest_rise(places: Sequence[int]) -> set[int]:
    """Return the members of a longest increasing subsequence.

    Examples
    --------
    >>> sorted(_longest_rise([3, 0, 1, 2]))
    [0, 1, 2]
    """
    ends: list[int] = []
    previous: dict[int, int | None] = {}
    for place in places:
        length = bisect_left(ends, place)
        previous[place] = ends[length - 1] if length else None
        ends[length : length + 1] = [place]
    chosen: set[int] = set()
    last = ends[-1] if ends else None
    while last is not None:
        chosen.add(last)
        last = previous[last]
    return chosen


def _merged(edits: Iterable[Splice]) -> Iterator[Splice]:
    """Merge adjacent splices."""
    at, drop = 0, 0
    put: list[Any] = []
    for one in edits:
        if (drop or put) and one.at != at + len(put):
            yield Splice(at, drop, put)
            drop, put = 0, []
        if not (drop or put):
            at = one.at
        drop += one.drop
        put.extend(one.put)
    if drop or put:
        yield Splice(at, drop, put)
