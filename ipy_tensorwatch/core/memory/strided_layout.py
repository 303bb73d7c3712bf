"""Where a tensor's elements lie in a block: arithmetic on shape and strides, independent of their number."""

from __future__ import annotations

from itertools import product
from math import prod
from typing import TYPE_CHECKING

from ..runtime.record import record

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..records.reading import Reading

    Levels = list[tuple[int, int]]

MAX_STARTS = 1 << 12
"""The maximum number of runs enumerated if stripes cross each other, which no formula counts."""


@record(kw_only=False)
class ByteRun:
    """Bytes `[low, high)` of a block, of which `covered` belong to elements."""

    low: int
    high: int
    covered: int

    @property
    def width(self) -> int:
        """The number of bytes from the first to the last."""
        return self.high - self.low

    @property
    def is_solid(self) -> bool:
        """Whether elements cover every byte; otherwise the run stands for stripes too fine to be drawn apart."""
        return self.covered == self.width


@record
class Lane:
    """Where the elements of one tensor lie in a block.

    Attributes
    ----------
    runs
        Ascending, with gaps between them.
    nbytes
        The number of bytes that belong to elements, each counted once.
    folds
        The mean number of elements per byte: above one if elements overlap.
    stride
        The distance between stripes in bytes; None for a single stripe, or no common distance.
    is_exact
        Whether the count is exact; if not, `nbytes` is an upper bound and `folds` a lower one.
    """

    runs: tuple[ByteRun, ...] = ()
    nbytes: int = 0
    folds: float = 1.0
    stride: int | None = None
    is_exact: bool = True


def lay(reading: Reading, low: int, cell: float) -> Lane:
    """Return the lane of a reading in the block that begins at address `low`.

    Parameters
    ----------
    cell
        The drawing resolution in bytes: stripes closer than two cells, or with gaps below one cell,
        become one run with the number of bytes that they cover. 0 keeps all stripes.

    Examples
    --------
    >>> from ipy_tensorwatch.core.records.reading import Reading
    >>> column = Reading("tensor", 1, itemsize=4, shape=(2,), strides=(12,), data_ptr=104, low=4, high=20)
    >>> [(run.low, run.high) for run in lay(column, 100, 0.1).runs]
    [(4, 8), (16, 20)]
    """
    if not reading.nbytes:
        return Lane()
    levels = levels_of(reading)
    runs = _runs(levels, reading.address - low, cell)
    is_nested = are_nested(levels)
    is_exact = is_nested or _count_starts(levels) <= MAX_STARTS
    nbytes = prod(size for _, size in levels) if is_nested else sum(run.covered for run in runs)
    return Lane(
        runs=runs,
        nbytes=nbytes,
        folds=reading.nbytes / nbytes,
        stride=levels[1][0] if len(levels) == 2 else None,  # noqa: PLR2004  (bytes, and stripes of them)
        is_exact=is_exact,
    )


def levels_of(reading: Reading) -> Levels:
    """Return the bytes as sums of progressions (stride, size), finest first, contiguous ones merged."""
    dims = sorted(
        (abs(stride), size) for size, stride in zip(reading.shape, reading.strides, strict=True) if size > 1 and stride
    )
    levels = [(1, reading.itemsize)]
    for stride, size in dims:
        finer, count = levels[-1]
        step, rest = divmod(stride, finer)
        if rest == 0 and step <= count:
            levels[-1] = finer, (size - 1) * step + count
        else:
            levels.append((stride, size))
    return levels


def are_nested(levels: Levels) -> bool:
    """Return whether each stride exceeds the reach of the finer levels, so that no byte is covered twice."""
    return all(stride >= width_of(levels[:place]) for place, (stride, _) in enumerate(levels))


def width_of(levels: Levels) -> int:
    """Return the number of bytes from the first to the last."""
    return sum((size - 1) * stride for stride, size in levels) + 1


def _count_starts(levels: Levels) -> int:
    return prod(size for _, size in levels[1:])


def _runs(levels: Levels, first: int, cell: float) -> tuple[ByteRun, ...]:
    dense = _dense(levels, cell)
    width, covered = width_of(levels[:dense]), prod(size for _, size in levels[:dense])
    if not are_nested(levels) and dense == len(levels):
        return (ByteRun(first, first + width, min(width, covered)),)
    steps = [range(0, stride * size, stride) for stride, size in levels[dense:]]
    starts = sorted(first + sum(parts) for parts in product(*steps))
    return join_runs((ByteRun(start, start + width, covered) for start in starts), cell)


def _dense(levels: Levels, cell: float) -> int:
    """Return the number of strides below drawing resolution."""
    if not are_nested(levels):
        return 1 if _count_starts(levels) <= MAX_STARTS else len(levels)
    finer = ((place, stride, width_of(levels[:place])) for place, (stride, _) in enumerate(levels))
    return next((place for place, stride, width in finer if place and not _is_close(stride, width, cell)), len(levels))


def _is_close(stride: int, width: int, cell: float) -> bool:
    return stride < 2 * cell or stride - width < cell


def join_runs(runs: Iterable[ByteRun], cell: float = 0) -> tuple[ByteRun, ...]:
    """Join ascending runs that meet, or whose gap is below drawing resolution."""
    joined: list[ByteRun] = []
    for run in runs:
        last = joined[-1] if joined else None
        if last is None or (run.low > last.high and not _is_close(run.low - last.low, last.width, cell)):
            joined.append(run)
        else:
            beyond = max(0, run.high - max(last.high, run.low))
            joined[-1] = ByteRun(last.low, max(last.high, run.high), last.covered + min(run.covered, beyond))
    return tuple(joined)
