"""The views that methods of a tensor or an array give, and copies where no view can be."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from ...memory import view_layouts as layouts
from ...memory.view_layouts import ViewLayout
from ..values.abstract_values import (
    UNKNOWN,
    AbstractObject,
    AbstractTensor,
    AbstractValue,
    CallArguments,
    constant_of,
    make_list,
    whole_number,
)
from .new_tensors import dtype_of, fresh_like, plain_dtype

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ..values.abstract_memory import AbstractMemory

    Layouts = Callable[[AbstractTensor, Sequence[int | None]], ViewLayout | None]

_STORAGES = frozenset(("untyped_storage", "storage", "typed_storage"))
"""What gives the whole memory of a tensor, of which its own elements may be a part."""
_UNTRACKED = _STORAGES | {"detach", "numpy", "__array__"}
_UNCOUNTED = _STORAGES | {"numpy", "__array__", "data_ptr"}
PIECES = frozenset(("chunk", "split", "unbind", "tensor_split", "hsplit", "vsplit", "dsplit", "split_with_sizes"))
_MAY_COPY = frozenset(("reshape", "reshape_as", "ravel", "flatten", "contiguous"))


def layout_of(tensor: AbstractTensor) -> ViewLayout:
    """Return the layout of a tensor, its own first element at 0."""
    return ViewLayout(tensor.reading.shape, tensor.reading.strides)


def take_view(memory: AbstractMemory, tensor: AbstractTensor, name: str, given: CallArguments) -> AbstractValue:
    """Return what a method gives that returns a view, or a copy where no view can be."""
    kind = "ndarray" if name in ("numpy", "__array__", "asarray", "ctypes") else ""
    if name in _UNTRACKED or kind:
        is_same = tensor.is_exact and name not in _STORAGES
        made = memory.view(tensor, layout_of(tensor) if is_same else None, kind=kind, tracked=False)
        made.is_counted = tensor.is_counted and name not in _UNCOUNTED
        if kind:
            made.reading = made.reading._replace(dtype=plain_dtype(tensor), version=None)
        return made
    if not tensor.is_exact:
        return UNKNOWN if name in _MAY_COPY else memory.view(tensor)
    if name == "as_strided":
        return memory.view(tensor, _lay_out(tensor, given))
    if tensor.is_array and name in ("ravel", "reshape") and (order := _order_of(name, given)) not in ("", "C"):
        return _take_in_order(memory, tensor, order)
    numbers = _numbers(given, is_like=name.endswith("_as"))
    if name == "view" and (dtype := next((found for one in given.everything() if (found := dtype_of(one))), "")):
        return tensor if dtype == plain_dtype(tensor) else memory.view(tensor)
    layout = None
    if name in _LAYOUTS and None not in numbers:
        with suppress(TypeError, ValueError):  # too few numbers, as while one types
            layout = _LAYOUTS[name](tensor, numbers)
    if name in _MAY_COPY and layout is None:
        return fresh_like(memory, tensor) if None not in numbers else UNKNOWN
    return memory.view(tensor, layout)


def _lay_out(tensor: AbstractTensor, given: CallArguments) -> ViewLayout | None:
    """Return the layout that `as_strided` gives; its offset counts from the start of the storage."""
    reading, size, stride = tensor.reading, given.get(0, "size"), given.get(1, "stride")
    if not isinstance(size, AbstractObject) or not isinstance(stride, AbstractObject):
        return None
    sizes, strides = [whole_number(one) for one in size.items()], [whole_number(one) for one in stride.items()]
    start = whole_number(given.get(2, "storage_offset")) if given.get(2, "storage_offset") is not None else -1
    if None in sizes or None in strides or start is None:
        return None
    offset = 0 if start < 0 else reading.storage_start + start * reading.itemsize - reading.data_ptr
    return ViewLayout(tuple(one or 0 for one in sizes), tuple((one or 0) * reading.itemsize for one in strides), offset)


def _order_of(name: str, given: CallArguments) -> str:
    """Return the order in which an array's elements are to be read."""
    value = constant_of(given.named.get("order") or (given.get(0) if name == "ravel" else None))
    return value if isinstance(value, str) else ""


def _take_in_order(memory: AbstractMemory, array: AbstractTensor, order: str) -> AbstractValue:
    """Return what an array gives read in another order: a view where its elements lie in that order."""
    layout, size = layout_of(array), array.reading.itemsize
    across = layouts.permute(layout, range(len(layout.shape))[::-1]) or layout
    lies = {"F": layouts.is_contiguous(across, size), "A": layouts.is_contiguous(layout, size)}
    shares = lies["F"] or (order != "F" and lies["A"]) or (order == "K" and array.reading.is_dense)
    return memory.view(array) if shares else fresh_like(memory, array, exact=False)


def _numbers(given: CallArguments, *, is_like: bool = False) -> list[int | None]:
    """Return the numbers that a method is given, one by one or in a tuple; None for one that is not known."""
    found: list[int | None] = []
    for one in given.everything():
        if isinstance(one, AbstractObject):
            found += [whole_number(each) for each in one.items()]
        elif isinstance(one, AbstractTensor):
            found += [*one.shape] if is_like and one.shape is not None else [None]
        elif not isinstance(constant_of(one), str):
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


def take_pieces(memory: AbstractMemory, tensor: AbstractTensor, name: str, given: CallArguments) -> AbstractValue:
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
    place = given.get(0 if name == "unbind" else 1, "axis" if tensor.is_array else "dim")
    dim = whole_number(place) or 0
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
