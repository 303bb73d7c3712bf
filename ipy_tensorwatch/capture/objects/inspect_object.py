"""Inspect a user's object without running any of its code: the only reads that may touch one.

A class is read through `type` itself, because a metaclass may define any name, `__mro__` and `__hash__` included; an
object through the descriptors that Python made for its class; a container through its built-in base type.
"""

from __future__ import annotations

import sys
import types
import weakref
from collections import deque
from itertools import repeat
from operator import is_
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from ...core.records.reason import ReasonCode

    Getter = Callable[[Any], Any]

T = TypeVar("T")

_of_type: Any = vars(type)
mro_of: Callable[[type], tuple[type, ...]] = _of_type["__mro__"].__get__
members_of: Callable[[type], Mapping[Any, Any]] = _of_type["__dict__"].__get__
_name_of: Callable[[type], str] = _of_type["__name__"].__get__
_HEAP_TYPE = 1 << 9
"""The flag of a class made by a `class` statement or equivalent."""
_DESCRIBED = str(vars(type("", (), {}))["__dict__"].__doc__).partition(" (")[0]
"""Python's docstring of the `__dict__` descriptor that it makes for a class."""
_TRUSTED = frozenset({*sys.stdlib_module_names, "torch", "numpy"})
TRIES = 3
"""How often to retry copying a container that another thread changes."""


class Odd(Exception):  # noqa: N818  (a reason that an object is not opened, not an error)
    """An object cannot be opened without running foreign code."""

    def __init__(self, code: ReasonCode) -> None:
        super().__init__(code)
        self.code = code


class Nameless:
    """Stands for the value of a variable that cannot be typed, such as `globals()[5]`."""

    __slots__ = ()


def is_a(kind: type, *bases: type) -> bool:
    """Return whether a class derives from one of the given ones, which are Python's, PyTorch's or NumPy's.

    Only the metaclass of a base can override `issubclass`, and none of theirs does.
    """
    return issubclass(kind, bases)


def text_of(value: object) -> str | None:
    """Return a string as a plain `str`, one of a subclass as a copy; None for anything else."""
    if type(value) is str:
        return value
    return str.__str__(value) if is_a(type(value), str) else None


def is_number_or_text(value: object) -> bool:
    """Return whether a value is a plain `int` or `str`."""
    return type(value) is int or type(value) is str


def name_of(kind: type) -> str:
    """Return the name that a class was created with."""
    return text_of(_name_of(kind)) or "object"


def module_of(kind: type) -> str | None:
    """Return a class's `__module__`; None if it has none or it is no string."""
    return text_of(_of_type["__module__"].__get__(kind) if _is_builtin(kind) else member_of(kind, "__module__"))


def _is_builtin(kind: type) -> bool:
    return not _of_type["__flags__"].__get__(kind) & _HEAP_TYPE


def member_of(kind: type, name: str) -> Any:  # noqa: ANN401
    """Return what a class itself holds under a name, without comparing the name with user keys."""
    return next((value for key, value in members_of(kind).items() if type(key) is str and key == name), None)


def refers_weakly(value: object) -> bool:
    """Return whether an object is a weak reference or proxy, or a container of some."""
    return is_a(type(value), *_WEAK)


_WEAK: tuple[Any, ...] = (
    weakref.ref,
    *weakref.ProxyTypes,
    weakref.WeakKeyDictionary,
    weakref.WeakValueDictionary,
    weakref.WeakSet,
)


def pairs_of(mapping: dict[Any, Any]) -> list[tuple[Any, Any]]:
    """Copy the items of a dict."""
    return _copied(dict.items, mapping)


def columns_of(mapping: dict[Any, Any]) -> tuple[list[Any], list[Any]]:
    """Copy the keys and the values of a dict."""
    if type(mapping) is dict:
        keys, values = list(mapping), list(mapping.values())
        if len(keys) == len(values):
            return keys, values
    pairs = pairs_of(mapping)
    return [key for key, _ in pairs], [value for _, value in pairs]


def value_at(mapping: dict[Any, Any], name: str) -> Any:  # noqa: ANN401
    """Return what a dict holds under a string key; None if absent."""
    return next((value for key, value in pairs_of(mapping) if type(key) is str and key == name), None)


def items_of(values: Any) -> list[Any]:  # noqa: ANN401
    """Copy the items of a list, a tuple, a set or a deque."""
    if is_a(type(values), list):
        return list.copy(values)
    base = next(base for base in _COLLECTIONS if is_a(type(values), base))
    return _copied(base.__iter__, values)


_COLLECTIONS: tuple[Any, ...] = (tuple, set, frozenset, deque)


