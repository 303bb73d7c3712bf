"""Walk a tree of modules level by level, in whole columns, because a transformer has thousands of them."""

from __future__ import annotations

from itertools import chain, islice
from types import NoneType
from typing import TYPE_CHECKING, Any, NamedTuple

from ..core.outline import Outline, Run
from .contents import ATOMS, HOOKS, is_array, module_steps, opener

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch

MAX_LEVELS = 64
_SELDOM_OPENED = (tuple, list, dict)
_FIXED: set[type] = set()
"""PyTorch's own module types met so far: their attributes lead to a tensor only if the user adds one."""


class Level(NamedTuple):
    """The modules at one depth, and their parts side by side."""

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

    levels: list[Level]
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
        insides = [module.__dict__ for module in modules]
        make = [*map(type, modules)], [*map(len, insides)]
        at = len(found.signature)
        if not (at < len(last) and last[at] == make and _FIXED.issuperset(make[0])) and not all(
            map(_is_settled, modules, insides)
        ):
            return None
        found.signature.append(make)
        modules = _descend(modules, insides, found)
    return found


def _descend(modules: list[torch.nn.Module], insides: list[dict[str, Any]], found: Survey) -> list[Any]:
    """Take one level's tensors, and return the modules of the next."""
    level = Level(
        modules,
        [inside["_parameters"] for inside in insides],
        [inside["_buffers"] for inside in insides],
        [inside["_modules"] for inside in insides],
    )
    found.levels.append(level)
    for parts in (level.parameters, level.buffers):
        found.objects.extend(_values(parts, found.signature))
    return _values(level.children, found.signature)


def _values(parts: list[dict[str, Any]], signature: list[object]) -> list[Any]:
    """Chain the values of many small dicts, and note their keys."""
    filled = [*filter(None, parts)]
    signature.append([*chain.from_iterable(filled)])
    values = [*chain.from_iterable(map(dict.values, filled))]
    if NoneType not in map(type, values):  # `None in values` would ask each tensor whether it equals None
        return values
    signature.append([value is None for value in values])
    return [value for value in values if value is not None]


def _is_settled(module: torch.nn.Module, inside: dict[str, Any]) -> bool:
    """Tell whether no attribute beside the usual ones can lead to a tensor; remember it of PyTorch's own types."""
    own = [*islice(inside.values(), len(HOOKS), None)]
    if len(HOOKS - inside.keys()) or not all(map(_leads_nowhere, own)):
        return False
    if type(module).__module__.startswith("torch.nn."):
        _FIXED.add(type(module))
    return True


def _leads_nowhere(value: object) -> bool:
    kind = type(value)
    if kind in ATOMS:
        return True
    if kind in _SELDOM_OPENED:
        return ATOMS.issuperset(map(type, value.values() if isinstance(value, dict) else value))  # type: ignore[call-overload]
    return opener(kind) is None and not is_array(kind)


def draw(name: str, levels: Sequence[Level]) -> Outline:
    """Draw the outline of a surveyed tree, in the order of the survey's objects."""
    outline = Outline()
    nodes = [outline.add_node(-1, name)]
    for level in levels:
        for role, parts in (("", level.parameters), ("buffer", level.buffers)):
            for module, node, part in zip(level.modules, nodes, parts, strict=True):
                style, keys = module_steps(module, [key for key, value in part.items() if value is not None])
                if keys:
                    outline.runs.append(Run(node, style, tuple(keys), role))
        nodes = [
            outline.add_node(node, step)
            for module, node, part in zip(level.modules, nodes, level.children, strict=True)
            for step in _child_steps(module, part)
        ]
    return outline


def _child_steps(module: torch.nn.Module, part: dict[str, Any]) -> list[str]:
    style, keys = module_steps(module, [key for key, value in part.items() if value is not None])
    return [f".{key}" if style == "attribute" else str(key) if style == "typed" else f"[{key!r}]" for key in keys]
