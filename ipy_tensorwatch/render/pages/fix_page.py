"""The page of `%tensorwatch fix`: what mends a silent change or a hazard, as a difference of lines."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ...core.fixes.edited_source import edit_diff
from ...core.hazards.codes import OUTCOMES
from ...core.runtime.record import record
from ..page import Line, Page, PagePart, Row, Table, code, words
from ..wording.changes.phrases import names
from ..wording.hazards.fix_sentences import remedy, title
from ..wording.quantities import few

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ...core.hazards.fix import Applicability, Fix

MAX_FIXES = 8

_TRIED: Mapping[Applicability, str] = {
    "safe": "tried on copies: it mends this, and all else comes out the same",
    "unsafe": "not tried: other results may change",
    "display": "there is no edit to apply",
}


@record
class OfferedFix:
    """A fix with what it mends.

    Attributes
    ----------
    mends
        The path that changed, or the code of the hazard, as `%tensorwatch fix` takes it.
    what
        What it mends, in words.
    """

    mends: str
    what: Line
    fix: Fix


def show_fix(offered: Sequence[OfferedFix], sources: Mapping[int, str], again: Sequence[int]) -> Page:
    """Show the first fix as a difference of lines, and what the others would mend.

    Parameters
    ----------
    sources
        The sources of the cells that it edits.
    again
        The cells that must run again.
    """
    first, *others = offered
    return Page(head=f"tensorwatch  fix {first.mends}", parts=tuple(_parts(first, others, sources, again)))


def _parts(
    first: OfferedFix, others: Sequence[OfferedFix], sources: Mapping[int, str], again: Sequence[int]
) -> Iterator[PagePart]:
    yield first.what
    yield remedy(first.fix)
    if again:
        yield from (_difference(first.fix, count, source) for count, source in sources.items())
        verb = "is" if len(sources) == 1 else "are"
        yield words(f"run again: {_cells(again)}; the mended {_cells([*sources])} {verb} where you type next")
    yield words(_TRIED[first.fix.applicability])
    if others:
        yield _rest(others)


def _difference(fix: Fix, count: int, source: str) -> Table:
    edits = [one for one in fix.edits if one.cell == count]
    rows = [
        Row(cells=(words(one.sign), words(f"{one.number}" if one.sign == "-" else ""), code(one.text)))
        for one in edit_diff(source, edits)
    ]
    return Table(caption=f"Cell {count}", head=("", "line", "text"), rows=tuple(rows))


def _rest(others: Sequence[OfferedFix]) -> Table:
    shown, left = few(others, MAX_FIXES)
    return Table(
        caption="More can be mended",
        head=("what", "how"),
        rows=tuple(Row(cells=(code(f"%tensorwatch fix {one.mends}"), title(one.fix))) for one in shown),
        more=f"… and {left:,} more" if left else "",
    )


def _cells(again: Sequence[int]) -> str:
    return ("cell " if len(again) == 1 else "cells ") + ", ".join(map(str, again))


def add_late(page: Page, late: Sequence[str]) -> Page:
    """Add for which paths there was no time."""
    told = words("no time was left to look for what mends ") + names(late)
    return Page(head=page.head, parts=(*page.parts, told)) if late else page


_CODE = re.compile(r"TW\d+", re.IGNORECASE)


def is_code(asked: str) -> bool:
    """Return whether what was asked for is the code of a hazard, also of one that does not exist."""
    return bool(_CODE.fullmatch(asked))


def show_no_fix(asked: str | None, unmended: Sequence[str]) -> Page:
    """Say that nothing plain mends what was asked for."""
    if unmended:
        told = words("no plain edit mends it: ") + names(unmended)
    elif asked is None:
        told = words("the last cell changed nothing silently, and no hazard stands")
    elif asked.upper() in OUTCOMES:
        told = words(f"no hazard {asked.upper()} stands")
    elif is_code(asked):
        told = words(f"there is no code {asked.upper()}: the codes are {min(OUTCOMES)} to {max(OUTCOMES)}")
    else:
        told = code(asked) + words(" did not change silently in the last cell, and no hazard stands for it")
    return Page(head=f"tensorwatch  fix {asked or ''}".rstrip(), parts=(told,))
