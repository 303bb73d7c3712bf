"""Rank how likely a line inside a function changed an access path."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..runtime.record import record

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..records.path import AccessPath
    from ..statements.aliases.reference import Reference
    from .write_events import Event

_VERY_OBJECT, _VIEW, _BELOW = 100, 90, 80
_MODULE, _GRADIENT, _HIDDEN, _HANDED, _OPTIMIZER, _UNKNOWN, _ELSEWHERE, _APART = 70, 60, 50, 40, 30, 20, 10, 5
_BY_ANOTHER_NAME = 2
NAMES_IT = _BELOW - _BY_ANOTHER_NAME
"""The least score of a line that names the memory as written."""
MAY_REACH = _ELSEWHERE
"""The least score of a line that is not known to write to other memory."""


@record
class Elsewhere:
    """What is known to be memory other than the changed one.

    Attributes
    ----------
    has
        Returns whether a reference led to other memory when the cell ended.
    steps
        Whether all optimizers that stepped hold other memory.
    """

    has: Callable[[Reference], bool] = lambda _: False
    steps: bool = False


NOWHERE = Elsewhere()


@record
class Likelihood:
    """The likelihood of a line, and the reference through which it writes."""

    score: int
    origin: AccessPath | None = None
    same_object: bool = False


def judge(event: Event, paths: tuple[AccessPath, ...], elsewhere: Elsewhere = NOWHERE) -> Likelihood | None:
    """Rate a write event: `paths` is the changed path, then the others in its memory.

    Returns
    -------
    Likelihood or None
        None if the line is known to write elsewhere.
    """
    if event.reference is None:
        return _judge_library(event, paths, elsewhere)
    for place, path in enumerate(paths):
        found = _match(event.reference, path)
        if found is not None:
            score = found.score if event.kind == "write" else min(found.score, _MODULE)
            return Likelihood(
                score=score - (_BY_ANOTHER_NAME if place else 0), origin=found.origin, same_object=found.same_object
            )
    return _judge_elsewhere(event.reference, elsewhere)


def _judge_library(event: Event, paths: tuple[AccessPath, ...], elsewhere: Elsewhere) -> Likelihood | None:
    gradient = any(path.is_grad for path in paths)
    if event.kind == "backward":
        return Likelihood(score=_GRADIENT) if gradient else None
    return None if gradient or elsewhere.steps else Likelihood(score=_OPTIMIZER)


def _judge_elsewhere(reference: Reference, elsewhere: Elsewhere) -> Likelihood | None:
    root = reference.path.root
    if root.startswith("<") and (not reference.path.steps or " " not in root):  # no object made by the function itself
        return Likelihood(score=_HIDDEN)
    if not reference.sure:
        return Likelihood(score=_UNKNOWN)
    if not reference.path.steps:
        return None
    return Likelihood(score=_APART if elsewhere.has(reference) else _ELSEWHERE, origin=reference.path)


def _match(reference: Reference, path: AccessPath) -> Likelihood | None:
    if reference.below:
        return _match_below(reference, path)
    length = len(path.steps)
    start = reference.path.first(length)
    more = reference.path.steps[length:]
    if len(start.steps) < length or not start.leads_to(path):
        return None
    if any(step != ".data" and not step.startswith("[") for step in more):
        return None
    same = reference.same and all(step == ".data" for step in more)
    score = _VERY_OBJECT if same else _VIEW
    return Likelihood(score=score if reference.sure else _HANDED, origin=path, same_object=same and reference.sure)


def _match_below(reference: Reference, path: AccessPath) -> Likelihood | None:
    if not reference.path.leads_to(path) or reference.grad not in (None, path.is_grad):
        return None
    return Likelihood(
        score=_BELOW if reference.sure else _HANDED, origin=path, same_object=reference.same and reference.sure
    )
