"""Containers that lead to no tensor: most of a notebook's records, texts and tables, which need no path."""

from __future__ import annotations

import types
from collections import deque
from typing import TYPE_CHECKING, Any

from ...core.runtime.record import field, mutable
from .containers import ATOM_IDS, is_array, open_object, opener
from .inspect_object import PerClass, inside_of, is_a, items_of, members_of, module_of, slot_readers, slots_of
from .look_limits import EXACT_OBJECTS, HUGE, Limits

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    Reader = Callable[[Any], Iterable[Any] | None]

TRIES = 64
"""After so many searches in one variable, they end if most found a tensor: searching a container twice costs time."""


@mutable
class BarrenSearch:
    """Searches containers in one walk; what it has found barren is not searched again.

    Attributes
    ----------
    limits
        Receives how many containers were searched.
    """

    limits: Limits = field(default_factory=Limits)
    _known: set[int] = field(default_factory=set)
    _found: int = 0
    _missed: int = 0

    def begin(self) -> None:
        """Begin with another variable."""
        self._found = self._missed = 0

    def leads_nowhere(self, thing: object) -> bool:
        """Return whether no tensor or array can be reached from a container; False where that would take long."""
        if id(thing) in self._known:
            return True
        if self._missed > TRIES and self._missed > self._found:
            return False
        seen = {id(thing)}
        try:
            is_barren = self._search(thing, seen)
        except Exception:  # noqa: BLE001  (it cannot be opened, or another thread changed it: the walk says why)
            is_barren = False
        self.limits.searched += len(seen)
        if is_barren:
            self._known |= seen
            self._found += 1
        else:
            self._missed += 1
        return is_barren

    def _search(self, thing: object, seen: set[int]) -> bool:
        waiting, known = [thing], self._known
        while waiting:
            inner = waiting.pop()
            values = reader(type(inner))(inner)
            if values is None or len(seen) > EXACT_OBJECTS:
                return False
            for value in values:
                kind, mark = type(value), id(value)
                if id(kind) in ATOM_IDS or mark in seen or mark in known:
                    continue
                seen.add(mark)
                if kind is dict:
                    inside = value.values()
                elif kind is list or kind is tuple:
                    inside = value
                elif is_array(kind):
                    return False
                else:
                    waiting.append(value)
                    continue
                if not ATOM_IDS.issuperset(map(id, map(type, inside))):
                    waiting.append(value)
        return True


def _find_reader(kind: type) -> Reader:
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


def _nothing(_: object) -> Iterable[object]:
    return ()


def _unknown(_: object) -> None:
    return None


def _values(mapping: dict[object, object]) -> Iterable[object] | None:
    return [*dict.values(mapping)] if dict.__len__(mapping) <= HUGE else None


def _items(values: Any) -> Iterable[object] | None:  # noqa: ANN401
    copied = values if type(values) is tuple else items_of(values)
    return copied if len(copied) <= HUGE else None


def _members(kind: type) -> Iterable[object]:
    """Return the arrays of a class that the notebook defined."""
    own = members_of(kind).values() if module_of(kind) == "__main__" else ()
    return [value for value in own if is_array(type(value))]


def _attributes(thing: object) -> Iterable[object]:
    return [*dict.values(inside_of(thing))]


def _slots(thing: object) -> Iterable[object]:
    return [*_attributes(thing), *(value for _, value in slots_of(thing))]
