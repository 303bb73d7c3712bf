"""The few facts that tell whether anything about many tensors may have changed, read column by column."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch

from .read import address_of
from .torch_private import attributes_of

if TYPE_CHECKING:
    from collections.abc import Sequence

_FAST = frozenset({torch.Tensor, torch.nn.Parameter})


class Columns(NamedTuple):
    """One list a fact, one row a tensor; equal columns mean that no reading needs to be taken again.

    Attributes
    ----------
    tokens
        What proves that the object is the same one; compared by identity.
    """

    tokens: list[object]
    versions: list[int | None]
    addresses: list[int]
    flags: list[object]
    shapes: list[tuple[int, ...]]

    def same_as(self, other: Columns) -> bool:
        """Tell whether nothing differs."""
        return (
            self.versions == other.versions
            and self.addresses == other.addresses
            and self.flags == other.flags
            and len(self.tokens) == len(other.tokens)
            and all(map(operator.is_, self.tokens, other.tokens))
            and self.shapes == other.shapes
        )


def read_columns(objects: Sequence[Any]) -> Columns:
    """Read the columns of tensors and arrays; call it inside `plain_reads()`."""
    if _FAST.issuperset(map(type, objects)):
        try:
            return _read_fast(objects)
        except RuntimeError:  # an inference, sparse or wrapped tensor among them
            pass
    return _read_each(objects)


def _read_fast(tensors: Sequence[torch.Tensor]) -> Columns:
    tokens: list[object] = [tensor.__dict__ for tensor in tensors]
    if any(tokens):
        tokens = [_token(tensor) for tensor in tensors]
    return Columns(
        tokens,
        [tensor._version for tensor in tensors],
        [*map(torch.Tensor.data_ptr, tensors)],
        [tensor.requires_grad for tensor in tensors],
        [tensor.shape for tensor in tensors],
    )


def _token(thing: Any) -> object:  # noqa: ANN401
    """Return what proves identity while we hold it, or nothing where holding it would hold the user's values."""
    if isinstance(thing, np.ndarray):
        return None
    attributes = attributes_of(thing)
    return None if attributes else attributes


def _read_each(objects: Sequence[Any]) -> Columns:
    rows = [_row(thing) for thing in objects]
    return Columns(*(list(column) for column in zip(*rows, strict=True))) if rows else Columns([], [], [], [], [])


def _row(thing: Any) -> tuple[object, int | None, int, object, tuple[int, ...]]:  # noqa: ANN401
    if isinstance(thing, np.ndarray):
        return None, None, address_of(thing), (id(thing), thing.strides, thing.dtype.str), thing.shape
    try:
        version = None if thing.is_inference() else thing._version
        return _token(thing), version, thing.data_ptr(), (id(thing), thing.requires_grad), thing.shape
    except Exception:  # noqa: BLE001  (sparse, lazy, functorch: read again at every cell)
        return object(), None, 0, None, ()
