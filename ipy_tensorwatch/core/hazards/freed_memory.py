"""Tensors whose memory is gone: to read them, or to go backward through them, can end the kernel."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..model.records import Hazard

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ..model.path import AccessPath
    from ..model.reading import Reading
    from ..model.snapshot import Snapshot

CODE = "TW208"
FREED = "its storage was freed or cut"
"""What a reading says of a tensor that reaches out of its storage."""


def gone_memory(snapshot: Snapshot, gone: Iterable[int]) -> Iterator[Hazard]:
    """Tell the variables that lead to memory that is gone.

    Parameters
    ----------
    gone
        The storages whose memory was somebody else's, and was taken back.
    """
    for scene in snapshot.scenes.values():
        for path, reading in scene.untold:
            if reading.unknown == FREED:
                yield _hazard(path, FREED, _give_again(path, reading))
    for storage in gone:
        for path, reading in snapshot.by_storage.get(storage, ()):
            copy = "copy" if reading.kind == "ndarray" else "clone"
            remedy = f"Drop it: `del {path.root}`. Next time, copy before the owner goes: `.{copy}()`."
            yield _hazard(path, "its memory was another's, who has let go of it", remedy)


def _give_again(path: AccessPath, reading: Reading) -> str:
    again = f"`{path}.untyped_storage().resize_({reading.high})`"
    return f"Give it memory again before it is read: {again}; what it held is lost."


def _hazard(path: AccessPath, why: str, remedy: str) -> Hazard:
    return Hazard(
        code=CODE,
        outcome="risk",
        paths=(str(path),),
        op=None,
        message=f"reading `{path}` can crash the kernel, printing it too: {why}.",
        remedy=remedy,
    )
