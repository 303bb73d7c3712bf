"""The layouts of views: which elements of a tensor `x[1:]`, `x.t()` or `x.view(-1)` have."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence


class ViewLayout(NamedTuple):
    """Where elements lie: strides and the offset of the first element are in bytes."""

    shape: tuple[int, ...]
    strides: tuple[int, ...]
    offset: int = 0


def take_index(layout: ViewLayout, keys: Sequence[object]) -> ViewLayout | None:
    """Return the layout of `x[keys]`, of basic indices only; None if an index is out of range or a step is 0.

    Examples
    --------
    >>> take_index(ViewLayout((3, 4), (16, 4)), (1, slice(2, None)))
    ViewLayout(shape=(2,), strides=(4,), offset=24)
    """
    taken = sum(key is not None and key is not ... for key in keys)
    if taken > len(layout.shape):
        return None
    dim, rest = 0, len(layout.shape) - taken
    for key in keys:
        if key is ...:
            dim, rest = dim + rest, 0
        elif key is None:
            layout, dim = add_dim(layout, dim), dim + 1
        elif isinstance(key, slice) and key.step != 0:
            layout, dim = take_slice(layout, dim, key), dim + 1
        elif isinstance(key, int) and -layout.shape[dim] <= key < layout.shape[dim]:
            layout = take_one(layout, dim, key)
        else:
            return None
    return layout


def take_one(layout: ViewLayout, dim: int, index: int) -> ViewLayout:
    """Return the layout of one index of a dimension, which is dropped."""
    shape, strides, offset = layout
    index = index % shape[dim] if shape[dim] else 0
    return ViewLayout(
        (*shape[:dim], *shape[dim + 1 :]), (*strides[:dim], *strides[dim + 1 :]), offset + index * strides[dim]
    )


def take_slice(layout: ViewLayout, dim: int, part: slice) -> ViewLayout:
    """Return the layout of a slice of a dimension."""
    shape, strides, offset = layout
    places = range(*part.indices(shape[dim]))
    first = places[0] if places else 0
    return ViewLayout(
        (*shape[:dim], len(places), *shape[dim + 1 :]),
        (*strides[:dim], strides[dim] * places.step, *strides[dim + 1 :]),
        offset + first * strides[dim],
    )


def add_dim(layout: ViewLayout, dim: int) -> ViewLayout:
    """Return the layout with a new dimension of size 1."""
    shape, strides, offset = layout
    return ViewLayout((*shape[:dim], 1, *shape[dim:]), (*strides[:dim], 0, *strides[dim:]), offset)


def drop_dims(layout: ViewLayout, dims: Sequence[int] | None) -> ViewLayout:
    """Return the layout without dimensions of size 1, all or some."""
    shape, strides, offset = layout
    every = range(len(shape)) if dims is None else [dim % len(shape) for dim in dims if shape]
    kept = [dim for dim in range(len(shape)) if not (dim in every and shape[dim] == 1)]
    return ViewLayout(tuple(shape[dim] for dim in kept), tuple(strides[dim] for dim in kept), offset)


def permute(layout: ViewLayout, order: Sequence[int]) -> ViewLayout | None:
    """Return the layout with its dimensions in another order."""
    shape, strides, offset = layout
    places = [dim % len(shape) for dim in order] if shape else []
    if sorted(places) != [*range(len(shape))]:
        return None
    return ViewLayout(tuple(shape[dim] for dim in places), tuple(strides[dim] for dim in places), offset)


def swap(layout: ViewLayout, first: int, second: int) -> ViewLayout | None:
    """Return the layout with two dimensions exchanged."""
    order = [*range(len(layout.shape))]
    if not order or not all(-len(order) <= dim < len(order) for dim in (first, second)):
        return layout if not order else None
    order[first], order[second] = order[second], order[first]
    return permute(layout, order)


def expand(layout: ViewLayout, sizes: Sequence[int]) -> ViewLayout | None:
    """Return the layout of `x.expand(*sizes)`; None if the sizes do not fit."""
    extra = len(sizes) - len(layout.shape)
    if extra < 0:
        return None
    shape, strides = (1,) * extra + layout.shape, (0,) * extra + layout.strides
    made = [
        (own, stride) if size in (own, -1) else (size, 0)
        for own, stride, size in zip(shape, strides, sizes, strict=True)
    ]
    if any(own not in (1, size, abs(size)) and size != -1 for own, size in zip(shape, sizes, strict=True)):
        return None
    return ViewLayout(tuple(size for size, _ in made), tuple(stride for _, stride in made), layout.offset)


def reshape(layout: ViewLayout, sizes: Sequence[int], itemsize: int) -> ViewLayout | None:
    """Return the layout of the same elements in another shape; None if that needs a copy.

    Examples
    --------
    >>> reshape(ViewLayout((2, 3), (12, 4)), (-1,), 4), reshape(ViewLayout((3, 2), (4, 12)), (6,), 4)
    (ViewLayout(shape=(6,), strides=(4,), offset=0), None)
    """
    shape = fill_in(sizes, prod(layout.shape))
    if shape is None or prod(shape) != prod(layout.shape):
        return None
    strides = _strides_of(layout, shape, itemsize)
    return None if strides is None else ViewLayout(shape, strides, layout.offset)


def fill_in(sizes: Sequence[int], total: int) -> tuple[int, ...] | None:
    """Return a shape with its one `-1` computed."""
    known = prod(size for size in sizes if size != -1)
    if -1 not in sizes:
        return tuple(sizes)
    return tuple(total // known if size == -1 else size for size in sizes) if known else None


def _strides_of(layout: ViewLayout, shape: tuple[int, ...], itemsize: int) -> tuple[int, ...] | None:
    """Return the strides of another shape, by PyTorch's own rule; None if the elements are too far apart."""
    if 0 in layout.shape:
        return dense_strides(shape, itemsize)
    found = [0] * len(shape)
    place, numel, expected = len(shape) - 1, 1, 1
    base = layout.strides[-1] if layout.strides else itemsize
    for dim in reversed(range(len(layout.shape))):
        expected *= layout.shape[dim]
        at_end = dim == 0
        if at_end or (layout.shape[dim - 1] != 1 and layout.strides[dim - 1] != expected * base):
            while place >= 0 and (numel < expected or shape[place] == 1):
                found[place] = numel * base
                numel *= shape[place]
                place -= 1
            if numel != expected:
                return None
            if not at_end:
                base, numel, expected = layout.strides[dim - 1], 1, 1
    return tuple(found) if place < 0 or not layout.shape else None


