"""Tensors whose memory was freed: reading them, or a backward through them, can crash the kernel."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...records.reason import FREED
from ..fix import Fix, copy_call
from ..hazard import Hazard
from ..hazard_facts import GoneMemory

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ...records.path import AccessPath
    from ...records.snapshots.snapshot import Snapshot


def gone_memory(snapshot: Snapshot, gone: Iterable[int]) -> Iterator[Hazard]:
    """Yield a hazard for the variables that lead to freed memory.

    Parameters
    ----------
    gone
        The storages whose memory belonged to another owner, who released it.
    """
    for scene in snapshot.scenes.values():
        for path, reading in scene.untold:
            if reading.unknown == FREED:
                code = f"{path}.untyped_storage().resize_({reading.high})"
                yield _hazard(path, GoneMemory(how="freed"), Fix(kind="give-memory", code=code))
    for storage in gone:
        for path, reading in snapshot.by_storage.get(storage, ()):
            copy = copy_call(reading)
            fix = Fix(kind="drop", code=f"del {path.root}", other=copy)
            yield _hazard(path, GoneMemory(how="let-go"), fix)


def _hazard(path: AccessPath, fact: GoneMemory, fix: Fix) -> Hazard:
    return Hazard(code="TW208", outcome="risk", paths=(str(path),), fact=fact, fix=fix)
