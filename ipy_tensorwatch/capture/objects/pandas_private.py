"""The private names of pandas: the arrays in which a frame or a series keeps its columns.

They are tried when the first frame is met, which is when pandas has been imported.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from ...core.runtime.capability import take
from .inspect_object import attribute, is_a, module_of, mro_of, name_of, text_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Blocks = Callable[[Any], Iterator[tuple[str, Any]]]

MAX_NAMED = 64
"""The maximum number of columns of a frame whose arrays are spelled by column."""


def is_frame(kind: type) -> bool:
    """Return whether objects of a class are frames or series of pandas."""
    return any(name_of(one) == "NDFrame" and module_of(one) == "pandas.core.generic" for one in mro_of(kind))


def frame_arrays(frame: object) -> list[tuple[str, Any]]:
    """Return the arrays of a frame or a series, each with the step that leads to its columns."""
    return [*_reader()(attribute(frame, "_mgr"))]


@cache
def _reader() -> Blocks:
    reader: Blocks = take(
        "pandas.DataFrame",
        "pandas.core.internals.managers.BlockManager.blocks",
        "pandas.core.internals.managers.BlockManager.axes",
        lost="no-frames",
        make=_checked,
        instead=lambda _: iter(()),
    )
    return reader


def _checked(frame: Any, *_: object) -> Blocks:  # noqa: ANN401
    """Return the reader, if it finds the columns of a small frame of two types."""
    small = frame({"a": [1.0, 2.0], "b": [3, 4], "c": [5.0, 6.0]})
    found = {step: block.shape for step, block in _read(attribute(small, "_mgr"))}
    if found != {"[['a', 'c']]": (2, 2), "['b']": (1, 2)}:
        raise ValueError(found)
    return _read


def _read(manager: Any) -> Iterator[tuple[str, Any]]:  # noqa: ANN401
    if not (module_of(type(manager)) or "").startswith("pandas."):
        return
    blocks, columns = manager.blocks, [] if len(manager.axes) == 1 else manager.axes[0]
    for block in blocks:
        places = block.mgr_locs.as_array.tolist()
        if is_a(type(block.values), np.ndarray) and not block.values.dtype.hasobject:
            yield ".values" if len(blocks) == 1 else _spell(columns, places), block.values


def _spell(columns: Any, places: list[int]) -> str:  # noqa: ANN401
    """Return the step to some columns: by their names, if these are short and plain."""
    labels = [columns[place] for place in places] if len(columns) <= MAX_NAMED else []
    names = [one if type(one) is int else text_of(one) for one in labels]
    if not names or None in names:
        return f".iloc[:, {places}]" if places[1:] else f".iloc[:, {places[0]}]"
    return f"[{names!r}]" if names[1:] else f"[{names[0]!r}]"
