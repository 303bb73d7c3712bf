"""What is told of one variable beside its picture: where its bytes lie, its form, its version, its part in the graph."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .measure import count_of, spell_number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..core.dirty import Dirty
    from ..core.lane import Lane, Run
    from ..core.reading import Reading

MAX_RUNS = 2


def facts(reading: Reading) -> tuple[str, ...]:
    """Tell a variable's form, version and part in the graph, one cell each."""
    version = "" if reading.version is None else f"v{reading.version}"
    kind = "" if reading.kind == "tensor" else reading.kind
    return spell_shape(reading.shape), version, ", ".join(part for part in (kind, _part_in_graph(reading)) if part)


def spell_shape(shape: tuple[int, ...]) -> str:
    """Spell a shape.

    Examples
    --------
    >>> [spell_shape(shape) for shape in ((2, 3), ())]
    ['2×3', 'scalar']
    """
    return "×".join(map(str, shape)) or "scalar"


def _part_in_graph(reading: Reading) -> str:
    if not reading.requires_grad:
        return ""
    return "leaf, requires grad" if reading.is_leaf else f"requires grad through {reading.grad_fn}"


def place(lane: Lane, nbytes: int) -> str:
    """Say where in a block of so many bytes a variable's bytes lie, and whether its elements lie over each other.

    Examples
    --------
    >>> from ..core.lane import Run
    >>> column = Lane(runs=(Run(4, 8, 4), Run(16, 20, 4)), nbytes=8, stride=12)
    >>> place(column, 24)
    '8 of 24 bytes, every 12'
    """
    said = _place(lane, nbytes)
    return said if lane.folds == 1 else f"{said}, {_times(lane)}"


def _place(lane: Lane, nbytes: int) -> str:
    if lane.nbytes == nbytes:
        return f"all {count_of(nbytes, 'byte')}"
    if len(lane.runs) == 1 and lane.runs[0].is_solid and lane.is_exact:
        return f"{_range(lane.runs)} of {nbytes:,}"
    most = "" if lane.is_exact else "at most "
    every = "" if lane.stride is None else f", every {lane.stride:,}"
    return f"{most}{lane.nbytes:,} of {count_of(nbytes, 'byte')}{every}" if lane.runs else "no bytes"


def _times(lane: Lane) -> str:
    return f"{spell_number(round(lane.folds, 1))} times over"


def dirt(dirty: Dirty, lane: Lane) -> str:
    """Say which bytes of a variable changed."""
    if not dirty.is_exact:
        return f"some changed, within {_range(dirty.runs)}"
    return "all changed" if dirty.runs == lane.runs else f"changed: {_range(dirty.runs)}"


def _range(runs: Sequence[Run]) -> str:
    """Spell runs as byte ranges, many as the range from the first to the last."""
    shown = runs if len(runs) <= MAX_RUNS else [runs[0], runs[-1]]
    gap = ", " if len(runs) <= MAX_RUNS else ", …, "
    return "bytes " + gap.join(f"{run.low:,}–{run.high:,}" for run in shown)
