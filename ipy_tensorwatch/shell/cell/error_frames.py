"""The statements that the frames of a cell's error were at."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

import IPython

from ...capture.frames.calling_line import is_users
from ...capture.frames.traceback_frames import spots_of
from ...core.explain.failing_statement import failing_in, find_failing
from ...core.records.report_parts import Inner
from ...core.records.trace.cell_error import CELL
from ...core.runtime.record import record
from ...core.syntax.cell_lines import Listing
from ...core.syntax.magic_calls import find_body
from ..ipython.cell_sources import source_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ...core.explain.failing_statement import Failing
    from ...core.records.trace.cell_error import Spot

_IPYTHON = str(Path(IPython.__file__).parent)
_THREADS = ("threading.py", "concurrent/futures/thread.py")


@record
class Step:
    """One frame whose statement was found.

    Attributes
    ----------
    place
        The index of the frame, counted from the innermost.
    inner
        The cell and line; None for code in a file.
    source
        The source of the whole cell or file; empty for PyTorch's.
    """

    place: int
    spot: Spot
    failing: Failing
    inner: Inner | None = None
    source: str = ""


def survey_error(error: BaseException, files: Mapping[str, int]) -> tuple[list[Step], list[Step]]:
    """Return the steps of the user's frames and those of PyTorch's frames called from the innermost, innermost first.

    Parameters
    ----------
    files
        The file names of the notebook's cells, with their execution counts.
    """
    spots = spots_of(error)
    steps = [*_steps(spots, files)][::-1]
    innermost = steps[0].place if steps else 0
    inside = [one for place, spot in enumerate(spots[:innermost]) if (one := _in_file(place, spot, _find(spot)))]
    return steps, inside


def is_threaded(error: BaseException) -> bool:
    """Return whether an error comes from another thread; sequence numbers of nodes are per thread."""
    return any(PurePath(one.file).as_posix().endswith(_THREADS) for one in spots_of(error))


def _find(spot: Spot) -> Failing | None:
    """Return the statement that a frame was at; reuses the trees that IPython parsed for the traceback."""
    from stack_data.core import Source  # noqa: PLC0415  (only errors need it)

    try:
        source = Source.for_filename(spot.file)
    except (RecursionError, MemoryError):
        return None
    return None if source.tree is None else failing_in(source.tree, source.lines, spot)


def _steps(spots: Sequence[Spot], files: Mapping[str, int]) -> Iterator[Step]:
    """Yield the steps of the user's frames, outermost first; frames above the first notebook frame are IPython's."""
    listing, find, last = Listing(files, source_of), cache(_find), None  # in a recursion, many frames are at one spot
    for place, spot in [*enumerate(spots)][::-1]:
        step = _at_cell(place, spot, find(spot), listing) if spot.file in files else _in_magic(place, spot, last)
        if step is None and last is not None and is_users(spot.file) and not spot.file.startswith(_IPYTHON):
            step = _in_file(place, spot, find(spot))
            step = step and replace(step, source=source_of(spot.file))
        if step is not None:
            last = step
            yield step


def _at_cell(place: int, spot: Spot, failing: Failing | None, listing: Listing) -> Step | None:
    if failing is None:
        return None
    line = failing.line + listing.above(spot.file)
    inner = Inner(cell=listing.cells[spot.file], line=line, text=failing.text)
    return Step(place=place, spot=spot, failing=failing, inner=inner, source=source_of(spot.file))


def _in_magic(place: int, spot: Spot, last: Step | None) -> Step | None:
    """Return the step of code that a magic compiled itself, such as the body of `%%time`."""
    body = find_body(last.failing.node) if last and last.inner and spot.function == CELL else None
    failing = None if body is None else find_failing(body.source, spot)
    if body is None or failing is None or last is None or last.inner is None:
        return None
    inner = replace(
        last.inner, line=last.inner.line - last.failing.line + body.offset + failing.line, text=failing.text
    )
    return Step(place=place, spot=spot, failing=failing, inner=inner, source=source_of(spot.file))


def _in_file(place: int, spot: Spot, failing: Failing | None) -> Step | None:
    return None if failing is None else Step(place=place, spot=spot, failing=failing)
