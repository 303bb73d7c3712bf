"""Writes that autograd did not record, to tensors that have a history: backward goes on as if there were none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from ..model.records import Hazard
from ..model.saved_tensor import Writing
from ..syntax.magic_calls import puts_back
from .remedy import remedy, rewritten
from .standing_hazard import Lasting, anchor
from .wording import quote

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Sequence

    from ..model.reading import Reading
    from ..model.records import Change
    from ..model.snapshot import Snapshot

CODE = "TW209"


class Histories(Protocol):
    """What is known of how tensors were made."""

    @property
    def same(self) -> Container[str]:
        """The paths of tensors that were made by the node that had made them before the cell."""

    def is_used(self, path: str) -> bool:
        """Tell whether something was computed from a path's tensor: its gradients are those of what was there."""


def unrecorded_writes(
    changes: Sequence[Change], snapshot: Snapshot, cell: int, histories: Histories
) -> Iterator[Lasting]:
    """Tell the tensors that were overwritten while their history stayed the same."""
    for change in changes:
        reading = snapshot.get(change.path) if _is_overwritten(change) and change.path in histories.same else None
        if reading is not None:
            is_meant = _is_meant(change, reading, snapshot)
            is_risk = is_meant or reading.numel == 1 or histories.is_used(change.path)
            hazard = _hazard(change, reading, cell, is_risk=is_risk)
            yield Lasting(hazard=hazard, anchors=(anchor(change.path, reading),))


def _is_overwritten(change: Change) -> bool:
    return change.kind == "mutated" and change.verified and not any(puts_back(site.text) for site in change.sites)


def _is_meant(change: Change, reading: Reading, snapshot: Snapshot) -> bool:
    """Tell a write that was meant for this very tensor, or meant to go past autograd, as through `.data`."""
    others = [snapshot.get(path) for path in change.via]
    by_another = any(one is not None and one.object != reading.object for one in others)
    return not (change.silent and change.versioned and by_another)


def _hazard(change: Change, reading: Reading, cell: int, *, is_risk: bool) -> Hazard:
    path, site = change.path, change.site
    through = f" through `{change.via[0]}`" if change.via else ""
    will = "would" if is_risk else "will"
    whose = "what is computed from it from now on" if is_risk else f"`{path}`"
    return Hazard(
        code=CODE,
        outcome="risk" if is_risk else "wrong",
        paths=(path,),
        op=reading.grad_fn,
        message=(
            f"a backward through {whose} {will} give wrong gradients, without an error: `{path}` was overwritten"
            f"{through} in {quote(cell, site)}. Autograd did not record it."
        ),
        remedy=_remedy(change, cell),
        written_at=site,
        written_cell=cell,
    )


def _remedy(change: Change, cell: int) -> str:
    site = change.site
    if change.cause == "direct" and change.versioned:
        line = rewritten(site.text, (change.path,)) if site else None
        return f"Compute it out of place, where gradients are recorded{f': `{line}`' if line else ''}."
    via = change.via[0] if change.via else None
    copied = remedy(Writing(cell=cell, path=via, site=site, cause=change.cause), (), None)
    meant = f"If `{change.path}` was to change, compute it out of place, where gradients are recorded."
    return f"{copied} {meant}"
