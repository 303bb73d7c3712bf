"""What variables lead to beside tensors: plain values, read-only arrays, and what functions hold."""

from __future__ import annotations

import types
from typing import TYPE_CHECKING

import numpy as np
import torch

from .inspect_object import is_a

if TYPE_CHECKING:
    from collections.abc import Mapping

LONGEST_TEXT = 200
_PLAIN = (int, float, bool, type(None))
_CONTAINERS = (list, dict)


def plain_variables(namespace: Mapping[str, object]) -> dict[str, object]:
    """Return the plain values by name; for a list or a dict its type. Only exact types count: nothing is called.

    Examples
    --------
    >>> plain_variables({"n": 3, "kept": [], "f": print})
    {'n': 3, 'kept': <class 'list'>}
    """
    found: dict[str, object] = {}
    for name, value in namespace.items():
        kind = type(value)
        if kind in _PLAIN or (kind is str and len(value) < LONGEST_TEXT):  # type: ignore[arg-type]
            found[name] = value
        elif kind in _CONTAINERS:
            found[name] = kind
    return found


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
