"""Records as the JSON that travels to the front end: no key that says what goes without saying."""

from __future__ import annotations

import json
from dataclasses import fields, is_dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from ..core.model.path import AccessPath
from ..core.model.reason import Reason
from ..core.model.records import TensorRecord
from ..render.wording.not_compared import why

if TYPE_CHECKING:
    from ..core.model.reading import Reading

TENSOR_FIELDS = tuple(one.name for one in fields(TensorRecord))
"""What the places of a tensor's row are called."""

MAX_TEXT = 300
"""How many letters of a statement are sent."""


def compact(value: Any) -> Any:  # noqa: ANN401
    """Turn records into plain JSON, each without the fields that have their default value.

    Examples
    --------
    >>> from ipy_tensorwatch.core.model.records import Site
    >>> compact((Site(line=2, end_line=2, text="y.add_(1)"),))
    [{'line': 2, 'end_line': 2, 'text': 'y.add_(1)'}]
    """
    if isinstance(value, Reason):
        return why(value)
    if isinstance(value, tuple):
        return [compact(one) for one in value]
    if isinstance(value, AccessPath):
        return str(value)
    kind: Any = type(value)
    known = _fields_of(kind)
    if known is None:
        return value
    told = {name: one for name, default in known if (one := getattr(value, name)) != default}
    return {name: clip(one) if name == "text" else compact(one) for name, one in told.items()}


@cache
def _fields_of(kind: Any) -> tuple[tuple[str, Any], ...] | None:  # noqa: ANN401
    """List a record's fields with their defaults; None for what is no record."""
    return tuple((one.name, one.default) for one in fields(kind)) if is_dataclass(kind) else None


def tensor_row(path: AccessPath, reading: Reading) -> tuple[Any, ...]:
    """Lay out one tensor in the order of `TENSOR_FIELDS`: ten thousand of them are written at once."""
    item = reading.itemsize or 1
    return (
        str(path), reading.kind, reading.object, reading.storage, reading.device, reading.dtype, reading.itemsize,
        reading.shape, tuple(stride // item for stride in reading.strides), reading.data_ptr,
        (reading.low, reading.high), reading.version, reading.requires_grad, reading.is_leaf, reading.grad_fn,
        None if reading.unknown is None else why(reading.unknown),
    )  # fmt: skip


def encode(value: Any) -> bytes:  # noqa: ANN401
    """Write JSON; letters that UTF-8 does not have, such as half a surrogate pair in a key, are escaped."""
    return json.dumps(value, separators=(",", ":")).encode()


def can_travel(text: str) -> bool:
    """Whether a text may stand in a head, which Jupyter writes without escapes: half a surrogate pair may not."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def clip(text: str) -> str:
    """Cut a text that is too long to be sent."""
    return text if len(text) <= MAX_TEXT else f"{text[:MAX_TEXT]}…"
