"""Writes to tensors whose elements overlap, as with `expand` and `unfold`: one write changes several elements."""

from __future__ import annotations

from itertools import pairwise
from operator import mul
from typing import TYPE_CHECKING

from ...memory.overlap import overlaps_itself
from ...records.typed_line import typed_line
from ..fix import Fix, copy_call
from ..hazard import Hazard
from ..hazard_facts import OverlappingElements
from ..lasting_hazard import Lasting

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ...records.reading import Reading
    from ...records.report_parts import Change
    from ...records.snapshots.snapshot import Snapshot


def overlaid_writes(changes: Sequence[Change], snapshot: Snapshot, cell: int) -> Iterator[Lasting]:
    """Yield a hazard for each write, by name, to a tensor with more elements than memory; not if each landed once."""
    for change in changes:
        if change.kind == "mutated" and change.cause == "direct":
            reading = snapshot.get(change.path)
            if reading is not None and overlaps_itself(reading) and not _landed_apart(change, reading):
                yield Lasting.of(_hazard(change, reading, cell), [(change.path, reading)])


def _landed_apart(change: Change, reading: Reading) -> bool:
    """Return whether no two changed elements share a byte; False unless all of them are known."""
    found = change.elements
    if found is None or found.changed != len(found.examples):
        return False
    places = sorted(sum(map(mul, one.index, reading.strides)) for one in found.examples)
    return all(after - before >= reading.itemsize for before, after in pairwise(places))


def _hazard(change: Change, reading: Reading, cell: int) -> Hazard:
    path, site = change.path, change.site
    code = f"{path} = {path}{copy_call(reading)}"
    room = (reading.high - reading.low) // (reading.itemsize or 1)
    return Hazard(
        code="TW206",
        outcome="risk",
        paths=(path,),
        fact=OverlappingElements(elements=reading.numel, room=room),
        fix=Fix(kind="own-elements", code=code, target=typed_line(cell, site)),
        written_at=site,
        written_cell=cell,
    )
