"""What the editor tells in a few words: what a line did or would do, what a fix is worth, what must run again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .changes.fold_changes import gather
from .hazards.hazard_sentences import message_of
from .quantities import count_of, few

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ...core.hazards.hazard import Hazard

MAX_NAMES = 3
MAX_OUTCOMES = 2

RERUN = "run again: it uses what was edited"
RERUN_EDITED = "edited: run it again"
TRIED = "Tried on copies: nothing else changes."
UNTRIED = "Other results may change."


def also_changes(paths: Sequence[str]) -> str:
    """Return which variables a line has silently changed."""
    return f"also changes {_name(paths)}"


def would_change(paths: Sequence[str], *, is_likely: bool) -> str:
    """Return which variables a line would silently change.

    Examples
    --------
    >>> would_change(["x", "y"], is_likely=False)
    'would also change x, y'
    """
    return f"would {'likely ' if is_likely else ''}also change {_name(paths)}"


def outcomes(hazards: Iterable[Hazard]) -> str:
    """Return what will go wrong because of a line."""
    shown, left = few([*dict.fromkeys(str(message_of(one).outcome) for one in hazards)], MAX_OUTCOMES)
    return "; ".join(shown) + (f"; {count_of(left, 'more hazard')}" if left else "")


def _name(paths: Sequence[str]) -> str:
    """Return the first few paths, with those of one container as one."""
    shown, left = few([text for text, _ in gather(paths)], MAX_NAMES)
    return ", ".join(shown) + (f" and {left} more" if left else "")
