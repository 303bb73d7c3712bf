"""What `%%tensordiff` records of one cell in addition: its operators, and full copies of its inputs."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from ...capture.compare.full_copies import MAX_BYTES, FullCopies
from ...capture.running.operator_recorder import OperatorRecorder
from ...core.blame.evidence.operator_writes import PathsByBytes
from ...core.explain.node_log import MAX_DATED
from ...core.records.report_parts import NOT_KEPT, OperatorWrite
from ...core.records.snapshots.snapshot import Snapshot
from ...core.runtime.record import field, mutable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ...capture.observer import Observation, Observer
    from ...capture.running.write_log import WriteLog
    from ...core.blame.evidence.recorded_writes import RecordedWrites
    from ...core.records.snapshots.differences import Differences
    from ...core.records.trace.evidence import Recorded
    from ...core.records.trace.saved_tensor import Writing
    from ..ipython.magic_options import DiffOptions

SHARE = 0.25
"""Share of a recorded cell's run time that looks between statements may take."""
RECORDING_SECONDS = 60.0
"""Time budget for comparing bytes in a recorded cell: `%%tensordiff` asks for exact answers."""


@mutable(eq=False)
class Recording:
    """Records the operators of a cell, and keeps copies of the bytes from before it.

    Attributes
    ----------
    writes
        The operators that wrote, in order.
    recorded
        The recorded writes of each path.
    dated
        The first write to each storage at each version.
    """

    options: DiffOptions
    recorder: OperatorRecorder
    before: Snapshot = field(default_factory=Snapshot)
    full_copies: FullCopies = field(default_factory=FullCopies)
    writes: tuple[OperatorWrite, ...] = ()
    recorded: Mapping[str, tuple[Recorded, ...]] = field(default_factory=dict)
    dated: Mapping[tuple[int, int], Writing] = field(default_factory=dict)

    def open(self, observer: Observer, write_log: WriteLog) -> None:
        """Start recording; the dispatch mode is entered last, so that it sees only the user's operators."""
        self.before = observer.shot.snapshot
        self.full_copies.take(observer.shot.blocks, observer.prints)
        write_log.look_closely(self.full_copies.copies, MAX_BYTES, SHARE)
        if self.options.ops:
            self.recorder.open()

    def close(self) -> None:
        """Stop recording."""
        self.recorder.close()

    def conclude(self, transcript: RecordedWrites, observed: Observation) -> None:
        """Assign each recorded operator to the paths whose bytes it wrote."""
        owners = PathsByBytes(self.before, observed.shot.snapshot)
        self.writes = transcript.writes(self.recorder.seen, owners)
        self.recorded = transcript.recorded(self.recorder.seen, owners)
        alive = self.recorder.storages.references()
        lasting = ((key, one) for key, one in self.recorder.first.items() if key[0] in alive)
        self.dated = transcript.dated(dict(islice(lasting, MAX_DATED)))
        if self.recorder.left_out:
            self.writes += (OperatorWrite(site=None, op=NOT_KEPT, paths=(), times=self.recorder.left_out),)

    def release(self) -> None:
        """Drop the copies at once, without waiting for the garbage collector."""
        self.full_copies.copies.clear()
        self.recorder.seen.clear()
        self.recorder.first.clear()

    def sharpen(self, observed: Observation, observer: Observer) -> Differences:
        """Return the differences with changed elements counted in large tensors too, from the copies."""
        return self.full_copies.compare(observed.found, observed.shot.blocks, observer.prints, self.options.values)


def record_operators(
    files: Mapping[str, int], observer: Observer, write_log: WriteLog, options: DiffOptions
) -> Recording:
    """Return a recording for a cell, not yet started."""
    recorder = OperatorRecorder(observer.snapshotter.storages, files, lambda: write_log.current, write_log.foresee)
    return Recording(options, recorder)
