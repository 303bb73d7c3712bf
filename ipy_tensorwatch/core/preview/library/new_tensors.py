"""New tensors, and the types of their elements."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..values.abstract_values import (
    AbstractTensor,
    AbstractValue,
    CallArguments,
    Constant,
    LibraryName,
    constant_of,
    tensors_of,
)

if TYPE_CHECKING:
    from ..values.abstract_memory import AbstractMemory

CASTS = {
    "float": "float32", "double": "float64", "half": "float16", "bfloat16": "bfloat16", "int": "int32",
    "long": "int64", "short": "int16", "char": "int8", "bool": "bool",
}  # fmt: skip
"""The methods that convert, and the type of their results."""
_STEMS = frozenset(("float", "int", "uint", "bool", "bfloat", "complex"))


def fresh_like(
    memory: AbstractMemory,
    tensor: AbstractTensor,
    given: CallArguments | None = None,
    *,
    exact: bool = True,
    dtype: str = "",
) -> AbstractTensor:
    """Return a new tensor that was computed from one, of the same shape if that is known."""
    sources = [tensor, *(one for value in (given.everything() if given else ()) for one in tensors_of(value, 1))]
    shape = tensor.shape if exact and len(sources) == 1 else None
    kind = "ndarray" if tensor.is_array else "tensor"
    return memory.make(shape, dtype or tensor.reading.dtype, kind, sources)


def plain_dtype(tensor: AbstractTensor) -> str:
    """Return the name of the type of a tensor's elements without its library."""
    return tensor.reading.dtype.removeprefix("torch.")


def dtype_of(value: AbstractValue | None) -> str:
    """Return the name of a type of elements without its library; empty for everything else."""
    if isinstance(value, Constant) and isinstance(value.value, str):
        return value.value.removeprefix("torch.") if value.value.rstrip("0123456789") in _STEMS else ""
    name = value.name.split(".")[-1] if isinstance(value, LibraryName) else ""
    return CASTS.get(name, name if name.rstrip("0123456789") in _STEMS else "")


def array_dtype(value: AbstractValue | None) -> str:
    """Return what NumPy calls a type of elements; empty for everything else."""
    text = value.name.split(".")[-1] if isinstance(value, LibraryName) else constant_of(value)
    try:
        return np.dtype(text).name if isinstance(text, str) else ""
    except TypeError:
        return ""
