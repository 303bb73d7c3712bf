"""`%tensorwatch fix`: choose what to mend, show how, and put the mended cell where the user types next."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ...core.fixes.cells_to_run import cells_to_run
from ...core.fixes.edited_source import apply_edits
from ...core.records.path import is_part_of
from ...core.syntax.magic_calls import MAGIC_CALL
from ...core.syntax.parsing import parse_path
from ...render.page import Line, Page, code, words
from ...render.pages.fix_page import OfferedFix, add_late, is_code, show_fix, show_no_fix
from ...render.wording.changes.phrases import how, names
from ...render.wording.hazards.hazard_sentences import message
from ..ipython.cell_sources import leading_blanks, typed_source
from ..ipython.find_path import normalize

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from IPython.core.interactiveshell import InteractiveShell

    from ...core.hazards.fix import Edit
    from ...core.records.report_parts import Change
    from ...render.report import Report


def mend_cell(
    shell: InteractiveShell, report: Report, asked: str | None, paths: Callable[[str], Sequence[str]]
) -> Page:
    """Show what mends a silent change or a hazard; the cells that it edits become the next input.

    Parameters
    ----------
    asked
        The code of a hazard or a path; None for all.
    paths
        Returns the paths that an expression means.

    Raises
    ------
    UsageError
        If what is asked for is no code and leads to no tensor.
    """
    late = [one for one in report.found_fixes.late if asked is None or _is_meant(one, asked)]
    return add_late(_mend(shell, report, asked) or _without_fix(report, asked, late, paths), late)


def _without_fix(report: Report, asked: str | None, late: Sequence[str], paths: Callable[[str], Sequence[str]]) -> Page:
    silent = [one.path for one in report.silent if asked is None or _is_meant(one.path, asked)]
    if asked is not None and not silent and not is_code(asked):
        paths(asked)
    return show_no_fix(asked, [one for one in silent if one not in late])


def _mend(shell: InteractiveShell, report: Report, asked: str | None) -> Page | None:
    offered = [one for one in _offered(report) if asked is None or _is_meant(one.mends, asked)]
    if not offered:
        return None
    first = min(offered, key=lambda one: not one.fix.edits)
    others = [one for one in offered if one.fix != first.fix]
    edited = {one.cell for one in first.fix.edits}
    if not edited or not edited <= report.sources.keys():
        return show_fix([first, *others], {}, ())
    mended = [one for one, fix in report.fixes.items() if fix == first.fix]
    changed = {parse_path(path).root for one in mended for path in (one.path, *one.via)}
    again = cells_to_run(edited, changed, report.sources)
    typed = {count: _as_typed(shell, count, report.sources[count], first.fix.edits) for count in sorted(edited)}
    shell.set_next_input("\n\n".join(apply_edits(*one) for one in typed.values()))
    edits = tuple(edit for _, several in typed.values() for edit in several)
    shown = replace(first, what=_told_together(first, mended), fix=replace(first.fix, edits=edits))
    return show_fix([shown, *others], {count: source for count, (source, _) in typed.items()}, again)


def _told_together(first: OfferedFix, mended: Sequence[Change]) -> Line:
    """Return what a fix mends, with all other changes that it mends if that is a change."""
    others = [one.path for one in mended if one.path != first.mends]
    is_change = len(others) < len(mended)
    return first.what + words("; the same mends ") + names(others) if others and is_change else first.what


def _offered(report: Report) -> Iterator[OfferedFix]:
    for change, fix in report.fixes.items():
        yield OfferedFix(mends=change.path, what=code(change.path) + words(" ") + how(change), fix=fix)
    for hazard in report.hazards:
        fix = report.fix_of(hazard)
        yield from (OfferedFix(mends=one, what=message(hazard), fix=fix) for one in (hazard.code, *hazard.paths))


def _is_meant(mends: str, asked: str) -> bool:
    meant = normalize(asked)
    own = mends if mends.startswith("TW") else normalize(mends)
    return own == meant.upper() or own == meant or is_part_of(own, meant)


def _as_typed(shell: InteractiveShell, count: int, plain: str, edits: Sequence[Edit]) -> tuple[str, list[Edit]]:
    """Return a cell and its edits as typed, where the edited lines are plain Python; else as plain Python.

    Parameters
    ----------
    edits
        Those of all cells.
    """
    edits = [one for one in edits if one.cell == count]
    typed = typed_source(shell, count)
    above = leading_blanks(typed) - leading_blanks(plain)
    moved = [replace(one, line=one.line + above, end_line=one.end_line + above) for one in edits]
    lines, own = typed.split("\n"), plain.split("\n")
    pairs = zip(moved, edits, strict=True)
    is_alike = all(lines[new.line - 1 : new.end_line] == own[old.line - 1 : old.end_line] for new, old in pairs)
    runs_magic = plain.startswith(MAGIC_CALL)  # then its lines are numbered as typed
    return (typed, moved) if is_alike or runs_magic else (plain, list(edits))
