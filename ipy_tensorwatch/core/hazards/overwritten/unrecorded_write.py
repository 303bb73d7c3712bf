"""Writes that autograd did not record, to tensors with a history: backward ignores them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ...records.trace.saved_tensor import Writing
from ...statements.rewrite_statement import out_of_place
from ...syntax.magic_calls import puts_back
from ..fix import Fix
from ..hazard import Hazard
from ..hazard_facts import UnrecordedWrite
from ..lasting_hazard import Lasting
from .overwritten_fix import fix_overwritten

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ...records.reading import Reading
    from ...records.report_parts import Change
    from ...records.snapshots.snapshot import Snapshot
    from ...records.trace.graph_state import GraphState


def unrecorded_writes(
    changes: Sequence[Change], snapshot: Snapshot, cell: int, graphs: GraphState
) -> Iterator[Lasting]:
    """Yield hazards for tensors that were overwritten while their history stayed the same.

    Of a tensor and its rows, overwritten at one place, only the whole is told where the rows are but a risk.
    """
    found = [*_overwritten(changes, snapshot, cell, graphs)]
    for lasting, reading in found:
        others = (one for one in found if one[0] is not lasting)
        if lasting.hazard.outcome != "risk" or not any(_covers(*one, lasting, reading) for one in others):
            yield lasting


def _covers(whole: Lasting, all_of_it: Reading, part: Lasting, reading: Reading) -> bool:
    """Return whether a tensor that the same statement overwrote holds more than another one, over the same memory."""
    is_here = all_of_it.storage == reading.storage and all_of_it.low <= reading.low and reading.high <= all_of_it.high
    is_more = all_of_it.numel > reading.numel
    return is_here and is_more and whole.hazard.written_at == part.hazard.written_at


def _overwritten(
    changes: Sequence[Change], snapshot: Snapshot, cell: int, graphs: GraphState
) -> Iterator[tuple[Lasting, Reading]]:
    for change in changes:
        reading = snapshot.get(change.path) if _is_overwritten(change) and change.path in graphs.same else None
        if reading is not None:
            is_meant = _is_meant(change, reading, snapshot)
            is_risk = is_meant or reading.numel == 1 or change.path in graphs.used
            via = next((one for path in change.via if (one := snapshot.get(path)) is not None), None)
            is_array = via is not None and via.kind == "ndarray"
            hazard = _hazard(change, reading, cell, is_risk=is_risk, is_array=is_array)
            yield Lasting.of(hazard, [(change.path, reading)]), reading


def _is_overwritten(change: Change) -> bool:
    return change.kind == "mutated" and change.verified and not any(puts_back(site.text) for site in change.sites)


def _is_meant(change: Change, reading: Reading, snapshot: Snapshot) -> bool:
    """Return whether a write was meant for this tensor, or meant to bypass autograd, as through `.data`."""
    others = [snapshot.get(path) for path in change.via]
    by_another = any(one is not None and one.object != reading.object for one in others)
    return not (change.silent and change.versioned and by_another)


def _hazard(change: Change, reading: Reading, cell: int, *, is_risk: bool, is_array: bool) -> Hazard:
    return Hazard(
        code="TW209",
        outcome="risk" if is_risk else "wrong",
        paths=(change.path,),
        op=reading.grad_fn,
        fact=UnrecordedWrite(via=next(iter(change.via), None)),
        fix=_fix(change, cell, is_array=is_array),
        written_at=change.site,
        written_cell=cell,
    )


def _fix(change: Change, cell: int, *, is_array: bool) -> Fix:
    site = change.site
    if change.cause == "direct" and change.versioned:
        code = out_of_place(site.text, (change.path,)) if site else None
        return Fix(
            kind="record-out-of-place", code=code or ""
        )  # in its place, under `no_grad`, it records nothing either
    writing = Writing(cell=cell, path=next(iter(change.via), None), site=site, cause=change.cause, is_array=is_array)
    fix = fix_overwritten(writing, ()) if _is_one_write(change) else Fix(kind="copy-or-later")
    return replace(fix, other=change.path, tail="if-meant")


def _is_one_write(change: Change) -> bool:
    """Return whether a copy for the first statement that wrote keeps all of them from the tensor."""
    lines = {site.line for site in change.sites}
    first = change.site.line if change.site else None
    return len(lines) < 2 or (len(change.via) == 1 and first == min(lines))  # noqa: PLR2004
