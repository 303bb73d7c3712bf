"""Records as compact JSON for the front end: fields with their default value are left out."""

from __future__ import annotations

import json
from dataclasses import fields, is_dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from ..core.records.path import AccessPath
from ..core.records.reason import Reason
from ..core.records.report_parts import TensorRecord
from ..render.wording.not_compared import why

if TYPE_CHECKING:
    from ..core.records.reading import Reading

TENSOR_FIELDS = tuple(one.name for one in fields(TensorRecord))
"""The column names of a tensor's row."""

MAX_TEXT = 300
"""Maximum length of a statement that is sent, in characters."""


def compact(value: Any) -> Any:  # noqa: ANN401
    """Convert records to plain JSON without the fields that have their default value.

    Examples
    --------
    >>> from ipy_tensorwatch.core.records.report_parts import Site
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
    """Return the fields of a dataclass with their defaults; None for other classes."""
    return tuple((one.name, one.default) for one in fields(kind)) if is_dataclass(kind) else None


def tensor_row(path: AccessPath, reading: Reading) -> tuple[Any, ...]:
    """Return one tensor as a row in the order of `TENSOR_FIELDS`; strides are in elements.

    Rows instead of objects, because ten thousand tensors may be sent at once.
    """
    item = reading.itemsize or 1
    return (
        str(path), reading.kind, reading.object, reading.storage, reading.device, reading.dtype, reading.itemsize,
        reading.shape, tuple(stride // item for stride in reading.strides), reading.data_ptr,
        (reading.low, reading.high), reading.version, reading.requires_grad, reading.is_leaf, reading.grad_fn,
        None if reading.unknown is None else why(reading.unknown),
    )  # fmt: skip


def encode(value: Any) -> bytes:  # noqa: ANN401
    """Return a value as JSON bytes; non-ASCII characters, also lone surrogates, are escaped."""
    return json.dumps(value, separators=(",", ":")).encode()


def can_travel(text: str) -> bool:
    """Return whether a text can be sent in a message head: Jupyter cannot encode lone surrogates there."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def clip(text: str) -> str:
    """Cut a text to `MAX_TEXT` characters."""
    return text if len(text) <= MAX_TEXT else f"{text[:MAX_TEXT]}…"
