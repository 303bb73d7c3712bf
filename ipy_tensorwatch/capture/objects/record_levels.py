"""Many records at once, level by level in columns: replay buffers, datasets and lists of episodes."""

from __future__ import annotations

from bisect import bisect_left
from collections import OrderedDict, defaultdict, deque
from itertools import accumulate, chain, compress
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple

from ...core.records.snapshots.outline import OutlineRun, steps_of
from .containers import ATOM_IDS, PLAIN_IDS, are_printable, fields_of, is_array, opener, quick_reader
from .inspect_object import FEW, PerClass, are_all, is_a, same_things
from .look_limits import EXACT_OBJECTS, HUGE, SEGMENT

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ...core.records.snapshots.outline import Style

MAX_LEVELS = 8
ATOM, ARRAY, INNER = 0, 1, 2
"""What a value is to its record: a number or a text, a tensor or an array, or a container."""


class LevelColumns(NamedTuple):
    """The contents of some containers, one after the other; items of lists have no keys."""

    style: Style
    keys: Sequence[object] | None
    sizes: list[int]
    values: list[Any]


class RecordLevel(NamedTuple):
    """Containers of one type at one depth, and what is in each.

    Attributes
    ----------
    marks
        For each value `ATOM`, `ARRAY` or `INNER`.
    kinds
        The ids of the types of the tensors and arrays.
    """

    things: Sequence[Any]
    columns: LevelColumns
    marks: list[int]
    kinds: set[int]

    @property
    def arrays(self) -> list[Any]:
        """The tensors and arrays, in order."""
        return [*compress(self.columns.values, map(ARRAY.__eq__, self.marks))]

    @property
    def inner(self) -> list[Any]:
        """The containers in these, in order."""
        return [*compress(self.columns.values, map(INNER.__eq__, self.marks))]

    @property
    def is_barren(self) -> bool:
        """Whether these hold numbers and texts only."""
        return self.marks.count(ATOM) == len(self.marks)

    @property
    def is_full(self) -> bool:
        """Whether each of these leads to something."""
        sizes, marks = self.columns.sizes, self.marks
        if marks == marks[: sizes[0]] * len(sizes):
            return any(marks[: sizes[0]])
        return all(any(marks[end - size : end]) for size, end in zip(sizes, accumulate(sizes), strict=True))


def is_long(thing: object) -> bool:
    """Return whether something is a container of Python's with so many items that reading it in levels pays."""
    return id(type(thing)) in _LONG_IDS and len(thing) > FEW  # type: ignore[arg-type]


_LONG_IDS = frozenset(map(id, (list, dict, tuple, deque, OrderedDict, defaultdict)))


def survey_records(thing: object, above: Sequence[int]) -> list[RecordLevel]:
    """Read a long container of records, and those in the records; return nothing if it holds anything else.

    Parameters
    ----------
    above
        The ids of the containers that lead to it.
    """
    try:
        levels = _survey(thing, {*above})
    except (RuntimeError, TypeError):  # another thread changed it meanwhile, or an object's `__dict__` is none
        return []
    return levels if all(level.is_full for level in levels) else []


def _survey(thing: object, seen: set[int]) -> list[RecordLevel]:
    level = _read([thing], HUGE)
    if level is None or level.kinds:
        return []
    levels = [level]
    while things := levels[-1].inner:
        level = _read(things, SEGMENT)
        if level and level.is_barren:
            levels[-1] = levels[-1]._replace(marks=[mark & ARRAY for mark in levels[-1].marks])
            break
        count = len(seen) + len(things)
        seen.update(map(id, things))
        if level is None or len(levels) == MAX_LEVELS or len(seen) < count or count > EXACT_OBJECTS:
            return []
        levels.append(level)
    return levels


def _read(things: Sequence[Any], most: int) -> RecordLevel | None:
    """Read containers of at most so many items each; None if they are of several types, or hold those that are."""
    kind = type(things[0])
    read = _reader(kind) if are_all(things, kind) else None
    columns = read(things) if read else None
    if columns is None or max(columns.sizes) > most or sum(columns.sizes) != len(columns.values):
        return None
    numbers = [*map(id, map(type, columns.values))]
    kinds = {*numbers}
    unknown = [type(columns.values[numbers.index(one)]) for one in kinds - ATOM_IDS - PLAIN_IDS]
    others = [id(kind) for kind in unknown if opener(kind) is not None or is_array(kind)]
    if any(_reader(kind) is None for kind in unknown if id(kind) in others):
        return None
    arrays = kinds & PLAIN_IDS
    marks = dict.fromkeys(kinds, ATOM) | dict.fromkeys(arrays, ARRAY) | dict.fromkeys(others, INNER)
    return RecordLevel(things, columns, [*map(marks.__getitem__, numbers)], arrays)


