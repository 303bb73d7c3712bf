"""Make the record of a cell's error while its frames and its graph are alive."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from pathlib import PurePath
from typing import TYPE_CHECKING, Literal

from ...capture.autograd.failed_backward import find_spoiled, graph_at
from ...capture.frames.frame_locals import inplace_module, read_keys, read_locals, unassignable_among
from ...capture.frames.traceback_frames import find_error_message
from ...core.explain.error_messages import BACKWARD
from ...core.explain.failing_statement import backward_root, find_backward
from ...core.records.trace.cell_error import CellError, ErrorFrame, FreedAtError
from ...core.runtime.record import record
from ...core.statements.writes.write_target import Target, spell_target
from ...core.syntax.statement_text import words_in
from .error_frames import is_threaded, survey_error

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ...capture.observer import Observer
    from ...core.explain.error_messages import ErrorMessage
    from ...core.records.path import AccessPath
    from ...core.records.snapshots.snapshot import Snapshot
    from .error_frames import Step
    from .running_cell import RunningCell

SECONDS = 1.0
"""Time limit in seconds for reading the graph after an error; the user waits for the answer."""
MAX_FRAMES = 8
"""How many frames have all their local names read."""
MAX_NAMED = 16
"""How many frames have the names of their statements read, and how many variables over one memory are examined."""
_KINDS: dict[object, Literal["tuple", "list"]] = {tuple: "tuple", list: "list"}


def take_error(
    error: BaseException | None, cell: RunningCell, after: Snapshot, files: Mapping[str, int]
) -> CellError | None:
    """Return the record of an error; None if it is not one of PyTorch's about an in-place write.

    Parameters
    ----------
    files
        The file names of the notebook's cells, with their execution counts.
    """
    found = None if error is None else find_error_message(error)
    if error is None or found is None:
        return None
    message, error_message, culprit = found
    steps, inside = survey_error(culprit, files)
    if not steps:  # it was raised again outside the notebook
        culprit = error
        steps, inside = survey_error(error, files)
    taking = _Taking(culprit, error_message, cell.observer, after)
    record = CellError(message=message, is_threaded=is_threaded(culprit), containers=dict(_containers(cell)))
    if error_message.trouble not in BACKWARD:
        return taking.with_names(record, steps, inside)
    record = replace(record, frames=tuple(taking.caller(depth, one) for depth, one in enumerate(steps)))
    return taking.with_freed(record) if error_message.trouble == "freed" else taking.with_spoiled(record)


def _containers(cell: RunningCell) -> Iterator[tuple[str, Literal["tuple", "list"]]]:
    for name in sorted(set(words_in(cell.plain))):
        kind = _KINDS.get(type(cell.names.get(name)))
        if kind is not None:
            yield name, kind


@record(kw_only=False)
class _Taking:
    """Reads an error; it references the user's objects, so it must not outlive the hook."""

    error: BaseException
    error_message: ErrorMessage
    observer: Observer
    after: Snapshot

    def with_spoiled(self, record: CellError) -> CellError:
        """Add the saved tensor at which a backward raised."""
        snapshotter = self.observer.snapshotter
        spoiled = find_spoiled(self.error, self.error_message, snapshotter.storages, snapshotter.objects, SECONDS)
        seen = self.observer.graphs.seen
        return record if spoiled is None else replace(record, spoiled=spoiled, seen_in=seen.get(spoiled.sequence))

    def with_freed(self, record: CellError) -> CellError:
        """Add the graph of a backward that met freed nodes; a graph of another thread has other numbers."""
        graph = None if record.is_threaded else graph_at(self.error, SECONDS)
        if graph is None:
            return record
        known = self.observer.graphs.freed
        now, earlier = ({node: tuple(paths) for node, paths in one.items()} for one in (known.roots, known.earlier))
        return replace(
            record, freed=FreedAtError(graph=graph, foretold=known.before.get(graph.root), now=now, earlier=earlier)
        )

    def with_names(self, record: CellError, steps: Sequence[Step], inside: Sequence[Step]) -> CellError:
        """Add the frames of a refused write, with the tensors that their statements name."""
        within = tuple(self._named(one) for one in inside)
        frames = [self._with_local(self._named(one), one) for one in islice(steps, MAX_NAMED)]
        if frames and within:
            fixed = unassignable_among(self.error, steps[0].place, self._over(within))
            frames[0] = replace(frames[0], fixed=frames[0].fixed | fixed)
        rest = (self._frame(one) for one in islice(steps, MAX_NAMED, None))
        return replace(record, frames=(*frames, *rest), inside=within)

    def _over(self, frames: Sequence[ErrorFrame]) -> Iterator[AccessPath]:
        """Yield the variables over the memory of the tensors that some frames name."""
        for storage in dict.fromkeys(one.reading.storage for frame in frames for one in frame.named):
            for path, _ in islice(self.after.by_storage.get(storage, ()), MAX_NAMED):
                yield path

    def caller(self, depth: int, step: Step) -> ErrorFrame:
        """Return a frame that led to a failed backward; the innermost functions have their local names read."""
        frame = self._frame(step)
        return self._with_local(frame, step, is_needed=depth < MAX_FRAMES)

    def _named(self, step: Step) -> ErrorFrame:
        """Return a frame with the tensors that its statement names."""
        frame = self._frame(step)
        over = (path for paths in frame.iterated.values() for path in paths)
        roots = {path.root for path in (*frame.written, *frame.read, *over)}
        named = read_locals(self.error, step.place, self.observer.snapshotter.storages, roots)
        return replace(
            frame,
            named=named,
            fixed=unassignable_among(self.error, step.place, (one.path for one in named)),
            module=inplace_module(self.error, step.place),
        )

    def _with_local(self, frame: ErrorFrame, step: Step, *, is_needed: bool | None = None) -> ErrorFrame:
        """Add the tensors behind a function's local names; by default if it names a view, whose base is asked for."""
        is_needed = any(one.base for one in frame.named) if is_needed is None else is_needed
        if not is_needed or frame.is_cell:
            return frame
        return replace(frame, local=read_locals(self.error, step.place, self.observer.snapshotter.storages))

    def _frame(self, step: Step) -> ErrorFrame:
        failing, keys = step.failing, read_keys(self.error, step.place)
        return ErrorFrame(
            spot=step.spot,
            file=PurePath(step.spot.file).name,
            inner=step.inner,
            line=failing.line,
            end_line=failing.end_line,
            text=failing.text,
            written=tuple(spell_target(one, keys) for one in failing.targets()),
            read=tuple(spell_target(Target(path=path), keys) for path in failing.mentions()),
            iterated={name: tuple(paths) for name, paths in failing.iterated().items()},
            root=backward_root(failing.node),
            runs_backward=find_backward(failing.node) is not None,
            source=step.source,
        )
