"""Copies of what variables held after an earlier cell."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from ..host.torch_private import plain_reads
from ..tensors.read_tensor import read
from .compare_values import is_there

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..protect.byte_archive import Archive
    from ..snapshot.snapshotter import Lens

MOST_BYTES = 1 << 22
"""The largest tensor that a trial copies."""


class NotKnownError(Exception):
    """A value from before a cell is not known, or cannot be copied."""


def given_values(names: Mapping[str, object], asked: Mapping[str, int], lens: Lens, archive: Archive) -> dict[str, Any]:
    """Return copies of variables as they were after the cells that bound them.

    Raises
    ------
    NotKnownError
        If one of them is no plain tensor, array or number, or its bytes from then are not known.
    """
    found = {name: _copy(names[name], count, lens, archive) for name, count in asked.items() if name in names}
    if len(found) < len(asked):
        raise NotKnownError
    storages = [
        one.untyped_storage().data_ptr() for name, one in names.items() if name in asked and type(one) is torch.Tensor
    ]
    if len(set(storages)) < len(storages):
        raise NotKnownError
    return found


def _copy(value: object, count: int, lens: Lens, archive: Archive) -> object:
    if type(value) in (int, float, bool, str, type(None)):
        return value
    is_plain = type(value) is torch.Tensor and value.is_leaf and value.device.type == "cpu" and value.is_contiguous()
    if not (is_plain or (type(value) is np.ndarray and not value.dtype.hasobject and value.flags.c_contiguous)):
        raise NotKnownError
    if value.nbytes > MOST_BYTES or not is_there(value):  # type: ignore[attr-defined]
        raise NotKnownError
    with plain_reads():
        reading = read(value, "", 0, lens.storages)
    kept = archive.find(reading.storage, count + 1)
    if kept is None:
        if archive.lost.get(reading.storage, 0) > count:
            raise NotKnownError
        return value.detach().clone().requires_grad_(value.requires_grad) if is_plain else value.copy()  # type: ignore[attr-defined]
    covered = kept.mark.covered(reading)
    if covered is None or kept.first != kept.last:
        raise NotKnownError
    data = bytearray(covered.tobytes())
    if not is_plain:
        return np.frombuffer(data, value.dtype).reshape(value.shape).copy()  # type: ignore[attr-defined]
    made = torch.frombuffer(data, dtype=value.dtype).reshape(value.shape).clone()  # type: ignore[attr-defined]
    return made.requires_grad_(value.requires_grad)  # type: ignore[attr-defined]
