"""Explain a failed backward with the notebook's variables, cells and lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...capture.autograd.failed_node import find_spoiled
from ...capture.frames.frame_locals import read_locals
from ...core.explain.backward_failed import stopped_hazard, unread_hazard
from ...core.explain.find_writer import Inquest
from ...core.explain.known_writes import Witness
from ...core.hazards.facts import Stopped
from ...core.host.deadline import Deadline
from ...core.memory.overlap import share_bytes
from .error_frames import CELL
from .guess_line import Guess

if TYPE_CHECKING:
    from ...core.explain.error_messages import Complaint
    from ...core.hazards.hazard import Hazard
    from ...core.model.path import AccessPath
    from ...core.model.reading import Reading
    from ...core.model.saved_tensor import Spoiled
    from .aftermath import Aftermath
    from .error_frames import ErrorScene, Step
    from .node_log import NodeLog

SECONDS = 1.0
"""Time limit in seconds for searching the graph after an error; the user waits for the answer."""
MAX_FRAMES = 8
MAX_ENTRIES = 50
MAX_ALIKE = 3


def explain_stop(scene: ErrorScene, after: Aftermath, log: NodeLog) -> Hazard:
    """Return the hazard that explains a failed backward: failed node, saved tensor, and the write."""
    lens = after.cell.observer.lens
    spoiled = find_spoiled(scene.error, scene.complaint, lens.storages, lens.objects, SECONDS)
    if spoiled is None:
        return unread_hazard(scene.complaint, scene.raised, _alike(scene.complaint, after))
    paths = [path for path, _ in _over(spoiled.reading, after)]
    owner, local = _local_to(scene, spoiled, after) if not paths else (None, [])
    inquest = _inquest(spoiled, scene, after, log)
    known = Stopped(
        code=scene.complaint.code,
        raised=scene.raised,
        spoiled=spoiled,
        paths=tuple(map(str, paths or local)),
        owner=owner.spot.function if owner else None,
        saved_in=inquest.saved_in,
        saved_at=inquest.saved_at(),
        writing=None if scene.is_threaded else inquest.close(),
        recorded=after.reasoning.trace.is_recorded,
    )
    guess = Guess(log=log, after=after, inquest=inquest, owner=owner, deadline=Deadline.after(SECONDS))
    return stopped_hazard(guess.complete(known))


def _saved_in(spoiled: Spoiled, scene: ErrorScene, after: Aftermath, log: NodeLog) -> int | None:
    """Return the cell that saved the tensor, by sequence number; None for other threads or if evidence differs."""
    seen, counted = after.cell.observer.graphs.seen.get(spoiled.sequence), log.built.cell_of(spoiled.sequence)
    return None if scene.is_threaded or seen not in (None, counted) else counted


def _inquest(spoiled: Spoiled, scene: ErrorScene, after: Aftermath, log: NodeLog) -> Inquest:
    return Inquest(
        reasoning=after.reasoning,
        spoiled=spoiled,
        saved_in=_saved_in(spoiled, scene, after, log),
        witness=Witness(family=_family(spoiled, after), reasoning=after.reasoning),
        dated=log.dated,
        history=after.history,
        standing=after.standing,
        built=log.built,
    )


def _alike(complaint: Complaint, after: Aftermath) -> list[str]:
    """Return the variables with the shape and version of the error message, if there are at most `MAX_ALIKE`."""
    entries = after.reasoning.trace.after.entries() if complaint.now is not None else ()
    shapes = [(str(path), reading.version, ", ".join(map(str, reading.shape))) for path, reading in entries]
    found = [path for path, version, shape in shapes if (version, shape) == (complaint.now, complaint.shape)]
    return found if len(found) <= MAX_ALIKE else []


def _over(reading: Reading, after: Aftermath) -> list[tuple[AccessPath, Reading]]:
    """Return the variables that share a byte with a tensor, those with the same layout first."""
    return after.reasoning.places.lying_on(reading)[:MAX_ENTRIES]


def _family(spoiled: Spoiled, after: Aftermath) -> list[tuple[AccessPath, Reading]]:
    """Return the variables that share the version counter: all views of the base, overlapping ones first."""
    over = _over(spoiled.reading, after)
    beside = after.reasoning.trace.after.by_storage.get(spoiled.reading.storage, ())
    known = {id(reading) for _, reading in over}
    every = [*over, *(entry for entry in beside if id(entry[1]) not in known)]
    return [entry for entry in every if entry[1].version == spoiled.now][:MAX_ENTRIES]


def _local_to(scene: ErrorScene, spoiled: Spoiled, after: Aftermath) -> tuple[Step | None, list[AccessPath]]:
    """Return the innermost frame with local names for a tensor, and these names."""
    storages = after.cell.observer.lens.storages
    for step in scene.steps[:MAX_FRAMES]:
        local = read_locals(scene.error, step.place, storages) if step.spot.function != CELL else []
        found = [path for path, reading, _ in local if share_bytes(reading, spoiled.reading)]
        if found:
            return step, found
    return None, []
