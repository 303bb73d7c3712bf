"""Hazards in words: what will go wrong, its cause, and the remedy."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ...core.hazards.facts import (
    FreedGraph,
    GoneMemory,
    KeptReference,
    NotTrained,
    OverlappingElements,
    OverwrittenSave,
    Refused,
    Stopped,
    StoppedUnread,
    UnrecordedWrite,
)
from ..page import DetailEntry, Line, clause, code, fill, words
from .error_sentences import raised, why_raised
from .fix_sentences import remedy
from .measure import count_of
from .places import named, stands, statement_place, where

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ...core.hazards.hazard import Hazard, Turn
    from ...core.model.graph_state import Ending

_LATER = "Loaded later, it gives what was trained last."
_TWICE = "Each is added what both get, and `clip_grad_norm_` scales it twice."
_WRONG = "give wrong gradients", ", without an error"
_MESSAGES: Mapping[type, tuple[str, str, str]] = {
    OverwrittenSave: (
        "{backward} {will} {do}",
        "{aside}",
        "{who}{more}, {needed} in {saved}, {were} overwritten{through} in {written}",
    ),
    OverlappingElements: (
        "elements of `{path}` share memory",
        "",
        "it holds {elements} elements in {room}, and what was written in {written} landed in several of them.",
    ),
    KeptReference: (
        "`{container}` is no copy",
        "",
        "its tensors are those of `{owner}`, so that training went on in it in {written}. " + _LATER,
    ),
    GoneMemory: ("reading `{path}` can crash the kernel", ", printing it too", "{how}."),
    UnrecordedWrite: (
        "a backward through {whose} {will} " + _WRONG[0],
        _WRONG[1],
        "`{path}` was overwritten{through} in {written}. Autograd did not record it.",
    ),
    NotTrained: (
        "`{optimizer}` {does} {those}",
        "",
        "{they} got gradients in {written}, but no optimizer holds {them}. `{optimizer}`{made} {why}",
    ),
    FreedGraph: ("{backward} {will} raise", "", "{leads}"),
    type(None): (
        "the next backward will " + _WRONG[0],
        _WRONG[1],
        "{pair}{others} are one memory since {written}. " + _TWICE,
    ),
}
"""For each kind of fact the outcome, an aside and the reason; shared gradients have no fact."""
_UNHELD = {
    "replaced": "holds what was there before.",
    "added": "was made before {those} added.",
    "unfrozen": "was made while {those} frozen.",
    "left-out": "was made for others of this module.",
}
_LEADS = {
    "leads": "its graph leads through that of `{name}`{made} which {freed} has freed",
    "goes-on": "through `{name}` its graph goes on into that of the round before, which {freed} has freed",
    "is": "its graph{made} was freed by {freed}",
    "shares": "it shares a part of its graph{made} with one that {freed} has freed",
}
_GONE = {"freed": "its storage was freed or cut", "let-go": "its memory was another's, who has let go of it"}
_ENDINGS: Mapping[Ending, str] = {
    "graph-gone": "its graph is gone",
    "bytes-back": "its bytes are what they were",
    "backward-done": "backward has let go of it",
    "variable-gone": "what it was about is gone",
    "memory-replaced": "its memory is another now",
}


class Sentence(NamedTuple):
    """The parts of a hazard's message.

    Attributes
    ----------
    outcome
        What will go wrong, in a few words: `loss.backward() will raise`.
    aside
        A qualification of the outcome.
    reason
        What caused it.
    """

    outcome: Line
    reason: Line
    aside: str = ""

    @property
    def head(self) -> Line:
        """The outcome with its aside."""
        return fill("{outcome}{aside}", outcome=self.outcome, aside=self.aside)


def hazard_lines(hazards: Sequence[Hazard], limit: int) -> Iterator[DetailEntry | Line]:
    """Yield an entry for each of the first `limit` hazards, with its remedy."""
    for one in hazards[:limit]:
        yield DetailEntry(label=one.code, lines=(message(one), remedy(one.fix)))
    left = len(hazards) - limit
    if left > 0:
        yield words(f"… and {count_of(left, 'more hazard')}: %tensorwatch")


def message(hazard: Hazard) -> Line:
    """Return outcome and reason of a hazard as one line."""
    told = message_of(hazard)
    return fill("{head}: {reason}", head=told.head, reason=told.reason)


def over(turn: Turn) -> Line:
    """Return why a hazard ended; an empty line if it began."""
    return words(f"over: {_ENDINGS[turn.why]}") if turn.why else Line()


def message_of(hazard: Hazard) -> Sentence:
    """Return the message of a hazard in parts."""
    fact = hazard.fact
    if isinstance(fact, Stopped | StoppedUnread | Refused):
        return Sentence(raised(fact.raised), why_raised(fact))
    if isinstance(fact, FreedGraph) and fact.raised:
        return Sentence(raised(fact.raised), _leads(hazard, fact))
    outcome, aside, reason = _MESSAGES[type(fact)]
    fields = _fields(hazard)
    return Sentence(fill(outcome, **fields), fill(reason, **fields), str(fill(aside, **fields)))


def _fields(hazard: Hazard) -> dict[str, Line | str]:
    """Return the values of all fields that a template may use."""
    fact, path, others = hazard.fact, hazard.paths[0] if hazard.paths else "", len(hazard.paths) - 2
    is_risk = hazard.outcome == "risk"
    told: dict[str, Line | str] = {
        "path": path,
        "pair": named(hazard.paths[:2]),
        "others": f" and {others} more" if others > 0 else "",
        "will": "would" if is_risk else "will",
        "whose": words("what is computed from it from now on") if is_risk else code(path),
        "written": statement_place(hazard.written_cell or 0, hazard.written_at),
    }
    match fact:
        case OverwrittenSave():
            return told | _saved_fields(hazard, fact)
        case OverlappingElements():
            return told | {"elements": f"{fact.elements:,}", "room": f"{fact.room:,}"}
        case KeptReference():
            return told | {"container": fact.container, "owner": fact.owner}
        case GoneMemory():
            return told | {"how": _GONE[fact.how]}
        case NotTrained():
            return told | _unheld_fields(hazard, fact)
        case FreedGraph():
            return told | {"backward": _backward(fact), "leads": _leads(hazard, fact)}
        case UnrecordedWrite():
            return told | {"through": clause(" through `{it}`", fact.via)}
        case _:
            return told


def _unheld_fields(hazard: Hazard, fact: NotTrained) -> dict[str, Line | str]:
    return {
        "optimizer": fact.optimizer,
        "does": "does not train" if hazard.outcome == "wrong" else "leaves out",
        "those": named(hazard.paths),
        "they": "they" if hazard.paths[1:] else "it",
        "them": "them" if hazard.paths[1:] else "it",
        "made": fill(", made in {place},", place=stands(fact.made)) if fact.made else "",
        "why": fill(_UNHELD[fact.how], those="they were" if hazard.paths[1:] else "it was"),
    }


def _backward(fact: FreedGraph | OverwrittenSave) -> Line:
    root = fact.root or ""
    template = "`{root}.backward()`" if fact.is_scalar else "a backward through `{root}`" if root else "a backward"
    return fill(template, root=root)


def _leads(hazard: Hazard, fact: FreedGraph) -> Line:
    """Return how a graph leads into a freed one, and which backward freed that."""
    made = (
        fill(", computed in {place},", place=statement_place(hazard.saved_cell, hazard.saved_at))
        if (hazard.saved_cell is not None)
        else Line()
    )
    return fill(
        _LEADS[fact.how],
        name=fact.name or "",
        made=made,
        freed=_freed_by(hazard),
    )


def _freed_by(hazard: Hazard) -> Line:
    if hazard.written_cell is None:
        return words("a backward")
    return fill("the backward in {place}", place=statement_place(hazard.written_cell, hazard.written_at))


def _saved_fields(hazard: Hazard, fact: OverwrittenSave) -> dict[str, Line | str]:
    names = fact.names
    do, aside = ("raise", "") if fact.will_raise else _WRONG
    return {
        "backward": _backward(fact),
        "do": do,
        "aside": aside,
        "who": code(names[0]) if names else words(f"a temporary of shape {[*fact.shape]}"),
        "more": f" and {len(names) - 1} more" if names[1:] else "",
        "needed": "with which a checkpoint will compute again, as" if fact.is_read_again else f"saved by {hazard.op}",
        "saved": where(hazard.saved_cell or 0, hazard.saved_at),
        "were": "were" if names[1:] else "was",
        "through": clause(" through `{it}`", fact.via),
    }
