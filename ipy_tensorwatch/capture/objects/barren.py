"""Containers that lead to no tensor: most of a notebook's records, texts and tables, which need no path."""

from __future__ import annotations

import types
from collections import deque
from typing import TYPE_CHECKING, Any

from ...core.runtime.record import field, mutable
from .containers import ATOM_IDS, is_array, open_object, opener
from .inspect_object import FEW, PerClass, inside_of, is_a, items_of, members_of, module_of, slot_readers, slots_of
from .look_limits import EXACT_OBJECTS, HUGE, LARGE, LIGHT, SEGMENT, Limits

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    ValuesReader = Callable[[Any], Sequence[Any] | None]

MANY_ATOMS = 32
"""So many numbers and texts are passed in the time in which a container is searched."""
MOST_ATOMS = 1_000_000
"""A container with more is left to the walk, which takes it in parts."""
TRIES = 64
"""After so many searches in one variable, they end if most found a tensor: searching a container twice costs time."""


@mutable
class BarrenSearch:
    """Searches containers in one walk; what it has found barren is not searched again.

    Attributes
    ----------
    limits
        Receives how many containers were searched.
    is_large
        Whether the last search went through very many containers, or came to some of such a search.
    """

    limits: Limits = field(default_factory=Limits)
    is_large: bool = False
    _known: set[int] = field(default_factory=set)
    _of_large: set[int] = field(default_factory=set)
    _found: int = 0
    _missed: int = 0
    _atoms: int = 0

    def begin(self) -> None:
        """Begin with another variable."""
        self._found = self._missed = 0

    def leads_nowhere(self, thing: object) -> bool:
        """Return whether no tensor or array can be reached from a container; False where that would take long."""
        self.is_large = id(thing) in self._of_large
        if id(thing) in self._known:
            return True
        if self._missed > TRIES and self._missed > self._found:
            return False
        seen, self._atoms = {id(thing)}, 0
        try:
            is_barren = self._search(thing, seen)
        except Exception:  # noqa: BLE001  (it cannot be opened, or another thread changed it: the walk says why)
            is_barren = False
        size = len(seen) + self._atoms // MANY_ATOMS
        self.limits.searched += size
        if is_barren:
            self.is_large = self.is_large or size >= LARGE
            self._known |= seen
            self._of_large |= seen if self.is_large else set()
            self._found += 1
        else:
            self._missed += 1
        return is_barren

    def _search(self, thing: object, seen: set[int]) -> bool:
        waiting = [thing]
        while waiting:
            inner = waiting.pop()
            values = inner if type(inner) is _Rest else reader(type(inner))(inner)
            if values is None or len(seen) > LIGHT * EXACT_OBJECTS:
                return False
            if len(values) > HUGE:
                self._atoms += len(values)
                if not _are_atoms(values):
                    return False
            elif not self._pass(_begin(values, waiting), waiting, seen):
                return False
        return True

    def _pass(self, values: Sequence[Any], waiting: list[object], seen: set[int]) -> bool:
        """Note the containers among some values that hold others; return False at a tensor or an array."""
        for value in values:
            kind, mark = type(value), id(value)
            if id(kind) in ATOM_IDS or mark in seen:
                continue
            if mark in self._known:
                self.is_large = self.is_large or mark in self._of_large
                continue
            seen.add(mark)
            if kind is dict or kind is list or kind is tuple:
                self._atoms += len(value) if len(value) > SEGMENT else 0
                if len(value) > HUGE or not _are_atoms(value.values() if kind is dict else value):
                    waiting.append(value)
            elif is_array(kind):
                return False
            else:
                waiting.append(value)
        return True


class _Rest(list[Any]):
    """The values of a container that are passed when all that the first ones lead to has been searched."""


def _begin(values: Sequence[Any], waiting: list[object]) -> Sequence[Any]:
    """Return the first values, so that a container of many records is known by the first that holds a tensor."""
    if len(values) <= FEW or type(values) is _Rest:
        return values
    waiting.append(_Rest(values[FEW:]))
    return values[:FEW]


def _are_atoms(values: Iterable[object]) -> bool:
    return ATOM_IDS.issuperset(map(id, map(type, values)))


def _find_reader(kind: type) -> ValuesReader:
    """Return what gives all that objects of a class hold; None from it stands for what only the walk can tell."""
    opens = opener(kind)
    if opens is None:
        return _nothing
    if is_a(kind, dict):
        return _unknown if module_of(kind) == "__main__" else _values
    if is_a(kind, list, tuple, set, frozenset, deque):
        return _items
    if is_a(kind, types.MappingProxyType):
        return _nothing
    if is_a(kind, type):
        return _members
    return (_slots if slot_readers(kind) else _attributes) if opens is open_object else _unknown


reader = PerClass(_find_reader)
"""A reader of all that objects of a class hold."""


def _nothing(_: object) -> Sequence[Any]:
    return ()


def _unknown(_: object) -> None:
    return None


def _values(mapping: dict[object, object]) -> Sequence[Any] | None:
    return [*dict.values(mapping)] if dict.__len__(mapping) <= MOST_ATOMS else None


def _items(values: Any) -> Sequence[Any] | None:  # noqa: ANN401
    if type(values) is tuple:
        return values
    is_short = not is_a(type(values), list) or list.__len__(values) <= MOST_ATOMS
    return items_of(values) if is_short else None


def _members(kind: type) -> Sequence[Any]:
    """Return the arrays of a class that the notebook defined."""
    own = members_of(kind).values() if module_of(kind) == "__main__" else ()
    return [value for value in own if is_array(type(value))]


def _attributes(thing: object) -> Sequence[Any]:
    return [*dict.values(inside_of(thing))]


def _slots(thing: object) -> Sequence[Any]:
    return [*_attributes(thing), *(value for _, value in slots_of(thing))]
