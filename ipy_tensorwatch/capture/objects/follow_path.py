"""Follow an access path to a container, without running any code of the user's."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

import torch

from ...core.statements.writes.write_target import key_of
from .inspect_object import attribute, is_a, items_of, pairs_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ...core.records.path import AccessPath
    from ...core.statements.writes.write_target import KeyValues

_SEQUENCES = (list, tuple, deque)
_MODULE_LISTS = (torch.nn.Sequential, torch.nn.ModuleList, torch.nn.ParameterList)


def length_at(names: Mapping[str, Any], path: AccessPath, values: KeyValues) -> int | None:
    """Return the length of the list, or list of modules, that a path leads to; None for anything else.

    Parameters
    ----------
    values
        The values of names in the path's item keys.
    """
    thing = names.get(path.root)
    for step in path.steps:
        thing = _follow(thing, step, values)
    items = _items(thing)
    return None if items is None else len(items)


def _follow(thing: object, step: str, values: KeyValues) -> object:
    if step.startswith("."):
        return _attribute(thing, step[1:])
    items = _items(thing)
    try:
        key = key_of(step, values)
        if items is not None:
            return items[key]  # type: ignore[call-overload]  # a TypeError is caught
    except (LookupError, TypeError, ValueError, ArithmeticError):
        return None
    pairs = pairs_of(thing) if is_a(type(thing), dict) else ()  # type: ignore[arg-type]
    return next((value for one, value in pairs if type(one) in (int, str) and one == key), None)


def _attribute(thing: object, name: str) -> object:
    found = attribute(thing, name)
    if found is None and is_a(type(thing), torch.nn.Module):
        children = attribute(thing, "_modules")
        pairs = pairs_of(children) if is_a(type(children), dict) else ()
        found = next((value for key, value in pairs if type(key) is str and key == name), None)
    return found


def _items(thing: object) -> list[Any] | None:
    kind = type(thing)
    if is_a(kind, *_SEQUENCES):
        return items_of(thing)
    if is_a(kind, *_MODULE_LISTS):
        part = attribute(thing, "_parameters" if is_a(kind, torch.nn.ParameterList) else "_modules")
        return [value for _, value in pairs_of(part)] if is_a(type(part), dict) else None
    return None
