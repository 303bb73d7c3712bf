"""The facts beside the picture of a variable: the place of its bytes, shape, version, and autograd state."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .quantities import count_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...core.memory.changed_bytes import Dirty
    from ...core.memory.strided_layout import ByteRun, Lane
    from ...core.records.reading import Reading
    from ..page import Strip

MAX_RUNS = 2


def facts(reading: Reading) -> tuple[str, ...]:
    """Return shape, version and autograd state of a variable, one table cell each."""
    version = "" if reading.version is None else f"v{reading.version}"
    kind = "" if reading.kind == "tensor" else reading.kind
    return spell_shape(reading.shape), version, ", ".join(part for part in (kind, _graph(reading)) if part)


def spell_shape(shape: tuple[int, ...]) -> str:
    """Format a shape.

    Examples
    --------
    >>> [spell_shape(shape) for shape in ((2, 3), ())]
    ['2×3', 'scalar']
    """
    return "×".join(map(str, shape)) or "scalar"


def _graph(reading: Reading) -> str:
    if not reading.requires_grad:
        return ""
    return "leaf, requires grad" if reading.is_leaf else "requires grad, not a leaf"


def place(lane: Lane, nbytes: int) -> str:
    """Return where in a block of `nbytes` bytes a variable's bytes lie, and how often its elements overlap.

    Examples
    --------
    >>> from ipy_tensorwatch.core.memory.strided_layout import Lane, ByteRun
    >>> column = Lane(runs=(ByteRun(4, 8, 4), ByteRun(16, 20, 4)), nbytes=8, stride=12)
    >>> place(column, 24)
    '8 of 24 bytes, every 12'
    """
    said = _place(lane, nbytes)
    return said if lane.folds == 1 else f"{said}, {_times(lane)}"


def _place(lane: Lane, nbytes: int) -> str:
    if lane.nbytes == nbytes and lane.is_exact:
        return f"all {count_of(nbytes, 'byte')}"
    if len(lane.runs) == 1 and lane.runs[0].is_solid and lane.is_exact:
        return f"{_range(lane.runs)} of {nbytes:,}"
    most = "" if lane.is_exact else "at most "
    every = "" if lane.stride is None else f", every {lane.stride:,}"
    return f"{most}{lane.nbytes:,} of {count_of(nbytes, 'byte')}{every}" if lane.runs else "no bytes"


def _times(lane: Lane) -> str:
    least = "" if lane.is_exact else "at least "
    return f"{least}{lane.folds:,.1f}".removesuffix(".0") + " times over"


def dirt(dirty: Dirty, lane: Lane) -> str:
    """Return which bytes of a variable changed, in words."""
    amount = "all changed" if dirty.is_exact else "some changed"
    return amount if dirty.runs == lane.runs else f"{amount} of {_range(dirty.runs)}"


def key(strips: Sequence[Strip]) -> str:
    """Return the legend for the signs that occur in strips."""
    signs = {
        "underlined: changed": any(one.dirty and one.dirty.is_exact for one in strips),
        "thin line: some of it changed": any(one.dirty and not one.dirty.is_exact for one in strips),
        "hatched: stripes too fine to draw": any(not run.is_solid for one in strips for run in one.lane.runs),
        "layered: elements over each other": any(one.lane.folds > 1 for one in strips),
    }
    return " · ".join(text for text, occurs in signs.items() if occurs)


def _range(runs: Sequence[ByteRun]) -> str:
    """Format runs as byte ranges; of more than `MAX_RUNS`, only the first and the last."""
    shown = runs if len(runs) <= MAX_RUNS else [runs[0], runs[-1]]
    gap = ", " if len(runs) <= MAX_RUNS else ", …, "
    return "bytes " + gap.join(f"{run.low:,}–{run.high:,}" for run in shown)
