"""Writes to tensors whose elements share bytes, as `expand` and `unfold` lay them: one write lands several times."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..memory.overlap import overlaps_itself
from ..model.records import Hazard
from .standing_hazard import Lasting, anchor
from .wording import quote

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ..model.reading import Reading
    from ..model.records import Change
    from ..model.snapshot import Snapshot

CODE = "TW206"


def overlaid_writes(changes: Sequence[Change], snapshot: Snapshot, cell: int) -> Iterator[Lasting]:
    """Tell the writes, by name, to a tensor that has more elements than memory."""
    for change in changes:
        if change.kind == "mutated" and change.cause == "direct":
            reading = snapshot.get(change.path)
            if reading is not None and overlaps_itself(reading):
                yield Lasting(hazard=_hazard(change, reading, cell), anchors=(anchor(change.path, reading),))


def _hazard(change: Change, reading: Reading, cell: int) -> Hazard:
    path, site = change.path, change.site
    room = (reading.high - reading.low) // (reading.itemsize or 1)
    return Hazard(
        code=CODE,
        outcome="risk",
        paths=(path,),
        op=None,
        message=(
            f"elements of `{path}` share memory: it holds {reading.numel:,} elements in {room:,}, and what was "
            f"written in {quote(cell, site)} landed in several of them."
        ),
        remedy=f"Give each element its own memory, before it is written: `{path} = {path}.clone()`.",
        written_at=site,
        written_cell=cell,
    )