def dense_strides(shape: Sequence[int], itemsize: int) -> tuple[int, ...]:
    """Return the strides of a contiguous tensor."""
    found: list[int] = []
    for size in reversed(shape):
        found.insert(0, itemsize)
        itemsize *= max(size, 1)
    return tuple(found)


def is_contiguous(layout: ViewLayout, itemsize: int) -> bool:
    """Return whether the elements lie one after the other in the order of their indices."""
    wanted = dense_strides(layout.shape, itemsize)
    return 0 in layout.shape or all(
        size == 1 or own == dense for size, own, dense in zip(layout.shape, layout.strides, wanted, strict=True)
    )


def take_diagonal(layout: ViewLayout, offset: int = 0, first: int = 0, second: int = 1) -> ViewLayout | None:
    """Return the layout of a diagonal."""
    shape, strides, start = layout
    if len(shape) <= 1:
        return None
    first, second = first % len(shape), second % len(shape)
    rows, columns = shape[first] + min(offset, 0), shape[second] - max(offset, 0)
    start += max(offset, 0) * strides[second] - min(offset, 0) * strides[first]
    kept = [dim for dim in range(len(shape)) if dim not in (first, second)]
    return ViewLayout(
        (*(shape[dim] for dim in kept), max(0, min(rows, columns))),
        (*(strides[dim] for dim in kept), strides[first] + strides[second]),
        start,
    )


def take_windows(layout: ViewLayout, dim: int, size: int, step: int) -> ViewLayout | None:
    """Return the layout of `x.unfold(dim, size, step)`."""
    shape, strides, offset = layout
    if not shape or size > shape[dim] or step <= 0:
        return None
    dim %= len(shape)
    count = (shape[dim] - size) // step + 1
    return ViewLayout(
        (*shape[:dim], count, *shape[dim + 1 :], size),
        (*strides[:dim], strides[dim] * step, *strides[dim + 1 :], strides[dim]),
        offset,
    )
