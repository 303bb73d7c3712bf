"""An alias group as a picture: one strip per variable shows its bytes within the block."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...core.memory.changed_bytes import Member, find_dirty
from ...core.memory.strided_layout import lay
from ...core.records.reading import Reading, bounds
from ..page import Picture, Strip
from ..wording.quantities import count_of, few
from ..wording.tensor_facts import facts, place

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ...core.records.path import AccessPath
    from ...core.records.report_parts import Change
    from ..report import Report

CELLS = 240
"""Resolution of a strip: finer strides are hatched."""

MAX_STRIPS = 8
MAX_MEMBERS = 200
"""How many variables of one block are used to work out which bytes changed."""


def picture(block: Iterable[tuple[AccessPath | str, Reading]], report: Report) -> Picture | None:
    """Draw a block of memory after the cell; None if the block is empty or its memory is unknown.

    If there are more than `MAX_STRIPS` variables, changed ones take precedence.
    """
    readings = {str(path): reading for path, reading in block}
    if not any(one.high - one.low for one in readings.values()) or any(one.unknown for one in readings.values()):
        return None
    low, high = bounds(readings.values())
    members = _members(readings, report, low, high)
    chosen, _ = few(list(members), MAX_STRIPS)
    shown = sorted(chosen, key=list(readings).index)
    left = len(readings) - len(shown)
    return Picture(
        caption=f"The memory of {', '.join(shown)}",
        nbytes=high - low,
        strips=_strips({path: members[path] for path in shown}, members, high - low),
        more=f"… and {count_of(left, 'more variable')}" if left else "",
    )


def says_more(picture: Picture) -> bool:
    """Return whether a variable covers only a part of the block, or has elements that overlap."""
    return any(one.lane.nbytes < picture.nbytes or one.lane.folds > 1 for one in picture.strips)


def members_of(readings: Mapping[str, Reading], report: Report) -> dict[str, Member]:
    """Return layout and change of each variable in a block, changed ones first; at most `MAX_MEMBERS`."""
    return _members(readings, report, *bounds(readings.values()))


def _members(readings: Mapping[str, Reading], report: Report, low: int, high: int) -> dict[str, Member]:
    changes, cell = report.by_path, (high - low) / CELLS
    ordered = sorted(readings, key=lambda path: _mutation(changes.get(path)) is None)
    return {
        path: Member(
            reading=readings[path],
            lane=lay(readings[path], low, cell),
            change=_mutation(changes.get(path)),
            is_clean=path not in report.not_compared and _is_clean(changes.get(path)),
        )
        for path in ordered[:MAX_MEMBERS]
    }


def _mutation(change: Change | None) -> Change | None:
    return change if change and change.kind == "mutated" else None


def _is_clean(change: Change | None) -> bool:
    """Return whether a variable is unchanged, or was touched and its bytes were compared and equal."""
    return change is None or (change.kind == "touched" and change.verified)


def _strips(shown: Mapping[str, Member], members: Mapping[str, Member], nbytes: int) -> tuple[Strip, ...]:
    dirty = find_dirty(members)
    shades: dict[object, int] = {}
    return tuple(
        Strip(
            name=path,
            lane=one.lane,
            dirty=dirty.get(path),
            shade=shades.setdefault(one.lane.runs, len(shades)),
            place=place(one.lane, nbytes),
            facts=facts(one.reading),
        )
        for path, one in shown.items()
    )