def _choose(kind: type) -> Callable[[Sequence[Any]], LevelColumns | None] | None:
    if kind is dict or kind is OrderedDict or kind is defaultdict:
        return _of_dicts
    if kind is list or kind is tuple or kind is deque:
        return lambda things: LevelColumns("index", None, [*map(len, things)], [*chain.from_iterable(things)])
    if is_a(kind, tuple):
        names = fields_of(kind)
        return (lambda things: _of_named(names, things)) if names else None
    read = quick_reader(kind)
    return None if read is None else lambda things: _of_objects([*map(read, things)])


_reader = PerClass(_choose)
"""How to read many objects of one type as records; None if they may hold more."""


def _of_dicts(things: Sequence[dict[object, Any]]) -> LevelColumns | None:
    keys, values = [*chain.from_iterable(map(dict.__iter__, things))], _values(things)
    is_plain = len(keys) == len(values) and are_printable(keys)
    return LevelColumns("key", keys, [*map(len, things)], values) if is_plain else None


def _of_objects(insides: Sequence[Any]) -> LevelColumns | None:
    if not are_all(insides, dict):
        return None
    keys, values = [*chain.from_iterable(insides)], _values(insides)
    is_plain = len(keys) == len(values) and are_all(keys, str)
    return LevelColumns("attribute", keys, [*map(len, insides)], values) if is_plain else None


def _values(things: Sequence[dict[object, Any]]) -> list[Any]:
    return [*chain.from_iterable(map(dict.values, things))]


def _of_named(names: tuple[str, ...], things: Sequence[tuple[Any, ...]]) -> LevelColumns | None:
    sizes = [*map(tuple.__len__, things)]
    if sizes.count(len(names)) != len(sizes):
        return None
    return LevelColumns("attribute", names * len(things), sizes, [*chain.from_iterable(map(tuple.__iter__, things))])


class LevelOutline(NamedTuple):
    """The outline of one level."""

    style: Style
    keys: Sequence[object] | None
    sizes: list[int]
    marks: list[int]
    nodes: list[tuple[int, str]]
    runs: list[OutlineRun]


def outline_level(level: RecordLevel, first: int, known: LevelOutline | None) -> LevelOutline:
    """Return the outline of a level, with as much of a known one as is unchanged at its beginning.

    Parameters
    ----------
    first
        The node of the level's first container, now and in the known outline.
    """
    columns = level.columns
    new = LevelOutline(columns.style, columns.keys, columns.sizes, level.marks, [], [])
    count = _count_same(known, new) if known else 0
    if known and count == len(known.sizes) == len(new.sizes):
        return known
    start = sum(new.sizes[:count])
    if known:
        new.nodes.extend(known.nodes[: new.marks[:start].count(INNER)])
        new.runs.extend(known.runs[: bisect_left(known.runs, first + count, key=attrgetter("node"))])
    for node, size in enumerate(new.sizes[count:], first + count):
        _outline_one(new, node, range(start, start + size))
        start += size
    return new


def _count_same(one: LevelOutline, other: LevelOutline) -> int:
    """Return how many containers of two levels have the same outline: all of the shorter one, or none."""
    if one.style != other.style or (one.keys is None) != (other.keys is None):
        return 0
    count, size = min(len(one.sizes), len(other.sizes)), min(len(one.marks), len(other.marks))
    is_same = one.sizes[:count] == other.sizes[:count] and one.marks[:size] == other.marks[:size]
    if is_same and one.keys is not None and other.keys is not None:
        is_same = same_things(one.keys[:size], other.keys[:size])
    return count if is_same else 0


def _outline_one(level: LevelOutline, node: int, places: range) -> None:
    """Add the outline of one container, whose contents lie at these places."""
    keys, start = level.keys, places.start
    arrays = [place for place in places if level.marks[place] == ARRAY]
    if len(arrays) == len(places) and keys is None:
        level.runs.append(OutlineRun(node, level.style, range(len(places))))
    elif arrays:
        here = tuple(place - start if keys is None else keys[place] for place in arrays)
        level.runs.append(OutlineRun(node, level.style, here))
    inner = [place for place in places if level.marks[place] == INNER]
    steps = steps_of(level.style, [place - start if keys is None else keys[place] for place in inner])
    level.nodes.extend((node, step) for step in steps)
