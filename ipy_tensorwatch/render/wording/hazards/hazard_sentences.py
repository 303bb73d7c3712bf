"""Hazards in words: what will go wrong, its cause, and the remedy."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ....core.hazards.error_facts import Refused, Stopped, StoppedUnread
from ....core.hazards.hazard_facts import (
    AssignedGradients,
    CachedResult,
    ComparedWithItself,
    FreedGraph,
    GoneMemory,
    KeptByHook,
    KeptReference,
    NotTrained,
    OneMemory,
    OverlappingElements,
    OverwrittenOperand,
    OverwrittenSave,
    RepeatedModule,
    UnrecordedWrite,
    WrongBackward,
)
from ...page import DetailEntry, Line, clause, code, fill, words
from ..places import named, stands, statement_place, where
from ..quantities import count_of
from .error_sentences import raised, why_raised
from .fix_sentences import remedy
from .training_sentences import backward_of, leads_into, training_fields

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ....core.hazards.hazard import Hazard, Turn
    from ....core.records.trace.graph_state import Ending

_LATER = "Used later, it gives the latest values."
_SHALLOW = "`copy.copy` copies no parameters: to train one is to train both."
_TWICE = "Each collects the gradients of both, and `clip_grad_norm_` scales them twice."
_WRONG = "give wrong gradients", ", without an error"
_MESSAGES: Mapping[type, tuple[str, str, str]] = {
    OverwrittenSave: (
        "{backward} {will} {do}",
        "{aside}",
        "{who}{more}, {needed} in {saved}, {were} {written_how}{through} in {written}",
    ),
    OverlappingElements: (
        "elements of `{path}` share memory",
        "",
        "it holds {elements} elements in {room}, and what was written in {written} landed in several of them.",
    ),
    OverwrittenOperand: (
        "`{path}` {has} wrong values",
        _WRONG[1],
        "elements of it were {spoiled}, in {written}.",
    ),
    AssignedGradients: (
        "a backward before these gradients are set to None would " + _WRONG[0],
        _WRONG[1],
        "{pair}{pairs} are one memory, assigned in {written}. " + _TWICE,
    ),
    KeptReference: (
        "`{container}` is not a copy",
        "",
        "{taken}its tensors are those of `{owner}`, so it changed with them in {written}. {later}",
    ),
    ComparedWithItself: (
        "`{container}` is not a copy",
        "",
        "{same}, so a comparison of the two finds no difference, in {written}.",
    ),
    OneMemory: (
        "{count} tensors of `{container}` are {memory}",
        "",
        "{kept}{it} was written {times}in {written}, so all of them hold what was written last.",
    ),
    RepeatedModule: (
        "{count} items of `{container}` are one",
        "",
        "{saved} makes it once and repeats it, so all of them have the same parameters.",
    ),
    CachedResult: (
        "`{path}` is what `{function}` keeps, and gives to each caller",
        "",
        "written in {written}, it is given as it is now to later calls with the same arguments.",
    ),
    KeptByHook: (
        "{those} {no_copy} of what the hook was given",
        "",
        "kept in {saved}, {they_were} written again afterwards in {written}.",
    ),
    WrongBackward: ("the backward that just ran gave wrong gradients", _WRONG[1], "{what}, in {written}"),
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
_GONE = {
    "freed": "its storage was freed or cut",
    "let-go": "its memory belonged to another object, which has released it",
}
_ENDINGS: Mapping[Ending, str] = {
    "graph-gone": "its graph is gone",
    "bytes-back": "its bytes are what they were",
    "backward-done": "backward has released it",
    "variable-gone": "its variable is gone",
    "memory-replaced": "it has other memory now",
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
        return Sentence(raised(fact.raised, happened=hazard.happened), why_raised(fact))
    if isinstance(fact, FreedGraph) and fact.raised:
        return Sentence(raised(fact.raised, happened=hazard.happened), leads_into(hazard, fact))
    outcome, aside, reason = _MESSAGES[type(fact)]
    if isinstance(fact, OverwrittenSave) and hazard.happened:
        outcome, aside, _ = _MESSAGES[WrongBackward]
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
        "has": "may hold" if is_risk else "holds",
        "whose": words("what is computed from it from now on") if is_risk else code(path),
        "written": statement_place(hazard.written_cell or 0, hazard.written_at),
    }
    match fact:
        case OverwrittenSave():
            return told | _saved_fields(hazard, fact)
        case OverlappingElements() | OverwrittenOperand():
            return told | _element_fields(fact)
        case AssignedGradients():
            more = fact.groups - 1
            return told | {"pairs": f" and {count_of(more, 'more pair')}" if more else ""}
        case KeptReference() | OneMemory() | KeptByHook() | ComparedWithItself() | RepeatedModule() | CachedResult():
            return told | _kept_fields(hazard, fact)
        case WrongBackward():
            return told | {"what": _overwritten_by(hazard, fact)}
        case GoneMemory():
            return told | {"how": _GONE[fact.how]}
        case NotTrained() | FreedGraph():
            return told | training_fields(hazard, fact)
    return told | {"through": clause(" through `{it}`", fact.via)} if isinstance(fact, UnrecordedWrite) else told


def _element_fields(fact: OverlappingElements | OverwrittenOperand) -> dict[str, Line | str]:
    if isinstance(fact, OverlappingElements):
        return {"elements": f"{fact.elements:,}", "room": f"{fact.room:,}"}
    return {"spoiled": "overwritten before they were read" if fact.is_later else "read while they were overwritten"}


def _kept_fields(
    hazard: Hazard, fact: KeptReference | OneMemory | KeptByHook | ComparedWithItself | RepeatedModule | CachedResult
) -> dict[str, Line | str]:
    """Return what is kept, and since when."""
    place = where(hazard.saved_cell, hazard.saved_at) if hazard.saved_cell else None
    if isinstance(fact, KeptByHook):
        is_one = not hazard.paths[1:]
        no_copy, they_were = ("is not a copy", "it was") if is_one else ("are not copies", "they were")
        return {"those": named(hazard.paths), "no_copy": no_copy, "saved": place or Line(), "they_were": they_were}
    if isinstance(fact, CachedResult):
        return {"function": fact.function}
    if isinstance(fact, RepeatedModule):
        return {"container": fact.container, "count": f"{fact.count:,}", "saved": place or Line()}
    if isinstance(fact, ComparedWithItself):
        same = fill("its tensors are those of `{it}`" if fact.is_several else "it is `{it}` itself", it=fact.other)
        return {"container": fact.container, "same": same}
    if isinstance(fact, KeptReference):
        later: Line | str = fill(_SHALLOW) if fact.is_shallow else _LATER
        if fact.loaded is not None:
            later = fill("Loaded in {place}, it restored nothing.", place=stands(fact.loaded))
        taken = clause("taken in {it}, ", place)
        return {"container": fact.container, "owner": fact.owner, "taken": taken, "later": later}
    times = f"{fact.times:,} times " if fact.times and fact.times > 1 else "again "
    is_one = fact.memories == 1
    return {
        "memory": "one memory" if is_one else f"{fact.memories:,} memories",
        "it": "it" if is_one else "each",
        "container": fact.container,
        "count": f"{fact.count:,}",
        "times": times,
        "kept": clause("kept in {it}, ", place),
    }


def _overwritten_by(hazard: Hazard, fact: WrongBackward) -> Line:
    """Return what a backward needed, and who overwrote it."""
    if fact.hooked is not None:
        return fill(
            "`{it}` wrote into the gradient of `{of}`, which another branch shares",
            it=fact.writer or "the hook",
            of=fact.hooked,
        )
    path = hazard.paths[0] if hazard.paths else ""
    template = "`{path}`, saved by {op}, was overwritten by `{it}` before it was read"
    return fill(template, path=path, op=hazard.op or "", it=fact.writer)


def _saved_fields(hazard: Hazard, fact: OverwrittenSave) -> dict[str, Line | str]:
    names = fact.names
    do, aside = ("raise", "") if fact.will_raise else _WRONG
    return {
        "backward": backward_of(fact),
        "do": do,
        "aside": aside,
        "who": code(names[0]) if names else words(f"a temporary of shape {[*fact.shape]}"),
        "more": f" and {len(names) - 1} more" if names[1:] else "",
        "needed": "with which a checkpoint will compute again, as" if fact.is_read_again else f"saved by {hazard.op}",
        "saved": where(hazard.saved_cell or 0, hazard.saved_at),
        "were": "were" if names[1:] else "was",
        "written_how": "given other memory" if fact.is_moved else "overwritten",
        "through": clause(" through `{it}`", fact.via),
    }
