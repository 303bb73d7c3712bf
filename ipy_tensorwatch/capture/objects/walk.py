"""Walk the user's names to every tensor and array reachable from them."""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from itertools import chain, compress
from operator import not_
from typing import TYPE_CHECKING, cast

import torch

from ...core.records.reason import BUDGET, Reason
from ...core.records.snapshots.outline import OutlineRun, steps_of
from ...core.runtime.guard import GUARD
from .containers import ATOM_IDS, ODD, PLAIN_IDS, groups_of, is_array, is_barren, opener, quick_reader, spell_keys
from .inspect_object import (
    Nameless,
    Odd,
    are_all,
    attribute,
    is_a,
    items_of,
    let_go_of_classes,
    name_of,
    numbers_of,
    pairs_of,
    value_at,
)
from .look_limits import MAX_CONTAINERS, MAX_REPEATS, SEGMENT, Limits, Segment, segments_of
from .module_tree import is_same, outline_tree, survey_module
from .optimizer_state import held_by, keys_of, take_states
from .slices import Slices
from .small_records import take_record
from .take_levels import CONTAINERS, WaitingLevels, find_levels, take_level
from .walk_state import MAX_WAYS, Branch, Tree, Walk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from .record_levels import LevelOutline
    from .walk_state import StateOutline

    Known = Callable[[str], "Tree | None"]
    Queue = deque[tuple[object, int, int, tuple[int, ...]]]
    Places = dict[int, tuple["Branch", int, Sequence[int]]]

MAX_DEPTH = 64
OF_MODULE = 30
"""The weight of a module walked by itself, in objects: opening one takes as long."""
CLOCK_EVERY = 256
"""The number of containers between two readings of the clock."""


def walk(
    namespace: Mapping[str, object],
    known: Known = lambda _: None,
    limits: Limits | None = None,
    drawn: dict[int, StateOutline] | None = None,
    levels: Mapping[tuple[str, int], LevelOutline] | None = None,
) -> Walk:
    """Find every tensor and array reachable from the given names, without running user code.

    Parameters
    ----------
    namespace
        The names to start from.
    known
        Returns what is remembered of a name's module tree.
    limits
        The limits of the walk; unlimited by default.
    drawn
        What is remembered of optimizer states.
    levels
        What the last walk remembered of many records.
    """
    found = Walk(limits=limits or Limits(), drawn={} if drawn is None else drawn, known_levels=levels or {})
    direct = Branch(odd=found.skipped)
    kinds = [*map(type, namespace.values())]
    numbers = [*map(id, kinds)]
    arrays = {number for number, kind in zip(numbers, kinds, strict=True) if number not in ATOM_IDS and is_array(kind)}
    are_arrays = [*map(arrays.__contains__, numbers)]
    if arrays:
        direct.take(
            OutlineRun(0, "name", [*compress(namespace, are_arrays)]), [*compress(namespace.values(), are_arrays)]
        )
        found.branches[""] = direct
    for name, value in _by_turns(compress(namespace.items(), map(not_, are_arrays)), found.limits):
        if id(type(value)) in ATOM_IDS or name in found.limits.idle:
            continue
        if not found.limits.may_walk():
            found.resting.append(name)
            continue
        try:
            _take_in(found, name, value, known)
        except Exception as error:  # noqa: BLE001  (an odd object is listed, and must not hide the others)
            found.skipped.append((name, reason_of(error)))
    _add_states(found)
    if limits is None:
        taken = ((segment.key, take_segment(found, segment)) for segment in found.segments)
        found.branches.update((key, branch) for key, branch in taken if branch.objects)
    let_go_of_classes()
    return found


def _by_turns(names: Iterable[tuple[str, object]], limits: Limits) -> Iterable[tuple[str, object]]:
    """Put names first that the last walk did not reach; the order is unchanged for ordinary sizes."""
    return sorted(names, key=lambda one: limits.last_turn(one[0])) if limits.turns else names


