"""Walk a tree of modules level by level, in whole columns, because a transformer has thousands of them."""

from __future__ import annotations

import gc
from itertools import chain, islice
from operator import itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple

from ..core.outline import Outline, Run, steps_of
from .contents import ATOMS, HOOKS, is_array, module_steps, opener

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch

    from ..core.outline import Style

MAX_LEVELS = 64
CHUNK = 1024
"""Modules looked at together: few enough to stay in the cache while one thing after the other is read of them."""
_SELDOM_OPENED = (tuple, list, dict)


class Make(NamedTuple):
    """Some modules of one level: their types, and how many attributes each has.

    Attributes
    ----------
    is_fixed
        Whether all types are PyTorch's own, so that an attribute leads to a tensor only if the user adds it.
    """

    types: list[type]
    sizes: list[int]
    is_fixed: bool


class Part(NamedTuple):
    """Some of the modules at one depth, and what each holds, side by side."""

    modules: list[torch.nn.Module]
    parameters: list[dict[str, Any]]
    buffers: list[dict[str, Any]]
    children: list[dict[str, Any]]


class Survey(NamedTuple):
    """All levels of one tree.

    Attributes
    ----------
    signature
        Equal for two surveys exactly when their outlines are.
    objects
        Parameters and buffers, level by level.
    """

    levels: list[list[Part]]
    signature: list[object]
    objects: list[Any]


def survey(root: torch.nn.Module, last: Sequence[object] = ()) -> Survey | None:
    """Survey a tree of modules; None where an attribute of a module may lead to more tensors, or modules form a ring.

    Parameters
    ----------
    root
        The module to start from.
    last
        The signature of the last survey; levels that are as they were are not examined again.
    """
    found = Survey([], [], [])
    modules = [root]
    while modules:
        if len(found.levels) == MAX_LEVELS:
            return None
        found.levels.append([])
        below: list[Any] = []
        for start in range(0, len(modules), CHUNK):
            children = _descend(modules[start : start + CHUNK], found, last)
            if children is None:
                return None
            below += children
        modules = below
    return found


def _descend(modules: list[torch.nn.Module], found: Survey, last: Sequence[object]) -> list[Any] | None:
    """Take the tensors of some modules, and return their children."""
    insides = [module.__dict__ for module in modules]
    at = len(found.signature)
    make = _examine(modules, insides, last[at] if at < len(last) else None)
    if make is None:
        return None
    found.signature.append(make)
    part = Part(
        modules,
        [*map(itemgetter("_parameters"), insides)],
        [*map(itemgetter("_buffers"), insides)],
        [*map(itemgetter("_modules"), insides)],
    )
    found.levels[-1].append(part)
    for inner in (part.parameters, part.buffers):
        found.objects.extend(_values(inner, found.signature))
    return _values(part.children, found.signature)


def _examine(modules: list[torch.nn.Module], insides: list[dict[str, Any]], last: object) -> Make | None:
    """Describe some modules; None where an attribute beside the usual ones may lead to a tensor."""
    types, sizes = [*map(type, modules)], [*map(len, insides)]
    if isinstance(last, Make) and last.is_fixed and last.types == types and last.sizes == sizes:
        return last
    if not all(map(_is_settled, insides)):
        return None
    return Make(types, sizes, all(one.__module__.startswith("torch.nn.") for one in set(types)))


def _values(parts: list[dict[str, Any]], signature: list[object]) -> list[Any]:
    """Chain the values of many small dicts, and note their keys."""
    filled = [*filter(None, parts)]
    keys = [*chain.from_iterable(filled)]
    signature.append(keys)
    values = gc.get_referents(*filled)  # at a quarter of the price of asking each dict; it may give the keys too
    if len(values) != len(keys):
        values = [*chain.from_iterable(map(dict.values, filled))]
    there = [value for value in values if value is not None]
    if len(there) != len(values):
        signature.append([value is None for value in values])
    return there


def _is_settled(inside: dict[str, Any]) -> bool:
    """Tell whether no attribute beside the usual ones can lead to a tensor."""
    return not len(HOOKS - inside.keys()) and all(map(_leads_nowhere, islice(inside.values(), len(HOOKS), None)))


def _leads_nowhere(value: object) -> bool:
    kind = type(value)
    if kind in ATOMS:
        return True
    if kind in _SELDOM_OPENED:
        return ATOMS.issuperset(map(type, value.values() if isinstance(value, dict) else value))  # type: ignore[call-overload]
    return opener(kind) is None and not is_array(kind)


def draw(name: str, levels: Sequence[Sequence[Part]]) -> Outline:
    """Draw the outline of a surveyed tree, in the order of the survey's objects."""
    outline = Outline()
    nodes = [outline.add_node(-1, name)]
    for level in levels:
        above, nodes = iter(nodes), []
        for part in level:
            here = [*islice(above, len(part.modules))]
            _draw_tensors(outline, here, part)
            nodes += [
                outline.add_node(node, step)
                for module, node, inner in zip(part.modules, here, part.children, strict=True)
                for step in steps_of(*_keys_in(module, inner))
            ]
    return outline


def _draw_tensors(outline: Outline, nodes: list[int], part: Part) -> None:
    for role, held in (("", part.parameters), ("buffer", part.buffers)):
        for module, node, inner in zip(part.modules, nodes, held, strict=True):
            style, keys = _keys_in(module, inner)
            if keys:
                outline.runs.append(Run(node, style, tuple(keys), role))


def _keys_in(module: torch.nn.Module, part: dict[str, Any]) -> tuple[Style, Sequence[object]]:
    """Give the keys under which a module holds something, and how they are typed."""
    return module_steps(module, [key for key, value in part.items() if value is not None])
