"""Foretell what a cell would change silently."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from ..blame.reasoning import Reasoning
from ..hazards.find_hazards import find_hazards
from ..hazards.hazard_facts import NotTrained, OverwrittenSave
from ..runtime.deadline import Deadline, LateError
from ..runtime.guard import GUARD
from ..runtime.record import record
from .foretold_trace import TraceWriter

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from ..hazards.hazard import Hazard
    from ..hazards.standing_hazards import Standing
    from ..records.report_parts import Change
    from .known_state import KnownState
    from .run.abstract_run import AbstractRun, CellRunner

ForetoldCertainty = Literal["certain", "likely"]
Unread = Literal["syntax", "length", "time"]
"""Why a cell is not previewed: it is not Python, it is too long, or it takes too long."""


@record
class ForetoldChange:
    """A silent change that a cell would make."""

    change: Change
    certainty: ForetoldCertainty


@record
class Foresight:
    """What a cell would do; `unread` says why nothing is known of it."""

    changes: tuple[ForetoldChange, ...] = ()
    hazards: tuple[Hazard, ...] = ()
    unread: Unread | None = None


NOTHING_FORESEEN = Foresight()


def foresee(source: str, runner: CellRunner, deadline: Deadline) -> Foresight:
    """Return what a cell would do, from its source and what is known.

    Parameters
    ----------
    source
        The cell as plain Python.
    runner
        Runs it from what is known.
    """
    try:
        found = _foresee(source, runner, deadline)
    except (RecursionError, LateError):
        return Foresight(unread="time")
    return Foresight(unread="time") if deadline.has_passed() else found


def _foresee(source: str, runner: CellRunner, deadline: Deadline) -> Foresight:
    run, known = runner.run(source, deadline), runner.known
    if run is None:
        return Foresight(unread="syntax")
    memory = run.memory
    if not (memory.writes or run.stopped or memory.freed or (memory.reached and run.interpreter.notes.steps)):
        return NOTHING_FORESEEN
    writer = TraceWriter(run, known, deadline)
    refused = (*writer.refused(), *writer.broken(), *_fulfilled(run, known))
    if writer.is_quiet:
        return Foresight(hazards=refused)
    reasoning = Reasoning(writer.trace(deadline.seconds_left))
    reasoning.know(writer.settled)
    silent = tuple(_foretold(one, writer.certain) for one in reasoning.changes if one.silent)
    none: tuple[Hazard, ...] = ()
    hazards = GUARD.run("finding-hazards", _begun, reasoning, known.standing, default=none)
    hazards = tuple(_as_it_happens(one, run) for one in hazards if not _is_refuted(one, run, known))
    return Foresight(changes=silent, hazards=(*refused, *(one for one in hazards if not _is_covered(one, refused))))


def _is_covered(hazard: Hazard, others: Iterable[Hazard]) -> bool:
    """Return whether a hazard is one of others, or what its paths lead to breaks a graph already."""
    paths = {path for one in others if one.code == "TW201" for path in one.paths}
    is_same = any((one.code, one.paths) == (hazard.code, hazard.paths) for one in others)
    return is_same or (hazard.code == "TW209" and paths.issuperset(hazard.paths))


def _fulfilled(run: AbstractRun, known: KnownState) -> Iterator[Hazard]:
    """Yield the standing hazards that a backward of the cell would fulfil."""
    for one in known.standing.hazards:
        if _is_fulfilled(one, run):
            yield _as_it_happens(one, run)


def _as_it_happens(hazard: Hazard, run: AbstractRun) -> Hazard:
    """Return a hazard as it is if the cell itself goes backward: what was a risk raises."""
    return replace(hazard, outcome="raises") if _is_fulfilled(hazard, run) else hazard


def _is_refuted(hazard: Hazard, run: AbstractRun, known: KnownState) -> bool:
    """Return whether an optimizer writes what it holds, which a hazard says was replaced: the trace leaves that out.

    It is not refuted of what surely gets gradients.
    """
    fact, given = hazard.fact, {one.reading.object for one in run.memory.reached}
    if not isinstance(fact, NotTrained) or fact.how != "replaced":
        return False
    if all((one := known.readings.get(path)) is not None and one.object in given for path in hazard.paths):
        return False
    writing = (one.optimizer for one in run.interpreter.notes.steps if one.written)
    return any(
        str(one.path) == fact.optimizer or run.interpreter.top.names.get(fact.optimizer) is one for one in writing
    )


def _is_fulfilled(hazard: Hazard, run: AbstractRun) -> bool:
    """Return whether a backward of the cell raises for what a hazard tells."""
    stopped, fact = run.stopped, hazard.fact
    if stopped is None or not stopped.root:
        return False
    if hazard.code == "TW213":
        return bool(stopped.freed) and stopped.root in hazard.paths
    if hazard.code != "TW201" or not isinstance(fact, OverwrittenSave) or stopped.freed:
        return False
    needed = (one for one in run.memory.saved if stopped.root in one.roots and one.will_raise)
    return fact.root == stopped.root or any(one.saved.sequence == hazard.node for one in needed)


def _begun(reasoning: Reasoning, standing: Standing) -> tuple[Hazard, ...]:
    """Return the hazards that the cell would make."""
    known = {one.mark for one in standing.hazards} | {(one.code, one.paths) for one in standing.hazards}
    after = find_hazards(reasoning, standing).hazards
    return tuple(one for one in after if one.mark not in known and (one.code, one.paths) not in known)


def _foretold(change: Change, certain: Mapping[str, Collection[int]]) -> ForetoldChange:
    """Return a change, certain if the statement that is told writes whatever values decide."""
    is_certain = change.site is not None and change.site.line in certain.get(change.path, ())
    return ForetoldChange(change=change, certainty="certain" if is_certain else "likely")
