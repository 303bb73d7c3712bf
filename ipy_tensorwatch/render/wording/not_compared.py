"""Why the memory of a tensor is not known, or its bytes were not compared, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ...core.records.comparison import Incomparable
    from ...core.records.reason import Reason, ReasonCode

_KINDS: Mapping[ReasonCode, str] = {
    "class": "a {detail}",
    "functorch": "a functorch wrapper",
    "fake": "a fake tensor",
    "uninitialized": "an uninitialized parameter",
    "nested": "a nested tensor",
    "jagged": "a jagged tensor",
    "layout": "a {layout} tensor",
    "meta": "a meta tensor",
    "copy-on-write": "a copy-on-write tensor",
}
"""Kinds of tensors whose memory is not known."""
_WHY: Mapping[ReasonCode, str] = {
    **_KINDS,
    "no-storage": "no storage",
    "freed": "its storage was freed or cut",
    "error-while-reading": "{detail} while reading",
    "budget": "budget",
    "device": "on {detail}",
    "graph-not-read": "its graph was not read to the end",
    "moved": "it was freed or moved while it was read",
    "gone": "its memory is gone",
    "device-busy": "its device is still working",
    "device-failed": "its device failed, or is out of memory",
    "capturing": "its device's stream is being captured",
    "own-error": "an error of tensorwatch itself",
    "held-no-tensor": "it held no tensor when it was looked at",
    "born-unread": "not compared within the cell that made it: no time was left",
    "nameless": "its name is not a string",
    "too-deep": "nested too deep",
    "too-many": "too many containers",
    "error-while-walking": "{detail} while walking",
    "names-no-text": "its parts have names that are not strings",
    "groups-no-list": "its param_groups is not a list",
    "state-no-dict": "its state is not a dict",
    "changed-by-thread": "another thread keeps changing it",
    "own-dict-reader": "its class defines how its __dict__ is read",
    "no-list": "it is not a list",
    "no-dict": "it is not a dict",
    "no-tensor": "it is not a tensor",
    "no-module": "it is not a module",
}


def why(reason: Reason) -> str:
    """Return why something is not known, in the words of the report."""
    return _WHY[reason.code].format(detail=reason.detail, layout=reason.detail.replace("_", " "))


def is_kind(reason: Reason) -> bool:
    """Return whether a reason names the kind of a tensor."""
    return reason.code in _KINDS


def not_compared(reason: Reason) -> str:
    """Return why bytes were not compared; layouts are written as in PyTorch's documentation.

    Examples
    --------
    >>> from ipy_tensorwatch.core.records.reason import Reason
    >>> [not_compared(one) for one in (Reason("meta"), Reason("layout", "sparse_csr"), Reason("device", "cuda:0"))]
    ['memory not known: meta tensor', 'memory not known: sparse CSR tensor, its parts are watched', 'bytes on cuda:0']
    """
    told = why(reason)
    match reason.code:
        case "budget":
            return "no time left after this cell: compared later"
        case "device":
            return f"bytes {told}"
        case "layout" if reason.detail.startswith("sparse_"):
            layout = reason.detail.removeprefix("sparse_").upper()
            return f"memory not known: sparse {layout} tensor, its parts are watched"
        case _ if is_kind(reason):
            return f"memory not known: {told.split(' ', 1)[1]}"
        case _:
            return told


def incomparable(found: Incomparable) -> str:
    """Return why the values of two tensors were not compared."""
    match found.code:
        case "shapes":
            return "their shapes differ, so their values are not compared"
        case "no-time":
            return f"their values were not all compared; of the first {found.compared:,}, {found.changed:,} differ"
        case "too-large":
            detail = "they would take too much memory as dense tensors"
        case "no-numbers":
            detail = f"values of type {found.detail} are not numbers"
        case _:
            detail = found.detail
    return f"their values cannot be compared: {detail}"