def _copied(iterate: Getter, values: Any) -> list[Any]:  # noqa: ANN401
    for _ in range(TRIES):
        try:
            return [*iterate(values)]
        except RuntimeError:  # another thread changed it meanwhile
            continue
    raise Odd("changed-by-thread")


def are_all(values: Sequence[object], kind: type) -> bool:
    """Return whether all values have exactly this type."""
    return all(map(is_, map(type, values), repeat(kind)))


def kinds_of(values: Sequence[object]) -> Collection[type]:
    """Return the distinct types of the values, without a set, which would call metaclasses for hashes."""
    if not values:
        return ()
    first = type(values[0])
    return (first,) if are_all(values, first) else {id(kind): kind for kind in map(type, values)}.values()


def numbers_of(values: Sequence[object]) -> set[int]:
    """Return the ids of the values' types, which identify live types without calling metaclasses."""
    if len(values) > FEW and are_all(values, type(values[0])):
        return {id(type(values[0]))}
    return {*map(id, map(type, values))}


FEW = 32
"""From this many values, testing first whether all have one type pays."""


def same_things(some: Sequence[object], others: Sequence[object]) -> bool:
    """Return whether two sequences hold the same objects."""
    return len(some) == len(others) and all(map(is_, some, others))


class PerClass(Generic[T]):
    """A cache per class; entries of notebook classes are kept until `let_go`, so that these classes can die.

    Attributes
    ----------
    work_out
        Computes the entry of a class.
    """

    def __init__(self, work_out: Callable[[type], T]) -> None:
        self.work_out = work_out
        self._known: dict[int, tuple[type, T]] = {}
        self._passing: dict[int, tuple[type, T]] = {}

    def __call__(self, kind: type) -> T:
        """Return the entry of a class; its id is a valid key, because the class is held along with it."""
        known = self._known.get(id(kind)) or self._passing.get(id(kind))
        if known is None:
            known = kind, self.work_out(kind)
            lasts = module_of(kind) not in (None, "__main__")
            (self._known if lasts else self._passing)[id(kind)] = known
            if not lasts:
                _holding.append(self._passing)
        return known[1]


_holding: list[dict[int, Any]] = []
"""The caches that hold notebook classes."""


def let_go_of_classes() -> None:
    """Release all notebook classes."""
    while _holding:
        _holding.pop().clear()


def _find_dict(kind: type) -> Getter | Odd | None:
    """Return the reader of the `__dict__` of a class's objects, or why it cannot be read."""
    for base in mro_of(kind):
        descriptor = member_of(base, "__dict__")
        if descriptor is not None:
            return descriptor.__get__ if _is_pythons(descriptor, base) else Odd("own-dict-reader")
    return None


def _is_pythons(descriptor: Any, base: type) -> bool:  # noqa: ANN401
    """Return whether a `__dict__` descriptor was made by Python, or by a known library."""
    if type(descriptor) is not types.GetSetDescriptorType:
        return type(descriptor) is types.MemberDescriptorType
    root = (module_of(base) or "").partition(".")[0]
    return root in _TRUSTED or (descriptor.__doc__ or "").startswith(_DESCRIBED)


dict_reader = PerClass(_find_dict)


def inside_of(thing: object) -> dict[Any, Any]:
    """Return an object's own `__dict__`, an empty dict if it has none.

    Raises
    ------
    Odd
        If reading it would run foreign code.
    """
    read = dict_reader(type(thing))
    if isinstance(read, Odd):
        raise Odd(read.code)
    found = read(thing) if read else {}
    return found if is_a(type(found), dict) else {}


def attributes(thing: object) -> dict[Any, Any]:
    """Return an object's own `__dict__`, an empty one if it cannot be read."""
    try:
        return inside_of(thing)
    except Odd:
        return {}


def attribute(thing: object, name: str) -> Any:  # noqa: ANN401
    """Return what an object itself holds under a name; None if absent."""
    return value_at(attributes(thing), name)


def _find_slots(kind: type) -> tuple[tuple[str, Getter], ...]:
    return tuple(
        (name, member.__get__)
        for base in mro_of(kind)
        if member_of(base, "__slots__") is not None
        for key, member in members_of(base).items()
        if type(member) is types.MemberDescriptorType and (name := text_of(key)) is not None
    )


slot_readers = PerClass(_find_slots)


def slots_of(thing: object) -> list[tuple[str, object]]:
    """Return the contents of an object's slots, empty ones left out."""
    found = []
    for name, read in slot_readers(type(thing)):
        try:
            found.append((name, read(thing)))
        except AttributeError:
            continue
    return found
