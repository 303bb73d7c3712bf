"""What `%%tensordiff` records of one cell beyond what is always known."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ...capture.compare.full_copies import MAX_BYTES, Album
from ...capture.running.operator_recorder import OperatorRecorder
from ...core.blame.operator_writes import PathsByBytes
from ...core.model.records import NOT_KEPT, OperatorWrite
from ...core.model.snapshot import Snapshot

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ...capture.observer import Observation, Observer
    from ...capture.running.write_log import Ledger
    from ...core.blame.recorded_writes import Transcript
    from ...core.model.differences import Differences
    from ...core.model.evidence import Recorded
    from ..ipython.magic_options import DiffOptions

SHARE = 0.25
"""The share of such a cell's run time that looking between statements may take."""
SECONDS = 60.0
"""How long the bytes of such a cell may be compared: whoever asks for exactness waits for it."""


@dataclass(slots=True, eq=False, repr=False)
class Recording:
    """Records the operators of a cell, and keeps copies of what it starts from.

    Attributes
    ----------
    writes
        The operators that wrote, in order.
    recorded
        For each path, the statements that were seen to write to it.
    """

    options: DiffOptions
    recorder: OperatorRecorder
    before: Snapshot = field(default_factory=Snapshot)
    album: Album = field(default_factory=Album)
    writes: tuple[OperatorWrite, ...] = ()
    recorded: Mapping[str, tuple[Recorded, ...]] = field(default_factory=dict)

    def open(self, observer: Observer, ledger: Ledger) -> None:
        """Begin; the mode comes last, so that it sees nothing but the user's operators."""
        self.before = observer.shot.snapshot
        self.album.take(observer.shot.blocks, observer.prints)
        ledger.look_closely(self.album.copies, MAX_BYTES, SHARE)
        if self.options.ops:
            self.recorder.open()

    def close(self) -> None:
        """Stop recording."""
        self.recorder.close()

    def conclude(self, transcript: Transcript, observed: Observation) -> None:
        """Say whose bytes each operator touched."""
        owners = PathsByBytes(self.before, observed.shot.snapshot)
        self.writes = transcript.writes(self.recorder.seen, owners)
        self.recorded = transcript.recorded(self.recorder.seen, owners)
        if self.recorder.left_out:
            self.writes += (OperatorWrite(site=None, op=NOT_KEPT, paths=(), times=self.recorder.left_out),)

    def release(self) -> None:
        """Let go of the copies, at once rather than when the garbage collector comes by."""
        self.album.copies.clear()
        self.recorder.seen.clear()
        self.recorder.first.clear()

    def sharpen(self, observed: Observation, observer: Observer) -> Differences:
        """Count the changed elements of large tensors too."""
        return self.album.compare(observed.found, observed.shot.blocks, observer.prints, self.options.values)


def record(files: Mapping[str, int], observer: Observer, ledger: Ledger, options: DiffOptions) -> Recording:
    """Prepare to record a cell."""
    recorder = OperatorRecorder(observer.lens.storages, files, lambda: ledger.current, ledger.foresee)
    return Recording(options, recorder)
