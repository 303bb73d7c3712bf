"""The frames of a cell's error, with the statements that they were at."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

import IPython

from ...capture.frames.calling_line import is_users
from ...capture.frames.traceback_frames import spots_of
from ...core.explain.error_messages import BACKWARD
from ...core.explain.failing_statement import Failing, backward_root, failing_in, find_backward, find_failing
from ...core.hazards.facts import Raised, TypedLine
from ...core.model.records import Inner, Site
from ...core.syntax.cell_lines import Listing
from ...core.syntax.magic_calls import find_body
from ..ipython.cell_sources import source_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ...core.explain.error_messages import Complaint
    from ...core.explain.failing_statement import Spot

CELL = "<module>"
_IPYTHON = str(Path(IPython.__file__).parent)
_THREADS = ("threading.py", "concurrent/futures/thread.py")


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One frame whose statement was found.

    Attributes
    ----------
    place
        The index of the frame, counted from the innermost.
    inner
        The cell and line; None for code in a file.
    """

    place: int
    spot: Spot
    failing: Failing
    inner: Inner | None

    @property
    def file(self) -> str:
        """The name of the file without its directory."""
        return PurePath(self.spot.file).name

    @property
    def typed(self) -> TypedLine:
        """The statement with its cell or file, and line."""
        if self.inner is None:
            return TypedLine(line=self.failing.line, text=self.failing.text, file=self.file)
        return TypedLine(line=self.inner.line, text=self.failing.text, cell=self.inner.cell)

    @property
    def source(self) -> str:
        """The source of the whole cell or file."""
        return source_of(self.spot.file)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class ErrorScene:
    """An error with its frames. It references the user's objects, so it must not outlive the hook.

    Attributes
    ----------
    steps
        The user's frames, innermost first.
    inside
        PyTorch's frames called from the innermost of these, innermost first.
    own
        The statement of the cell itself; None if it was not found.
    """

    error: BaseException
    complaint: Complaint
    spots: Sequence[Spot]
    steps: Sequence[Step]
    inside: Sequence[Step]
    own: Step | None

    @property
    def is_threaded(self) -> bool:
        """True if the error comes from another thread; sequence numbers of nodes are per thread."""
        return any(PurePath(one.file).as_posix().endswith(_THREADS) for one in self.spots)

    @property
    def raised(self) -> Raised:
        """The user's innermost statement; for an error in backward, the statement that called backward."""
        runs_backward = (one for one in self.steps if find_backward(one.failing.node))
        step = next(runs_backward if self.complaint.trouble in BACKWARD else iter(()), next(iter(self.steps), None))
        if step is None:
            return Raised()
        is_own = self.own is not None and step.inner is not None and step.inner == self.own.inner
        return Raised(statement=step.typed, is_elsewhere=not is_own, root=backward_root(step.failing.node))

    @property
    def site(self) -> Site | None:
        """The cell's own statement, with the innermost notebook line that it led to."""
        if self.own is None or self.own.inner is None:
            return None
        failing, line = self.own.failing, self.own.inner.line
        inner = next((one.inner for one in self.steps if one.inner is not None), None)
        end = line + failing.end_line - failing.line
        return Site(line=line, end_line=end, text=failing.text, inner=None if inner == self.own.inner else inner)


def survey_error(error: BaseException, complaint: Complaint, count: int, files: Mapping[str, int]) -> ErrorScene:
    """Return an error with the frames of its traceback.

    Parameters
    ----------
    count
        The execution count of the cell that raised.
    files
        The file names of the notebook's cells, with their execution counts.
    """
    spots = spots_of(error)
    steps = [*_steps(spots, files)]
    steps.reverse()
    innermost = steps[0].place if steps else 0
    inside = [one for place, spot in enumerate(spots[:innermost]) if (one := _in_file(place, spot, _find(spot)))]
    own = next((one for one in steps if one.inner and one.inner.cell == count and one.spot.function == CELL), None)
    return ErrorScene(error=error, complaint=complaint, spots=spots, steps=steps, inside=inside, own=own)


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
        if step is not None:
            last = step
            yield step


def _at_cell(place: int, spot: Spot, failing: Failing | None, listing: Listing) -> Step | None:
    if failing is None:
        return None
    line = failing.line + listing.above(spot.file)
    inner = Inner(cell=listing.cells[spot.file], line=line, text=failing.text)
    return Step(place=place, spot=spot, failing=failing, inner=inner)


def _in_magic(place: int, spot: Spot, last: Step | None) -> Step | None:
    """Return the step of code that a magic compiled itself, such as the body of `%%time`."""
    body = find_body(last.failing.node) if last and last.inner and spot.function == CELL else None
    failing = None if body is None else find_failing(body.source, spot)
    if body is None or failing is None or last is None or last.inner is None:
        return None
    inner = replace(
        last.inner, line=last.inner.line - last.failing.line + body.offset + failing.line, text=failing.text
    )
    return Step(place=place, spot=spot, failing=failing, inner=inner)


def _in_file(place: int, spot: Spot, failing: Failing | None) -> Step | None:
    return None if failing is None else Step(place=place, spot=spot, failing=failing, inner=None)
