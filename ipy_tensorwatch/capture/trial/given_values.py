"""Copies of what variables held after an earlier cell."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from ...core.runtime.record import record
from ..protect.byte_place import place_of
from ..runtime.torch_private import plain_reads
from ..tensors.read_tensor import read
from .compare_values import is_there, share_memory
from .trial_namespace import NotKnownError

if TYPE_CHECKING:
    from collections.abc import Container, Mapping

    from ...core.records.reading import Reading
    from ..compare.compare_bytes import StorageMark
    from ..protect.byte_archive import Archive
    from ..snapshot.snapshotter import Snapshotter

MOST_BYTES = 1 << 22
"""The largest tensor that a trial copies."""


@record
class KnownPast:
    """What is known of earlier bytes.

    Attributes
    ----------
    waiting
        The storages whose last bytes were not read yet.
    """

    snapshotter: Snapshotter
    archive: Archive
    waiting: Container[int] = ()

    def kept(self, storage: int, count: int) -> StorageMark | None:
        """Return the bytes of a storage as they were after a cell; None if they have been the same since.

        Raises
        ------
        NotKnownError
            If they are not known.
        """
        found = self.archive.find(storage, count + 1)
        is_known = found.first == found.last if found else not self.archive.is_lost(storage, count + 1)
        if storage in self.waiting or not is_known:
            raise NotKnownError
        return found and found.mark


def given_values(names: Mapping[str, object], asked: Mapping[str, int], past: KnownPast) -> dict[str, Any]:
    """Return copies of variables as they were after the cells that bound them, each on its own device.

    Raises
    ------
    NotKnownError
        If one of them is no plain tensor, array or number, two share memory, or the bytes from then are not known.
    """
    found = {name: _copy(names[name], count, past) for name, count in asked.items() if name in names}
    if len(found) < len(asked):
        raise NotKnownError
    arrays = [names[one] for one in asked if isinstance(names[one], torch.Tensor | np.ndarray)]
    if any(share_memory(one, other) for one, other in combinations(arrays, 2)):
        raise NotKnownError  # their copies would not
    return found


def _copy(value: object, count: int, past: KnownPast) -> object:
    if type(value) in (int, float, bool, str, type(None)):
        return value
    is_plain = type(value) is torch.Tensor and value.is_leaf and value.is_contiguous()
    if not (is_plain or (type(value) is np.ndarray and not value.dtype.hasobject and value.flags.c_contiguous)):
        raise NotKnownError
    if value.nbytes > MOST_BYTES or not is_there(value):  # type: ignore[attr-defined]
        raise NotKnownError
    with plain_reads():
        reading = read(value, "", 0, past.snapshotter.storages)
    kept = past.kept(reading.storage, count)
    if kept is not None:
        return _copy_there(value, reading, kept) if reading.device != "cpu" else _copy_kept(value, reading, kept)
    return value.detach().clone().requires_grad_(value.requires_grad) if is_plain else value.copy()  # type: ignore[attr-defined]


def _copy_kept(value: Any, reading: Reading, mark: StorageMark) -> object:  # noqa: ANN401
    """Return a copy of a tensor or array of the host as a mark has its bytes."""
    covered = mark.covered(reading)
    if covered is None:
        raise NotKnownError
    data = bytearray(covered.tobytes())
    if isinstance(value, np.ndarray):
        return np.frombuffer(data, value.dtype).reshape(value.shape).copy()
    made = torch.frombuffer(data, dtype=value.dtype).reshape(value.shape).clone()
    return made.requires_grad_(value.requires_grad)


def _copy_there(value: Any, reading: Reading, mark: StorageMark) -> torch.Tensor:  # noqa: ANN401
    """Return a copy of a tensor of a device as a mark has its bytes, in the memory of that device."""
    place = place_of(value, reading, ())
    data = None if place is None else place.kept(mark)
    if data is None:
        raise NotKnownError
    made: torch.Tensor = data.clone().view(value.dtype).reshape(value.shape)
    return made.requires_grad_(value.requires_grad)
