"""Compare two tensors that the user names, without changing a version counter, a gradient or a random state."""

from __future__ import annotations

from math import prod
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from ...core.memory.count_differences import pieces, spread_indices
from ...core.memory.overlap import relate
from ...core.records.comparison import Comparison, Form, Incomparable
from ...core.records.report_parts import Elements, Example, Relation
from ...core.runtime.record import field, mutable
from ..memory.numbers import plain_number
from ..runtime.torch_private import plain_reads
from ..tensors.read_tensor import read
from ..tensors.serials import ObjectSerials, StorageSerials

if TYPE_CHECKING:
    from collections.abc import Iterator


COMPARING = 2.0
"""Seconds that comparing values may take: expanded tensors have any number of elements."""
MAX_DENSE = 1 << 28
"""The maximum number of elements of a sparse or quantized tensor that is made dense."""
_COMPLEX = "complex128"


def is_comparable(thing: object) -> bool:
    """Return whether an object can be compared: a tensor or an array."""
    return isinstance(thing, torch.Tensor | np.ndarray)


def compare(texts: tuple[str, str], things: tuple[Any, Any], examples: int) -> Comparison:
    """Compare two tensors or arrays by form, values and memory.

    Parameters
    ----------
    texts, things
        The two objects as typed, and the objects; see `is_comparable`.
    examples
        The maximum number of differing elements to list.
    """
    a, b = things
    with plain_reads(), torch.no_grad():
        elements = _elements(a, b, examples)
        return Comparison(a=_form(texts[0], a), b=_form(texts[1], b), relation=_relation(a, b), elements=elements)


def _form(text: str, thing: Any) -> Form:  # noqa: ANN401
    device = str(thing.device) if isinstance(thing, torch.Tensor) else "cpu (NumPy)"
    dtype = str(thing.dtype).removeprefix("torch.")
    return Form(text=text, shape=tuple(thing.shape), dtype=dtype, device=device)


def _relation(a: Any, b: Any) -> Relation:  # noqa: ANN401
    objects, storages = ObjectSerials(), StorageSerials()
    first, second = (
        read(thing, "", serial, storages) for thing, serial in zip((a, b), objects.number((a, b)), strict=True)
    )
    return relate(first, second)


def _elements(a: Any, b: Any, examples: int) -> Elements | Incomparable:  # noqa: ANN401
    if tuple(a.shape) != tuple(b.shape):
        return Incomparable(code="shapes")
    if any(map(_is_too_large, (a, b))):
        return Incomparable(code="too-large")
    try:
        return _differences(_plain(a), _plain(b), examples)
    except (TypeError, ValueError, RuntimeError) as error:  # meta tensors, types without NumPy's like
        return Incomparable(code="raised", detail=str(error).partition("\n")[0] or type(error).__name__)


def _is_too_large(thing: Any) -> bool:  # noqa: ANN401
    """Return whether a sparse or quantized tensor has too many elements to be made dense."""
    is_plain = not isinstance(thing, torch.Tensor) or (thing.layout is torch.strided and not thing.is_quantized)
    return not is_plain and thing.numel() > MAX_DENSE


def _plain(thing: Any) -> Any:  # noqa: ANN401
    """Return a tensor or array that can be split into pieces, without a copy if possible."""
    if not isinstance(thing, torch.Tensor):
        return np.asarray(thing)
    plain = thing.detach()
    plain = plain.to_dense() if plain.layout is not torch.strided else plain
    return plain.dequantize() if plain.is_quantized else plain


def _numbers(piece: Any) -> np.ndarray[Any, Any]:  # noqa: ANN401
    """Return a piece as an array; it may hold other values than numbers."""
    if isinstance(piece, torch.Tensor):
        plain = piece.cpu().resolve_conj().resolve_neg()
        small = plain.is_floating_point() and plain.dtype not in (torch.float32, torch.float64)
        piece = (plain.float() if small else plain).numpy()
    return np.asarray(piece)


@mutable
class _Differing:
    """The differing elements of the pieces compared so far."""

    examples: int
    changed: int = 0
    compared: int = 0
    max_abs: float | None = None
    first: dict[int, tuple[Any, Any]] = field(default_factory=dict)

    def compare(self, a: np.ndarray[Any, Any], b: np.ndarray[Any, Any]) -> None:
        """Compare the next piece."""
        with np.errstate(all="ignore"):
            differs = a != b
            if differs.any():
                differs &= ~((a != a) & (b != b))  # noqa: PLR0124  (true for NaN)
                self._note(np.flatnonzero(differs), a.reshape(-1), b.reshape(-1))
        self.compared += a.size

    def _note(self, where: np.ndarray[Any, Any], a: np.ndarray[Any, Any], b: np.ndarray[Any, Any]) -> None:
        steps = np.abs(_wide(b[where]) - _wide(a[where]))
        finite = steps[np.isfinite(steps)]
        largest = [self.max_abs] if self.max_abs is not None else []
        self.max_abs = max([*largest, float(finite.max())]) if len(finite) else self.max_abs
        for flat in where[: max(0, self.examples - self.changed)].tolist():
            self.first[self.compared + flat] = a[flat], b[flat]
        self.changed += len(where)


def _differences(a: Any, b: Any, examples: int) -> Elements | Incomparable:  # noqa: ANN401
    """Compare piece by piece; dimensions expanded in both are compared once."""
    shape = tuple(a.shape)
    strides = [one.stride() if isinstance(one, torch.Tensor) else one.strides for one in (a, b)]
    real = [place for place, (size, *steps) in enumerate(zip(shape, *strides, strict=True)) if size > 1 and any(steps)]
    cut = tuple(slice(None) if place in real else slice(0, 1) for place in range(len(shape)))
    a, b = a[cut], b[cut]
    found, deadline = _Differing(examples), perf_counter() + COMPARING
    for _, piece in pieces(tuple(a.shape)):
        if perf_counter() > deadline:
            return Incomparable(code="no-time", compared=found.compared, changed=found.changed)
        both = _numbers(a[piece]), _numbers(b[piece])
        other = next((one.dtype for one in both if one.dtype.kind not in "biufc"), None)
        if other is not None:
            return Incomparable(code="no-numbers", detail=str(other))
        found.compare(*both)
    times = prod(size for place, size in enumerate(shape) if place not in real)
    return Elements(
        changed=found.changed * times,
        total=prod(shape),
        max_abs=found.max_abs,
        examples=tuple(_examples(shape, real, found)),
    )


def _examples(shape: tuple[int, ...], real: list[int], found: _Differing) -> Iterator[Example]:
    sizes = tuple(shape[place] for place in real)
    values = {tuple(map(int, np.unravel_index(flat, sizes))) if sizes else (): two for flat, two in found.first.items()}
    for index in spread_indices(shape, real, [*values], found.examples):
        before, after = values[tuple(index[place] for place in real)]
        yield Example(index=index, before=plain_number(before), after=plain_number(after))


def _wide(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return values.astype(_COMPLEX if values.dtype.kind == "c" else "float64")
