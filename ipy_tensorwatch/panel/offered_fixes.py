"""The fixes of one cell's silent changes and hazards that a click can apply, with the sources that they edit."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any

from ..core.fixes.cells_to_run import stale_cells
from ..render.wording.editor_sentences import RERUN, RERUN_EDITED, TRIED, UNTRIED
from ..render.wording.hazards.fix_sentences import remedy
from .change_lines import line_as_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ..core.hazards.fix import Edit, Fix
    from ..core.hazards.hazard import Hazard
    from .past_cells import PastCell, PastCells

    Need = tuple[str, int | None, Fix]

MAX_FIXES = 50


def tell_fixes(one: PastCell, past: PastCells, hazards: Sequence[Hazard]) -> dict[str, Any]:
    """Return the fixes of a cell, each once, and the sources of the cells that they edit.

    Parameters
    ----------
    hazards
        The hazards that stand after the cell.
    """
    offers: dict[tuple[Edit, ...], dict[str, Any]] = {}
    sources: dict[int, PastCell] = {}
    for name, line, fix in _needs(one, hazards, past):
        cells = {edit.cell: past.find(edit.cell) for edit in fix.edits}
        if fix.applicability == "display" or not cells or None in cells.values() or len(offers) >= MAX_FIXES:
            continue
        sources |= {count: cell for count, cell in cells.items() if cell is not None}
        told = offers.setdefault(fix.edits, _tell(fix, past))
        told["of"].append(name)
        told["lines"] += [line] if line is not None and line not in told["lines"] else []
    return {"fixes": [*offers.values()], "cells": {str(count): _source(cell) for count, cell in sources.items()}}


def _needs(one: PastCell, hazards: Sequence[Hazard], past: PastCells) -> Iterator[Need]:
    """Yield what a fix mends: the path of a change or the key of a hazard, the line of the cell, and the fix."""
    report = past.report_of(one)
    for hazard in dict.fromkeys(chain((turn.hazard for turn in one.turns if turn.why is None), hazards)):
        is_here = hazard.written_cell == one.cell.count and hazard.written_at is not None
        fix = hazard.fix if report is None else report.fix_of(hazard)
        yield hazard.key, hazard.written_at.line if is_here and hazard.written_at else None, fix
    for change, fix in report.fixes.items() if report is not None else ():
        yield str(change.path), change.site.line if change.site else None, fix


def _tell(fix: Fix, past: PastCells) -> dict[str, Any]:
    edits = [{"count": one.cell, "line": one.line, "end_line": one.end_line, "text": one.text} for one in fix.edits]
    return {
        "of": [],
        "lines": [],
        "title": line_as_json(remedy(fix, above_edits=True)),
        "note": TRIED if fix.applicability == "safe" else UNTRIED,
        "edits": edits,
        "again": [*_again({edit.cell for edit in fix.edits}, past)],
    }


def _again(edited: set[int], past: PastCells) -> Iterator[dict[str, Any]]:
    """Yield the marks of the cells that must run again, each in its latest run."""
    latest = {_name(one): one for one in past.cells}
    names = {_name(one) for one in past.cells if one.cell.count in edited}
    ran = sorted((one.cell.count, one.cell.source) for one in latest.values())
    stale = {count for name in names for count in stale_cells(latest[name].cell.count, ran)}
    for one in sorted(latest.values(), key=lambda one: one.cell.count):
        if one.cell.count in stale:
            told = {"count": one.cell.count, "cell": one.id, "line": 1, "kind": "again"}
            yield told | {"text": RERUN_EDITED if _name(one) in names else RERUN}


def _name(one: PastCell) -> str:
    return one.id or f"[{one.cell.count}]"


def _source(cell: PastCell) -> dict[str, Any]:
    return {"cell": cell.id, "source": cell.cell.source}
