"""In which space an address lies: equal addresses are the same memory only within one."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..records.reading import Reading

UNIFIED = frozenset(("cpu", "cuda", "xpu"))
"""The types of devices that number their memory and the host's together, so that pinned and managed memory has one
address on both sides."""
HANDLES = frozenset(("mps",))
"""The types of devices whose tensors have the address of a handle of their memory, which says nothing of others."""


def space_of(reading: Reading) -> str:
    """Return the name of the space of addresses that a reading lies in; empty if its device is not known.

    Examples
    --------
    >>> from ipy_tensorwatch.core.records.reading import Reading
    >>> [space_of(Reading("tensor", 1, 7, device)) for device in ("cpu", "cuda:1", "npu:0", "mps:0")]
    ['unified', 'unified', 'npu:0', 'mps:0 7']
    """
    space = _space(reading.device)
    return f"{reading.device} {reading.storage}" if space is None else space


@lru_cache(maxsize=1 << 10)
def _space(device: str) -> str | None:
    kind = device.partition(":")[0]
    if kind in HANDLES:
        return None
    return "unified" if kind in UNIFIED else device


def in_one_space(a: Reading, b: Reading) -> bool:
    """Return whether the addresses of two readings can be compared; those of an unknown device can."""
    if a.device == b.device and _space(a.device) is not None:
        return True
    return not (a.device and b.device) or space_of(a) == space_of(b)
