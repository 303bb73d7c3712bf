"""The few lines under a cell, in a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..core.records import Change
    from ..core.report import Report


def summarize(report: Report) -> str:
    """Tell what was silent; nothing where nothing was."""
    silent = report.silent
    if not silent:
        return ""
    noun = "silent change" if len(silent) == 1 else "silent changes"
    head = f" tensorwatch  [{report.cell.count}]  {len(silent)} {noun}"
    return "\n".join([head, *map(_line, silent)])


def _line(change: Change) -> str:
    via = f"changed through {', '.join(change.via)}" if change.via else "changed"
    site = f"line {change.sites[0].line}   {change.sites[0].text}" if change.sites else ""
    return f"   {change.path}   {via}      {site}"
