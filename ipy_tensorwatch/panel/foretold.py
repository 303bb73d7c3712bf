"""What the cells that are being typed would change: the lines to be marked before they run."""

from __future__ import annotations

from dataclasses import field
from time import perf_counter
from typing import TYPE_CHECKING, Any

from ..core.host.late_methods import dataclass
from ..render.wording.foretold_sentences import foretell_lines
from .compact import MAX_TEXT, clip

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from ..render.report import Report
    from .past_cells import PastCells

    Preview = Callable[[str], Mapping[str, Any] | None]

SECONDS = 0.05
"""Time that one request may take; the page asks again for the cells that it did not reach."""
MAX_CELLS = 200
MAX_SOURCE = 100_000
"""Maximum number of cells in a request, and of characters in all of them."""


@dataclass(slots=True, eq=False, repr=False)
class Foretold:
    """The previews of sources, kept until the next report.

    Parameters
    ----------
    preview
        Returns what running a source would change, as `Preview.to_dict` does; None where that is switched off.
    """

    preview: Preview
    _report: Report | None = None
    _known: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    _newest: dict[str, int] = field(default_factory=dict)

    def is_newest(self, name: str, request: int) -> bool:
        """Return whether a front end has sent no later request; front ends may speak in any order."""
        if self._newest.get(name, -1) >= request:
            return False
        self._newest[name] = request
        return True

    def forget(self) -> None:
        """Drop everything: the front ends start over."""
        self._report = None
        self._known.clear()
        self._newest.clear()

    def marks(self, report: Report, past: PastCells, cells: Sequence[tuple[str, str]]) -> tuple[list[Any], bool]:
        """Return the lines to be marked in cells, given as id and source, and whether all cells were reached.

        The first cell is the one with the cursor. A later one that has run after it, as it reads now, is left out.
        """
        if report is not self._report:
            self._report = report
            self._known.clear()
        until = perf_counter() + SECONDS
        found: list[dict[str, Any]] = []
        for name, source in [*cells[:1], *_not_run_since(past, cells)]:
            if source not in self._known and perf_counter() > until:
                return found, False
            found += [mark | {"cell": name} for mark in self._of(source)]
        return found, True

    def _of(self, source: str) -> list[dict[str, Any]]:
        if source not in self._known:
            told = self.preview(source)
            self._known[source] = [*_marks(told, source)] if told else []
        return self._known[source]


def read_cells(told: object) -> list[tuple[str, str]] | None:
    """Return the cells of a request as id and source; None if it is not well formed or too long."""
    if not isinstance(told, list) or not 0 < len(told) <= MAX_CELLS:
        return None
    cells: list[tuple[str, str]] = []
    for one in told:
        cell, source = (one.get("cell"), one.get("source")) if isinstance(one, dict) else (None, None)
        if not isinstance(cell, str) or not isinstance(source, str):
            return None
        cells.append((cell, source))
    return cells if sum(len(source) for _, source in cells) <= MAX_SOURCE else None


def _not_run_since(past: PastCells, cells: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """Yield the cells after the first that have not run since the first, or read otherwise than they ran."""
    latest = {one.id: one.cell for one in past.cells}
    first, *others = cells
    since = latest[first[0]].count if first[0] in latest else 0
    for name, source in others:
        ran = latest.get(name)
        if ran is None or ran.count < since or ran.source.rstrip() != source.rstrip():
            yield name, source


def _marks(told: Mapping[str, Any], source: str) -> Iterator[dict[str, Any]]:
    lines = source.split("\n")
    for line, kind, text in foretell_lines(told):
        mark = {"count": 0, "line": line, "kind": kind, "text": clip(text), "foretold": True}
        code = lines[line - 1] if 0 < line <= len(lines) else ""
        yield mark | {"source": code} if len(code) <= MAX_TEXT else mark
