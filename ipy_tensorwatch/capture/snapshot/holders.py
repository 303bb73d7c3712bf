"""Find the other holders of a tensor's memory: variables, IPython's own names, and unnamed tensors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from ...core.memory.overlap import relate
from ...core.records.tensor_memory import Holder
from ..objects.inspect_object import is_a
from ..runtime.torch_private import use_count
from .snapshotter import Snapshotter

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ...core.records.reading import Reading
    from ...core.records.snapshots.snapshot import Entry


def find_holders(
    path: str, variables: Mapping[str, object], kept: Mapping[str, object]
) -> tuple[tuple[Holder, ...], int | None]:
    """Return the holders of the memory that a path leads to, the path itself excluded.

    Parameters
    ----------
    kept
        The objects that IPython holds under its own names: `Out[3]`, `_3`, `_`.

    Returns
    -------
    holders
        The paths that lead to the same storage or to a byte of it.
    unnamed
        The minimum number of tensors that hold the storage and have none of these names; None if PyTorch does not
        count them.
    """
    snapshotter = Snapshotter()
    entries = list(snapshotter.take({**variables, **kept}).snapshot.entries())
    target = next((reading for spelled, reading in entries if str(spelled) == path), None)
    if target is None:
        return (), None
    holders = tuple(
        Holder(
            path=str(spelled),
            relation=relate(target, reading),
            shape=reading.shape,
            is_variable=spelled.root not in kept,
        )
        for spelled, reading in _near(target, entries)
        if str(spelled) != path
    )
    return holders, _count_unnamed(target, entries, snapshotter)


def _near(target: Reading, entries: list[Entry]) -> Iterator[Entry]:
    for path, reading in entries:
        same = reading.object == target.object or (target.storage and target.storage == reading.storage)
        if same or relate(target, reading) in ("same-elements", "overlap"):
            yield path, reading


def _count_unnamed(target: Reading, entries: list[Entry], snapshotter: Snapshotter) -> int | None:
    """Count the tensors of a storage beyond the known ones; an array holds it through its own tensor."""
    reference = snapshotter.storages.references().get(target.storage)
    storage: Any = reference() if reference is not None else None
    if not is_a(type(storage), torch.UntypedStorage):
        return None
    counted = use_count(storage)
    known = {reading.object for _, reading in entries if reading.storage == target.storage}
    return None if counted is None else max(0, counted - 1 - len(known))
