"""What a method of a tensor or an array does: a write, a view, the object itself, or memory of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...memory import view_layouts as layouts
from ...syntax.ast_queries import is_inplace_name
from ...syntax.torch_vocabulary import (
    FRESH,
    INPLACE_DUNDERS,
    INPLACE_METHODS,
    METADATA,
    OUT_OF_PLACE,
    OUTER_WRITES,
    VIEWS,
)
from ..values.abstract_memory import AbstractMemory, is_one_memory, leaves_of
from ..values.abstract_values import (
    NONE,
    NUMBER,
    UNKNOWN,
    AbstractTensor,
    AbstractValue,
    CallArguments,
    Constant,
    constant_of,
    make_list,
    tensors_of,
    whole_number,
)
from ..values.stopped_error import StoppedError
from .new_tensors import CASTS, array_dtype, dtype_of, fresh_like, plain_dtype
from .saved_inputs import note_saved
from .view_methods import PIECES, layout_of, take_pieces, take_view

if TYPE_CHECKING:
    from collections.abc import Sequence


_POINTWISE = ("add", "sub", "mul", "div", "truediv", "pow", "maximum", "minimum", "fmod", "remainder", "atan2", "hypot")
_SAME_SHAPE = OUT_OF_PLACE | frozenset(
    ("clone", "copy", "abs", "sign", "relu", "sigmoid", "tanh", "exp", "log", "sqrt", "clip", "clamp", "astype")
)
_NUMBERS = frozenset(("item", "numel", "dim", "nelement", "ndimension", "size", "__len__", "data_ptr", "stride"))
_KEEPS = frozenset(
    ("conj_physical", "conjugate", "astype", "contiguous", "cpu", "to", "type", "type_as", "pin_memory", "retain_grad",
     "coalesce", "to_dense")
)  # fmt: skip
_RETURNS_ITSELF = frozenset(("requires_grad_", "detach_", "rename_", "share_memory_"))
_FILLS = frozenset((
    "fill_", "zero_", "fill_diagonal_", "tril_", "triu_", "conj_physical_", "masked_fill_", "index_put_", "index_fill_",
))  # fmt: skip
"""In-place methods that even an expanded tensor accepts."""
_READS = frozenset(
    ("copy_", *(f"{name}_" for name in _POINTWISE), *(f"__i{name}__" for name in _POINTWISE))
)  # fmt: skip
"""In-place methods that read the elements of another tensor one after the other."""
_OWN_IF_REAL = frozenset(("conj_physical", "conjugate"))
"""The methods of a tensor and of an array that return the object itself where nothing is to be conjugated."""
_INTEGERS = ("int8", "int16", "int32", "int64", "uint8", "bool")
_DIVIDES = frozenset(("div_", "true_divide_", "divide_", "__itruediv__", "sqrt_", "exp_", "log_", "sigmoid_", "tanh_"))


def call_tensor_method(
    memory: AbstractMemory, tensor: AbstractTensor, name: str, given: CallArguments
) -> AbstractValue:
    """Return what `tensor.name(…)` gives, and record what it writes.

    Raises
    ------
    StoppedError
        If PyTorch refuses it.
    """
    if is_inplace_name(name) and name not in INPLACE_METHODS:
        raise StoppedError  # no tensor has it
    is_outer = tensor.is_array and name in OUTER_WRITES and (name != "byteswap" or _swaps(given))
    if is_inplace_name(name) or name in INPLACE_DUNDERS or is_outer:
        return _write(memory, tensor, name, given)
    if isinstance(out := given.named.get("out"), AbstractTensor):
        memory.write(out, sources=(tensor,))
        return out
    if name == "setflags":
        tensor.is_read_only |= constant_of(given.get(0, "write")) is False
        return NONE
    if name in CASTS or name in _KEEPS:
        return _convert(memory, tensor, name, given)
    if name in VIEWS and not (tensor.is_array and name == "flatten"):
        pieces = name in PIECES
        return take_pieces(memory, tensor, name, given) if pieces else take_view(memory, tensor, name, given)
    if name in _NUMBERS:
        by_dim = name in ("size", "__len__")
        return _size(tensor, 0 if name == "__len__" else whole_number(given.get(0, "dim"))) if by_dim else NUMBER
    is_private = name.startswith("_") and name not in FRESH
    made = UNKNOWN if is_private else fresh_like(memory, tensor, given, exact=name in _SAME_SHAPE)
    note_saved(memory, name, made, (tensor, *given.positional))
    return made


def _write(memory: AbstractMemory, tensor: AbstractTensor, name: str, given: CallArguments) -> AbstractValue:
    if name in METADATA:
        return _change_metadata(memory, tensor, name, given)
    if name in _DIVIDES and plain_dtype(tensor) in _INTEGERS:
        raise StoppedError
    if name in ("resize_", "resize_as_"):
        return tensor
    if name in ("map_", "apply_"):
        memory.record(tensor, is_counted=False)
        return tensor
    if name == "set_":
        return _set(memory, tensor, given)
    sources = [one for value in given.everything() for one in tensors_of(value, 1)]
    if not (name == "copy_" and len(sources) == 1 and is_one_memory(tensor, sources[0])):
        memory.write(tensor, sources=sources, fills=name in _FILLS, reads=name in _READS)
        _note_saved_in_place(memory, tensor, name, sources)
    return NONE if tensor.is_array and not name.endswith("_") else tensor


def _note_saved_in_place(
    memory: AbstractMemory, tensor: AbstractTensor, name: str, sources: Sequence[AbstractTensor]
) -> None:
    """Note what an operation in place has saved: its result, or the other tensor; never what was there before."""
    op = name.strip("_")
    if f"{op}_" == name and not sources:
        note_saved(memory, name, tensor, ())
    elif sources and leaves_of(tensor):
        kept = [one for one in sources[:1] if one.reading.storage != tensor.reading.storage]
        if kept and op in ("mul", "imul", "div", "itruediv"):
            memory.note_saved(tensor, kept)


def _set(memory: AbstractMemory, tensor: AbstractTensor, given: CallArguments) -> AbstractValue:
    """Give a tensor the memory of another one, or of a storage: then it is not known which part of it."""
    source = given.get(0, "source")
    if isinstance(source, AbstractTensor):
        memory.replace(tensor, source.reading)
        tensor.is_exact = source.is_exact and len(given.positional) == 1 and not given.named
    return tensor


def _change_metadata(memory: AbstractMemory, tensor: AbstractTensor, name: str, given: CallArguments) -> AbstractValue:
    reading = tensor.reading
    if name == "requires_grad_":
        wanted = constant_of(given.get(0, "requires_grad")) is not False
        tensor.reading = reading._replace(requires_grad=wanted)
    elif name == "detach_":
        tensor.reading = reading._replace(requires_grad=False, is_leaf=True, grad_fn=None)
        tensor.leaves, tensor.graph, tensor.base = frozenset(), frozenset(), None
    elif name not in _RETURNS_ITSELF:
        made = take_view(memory, tensor, name[:-1], given)
        if isinstance(made, AbstractTensor) and made.reading.storage == reading.storage:
            tensor.reading = made.reading._replace(
                object=reading.object, kind=reading.kind, requires_grad=reading.requires_grad, is_leaf=reading.is_leaf
            )
    return tensor


def _convert(memory: AbstractMemory, tensor: AbstractTensor, name: str, given: CallArguments) -> AbstractValue:
    """Return the tensor itself where nothing is to be converted, else a copy."""
    if name in _OWN_IF_REAL:
        is_own = tensor.is_array is (name == "conjugate") and not plain_dtype(tensor).startswith("complex")
        return tensor if is_own else fresh_like(memory, tensor)
    if name == "astype":
        wanted = array_dtype(given.get(0, "dtype"))
        keeps = constant_of(given.named.get("copy")) is False and wanted == plain_dtype(tensor)
        return tensor if keeps else fresh_like(memory, tensor, given, dtype=wanted or "unknown")
    return _convert_tensor(memory, tensor, name, given)


def _convert_tensor(memory: AbstractMemory, tensor: AbstractTensor, name: str, given: CallArguments) -> AbstractValue:
    if name == "contiguous":
        is_dense = tensor.is_exact and layouts.is_contiguous(layout_of(tensor), tensor.reading.itemsize)
        return tensor if is_dense else fresh_like(memory, tensor) if tensor.is_exact else UNKNOWN
    if constant_of(given.named.get("copy")) is True:
        return fresh_like(memory, tensor)
    wanted = CASTS.get(name) or next((found for one in given.everything() if (found := dtype_of(one))), "")
    others = [one for one in given.everything() if isinstance(one, AbstractTensor)]
    wanted = plain_dtype(others[0]) if others else wanted
    if wanted and plain_dtype(tensor) == "unknown":
        return UNKNOWN
    if wanted and wanted != plain_dtype(tensor):
        return fresh_like(memory, tensor, dtype=f"torch.{wanted}")
    is_moved = any("cuda" in str(constant_of(one)) or "meta" in str(constant_of(one)) for one in given.everything())
    return fresh_like(memory, tensor) if is_moved else tensor


def _swaps(given: CallArguments) -> bool:
    return bool(constant_of(given.get(0, "inplace")))


def _size(tensor: AbstractTensor, dim: int | None) -> AbstractValue:
    if tensor.shape is None:
        return NUMBER
    if dim is None:
        return make_list([Constant(size) for size in tensor.shape])
    return Constant(tensor.shape[dim]) if -len(tensor.shape) <= dim < len(tensor.shape) else NUMBER
