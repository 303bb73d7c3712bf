"""Spell the part of a tensor that a view covers: `h[:, 1:3]`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..records.reading import Reading


def spell_portion(view: Reading, base: Reading) -> str | None:
    """Spell a view that drops or slices one dimension of its base; None for any other view.

    Examples
    --------
    >>> from ipy_tensorwatch.core.records.reading import Reading
    >>> base = Reading("tensor", 1, itemsize=4, shape=(3, 4), strides=(16, 4))
    >>> spell_portion(base._replace(shape=(3, 2), low=8), base)
    '[:, 2:4]'
    """
    if (
        view.unknown
        or base.unknown
        or view.itemsize != base.itemsize
        or (view.shape, view.low) == (base.shape, base.low)
    ):
        return None
    for place, (size, stride) in enumerate(zip(base.shape, base.strides, strict=True)):
        start, rest = divmod(view.low - base.low, stride or 1)
        around = base.shape[:place], base.shape[place + 1 :]
        steps = (*base.strides[:place], *base.strides[place + 1 :])
        if rest or not 0 <= start < size:
            continue
        head = "[" + ":, " * place
        if (view.shape, view.strides) == ((*around[0], *around[1]), steps):
            return f"{head}{start}]"
        width = view.shape[place] if len(view.shape) == len(base.shape) else 0
        is_run = view.shape == (*around[0], width, *around[1]) and view.strides == base.strides
        if is_run and 0 < width <= size - start:
            return f"{head}{start}:{start + width}]"
    return None
