"""What can be seen without the panel: how many changes were silent, and the lines that made them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..render.fold import gather
from ..render.measure import few
from ..render.place import main_site
from .compact import MAX_TEXT

if TYPE_CHECKING:
    from ..core.report import Report

MAX_NAMES = 3


def news(report: Report, cell_id: str | None) -> dict[str, Any]:
    """Tell which lines of the last cell changed something silently, and what; as plain JSON."""
    lines: dict[int, list[str]] = {}
    for change in report.silent:
        if change.sites:
            lines.setdefault(main_site(change).line, []).append(change.path)
    marks = [_mark(report, line, paths) | {"cell": cell_id} for line, paths in sorted(lines.items())]
    return {"count": report.cell.count, "silent": len(report.silent), "marks": marks}


def _mark(report: Report, line: int, paths: list[str]) -> dict[str, Any]:
    """Tell of one line; its source too, so that a cell that was edited since is not marked."""
    source = report.cell.source.split("\n")[line - 1 : line]
    told = {"count": report.cell.count, "line": line, "text": f"also changes {_names(paths)}"}
    return told | {"source": source[0]} if source and len(source[0]) <= MAX_TEXT else told


def _names(paths: list[str]) -> str:
    shown, left = few([text for text, _ in gather(paths)], MAX_NAMES)
    return ", ".join(shown) + (f" and {left} more" if left else "")
