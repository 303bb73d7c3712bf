"""Hazards in words: what will go wrong and who did it, then what to write instead."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ...core.hazards.facts import (
    GoneMemory,
    KeptReference,
    OverlappingElements,
    OverwrittenSave,
    Refused,
    Stopped,
    StoppedUnread,
    UnrecordedWrite,
)
from ..page import Entry, Line, code, fill, words
from .error_sentences import raised, why
from .fix_sentences import remedy
from .measure import count_of
from .places import named, statement_at, where

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ...core.hazards.hazard import Hazard, Turn
    from ...core.model.graph_state import Ending

WRONG = "give wrong gradients"
_ENDINGS: Mapping[Ending, str] = {
    "graph-gone": "its graph is gone",
    "bytes-back": "its bytes are what they were",
    "backward-done": "backward has let go of it",
    "variable-gone": "what it was about is gone",
    "memory-replaced": "its memory is another now",
}


class Message(NamedTuple):
    """What a hazard says.

    Attributes
    ----------
    outcome
        In a few words what will go wrong: `loss.backward() will raise`.
    aside
        What else is to be said of that.
    reason
        How it came to this.
    """

    outcome: Line
    reason: Line
    aside: str = ""

    @property
    def head(self) -> Line:
        """The outcome with its aside."""
        return fill("{outcome}{aside}", outcome=self.outcome, aside=self.aside)


def hazard_lines(hazards: Sequence[Hazard], limit: int) -> Iterator[Entry | Line]:
    """Tell hazards, each with its remedy."""
    for one in hazards[:limit]:
        yield Entry(label=one.code, lines=(message(one), remedy(one.fix)))
    left = len(hazards) - limit
    if left > 0:
        yield words(f"… and {count_of(left, 'more hazard')}: %tensorwatch")


def message(hazard: Hazard) -> Line:
    """Say what will go wrong, and how it came to this."""
    told = message_of(hazard)
    return fill("{head}: {reason}", head=told.head, reason=told.reason)


def over(turn: Turn) -> Line:
    """Say why a hazard is over."""
    return words(f"over: {_ENDINGS[turn.why]}") if turn.why else Line()


def message_of(hazard: Hazard) -> Message:
    """Say what a hazard is, in parts."""
    match hazard.fact:
        case OverwrittenSave() as fact:
            return _overwritten(hazard, fact)
        case OverlappingElements() as fact:
            return _overlapping(hazard, fact)
        case KeptReference() as fact:
            return _reference(hazard, fact)
        case GoneMemory() as fact:
            return _gone(hazard, fact)
        case UnrecordedWrite() as fact:
            return _unrecorded(hazard, fact)
        case Stopped() | StoppedUnread() | Refused() as fact:
            return Message(raised(fact.raised), why(fact))
        case None:
            return _shared_gradients(hazard)


def _written(hazard: Hazard) -> Line:
    return statement_at(hazard.written_cell or 0, hazard.written_at)


def _overwritten(hazard: Hazard, fact: OverwrittenSave) -> Message:
    root = fact.root or ""
    template = "`{root}.backward()`" if fact.is_scalar else "a backward through `{root}`" if root else "a backward"
    will = " would " if hazard.outcome == "risk" else " will "
    who = fill("`{name}`", name=fact.names[0]) if fact.names else words(f"a temporary of shape {[*fact.shape]}")
    return Message(
        outcome=fill(template + will + ("raise" if fact.will_raise else WRONG), root=root),
        aside="" if fact.will_raise else ", without an error",
        reason=fill(
            "{who}{more}, {needed} in {saved}, {were} overwritten{through} in {written}",
            who=who,
            more=f" and {len(fact.names) - 1} more" if fact.names[1:] else "",
            needed="with which a checkpoint will compute again, as" if fact.is_read_again else f"saved by {hazard.op}",
            saved=where(hazard.saved_cell or 0, hazard.saved_at),
            were="were" if fact.names[1:] else "was",
            through=through(fact.via),
            written=_written(hazard),
        ),
    )


def through(via: str | None) -> Line:
    """Say through which variable something was written."""
    return fill(" through `{via}`", via=via) if via else Line()


def _shared_gradients(hazard: Hazard) -> Message:
    left = len(hazard.paths) - 2
    return Message(
        outcome=words(f"the next backward will {WRONG}"),
        aside=", without an error",
        reason=fill(
            "{pair}{more} are one memory since {written}. Each is added what both get, and `clip_grad_norm_` scales it "
            "twice.",
            pair=named(hazard.paths[:2]),
            more=f" and {left} more" if left else "",
            written=_written(hazard),
        ),
    )


def _overlapping(hazard: Hazard, fact: OverlappingElements) -> Message:
    return Message(
        outcome=fill("elements of `{path}` share memory", path=hazard.paths[0]),
        reason=fill(
            "it holds {elements} elements in {room}, and what was written in {written} landed in several of them.",
            elements=f"{fact.elements:,}",
            room=f"{fact.room:,}",
            written=_written(hazard),
        ),
    )


def _reference(hazard: Hazard, fact: KeptReference) -> Message:
    return Message(
        outcome=fill("`{container}` is no copy", container=fact.container),
        reason=fill(
            "its tensors are those of `{owner}`, so that training went on in it in {written}. Loaded later, it gives "
            "what was trained last.",
            owner=fact.owner,
            written=_written(hazard),
        ),
    )


def _gone(hazard: Hazard, fact: GoneMemory) -> Message:
    how = {"freed": "its storage was freed or cut.", "let-go": "its memory was another's, who has let go of it."}
    return Message(
        outcome=fill("reading `{path}` can crash the kernel", path=hazard.paths[0]),
        aside=", printing it too",
        reason=words(how[fact.how]),
    )


def _unrecorded(hazard: Hazard, fact: UnrecordedWrite) -> Message:
    path = hazard.paths[0]
    is_risk = hazard.outcome == "risk"
    whose = words("what is computed from it from now on") if is_risk else code(path)
    return Message(
        outcome=fill("a backward through {whose} {will} " + WRONG, whose=whose, will="would" if is_risk else "will"),
        aside=", without an error",
        reason=fill(
            "`{path}` was overwritten{through} in {written}. Autograd did not record it.",
            path=path,
            through=through(fact.via),
            written=_written(hazard),
        ),
    )
