"""What is visible while the panel is closed: the badge and the marked lines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..render.wording.fold_changes import gather
from ..render.wording.hazard_sentences import message_of
from ..render.wording.measure import count_of, few
from .compact import MAX_TEXT, clip

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..core.hazards.hazard import Hazard
    from ..render.report import Report

MAX_NAMES = 3
MAX_OUTCOMES = 2


def is_news(report: Report) -> bool:
    """Return whether a cell has silent changes or new hazards."""
    return bool(report.silent or _begun(report))


def news(report: Report, cell_id: str | None) -> dict[str, Any]:
    """Return the numbers for the badge, and the lines that made silent changes or caused hazards, as plain JSON."""
    begun = _begun(report)
    marks = sorted([*_changed(report), *_endangered(report, begun)], key=lambda mark: (mark[0], mark[1] == "hazard"))
    return {
        "count": report.cell.count,
        "silent": len(report.silent),
        "hazards": len(begun),
        "marks": [_mark(report, *one) | {"cell": cell_id} for one in marks],
    }


def _begun(report: Report) -> list[Hazard]:
    return [one for one in report.begun if one.is_worth_saying]


def _changed(report: Report) -> Iterator[tuple[int, str, str]]:
    """Yield (line, kind, text) for each line that made silent changes."""
    lines: dict[int, list[str]] = {}
    for change in report.silent:
        if change.sites:
            lines.setdefault(change.sites[0].line, []).append(change.path)
    for line, paths in lines.items():
        shown, left = few([text for text, _ in gather(paths)], MAX_NAMES)
        yield line, "silent", f"also changes {', '.join(shown)}" + (f" and {left} more" if left else "")


def _endangered(report: Report, begun: list[Hazard]) -> Iterator[tuple[int, str, str]]:
    """Yield (line, kind, text) for each line that caused a hazard."""
    lines: dict[int, list[str]] = {}
    for hazard in begun:
        if hazard.written_at and hazard.written_cell == report.cell.count:
            lines.setdefault(hazard.written_at.line, []).append(clip(str(message_of(hazard).outcome)))
    for line, texts in lines.items():
        shown, left = few([*dict.fromkeys(texts)], MAX_OUTCOMES)
        yield line, "hazard", "; ".join(shown) + (f"; {count_of(left, 'more hazard')}" if left else "")


def _mark(report: Report, line: int, kind: str, text: str) -> dict[str, Any]:
    """Return the mark of one line, with its source, so that a cell that was edited since is not marked."""
    source = report.cell.source.split("\n")[line - 1 : line]
    told = {"count": report.cell.count, "line": line, "kind": kind, "text": text}
    return told | {"source": source[0]} if source and len(source[0]) <= MAX_TEXT else told
