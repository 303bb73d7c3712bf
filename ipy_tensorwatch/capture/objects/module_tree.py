"""Walk a module tree level by level, in columns, because a transformer has thousands of modules."""

from __future__ import annotations

from collections import OrderedDict
from itertools import chain, islice
from operator import itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple

import torch

from ...core.records.snapshots.outline import Outline, OutlineRun, steps_of
from ...core.runtime.python_private import values_of
from .containers import ATOM_IDS, HOOKS, is_array, module_steps, opener
from .inspect_object import Odd, are_all, kinds_of, module_of, same_things

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...core.records.snapshots.outline import Style

MAX_LEVELS = 64
CHUNK = 1024
"""The number of modules read together: few enough to stay in the cache while each column is read."""


class ModuleTypes(NamedTuple):
    """Some modules of one level: their types, and their numbers of attributes.

    Attributes
    ----------
    is_fixed
        Whether all types are PyTorch's own, so that only attributes added by the user can lead to a tensor.
    """

    types: list[type]
    sizes: list[int]
    is_fixed: bool


class TreePart(NamedTuple):
    """Some of the modules at one depth, and the contents of each."""

    modules: list[torch.nn.Module]
    parameters: list[dict[str, Any]]
    buffers: list[dict[str, Any]]
    children: list[dict[str, Any]]


class TreeSurvey(NamedTuple):
    """All levels of one tree.

    Attributes
    ----------
    signature
        Equal for two surveys exactly when their outlines are.
    objects
        Parameters and buffers, level by level.
    """

    levels: list[list[TreePart]]
    signature: list[object]
    objects: list[Any]


def survey_module(root: torch.nn.Module, last: Sequence[object] = ()) -> TreeSurvey | None:
    """Survey a module tree; None if an attribute of a module may lead to more tensors, or modules form a cycle.

    Parameters
    ----------
    root
        The module to start from.
    last
        The signature of the last survey; unchanged levels are not examined again.
    """
    try:
        return _survey(root, last)
    except (Odd, KeyError, TypeError, RuntimeError):  # such as a child that is no module: the walk handles it
        return None


def _survey(root: torch.nn.Module, last: Sequence[object]) -> TreeSurvey | None:
    found = TreeSurvey([], [], [])
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


def _descend(modules: list[torch.nn.Module], found: TreeSurvey, last: Sequence[object]) -> list[Any] | None:
    """Collect the tensors of some modules, and return their children."""
    insides = [*map(_inside_of, modules)]
    at = len(found.signature)
    make = _examine(modules, insides, last[at] if at < len(last) else None) if are_all(insides, dict) else None
    if make is None:
        return None
    found.signature.append(make)
    part = TreePart(
        modules,
        [*map(itemgetter("_parameters"), insides)],
        [*map(itemgetter("_buffers"), insides)],
        [*map(itemgetter("_modules"), insides)],
    )
    if not all(map(_are_dicts, part[1:])):
        return None
    found.levels[-1].append(part)
    tensors = [_values(inner, found.signature) for inner in (part.parameters, part.buffers)]
    found.objects.extend(chain.from_iterable(tensors))
    return _values(part.children, found.signature)


_inside_of: Any = vars(torch.nn.Module)["__dict__"].__get__
"""A module's own `__dict__`, whatever its class does with that name."""


def _are_dicts(parts: Sequence[object]) -> bool:
    return all(kind is dict or kind is OrderedDict for kind in kinds_of(parts))


def is_same(some: Sequence[object], others: Sequence[object]) -> bool:
    """Return whether two signatures are equal; classes are compared by identity."""
    return len(some) == len(others) and all(map(_is_same, some, others))


def _is_same(one: Any, other: Any) -> bool:  # noqa: ANN401
    if type(one) is ModuleTypes and type(other) is ModuleTypes:
        return one.sizes == other.sizes and one.is_fixed == other.is_fixed and same_things(one.types, other.types)
    return type(one) is type(other) and bool(one == other)


def _examine(modules: list[torch.nn.Module], insides: list[dict[str, Any]], last: object) -> ModuleTypes | None:
    """Describe some modules; None if an additional attribute may lead to a tensor."""
    types, sizes = [*map(type, modules)], [*map(len, insides)]
    if type(last) is ModuleTypes and last.is_fixed and last.sizes == sizes and same_things(last.types, types):
        return last
    if not all(map(_is_settled, insides)):
        return None
    return ModuleTypes(types, sizes, all((module_of(kind) or "").startswith("torch.nn.") for kind in kinds_of(modules)))


def _values(parts: list[dict[str, Any]], signature: list[object]) -> list[Any]:
    """Concatenate the values of many small dicts, and record their keys."""
    filled = [*filter(None, parts)]
    keys = [*chain.from_iterable(filled)]
    if not are_all(keys, str):
        raise Odd("names-no-text")
    signature.append(keys)
    values = values_of(*filled)
    if len(values) != len(keys):
        values = [*chain.from_iterable(map(dict.values, filled))]
    there = [value for value in values if value is not None]
    if len(there) != len(values):
        signature.append([value is None for value in values])
    return there


def _is_settled(inside: dict[str, Any]) -> bool:
    """Return whether no additional attribute can lead to a tensor."""
    if not are_all([*inside], str):
        return False
    return not len(HOOKS - inside.keys()) and all(map(_leads_nowhere, islice(inside.values(), len(HOOKS), None)))


def _leads_nowhere(value: object) -> bool:
    kind = type(value)
    if id(kind) in ATOM_IDS:
        return True
    if kind is dict:
        return _hold_nothing([*value.values()])  # type: ignore[attr-defined]
    if kind is tuple or kind is list:
        return _hold_nothing(value)  # type: ignore[arg-type]
    return opener(kind) is None and not is_array(kind)


def _hold_nothing(values: Sequence[object]) -> bool:
    return ATOM_IDS.issuperset(map(id, map(type, values))) or not any(
        is_array(kind) or opener(kind) is not None for kind in kinds_of(values)
    )


def outline_tree(name: str, levels: Sequence[Sequence[TreePart]]) -> Outline:
    """Build the outline of a surveyed tree, in the order of the survey's objects."""
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


def _draw_tensors(outline: Outline, nodes: list[int], part: TreePart) -> None:
    for role, held in (("", part.parameters), ("buffer", part.buffers)):
        for module, node, inner in zip(part.modules, nodes, held, strict=True):
            style, keys = _keys_in(module, inner)
            if keys:
                outline.runs.append(OutlineRun(node, style, tuple(keys), role))


def _keys_in(module: torch.nn.Module, part: dict[str, Any]) -> tuple[Style, Sequence[object]]:
    """Return the keys under which a module holds something, and their style."""
    style, steps = module_steps(module, [*part])
    return style, [step for step, value in zip(steps, part.values(), strict=True) if value is not None]
