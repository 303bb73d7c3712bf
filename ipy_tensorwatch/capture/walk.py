"""Walk the user's names to every tensor and array behind them."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import torch

from ..core.outline import Outline, Run, steps_of
from .contents import ATOMS, PLAIN, attributes, is_array, opener
from .forest import draw, survey

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    Known = Callable[[str], "Tree | None"]

MAX_DEPTH = 64
MAX_REPEATS = 16
"""How many paths through one shared container are followed; more of them say nothing new."""
MAX_CONTAINERS = 200_000


@dataclass(slots=True)
class Branch:
    """What hangs on one name: its outline, and the live objects in the outline's order."""

    outline: Outline = field(default_factory=Outline)
    objects: list[Any] = field(default_factory=list)
    signature: list[object] | None = None

    def take(self, run: Run, values: Sequence[object]) -> None:
        """Add neighbours."""
        self.outline.runs.append(run)
        self.objects.extend(values)


class Tree(NamedTuple):
    """What is remembered of a tree of modules: its signature, and its outline."""

    signature: list[object]
    outline: Outline


@dataclass(slots=True)
class Walk:
    """One walk over a namespace. It holds live objects, so it must not outlive the hook.

    Attributes
    ----------
    branches
        By name; the empty name holds the names that lead straight to a tensor.
    skipped
        Paths that were not followed, with the reason.
    """

    branches: dict[str, Branch] = field(default_factory=dict)
    skipped: list[tuple[str, str]] = field(default_factory=list)
    optimizers: list[tuple[Branch, int, torch.optim.Optimizer]] = field(default_factory=list)
    followed: Counter[int] = field(default_factory=Counter)
    containers: int = 0


def walk(namespace: Mapping[str, object], known: Known = lambda _: None) -> Walk:
    """Find every tensor and array reachable from the given names, without calling any of the user's code.

    Parameters
    ----------
    namespace
        The names to start from.
    known
        Gives what is remembered of a name's tree of modules.
    """
    found = Walk()
    direct = Branch()
    names = [name for name, value in namespace.items() if is_array(type(value))]
    if names:
        direct.take(Run(0, "name", names), [namespace[name] for name in names])
        found.branches[""] = direct
    for name, value in namespace.items():
        try:
            _take_in(found, name, value, known)
        except Exception as error:  # noqa: BLE001  (an odd object must be listed, never cost the others)
            found.skipped.append((name, f"{type(error).__name__} while walking"))
    _add_states(found)
    return found


def _take_in(found: Walk, name: str, value: object, known: Known) -> None:
    kind = type(value)
    if kind not in ATOMS and opener(kind) is not None and not _survey(found, name, value, known):
        _follow(found, name, value)


def _survey(found: Walk, name: str, value: object, known: Known) -> bool:
    """Take a tree of modules in one go; its outline is drawn anew only when its signature differs from the last."""
    if not issubclass(type(value), torch.nn.Module):  # `isinstance` would ask a `__class__` property
        return False
    last = known(name)
    seen = survey(cast("torch.nn.Module", value), last.signature if last else ())
    if seen is None:
        return False
    outline = last.outline if last and last.signature == seen.signature else draw(name, seen.levels)
    found.branches[name] = Branch(outline.copy(), seen.objects, seen.signature)
    return True


def _follow(found: Walk, name: str, value: object) -> None:
    branch = Branch()
    queue: deque[tuple[object, int, int, tuple[int, ...]]] = deque()
    queue.append((value, branch.outline.add_node(-1, name), 0, (id(value),)))
    found.followed[id(value)] += 1
    while queue:
        thing, node, depth, above = queue.popleft()
        if depth >= MAX_DEPTH or found.containers >= MAX_CONTAINERS:
            reason = "nested too deep" if depth >= MAX_DEPTH else "too many containers"
            found.skipped.append((str(branch.outline.node_path(node)), reason))
            break
        found.containers += 1
        for step, child in open_into(branch, node, thing):
            if id(child) not in above and _may_follow(found, child):
                queue.append((child, branch.outline.add_node(node, step), depth + 1, (*above, id(child))))
        if issubclass(type(thing), torch.optim.Optimizer):
            found.optimizers.append((branch, node, cast("torch.optim.Optimizer", thing)))
    if branch.objects or found.optimizers:
        found.branches[name] = branch


def _may_follow(found: Walk, child: object) -> bool:
    """Follow a shared container along each of its paths up to a cap, a shared plain object once."""
    found.followed[id(child)] += 1
    return found.followed[id(child)] <= (MAX_REPEATS if issubclass(type(child), _CONTAINERS) else 1)


_CONTAINERS = (list, tuple, dict, torch.nn.Module)


def open_into(branch: Branch, node: int, thing: object) -> list[tuple[str, object]]:
    """Take the tensors straight inside a container; return its inner containers with their steps."""
    children: list[tuple[str, object]] = []
    look_inside = opener(type(thing))
    for style, keys, values, role in look_inside(thing) if look_inside else ():
        kinds = set(map(type, values))
        if kinds <= PLAIN:
            branch.take(Run(node, style, _frozen(keys), role), values)
        elif not kinds <= ATOMS:
            children += _sort_out(branch, Run(node, style, keys, role), values)
    return children


def _frozen(keys: Sequence[object]) -> Sequence[object]:
    return keys if isinstance(keys, range) else tuple(keys)


def _sort_out(branch: Branch, run: Run, values: Sequence[object]) -> list[tuple[str, object]]:
    kinds = [type(value) for value in values]
    arrays = [i for i, kind in enumerate(kinds) if kind not in ATOMS and is_array(kind)]
    if arrays:
        keys = tuple(run.keys[i] for i in arrays)
        branch.take(Run(run.node, run.style, keys, run.role), [values[i] for i in arrays])
    inner = [i for i, kind in enumerate(kinds) if kind not in ATOMS and opener(kind) is not None]
    steps = steps_of(run.style, [run.keys[i] for i in inner])
    return [(step, values[i]) for step, i in zip(steps, inner, strict=True)]


def _add_states(found: Walk) -> None:
    """Add each optimizer's state, spelled by the parameter that it belongs to, and parameters that only it holds."""
    if not found.optimizers:
        return
    known = {id(thing): (branch, i) for branch in found.branches.values() for i, thing in enumerate(branch.objects)}
    for branch, node, optimizer in found.optimizers:
        inside = attributes(optimizer)
        for number, (parameter, state) in enumerate(list(dict.items(inside.get("state", {})))):
            step = f".state[{_spell(known, parameter, number)}]"
            for inner_step, child in open_into(branch, branch.outline.add_node(node, step), state):
                open_into(branch, branch.outline.add_node(node, step + inner_step), child)
        for step, parameter in _parameters(inside):
            if id(parameter) not in known:
                branch.take(Run(node, "typed", (step,)), [parameter])


def _spell(known: Mapping[int, tuple[Branch, int]], parameter: object, number: int) -> str:
    branch, index = known.get(id(parameter), (None, 0))
    return str(branch.outline.path_at(index)) if branch else f"<parameter {number}>"


def _parameters(inside: Mapping[str, Any]) -> list[tuple[str, object]]:
    return [
        (f".param_groups[{g}]['params'][{i}]", parameter)
        for g, group in enumerate(inside.get("param_groups", ()))
        for i, parameter in enumerate(group.get("params", ()))
    ]
