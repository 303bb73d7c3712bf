"""Why a tensor's memory is not known, or its bytes were not compared; worded in `render`."""

from __future__ import annotations

from typing import Literal, NamedTuple

ReasonCode = Literal[
    "class", "functorch", "fake", "uninitialized", "nested", "jagged", "layout", "meta", "copy-on-write",
    "no-storage", "freed", "error-while-reading",
    "budget", "device", "graph-not-read", "moved", "gone", "own-error",
    "device-busy", "device-failed", "capturing",
    "held-no-tensor", "nameless", "too-deep", "too-many", "error-while-walking", "names-no-text", "groups-no-list",
    "state-no-dict", "changed-by-thread", "own-dict-reader", "no-list", "no-dict",
    "no-tensor", "no-module", "born-unread",
]  # fmt: skip
"""First the reasons for unknown memory, then for unknown bytes, then for objects not opened."""


class Reason(NamedTuple):
    """Why something is not known.

    Attributes
    ----------
    detail
        The name of the class, the layout, the device or the error.
    """

    code: ReasonCode
    detail: str = ""


BUDGET = Reason("budget")
"""The time budget was spent."""
FREED = Reason("freed")
"""The tensor exceeds its storage."""
