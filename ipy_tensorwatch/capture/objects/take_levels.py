"""Take the levels of many records into a walk: as many columns as there are levels, and no step for each record."""

from __future__ import annotations

from itertools import chain, count, repeat
from typing import TYPE_CHECKING, NamedTuple

from .inspect_object import is_a
from .look_limits import MAX_CONTAINERS, MAX_REPEATS
from .record_levels import is_long, outline_level, survey_records

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .record_levels import RecordLevel
    from .walk_state import Branch, Walk

CONTAINERS = (list, tuple, dict)
"""The records that are walked again where they are shared; a shared plain object is walked once."""


class WaitingLevels(NamedTuple):
    """Levels that wait in a walk's queue; the node beside them is that of the first container."""

    levels: Sequence[RecordLevel]


def find_levels(found: Walk, branch: Branch, node: int, thing: object, above: Sequence[int]) -> WaitingLevels | None:
    """Return the levels of a container of many records, if the walk may take all of them at once."""
    if type(thing) is WaitingLevels:
        return thing
    if not is_long(thing):
        return None
    if found.limits.cut and str(branch.outline.node_path(node)) in found.limits.cut:
        return None
    levels = survey_records(thing, above)
    return WaitingLevels(levels) if levels and _may_follow(found, levels[1:]) else None


def _may_follow(found: Walk, levels: Sequence[RecordLevel]) -> bool:
    """Record that all are followed, if they may be."""
    numbers = [*map(id, chain.from_iterable(level.things for level in levels))]
    shared = found.followed.keys() & numbers
    if found.containers + len(numbers) > MAX_CONTAINERS or not found.limits.may_walk():
        return False
    if shared and not all(is_a(type(level.things[0]), *CONTAINERS) for level in levels):
        return False
    if any(found.followed[one] >= MAX_REPEATS for one in shared):
        return False
    counts = dict.fromkeys(numbers, 1)
    counts.update((one, found.followed[one] + 1) for one in shared)
    dict.update(found.followed, counts)
    return True


def take_level(found: Walk, branch: Branch, node: int, waiting: WaitingLevels) -> tuple[WaitingLevels, int] | None:
    """Collect the tensors of the first level; return those below with the node of their first container."""
    (level, *rest), below = waiting.levels, len(branch.outline.nodes)
    outline = outline_level(level, node, found.known_levels.get((branch.key, node)))
    found.levels[branch.key, node] = outline
    found.limits.objects += len(level.things)
    branch.outline.nodes += outline.nodes
    branch.outline.runs += outline.runs
    branch.objects += level.arrays if level.kinds else ()
    branch.kinds |= level.kinds
    if not rest:
        return None
    found.containers += len(rest[0].things) - 1
    homes = dict(zip(map(id, rest[0].things), zip(repeat(branch), count(below)), strict=False))
    for one in homes.keys() & found.homes.keys():
        del homes[one]
    found.homes.update(homes)
    return WaitingLevels(rest), below
