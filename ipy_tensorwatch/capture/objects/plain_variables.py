"""What variables lead to beside tensors: plain values, sizes of containers, and what functions hold."""

from __future__ import annotations

import types
from collections import OrderedDict, defaultdict, deque
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from ...core.runtime.record import field, mutable
from .inspect_object import (
    PerClass,
    attributes,
    is_a,
    is_number_or_text,
    items_of,
    let_go_of_classes,
    member_of,
    module_of,
    mro_of,
    name_of,
    pairs_of,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

LONGEST_TEXT = 200
_PLAIN = (int, float, bool, type(None))
_LISTS: tuple[Any, ...] = (list, tuple, deque)
_DICTS = (dict, OrderedDict, defaultdict)
MAX_ITEMS, MAX_NESTED, MOST_VALUES = 32, 3, 500
"""The most items of a container, levels below a variable, and values in all that are read."""


@mutable
class PlainValues:
    """The plain values behind variables.

    Attributes
    ----------
    values
        The values by access path; for a list, a tuple or a dict its type.
    sizes
        The number of items of such a container, by access path, if all of its plain items are among `values`.
    """

    values: dict[str, object] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)

    def read(self, path: str, value: object, depth: int) -> None:
        """Read a value, and the plain ones behind it. Only exact types count: nothing is called."""
        kind = type(value)
        if kind in _PLAIN or (kind is str and len(value) < LONGEST_TEXT):  # type: ignore[arg-type]
            self.values[path] = value
        elif kind in _DICTS:
            self.values[path] = dict
            self._read_dict(path, value, depth)
        elif kind in _LISTS or is_a(kind, tuple):
            self.values[path] = list if kind is deque else tuple if is_a(kind, tuple) else kind
            self._read_list(path, value, depth)
        elif _fields_of_class(value):
            self.values[f"{path}._fields"] = _fields_of_class(value)
        elif depth < MAX_NESTED and _is_opened(kind):
            held = pairs_of(attributes(value))
            self._read_below([(f"{path}.{name}", one) for name, one in held if _is_name(name)], depth)

    def _read_list(self, path: str, value: Any, depth: int) -> None:  # noqa: ANN401
        if names := fields_of(type(value)):
            self.values[f"{path}._fields"] = names
        if type(value) is deque and value.maxlen is not None:
            self.values[f"{path}.maxlen"] = value.maxlen
        size = next(base.__len__(value) for base in _LISTS if is_a(type(value), base))
        items = items_of(value) if size <= MAX_ITEMS else []
        if len(items) == size:
            self.sizes[path] = len(items)
            steps = [f".{name}" for name in names] or [f"[{place}]" for place in range(len(items))]
            self._read_below([(path + step, one) for step, one in zip(steps, items, strict=False)], depth)

    def _read_dict(self, path: str, value: Any, depth: int) -> None:  # noqa: ANN401
        factory = value.default_factory if type(value) is defaultdict else None
        if type(factory) is type:
            self.values[f"{path}.default_factory"] = name_of(factory)
        pairs = pairs_of(value) if dict.__len__(value) <= MAX_ITEMS else []
        if len(pairs) == dict.__len__(value) and all(is_number_or_text(key) for key, _ in pairs):
            self.sizes[path] = len(pairs)
            self._read_below([(f"{path}[{key!r}]", one) for key, one in pairs], depth)

    def _read_below(self, found: list[tuple[str, object]], depth: int) -> None:
        if depth < MAX_NESTED and len(self.values) + len(found) <= MOST_VALUES:
            for path, one in found:
                self.read(path, one, depth + 1)


def plain_variables(namespace: Mapping[str, object]) -> PlainValues:
    """Return the plain values by access path; for a container its type.

    Examples
    --------
    >>> found = plain_variables({"n": 3, "f": print, "shape": (8, "x")})
    >>> found.values, found.sizes
    ({'n': 3, 'shape': <class 'tuple'>, 'shape[0]': 8, 'shape[1]': 'x'}, {'shape': 2})
    """
    found = PlainValues()
    for name, value in namespace.items():
        found.read(name, value, 0)
    let_go_of_classes()
    return found


def _find_fields(kind: type) -> tuple[str, ...]:
    """Return the names of the items of a named tuple's class; none of every other class."""
    several = [member_of(base, "_fields") for base in mro_of(kind)] if is_a(kind, tuple) else []
    names = next((one for one in several if one is not None), None)
    return names if type(names) is tuple and all(type(one) is str for one in names) else ()


fields_of = PerClass(_find_fields)


def _fields_of_class(value: object) -> tuple[str, ...]:
    return fields_of(value) if type(value) is type else ()


_is_opened = PerClass(lambda kind: kind is types.SimpleNamespace or module_of(kind) == "__main__")


def _is_name(key: object) -> bool:
    return type(key) is str and key.isidentifier() and not key.startswith("_")


def read_only_arrays(namespace: Mapping[str, object]) -> frozenset[str]:
    """Return the names of the arrays that refuse writes."""
    arrays = ((name, value) for name, value in namespace.items() if type(value) is np.ndarray)
    return frozenset(name for name, value in arrays if not value.flags.writeable)


def held_by_function(value: object) -> dict[str, int]:
    """Return the addresses of the objects that a function holds in its defaults and its closure, by their names."""
    if type(value) is not types.FunctionType:
        return {}
    code, defaults = value.__code__, value.__defaults__ or ()
    names = code.co_varnames[: code.co_argcount]
    found = dict(zip(names[len(names) - len(defaults) :], defaults, strict=False))
    found |= dict(value.__kwdefaults__ or {})
    for name, cell in zip(code.co_freevars, value.__closure__ or (), strict=False):
        try:
            found[name] = cell.cell_contents
        except ValueError:  # it is still empty
            continue
    return {name: id(one) for name, one in found.items() if is_a(type(one), torch.Tensor, np.ndarray)}
