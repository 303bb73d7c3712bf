"""What a method of a tensor or an array does: a write, a view, the object itself, or memory of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...syntax.ast_queries import is_inplace_dunder, is_inplace_name
from ...syntax.torch_vocabulary import FRESH, INPLACE_METHODS, METADATA, OUT_OF_PLACE, OUTER_WRITES, VIEWS
from ..values import view_layouts as layouts
from ..values.abstract_memory import StoppedError, is_one_memory
from ..values.abstract_values import (
    NONE,
    NUMBER,
    UNKNOWN,
    AbstractObject,
    AbstractTensor,
    AbstractValue,
    Constant,
    LibraryName,
    constant_of,
    make_list,
    tensors_of,
    whole_number,
)
from ..values.view_layouts import ViewLayout

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ..values.abstract_memory import AbstractMemory
    from ..values.abstract_values import CallArguments

    Layouts = Callable[[AbstractTensor, Sequence[int | None]], ViewLayout | None]

_SAME_SHAPE = OUT_OF_PLACE | frozenset(
    ("clone", "copy", "abs", "sign", "relu", "sigmoid", "tanh", "exp", "log", "sqrt", "clip", "clamp", "astype")
)
_NUMBERS = frozenset(("item", "numel", "dim", "nelement", "ndimension", "size", "__len__", "data_ptr", "stride"))
_CASTS = {
    "float": "float32", "double": "float64", "half": "float16", "bfloat16": "bfloat16", "int": "int32",
    "long": "int64", "short": "int16", "char": "int8", "bool": "bool",
}  # fmt: skip
"""The methods that convert, and the type of their results."""
_KEEPS = frozenset(("contiguous", "cpu", "to", "type", "type_as", "pin_memory", "retain_grad", "coalesce", "to_dense"))
_RETURNS_ITSELF = frozenset(("requires_grad_", "detach_", "rename_", "share_memory_"))
_UNTRACKED = frozenset(("detach", "numpy", "untyped_storage", "storage", "typed_storage", "__array__"))
_UNCOUNTED = frozenset(("numpy", "untyped_storage", "storage", "typed_storage", "__array__", "data_ptr"))
_PIECES = frozenset(("chunk", "split", "unbind", "tensor_split", "hsplit", "vsplit", "dsplit", "split_with_sizes"))
_MAY_COPY = frozenset(("reshape", "reshape_as", "ravel", "flatten", "contiguous"))
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
    if is_inplace_name(name) or is_inplace_dunder(name) or (tensor.is_array and name in OUTER_WRITES):
        return _write(memory, tensor, name, given)
    if isinstance(out := given.named.get("out"), AbstractTensor):
        memory.write(out, sources=(tensor,))
        return out
    if name == "setflags":
        tensor.is_read_only |= constant_of(given.get(0, "write")) is False
        return NONE
    if name in _CASTS or name in _KEEPS:
        return _convert(memory, tensor, name, given)
    if name == "astype":
        wanted = dtype_of(given.get(0, "dtype"))
        keeps = constant_of(given.named.get("copy")) is False and wanted == _plain_dtype(tensor)
        return tensor if keeps else fresh_like(memory, tensor, given, dtype=wanted or "unknown")
    if name in VIEWS and not (tensor.is_array and name == "flatten"):
        pieces = name in _PIECES
        return _pieces(memory, tensor, name, given) if pieces else take_view(memory, tensor, name, given)
    if name in _NUMBERS:
        by_dim = name in ("size", "__len__")
        return _size(tensor, 0 if name == "__len__" else whole_number(given.get(0, "dim"))) if by_dim else NUMBER
    is_private = name.startswith("_") and name not in FRESH
    return UNKNOWN if is_private else fresh_like(memory, tensor, given, exact=name in _SAME_SHAPE)


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


def _write(memory: AbstractMemory, tensor: AbstractTensor, name: str, given: CallArguments) -> AbstractValue:
    if name in METADATA:
        return _change_metadata(memory, tensor, name, given)
    if name in _DIVIDES and _plain_dtype(tensor) in _INTEGERS:
        raise StoppedError
    if name in ("resize_", "set_", "resize_as_", "map_", "apply_"):
        return tensor
    sources = [one for value in given.everything() for one in tensors_of(value, 1)]
    if not (name == "copy_" and len(sources) == 1 and is_one_memory(tensor, sources[0])):
        memory.write(tensor, sources=sources)
    return NONE if tensor.is_array and not name.endswith("_") else tensor


def _change_metadata(memory: AbstractMemory, tensor: AbstractTensor, name: str, given: CallArguments) -> AbstractValue:
    reading = tensor.reading
    if name == "requires_grad_":
        wanted = constant_of(given.get(0, "requires_grad")) is not False
        tensor.reading = reading._replace(requires_grad=wanted)
    elif name == "detach_":
        tensor.reading = reading._replace(requires_grad=False, is_leaf=True, grad_fn=None)
        tensor.leaves, tensor.base = frozenset(), None
    elif name not in _RETURNS_ITSELF:
        made = take_view(memory, tensor, name[:-1], given)
        if isinstance(made, AbstractTensor) and made.reading.storage == reading.storage:
            tensor.reading = made.reading._replace(
                object=reading.object, kind=reading.kind, requires_grad=reading.requires_grad, is_leaf=reading.is_leaf
            )
    return tensor


def _convert(memory: AbstractMemory, tensor: AbstractTensor, name: str, given: CallArguments) -> AbstractValue:
    """Return the tensor itself where nothing is to be converted, else a copy."""
    if name == "contiguous":
        is_dense = tensor.is_exact and layouts.is_contiguous(layout_of(tensor), tensor.reading.itemsize)
        return tensor if is_dense else fresh_like(memory, tensor) if tensor.is_exact else UNKNOWN
    if constant_of(given.named.get("copy")) is True:
        return fresh_like(memory, tensor)
    wanted = _CASTS.get(name) or next((found for one in given.everything() if (found := dtype_of(one))), "")
    others = [one for one in given.everything() if isinstance(one, AbstractTensor)]
    wanted = _plain_dtype(others[0]) if others else wanted
    if wanted and _plain_dtype(tensor) == "unknown":
        return UNKNOWN
    if wanted and wanted != _plain_dtype(tensor):
        return fresh_like(memory, tensor, dtype=f"torch.{wanted}")
    is_moved = any("cuda" in str(constant_of(one)) or "meta" in str(constant_of(one)) for one in given.everything())
    return fresh_like(memory, tensor) if is_moved else tensor


def _plain_dtype(tensor: AbstractTensor) -> str:
    return tensor.reading.dtype.removeprefix("torch.")


def dtype_of(value: AbstractValue | None) -> str:
    """Return the name of a type of elements without its library; empty for everything else."""
    if isinstance(value, Constant) and isinstance(value.value, str):
        return value.value.removeprefix("torch.") if value.value.rstrip("0123456789") in _STEMS else ""
    name = value.name.split(".")[-1] if isinstance(value, LibraryName) else ""
    return _CASTS.get(name, name if name.rstrip("0123456789") in _STEMS else "")


_STEMS = frozenset(("float", "int", "uint", "bool", "bfloat", "complex"))


def layout_of(tensor: AbstractTensor) -> ViewLayout:
    """Return the layout of a tensor, its own first element at 0."""
    return ViewLayout(tensor.reading.shape, tensor.reading.strides)


def take_view(memory: AbstractMemory, tensor: AbstractTensor, name: str, given: CallArguments) -> AbstractValue:
    """Return what a method gives that returns a view, or a copy where no view can be."""
    kind = "ndarray" if name in ("numpy", "__array__", "asarray", "ctypes") else ""
    if name in _UNTRACKED or kind:
        made = memory.view(tensor, layout_of(tensor) if tensor.is_exact else None, kind=kind, tracked=False)
        made.is_counted = tensor.is_counted and name not in _UNCOUNTED
        if kind:
            made.reading = made.reading._replace(dtype=_plain_dtype(tensor), version=None)
        return made
    if not tensor.is_exact:
        return UNKNOWN if name in _MAY_COPY else memory.view(tensor)
    numbers = _numbers(given)
    if name == "view" and (dtype := next((found for one in given.everything() if (found := dtype_of(one))), "")):
        return tensor if dtype == _plain_dtype(tensor) else memory.view(tensor)
    layout = _LAYOUTS[name](tensor, numbers) if name in _LAYOUTS and None not in numbers else None
    if name in _MAY_COPY and layout is None:
        return fresh_like(memory, tensor) if None not in numbers else UNKNOWN
    return memory.view(tensor, layout)


def _numbers(given: CallArguments) -> list[int | None]:
    """Return the numbers that a method is given, one by one or in a tuple; None for one that is not known."""
    found: list[int | None] = []
    for one in given.everything():
        if isinstance(one, AbstractObject):
            found += [whole_number(each) for each in one.items()]
        elif isinstance(one, AbstractTensor):
            found += [*one.shape] if one.shape is not None else [None]
        else:
            found.append(whole_number(one))
    return [*found, None] if given.is_open else found


def _flatten(tensor: AbstractTensor, numbers: Sequence[int | None]) -> ViewLayout | None:
    shape = tensor.reading.shape
    if not shape:
        return ViewLayout((1,), (tensor.reading.itemsize,))
    first, last = (numbers[0] or 0) % len(shape) if numbers else 0, len(shape) - 1
    if len(numbers) > 1 and numbers[1] is not None:
        last = numbers[1] % len(shape)
    return layouts.reshape(layout_of(tensor), (*shape[:first], -1, *shape[last + 1 :]), tensor.reading.itemsize)


def _reshape(tensor: AbstractTensor, numbers: Sequence[int | None]) -> ViewLayout | None:
    return layouts.reshape(layout_of(tensor), [one or 0 for one in numbers], tensor.reading.itemsize)


def _narrow(tensor: AbstractTensor, numbers: Sequence[int | None]) -> ViewLayout | None:
    dim, start, length = [one or 0 for one in numbers][:3]
    return layouts.take_slice(layout_of(tensor), dim % len(tensor.reading.shape), slice(start, start + length))


def _transpose(tensor: AbstractTensor, numbers: Sequence[int | None]) -> ViewLayout | None:
    order = [one or 0 for one in numbers]
    if not order:
        return layouts.permute(layout_of(tensor), [*range(len(tensor.reading.shape))][::-1])
    is_swap = len(order) == 2 and not tensor.is_array  # noqa: PLR2004  (two dimensions)
    return layouts.swap(layout_of(tensor), *order) if is_swap else layouts.permute(layout_of(tensor), order)


def _unsqueeze(tensor: AbstractTensor, numbers: Sequence[int | None]) -> ViewLayout | None:
    rank = len(tensor.reading.shape)
    return layouts.add_dim(layout_of(tensor), (numbers[0] or 0) % (rank + 1)) if numbers else None


def _select(tensor: AbstractTensor, numbers: Sequence[int | None]) -> ViewLayout | None:
    dim, index = [one or 0 for one in numbers][:2]
    return layouts.take_one(layout_of(tensor), dim % len(tensor.reading.shape), index)


def _movedim(tensor: AbstractTensor, numbers: Sequence[int | None]) -> ViewLayout | None:
    order, (source, target) = [*range(len(tensor.reading.shape))], [one or 0 for one in numbers][:2]
    order.insert(target % len(order), order.pop(source % len(order)))
    return layouts.permute(layout_of(tensor), order)


def _last_two(tensor: AbstractTensor, _: Sequence[int | None]) -> ViewLayout | None:
    return layouts.swap(layout_of(tensor), -1, -2) if len(tensor.reading.shape) > 1 else None


def _plain(call: Callable[..., ViewLayout | None]) -> Layouts:
    return lambda tensor, numbers: call(layout_of(tensor), *numbers)


_LAYOUTS: dict[str, Layouts] = {
    **dict.fromkeys(("view", "reshape", "view_as", "reshape_as"), _reshape),
    **dict.fromkeys(("ravel", "flatten"), _flatten),
    **dict.fromkeys(("t", "T", "permute", "transpose", "swapaxes", "swapdims"), _transpose),
    **dict.fromkeys(("mT", "mH", "adjoint"), _last_two),
    **dict.fromkeys(("expand", "broadcast_to", "expand_as"), lambda one, to: layouts.expand(layout_of(one), [*to])),  # type: ignore[list-item]
    "squeeze": lambda one, dims: layouts.drop_dims(layout_of(one), [dim or 0 for dim in dims] or None),
    "unsqueeze": _unsqueeze,
    "narrow": _narrow,
    "select": _select,
    "diagonal": _plain(layouts.take_diagonal),
    "unfold": _plain(layouts.take_windows),
    **dict.fromkeys(("movedim", "moveaxis"), _movedim),
    **dict.fromkeys(("positive", "conj", "resolve_conj", "resolve_neg", "real"), lambda one, _: layout_of(one)),
}


def _pieces(memory: AbstractMemory, tensor: AbstractTensor, name: str, given: CallArguments) -> AbstractValue:
    """Return the pieces of a tensor along a dimension."""
    found = _cut(memory, tensor, name, given)
    for one in (*found.items(), found.others):
        if isinstance(one, AbstractTensor):
            one.is_piece = True
    return found


def _cut(memory: AbstractMemory, tensor: AbstractTensor, name: str, given: CallArguments) -> AbstractObject:
    if not tensor.is_exact or not tensor.reading.shape:
        return AbstractObject("list", others=memory.view(tensor), is_whole=False)
    shape = tensor.reading.shape
    dim = whole_number(given.get(0 if name == "unbind" else 1, "dim")) or 0
    dim = {"hsplit": min(1, len(shape) - 1), "vsplit": 0, "dsplit": 2}.get(name, dim) % len(shape)
    layout = layout_of(tensor)
    if name == "unbind":
        return make_list([memory.view(tensor, layouts.take_one(layout, dim, n)) for n in range(min(shape[dim], 256))])
    sizes = _sizes(name, given.get(0), shape[dim])
    if sizes is None:
        return AbstractObject("list", others=memory.view(tensor), is_whole=False)
    ends = [sum(sizes[: n + 1]) for n in range(len(sizes))]
    parts = [slice(end - size, end) for size, end in zip(sizes, ends, strict=True)]
    return make_list([memory.view(tensor, layouts.take_slice(layout, dim, part)) for part in parts])


def _sizes(name: str, wanted: AbstractValue | None, total: int) -> list[int] | None:
    """Return the sizes of the pieces."""
    if isinstance(wanted, AbstractObject):
        found = [whole_number(one) for one in wanted.items()]
        return None if None in found or name not in ("split", "split_with_sizes") else [one or 0 for one in found]
    number = whole_number(wanted)
    if not number or number < 1:
        return None
    if name in ("tensor_split", "hsplit", "vsplit", "dsplit"):
        return [total // number + (place < total % number) for place in range(number)]
    size = -(-total // number) if name == "chunk" else number
    return [min(size, total - start) for start in range(0, total, size)][:256]


def _size(tensor: AbstractTensor, dim: int | None) -> AbstractValue:
    if tensor.shape is None:
        return NUMBER
    if dim is None:
        return make_list([Constant(size) for size in tensor.shape])
    return Constant(tensor.shape[dim]) if -len(tensor.shape) <= dim < len(tensor.shape) else NUMBER