def take_segment(found: Walk, segment: Segment) -> Branch:
    """Walk a segment of a huge container."""
    branch = Branch(odd=found.skipped, key=segment.key)
    node = branch.outline.add_path(segment.path)
    run, values = segment.cut(node)
    if run.style == "key":
        style, keys = spell_keys(run.keys, segment.start)
        run = replace(run, style=style, keys=keys)
    kinds = numbers_of(values)
    queue: Queue = deque()
    found.barren.begin()
    for step, child in _take_values(branch, run, values, kinds):
        is_inner = id(child) not in segment.above and not found.barren.leads_nowhere(child)
        if is_inner and _may_follow(found, child):
            queue.append((child, branch.outline.add_node(node, step), len(segment.above), (*segment.above, id(child))))
    if not (kinds <= PLAIN_IDS or kinds <= ATOM_IDS):
        found.limits.objects += len(values)
    _follow_all(found, branch, queue)
    return branch


def reason_of(error: Exception) -> Reason:
    """Return the reason why something could not be opened."""
    if isinstance(error, Odd):
        return Reason(error.code)
    GUARD.note("looking-at-variable", error)
    return Reason("error-while-walking", name_of(type(error)))


def _take_in(found: Walk, name: str, value: object, known: Known) -> None:
    kind = type(value)
    if kind is Nameless:
        found.skipped.append((name, Reason("nameless")))
    elif opener(kind) is not None and not _survey(found, name, value, known):
        _follow(found, name, value)


def _survey(found: Walk, name: str, value: object, known: Known) -> bool:
    """Read a whole module tree; its outline is rebuilt only if its signature changed."""
    if not is_a(type(value), torch.nn.Module):
        return False
    last = known(name)
    seen = survey_module(cast("torch.nn.Module", value), last.signature if last else ())
    if seen is None:
        return False
    kinds = numbers_of(seen.objects)
    if not (kinds <= PLAIN_IDS or all(map(is_array, map(type, seen.objects)))):
        return False
    same = last if last and is_same(last.signature, seen.signature) else None
    outline, spelled = (same.outline, same.spelled) if same else (outline_tree(name, seen.levels), {})
    found.branches[name] = Branch(outline.copy(), seen.objects, seen.signature, found.skipped, kinds, spelled)
    return True


def _follow(found: Walk, name: str, value: object) -> None:
    found.barren.begin()
    if found.barren.leads_nowhere(value):
        if found.barren.is_large:
            found.large[name] = id(value)
        return
    branch, is_first = Branch(odd=found.skipped, key=name), not found.containers
    queue: Queue = deque([(value, branch.outline.add_node(-1, name), 0, (id(value),))])
    found.followed[id(value)] += 1
    found.homes.setdefault(id(value), (branch, 0))
    count = len(found.segments)
    _follow_all(found, branch, queue)
    if branch.is_cut and not (is_first and branch.objects):  # what was not reached in it is not gone: its turn comes
        found.resting.append(name)
    elif branch.objects or found.optimizers or len(found.segments) > count:
        found.branches[name] = branch


def _follow_all(found: Walk, branch: Branch, queue: Queue) -> None:
    while queue:
        thing, node, depth, above = queue.popleft()
        if why := None if type(thing) is WaitingLevels else _limit_of(found, depth):  # levels have been read
            found.skipped.append((str(branch.outline.node_path(node)), why))
            branch.is_cut = why == BUDGET
            break
        found.containers += 1
        if take_record(branch, node, thing):
            found.limits.objects += 1
        elif levels := find_levels(found, branch, node, thing, above):
            below = take_level(found, branch, node, levels)
            queue.extend([(*below, depth + 1, above)] if below else ())
        else:
            queue.extend(
                (*one, depth + 1, (*above, id(one[0]))) for one in _follow_one(found, branch, node, thing, above)
            )


def _limit_of(found: Walk, depth: int) -> Reason | None:
    if depth >= MAX_DEPTH:
        return Reason("too-deep")
    if found.containers >= MAX_CONTAINERS:
        return Reason("too-many")
    return None if found.containers % CLOCK_EVERY or found.limits.may_walk() else BUDGET


