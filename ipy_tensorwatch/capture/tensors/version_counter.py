"""Track a tensor's version counter without holding the tensor."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import torch

from ...core.runtime.record import mutable
from ..runtime.torch_private import undisturbed, user_modes
from . import plain_reads
from .read_tensor import bearer_of, may_be_stale

if TYPE_CHECKING:
    from ...core.records.reading import Reading


@cache
def _empty_on(device: torch.device) -> torch.Tensor:
    """Return an empty tensor; some devices' tensors take the memory of no other device."""
    with undisturbed():
        return torch.empty(0, device=device)


def share_counter(tensor: torch.Tensor) -> torch.Tensor:
    """Return an empty tensor that shares only the version counter."""
    ours = plain_reads.detach(bearer_of(tensor))
    plain_reads.set_data(ours, _empty_on(plain_reads.device_of(ours)))  # releases the memory; the counter stays
    return ours


@mutable(eq=False)
class VersionCounter:
    """The version counter of one tensor, shared by an empty tensor of ours.

    Attributes
    ----------
    object
        The serial of the tensor.
    seen
        The version at the last look.
    """

    object: int
    seen: int
    _ours: torch.Tensor

    @classmethod
    def of(cls, thing: Any, reading: Reading) -> VersionCounter | None:  # noqa: ANN401  (a tensor or an array)
        """Share a tensor's counter; None if it has none, or reading it could run user code."""
        if not plain_reads.is_plain(thing) or reading.version is None:
            return None
        if may_be_stale(thing) or user_modes():
            return None
        return cls(reading.object, reading.version, share_counter(thing))

    def since(self, version: int) -> VersionCounter:
        """Return the same counter, to be compared with another version."""
        return VersionCounter(self.object, version, self._ours)

    def has_risen(self) -> bool:
        """Return whether an operator has written since the last call."""
        before, self.seen = self.seen, plain_reads.version_of(self._ours)
        return self.seen > before  # `_unsafe_preserve_version_counter` restores it
