"""Explain a failed backward with the notebook's variables, cells and lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..hazards.error_facts import Stopped
from ..memory.overlap import share_bytes
from ..runtime.deadline import Deadline
from .backward_failed import stopped_hazard, unread_hazard
from .find_writer import OverwriteSearch
from .guess_line import Guess
from .known_writes import KnownWrites

if TYPE_CHECKING:
    from ..hazards.hazard import Hazard
    from ..records.path import AccessPath
    from ..records.reading import Reading
    from ..records.trace.cell_error import ErrorFrame
    from ..records.trace.saved_tensor import Spoiled
    from .error_scene import ErrorScene


SECONDS = 1.0
"""Time limit in seconds for searching the notebook's functions for lines; the user waits for the answer."""
MAX_ENTRIES = 50
MAX_ALIKE = 3


def explain_stop(scene: ErrorScene) -> Hazard:
    """Return the hazard that explains a failed backward: failed node, saved tensor, and the write."""
    spoiled = scene.error.spoiled
    if spoiled is None:
        return unread_hazard(scene.error_message, scene.raised, _alike(scene))
    paths = [path for path, _ in _over(spoiled.reading, scene)]
    owner, local = _local_to(scene, spoiled) if not paths else (None, [])
    family = KnownWrites(family=_family(spoiled, scene), reasoning=scene.reasoning)
    search = OverwriteSearch(scene=scene, spoiled=spoiled, saved_in=_saved_in(spoiled, scene), known_writes=family)
    known = Stopped(
        code=scene.error_message.code,
        raised=scene.raised,
        spoiled=spoiled,
        paths=tuple(map(str, paths or local)),
        owner=owner.spot.function if owner else None,
        saved_in=search.saved_in,
        saved_at=search.saved_at(),
        writing=None if scene.error.is_threaded else search.find_write(),
        recorded=scene.reasoning.trace.is_recorded,
    )
    return stopped_hazard(Guess(search=search, owner=owner, deadline=Deadline.after(SECONDS)).complete(known))


def _saved_in(spoiled: Spoiled, scene: ErrorScene) -> int | None:
    """Return the cell that saved the tensor, by sequence number; None for other threads or if evidence differs."""
    seen, counted = scene.error.seen_in, scene.built.cell_of(spoiled.sequence)
    return None if scene.error.is_threaded or seen not in (None, counted) else counted


def _alike(scene: ErrorScene) -> list[str]:
    """Return the variables with the shape and version of the error message, if there are at most `MAX_ALIKE`."""
    said = scene.error_message
    entries = scene.reasoning.trace.after.entries() if said.now is not None else ()
    shapes = [(str(path), reading.version, ", ".join(map(str, reading.shape))) for path, reading in entries]
    found = [path for path, version, shape in shapes if (version, shape) == (said.now, said.shape)]
    return found if len(found) <= MAX_ALIKE else []


def _over(reading: Reading, scene: ErrorScene) -> list[tuple[AccessPath, Reading]]:
    """Return the variables that share a byte with a tensor, those with the same layout first."""
    return scene.reasoning.places.lying_on(reading)[:MAX_ENTRIES]


def _family(spoiled: Spoiled, scene: ErrorScene) -> list[tuple[AccessPath, Reading]]:
    """Return the variables that share the version counter: all views of the base, overlapping ones first."""
    over = _over(spoiled.reading, scene)
    beside = scene.reasoning.trace.after.by_storage.get(spoiled.reading.storage, ())
    known = {id(reading) for _, reading in over}
    every = [*over, *(entry for entry in beside if id(entry[1]) not in known)]
    return [entry for entry in every if entry[1].version == spoiled.now][:MAX_ENTRIES]


def _local_to(scene: ErrorScene, spoiled: Spoiled) -> tuple[ErrorFrame | None, list[AccessPath]]:
    """Return the innermost frame with local names for a tensor, and these names."""
    for frame in scene.error.frames:
        found = [path for path, reading, _ in frame.local if share_bytes(reading, spoiled.reading)]
        if found:
            return frame, found
    return None, []
