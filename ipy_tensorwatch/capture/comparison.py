"""Compare two tensors that the user names, without changing a counter, a gradient or a random state."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from ..core.comparison import Comparison, Form
from ..core.overlap import relate
from ..core.records import Elements, Example
from .identity import ObjectSerials, StorageSerials
from .numbers import plain_number
from .read import read
from .torch_private import plain_reads

if TYPE_CHECKING:
    from ..core.records import Relation

_COMPLEX = "complex128"


def is_tensor(thing: object) -> bool:
    """Tell what can be compared: tensors and arrays."""
    return isinstance(thing, torch.Tensor | np.ndarray)


def compare(texts: tuple[str, str], things: tuple[Any, Any], examples: int) -> Comparison:
    """Compare two tensors or arrays by form, values and memory."""
    a, b = things
    with plain_reads(), torch.no_grad():
        elements, why = _elements(a, b, examples)
        return Comparison(
            a=_form(texts[0], a), b=_form(texts[1], b), relation=_relation(a, b), elements=elements, why=why
        )


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


def _elements(a: Any, b: Any, examples: int) -> tuple[Elements | None, str]:  # noqa: ANN401
    if tuple(a.shape) != tuple(b.shape):
        return None, "their shapes differ, so their values are not compared"
    try:
        return _differences(_numbers(a), _numbers(b), examples), ""
    except (
        TypeError,
        ValueError,
        RuntimeError,
    ) as error:  # meta tensors, structured arrays, types without NumPy's like
        reason = str(error).partition("\n")[0] or type(error).__name__
        return None, f"their values cannot be compared: {reason}"


def _numbers(thing: Any) -> np.ndarray[Any, Any]:  # noqa: ANN401
    if isinstance(thing, torch.Tensor):
        plain = thing.detach().to_dense() if thing.layout is not torch.strided else thing.detach()
        plain = plain.dequantize() if plain.is_quantized else plain
        plain = plain.cpu().resolve_conj().resolve_neg()
        small = plain.is_floating_point() and plain.dtype not in (torch.float32, torch.float64)
        thing = (plain.float() if small else plain).numpy()
    if thing.dtype.kind not in "biufc":
        raise TypeError(f"values of type {thing.dtype} are no numbers")
    return np.asarray(thing)


def _differences(a: np.ndarray[Any, Any], b: np.ndarray[Any, Any], examples: int) -> Elements:
    with np.errstate(all="ignore"):
        both_nan = (a != a) & (b != b)  # noqa: PLR0124  (so it is with NaN)
        differs = (a != b) & ~both_nan
        where = np.flatnonzero(differs)
        steps = np.abs(_wide(b.reshape(-1)[where]) - _wide(a.reshape(-1)[where]))
    finite = steps[np.isfinite(steps)]
    return Elements(
        changed=len(where),
        total=int(a.size),
        max_abs=float(finite.max()) if len(finite) else None,
        examples=tuple(_example(a, b, int(flat)) for flat in where[:examples]),
    )


def _wide(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return values.astype(_COMPLEX if values.dtype.kind == "c" else "float64")


def _example(a: np.ndarray[Any, Any], b: np.ndarray[Any, Any], flat: int) -> Example:
    index = tuple(int(one) for one in np.unravel_index(flat, a.shape)) if a.shape else ()
    return Example(index=index, before=plain_number(a[index]), after=plain_number(b[index]))
