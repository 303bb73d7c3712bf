"""An optimizer's parameters, and its state: a small dict for each, read in columns while its outline is unchanged."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any

from ...core.records.snapshots.outline import OutlineRun
from .containers import ATOM_IDS, PLAIN_IDS, groups_of
from .inspect_object import are_all, attribute, columns_of, is_a, items_of, numbers_of, value_at
from .walk_state import StateOutline

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .walk_state import Branch


_EASY = PLAIN_IDS | ATOM_IDS


def held_by(optimizer: object) -> list[int]:
    """Return the ids of the parameters in an optimizer's groups; those before an unreadable one."""
    found: list[int] = []
    try:
        for _, group in groups_of(optimizer):
            parameters = value_at(group, "params") if is_a(type(group), dict) else None
            found += map(id, items_of(parameters) if is_a(type(parameters), list, tuple) else ())
    except Exception:  # noqa: BLE001  (reported when they are added)
        return found
    return found


def keys_of(optimizer: object) -> list[int]:
    """Return the ids of the parameters in an optimizer's state; empty if unreadable."""
    try:
        states = attribute(optimizer, "state")
        return [*map(id, columns_of(states)[0] if is_a(type(states), dict) else ())]
    except Exception:  # noqa: BLE001  (reported when it is added)
        return []


def take_states(
    branch: Branch, node: int, steps: list[str], states: Sequence[Any], last: StateOutline | None
) -> StateOutline | None:
    """Collect the tensors of all states; None if one is no plain dict of strings to tensors and numbers."""
    keys, values = [*chain.from_iterable(states)], [*chain.from_iterable(map(dict.values, states))]
    kinds = numbers_of(values)
    if not (kinds <= _EASY and are_all(keys, str) and len(keys) == len(values)):
        return None
    is_array = [True] * len(values) if kinds <= PLAIN_IDS else [id(type(one)) in PLAIN_IDS for one in values]
    now = StateOutline(node, len(branch.outline.nodes), steps, keys, [*map(len, states)], is_array, [], [])
    if last is not None and last.is_of(now):
        now = last
    else:
        _draw(now)
    branch.outline.nodes += now.nodes
    branch.outline.runs += now.runs
    branch.objects += values if kinds <= PLAIN_IDS else [one for one in values if id(type(one)) in PLAIN_IDS]
    branch.kinds |= kinds & PLAIN_IDS
    return now


def _draw(states: StateOutline) -> None:
    """Build the outline: a node for each parameter, and its tensors."""
    start = 0
    for number, (step, size) in enumerate(zip(states.steps, states.sizes, strict=True), states.first):
        states.nodes.append((states.node, step))
        part = range(start, start + size)
        keys = tuple(states.keys[place] for place in part if states.is_array[place])
        if keys:
            states.runs.append(OutlineRun(number, "key", keys))
        start += size
