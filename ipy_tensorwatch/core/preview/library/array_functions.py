"""What NumPy's functions do that PyTorch does otherwise: their views, and the place of their output."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ...memory.view_layouts import is_contiguous, permute
from ..values.abstract_values import AbstractTensor, AbstractValue, CallArguments, Constant, constant_of, make_list
from .new_tensors import fresh_like
from .tensor_methods import call_tensor_method
from .view_methods import layout_of

if TYPE_CHECKING:
    from ..values.abstract_memory import AbstractMemory

NUMPYS = ("np", "numpy")
_SPANNING = frozenset(("flip", "fliplr", "flipud", "rot90", "rollaxis", "as_strided"))
"""Views over all of the memory of their first argument, whatever the rest says."""
_METHODS = {
    "expand_dims": "unsqueeze", "permute_dims": "transpose", "matrix_transpose": "mT", "split": "tensor_split",
    "array_split": "tensor_split", "hsplit": "hsplit", "vsplit": "vsplit", "dsplit": "dsplit", "unstack": "unbind",
}  # fmt: skip
"""The functions that do what a method of a tensor does."""
_SHARING = frozenset(
    ("asmatrix", "require", "asarray_chkfinite", "real_if_close", "asfortranarray", "ascontiguousarray")
)
_SHARING_WITHOUT_COPY = frozenset(("matrix", "masked_array"))
_OUTPUTS = {"clip": 3, "dot": 2, "cumsum": 3, "cumprod": 3, "round": 2, "around": 2, "take": 3, "fix": 1, "outer": 2}
"""The places of the outputs of functions that are no ufuncs."""


def find_outputs(name: str, given: CallArguments) -> tuple[AbstractValue, ...]:
    """Return the outputs that a function of NumPy is given by their place."""
    function = getattr(np, name, None)
    if isinstance(function, np.ufunc):
        return given.positional[function.nin : function.nin + function.nout]
    place = _OUTPUTS.get(name)
    return () if place is None else given.positional[place : place + 1]


def call_array_function(memory: AbstractMemory, name: str, given: CallArguments) -> AbstractValue | None:
    """Return what a function of NumPy gives that shares memory, or surely does not; None for every other one."""
    last, first = name.rsplit(".", 1)[-1], given.get(0)
    if last == "ndarray" and isinstance(buffer := given.get(2, "buffer"), AbstractTensor):
        return memory.view(buffer, kind="ndarray")
    if last == "broadcast_arrays":
        return make_list([memory.view(one) for one in given.positional if isinstance(one, AbstractTensor)])
    return _call(memory, last, first, given) if isinstance(first, AbstractTensor) and first.is_array else None


def _call(memory: AbstractMemory, last: str, first: AbstractTensor, given: CallArguments) -> AbstractValue | None:
    if isinstance(getattr(np, last, None), np.ufunc):
        return memory.make(kind="ndarray")
    if last in _SPANNING or (last == "sliding_window_view" and constant_of(given.named.get("writeable")) is True):
        return memory.view(first)
    if last in _METHODS:
        return call_tensor_method(memory, first, _METHODS[last], given.after(1))
    if last in _SHARING_WITHOUT_COPY and constant_of(given.named.get("copy", Constant(last == "matrix"))) is not True:
        return memory.view(first)
    return _share(memory, last, first) if last in _SHARING and len(given.positional) == 1 else None


def _share(memory: AbstractMemory, name: str, array: AbstractTensor) -> AbstractValue:
    """Return an array over the memory of another one, or a copy where its elements would be in another order."""
    if name not in ("asfortranarray", "ascontiguousarray"):
        return memory.view(array, layout_of(array) if array.is_exact else None)
    layout = layout_of(array) if array.is_exact else None
    if layout is not None and name == "asfortranarray":
        layout = permute(layout, range(len(layout.shape))[::-1])
    if layout is None:
        return memory.view(array)
    return array if is_contiguous(layout, array.reading.itemsize) else fresh_like(memory, array)


def view_of_einsum(memory: AbstractMemory, given: CallArguments) -> AbstractValue | None:
    """Return the view that `einsum` gives of one tensor whose every dimension it keeps; None for everything else."""
    text, first = constant_of(given.get(0)), given.get(1)
    if not isinstance(text, str) or not isinstance(first, AbstractTensor) or len(given.positional) > 2:  # noqa: PLR2004
        return None
    source, arrow, kept = text.replace(" ", "").partition("->")
    kept = kept if arrow else "".join(one for one in source if source.count(one) == 1)
    return memory.view(first) if set(source) == set(kept) else None