def _follow_one(
    found: Walk, branch: Branch, node: int, thing: object, above: tuple[int, ...]
) -> Iterator[tuple[object, int]]:
    """Open one container; yield the containers in it that are to be walked, each with its node."""
    found.limits.objects += OF_MODULE if is_a(type(thing), torch.nn.Module) else 1
    for step, child in _open(branch, node, thing, found, above):
        if found.barren.leads_nowhere(child):
            continue
        if id(child) not in above and _may_follow(found, child):
            place = branch.outline.add_node(node, step)
            found.homes.setdefault(id(child), (branch, place))
            yield child, place
        elif len(found.repeated) < MAX_WAYS:
            found.repeated.append((branch, node, step, id(child)))
    if is_a(type(thing), torch.optim.Optimizer):
        found.optimizers.append((branch, node, cast("torch.optim.Optimizer", thing)))


def _may_follow(found: Walk, child: object) -> bool:
    """Return whether to walk a child: a shared container up to a cap of paths, a shared plain object once."""
    count = found.followed[id(child)] = found.followed.get(id(child), 0) + 1
    return count == 1 or (count <= MAX_REPEATS and is_a(type(child), *CONTAINERS, torch.nn.Module))


def _open(
    branch: Branch, node: int, thing: object, found: Walk | None = None, above: tuple[int, ...] = ()
) -> list[tuple[str, object]]:
    """Open a container; if that fails, only this container is left out."""
    try:
        return open_into(branch, node, thing, found, above)
    except Exception as error:  # noqa: BLE001  (an odd object is listed, and must not hide the others)
        branch.pass_by(node, ("",), (reason_of(error),))
        return []


def open_into(
    branch: Branch, node: int, thing: object, found: Walk | None = None, above: tuple[int, ...] = ()
) -> list[tuple[str, object]]:
    """Collect the tensors directly inside a container; return its inner containers with their steps.

    Parameters
    ----------
    found
        Receives the segments of huge containers.
    above
        The ids of the containers that lead to it.
    """
    children: list[tuple[str, object]] = []
    look_inside = opener(type(thing))
    for style, keys, values, role in look_inside(thing) if look_inside else ():
        if style == ODD:
            branch.pass_by(node, keys, values)
        elif found is None or not _cut(found, branch, OutlineRun(node, style, keys, role), values, above):
            run, copied = _copied(OutlineRun(node, style, keys, role), values)
            children += _take_values(branch, run, copied, numbers_of(copied))
    return children


def _copied(run: OutlineRun, values: Sequence[object]) -> tuple[OutlineRun, Sequence[object]]:
    """Copy what is read whole, if not yet done."""
    if type(values) is not Slices:
        return run, values
    copied = values[:]
    style, keys = spell_keys(run.keys[:]) if run.style == "key" else (run.style, run.keys)
    return replace(run, style=style, keys=keys[: len(copied)]), copied


def _cut(found: Walk, branch: Branch, run: OutlineRun, values: Sequence[object], above: tuple[int, ...]) -> bool:
    """Split a container into segments if it is huge; what lies in a segment is walked whole."""
    if len(values) <= SEGMENT or branch.key != branch.outline.nodes[0][1]:
        return False
    path, kind = branch.outline.node_path(run.node), type(next(iter(values[:1]), None))
    holds_arrays, weight = is_array(kind), OF_MODULE if is_a(kind, torch.nn.Module) else 1
    if not found.limits.cuts(path, len(values), holds_arrays=holds_arrays):
        return False
    found.held += len(values) if holds_arrays else 0
    found.segments += segments_of(path, replace(run, keys=_frozen(run.keys)), values, above, weight)
    return True


def _take_values(
    branch: Branch, run: OutlineRun, values: Sequence[object], kinds: set[int]
) -> list[tuple[str, object]]:
    """Collect the tensors among some neighbours, given the ids of their types; return the inner containers."""
    if kinds <= PLAIN_IDS:
        branch.take(OutlineRun(run.node, run.style, _frozen(run.keys), run.role), values, kinds)
    elif not kinds <= ATOM_IDS:
        return _sort_out(branch, run, values)
    return []


def _frozen(keys: Sequence[object]) -> Sequence[object]:
    return keys if isinstance(keys, range | Slices) else tuple(keys)


