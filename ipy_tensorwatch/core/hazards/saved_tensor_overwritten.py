"""Say what a backward will do when what it needs was overwritten, who did it, and what to write instead."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from ..model.records import Hazard
from .remedy import remedy
from .wording import quote, where

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ..model.records import Outcome, Site
    from ..model.saved_tensor import Overwritten, SavedTensor, Writing

WILL_RAISE, WILL_BE_WRONG, COMPUTED_AGAIN = "TW201", "TW202", "TW205"
OF_BACKWARD = frozenset((WILL_RAISE, WILL_BE_WRONG, COMPUTED_AGAIN, "TW209"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Break:
    """An overwritten saved tensor, with all that is known of it by name.

    Attributes
    ----------
    paths
        The variables whose bytes overlap it, one that is the very tensor first.
    scalars
        Those of its roots on which `backward()` needs no argument.
    """

    found: Overwritten
    paths: tuple[str, ...]
    scalars: tuple[str, ...]
    saved_at: Site | None
    writing: Writing

    @property
    def code(self) -> str:
        """The code of the hazard that this is."""
        if self.found.will_raise:
            return WILL_RAISE
        return COMPUTED_AGAIN if self.found.saved.is_read_again else WILL_BE_WRONG

    @property
    def outcome(self) -> Outcome:
        """What will happen; a step that only makes kept results old is harmful only if they are used again."""
        if self.writing.cause == "optimizer" and not self.scalars:
            return "risk"
        return "raises" if self.found.will_raise else "wrong"


def tell_hazards(breaks: Iterable[Break]) -> tuple[Hazard, ...]:
    """Tell overwritten saved tensors as hazards, all that one statement overwrote as one.

    Of several, the node that backward runs first is named: it is the one that PyTorch would complain about.
    """
    ordered = sorted(breaks, key=_group)
    return tuple(_hazard(sorted(group, key=_turn)) for _, group in groupby(ordered, _group))


def _group(one: Break) -> tuple[str, str, int, int, tuple[int, int]]:
    site, inner = one.writing.site, one.writing.site.inner if one.writing.site else None
    line = (inner.cell, inner.line) if inner else (0, 0)
    return one.code, one.outcome, one.writing.cell, site.line if site else 0, line


def _turn(one: Break) -> int:
    return -one.found.saved.sequence


def _hazard(group: Sequence[Break]) -> Hazard:
    first = group[0]
    paths = tuple(dict.fromkeys(path for one in group for path in one.paths))
    mains = dict.fromkeys(one.paths[0] for one in group if one.paths)
    return Hazard(
        code=first.code,
        outcome=first.outcome,
        paths=paths,
        op=first.found.saved.op,
        message=_message(first, list(mains)),
        remedy=remedy(first.writing, paths, _root(first), is_read_again=first.found.saved.is_read_again),
        saved_at=first.saved_at,
        written_at=first.writing.site,
        saved_cell=first.found.saved.cell,
        written_cell=first.writing.cell,
        node=first.found.saved.sequence,
    )


def is_worth_saying(hazard: Hazard) -> bool:
    """Tell a hazard that is said unasked; that of a backward which may never be run just stands in the report."""
    return hazard.outcome != "risk" or hazard.code not in OF_BACKWARD


def _message(one: Break, names: Sequence[str]) -> str:
    saved, writing = one.found.saved, one.writing
    who = f"`{names[0]}`" + (f" and {len(names) - 1} more" if names[1:] else "") if names else _temporary(saved)
    were = "were" if names[1:] else "was"
    through = f" through `{writing.path}`" if writing.path and writing.path not in names else ""
    needed = "with which a checkpoint will compute again, as" if saved.is_read_again else f"saved by {saved.op}"
    return (
        f"{_what(one)}: {who}, {needed} in {where(saved.cell, one.saved_at)}, {were} overwritten{through} "
        f"in {quote(writing.cell, writing.site)}"
    )


def _temporary(saved: SavedTensor) -> str:
    return f"a temporary of shape {[*saved.reading.shape]}"


def _what(one: Break) -> str:
    root = _root(one)
    backward = f"`{root}.backward()`" if one.scalars else f"a backward through `{root}`" if root else "a backward"
    will = "would" if one.outcome == "risk" else "will"
    end = "raise" if one.found.will_raise else "give wrong gradients, without an error"
    return f"{backward} {will} {end}"


def _root(one: Break) -> str | None:
    return next(iter((*one.scalars, *one.found.roots)), None)