def _sort_out(branch: Branch, run: OutlineRun, values: Sequence[object]) -> list[tuple[str, object]]:
    numbers = [*map(id, map(type, values))]
    kinds = {number: kind for number, kind in zip(numbers, map(type, values), strict=True) if number not in ATOM_IDS}
    held = {number for number, kind in kinds.items() if is_array(kind)}
    arrays = [i for i, number in enumerate(numbers) if number in held] if held else []
    if arrays:
        keys = tuple(run.keys[i] for i in arrays)
        branch.take(OutlineRun(run.node, run.style, keys, run.role), [values[i] for i in arrays])
    readers = {number: quick_reader(kind) for number, kind in kinds.items() if opener(kind) is not None}
    inner = [i for i, one in enumerate(numbers) if one in readers and not is_barren(readers[one], values[i])]
    steps = steps_of(run.style, [run.keys[i] for i in inner])
    return [(step, values[i]) for step, i in zip(steps, inner, strict=True)]


def _add_states(found: Walk) -> None:
    """Add each optimizer's state, spelled by its parameter, and parameters that only the optimizer holds."""
    if not found.optimizers:
        return
    known: Places = {}
    found.parameters = [tuple(held_by(optimizer)) for *_, optimizer in found.optimizers]
    sought = {
        *chain.from_iterable(found.parameters),
        *chain.from_iterable(keys_of(one) for *_, one in found.optimizers),
    }
    for branch in found.branches.values():
        numbers = [*map(id, branch.objects)]
        if not sought.isdisjoint(numbers):
            stops = branch.outline.stops()
            known.update((one, (branch, i, stops)) for i, one in enumerate(numbers) if one in sought)
    for branch, node, optimizer in found.optimizers:
        for add in (_add_state, _add_parameters):
            try:
                add(found, branch, node, optimizer, known)
            except Exception as error:  # noqa: BLE001  (an odd object is listed, and must not hide the others)
                branch.pass_by(node, ("",), (reason_of(error),))


def _add_state(found: Walk, branch: Branch, node: int, optimizer: object, known: Places) -> None:
    states = attribute(optimizer, "state")
    if states is not None and not is_a(type(states), dict):
        raise Odd("state-no-dict")
    pairs = pairs_of(states) if states is not None else []
    if are_all([state for _, state in pairs], dict):
        steps = [f".state[{_spell(known, parameter, number)}]" for number, (parameter, _) in enumerate(pairs)]
        drawn = take_states(branch, node, steps, [state for _, state in pairs], found.drawn.get(id(optimizer)))
        if drawn is not None:
            found.drawn[id(optimizer)] = drawn
            return
    for number, (parameter, state) in enumerate(pairs):
        step = f".state[{_spell(known, parameter, number)}]"
        children = _open(branch, branch.outline.add_node(node, step), state) if id(type(state)) not in ATOM_IDS else ()
        for inner_step, child in children:
            _open(branch, branch.outline.add_node(node, step + inner_step), child)


def _spell(known: Places, parameter: object, number: int) -> str:
    branch, index, stops = known.get(id(parameter), (None, 0, ()))
    if branch is None:
        return f"<parameter {number}>"
    if index not in branch.spelled:
        branch.spelled[index] = str(branch.outline.path_at(index, stops))
    return branch.spelled[index]


def _add_parameters(_: Walk, branch: Branch, node: int, optimizer: object, known: Places) -> None:
    for place, group in groups_of(optimizer):
        parameters = value_at(group, "params") if is_a(type(group), dict) else None
        if parameters is None:
            continue
        if not is_a(type(parameters), list, tuple):
            branch.pass_by(node, (f"{place}['params']",), (Reason("no-list"),))
            continue
        for number, parameter in enumerate(items_of(parameters)):
            if id(parameter) in known:
                continue
            step = f"{place}['params'][{number}]"
            if is_array(type(parameter)):
                branch.take(OutlineRun(node, "typed", (step,)), [parameter])
            else:
                branch.pass_by(node, (step,), (Reason("no-tensor"),))
