"""What the cells that are being typed would change: the lines to be marked before they run."""

from __future__ import annotations

from operator import itemgetter
from time import perf_counter
from typing import TYPE_CHECKING, Any

from ..core.runtime.grouped import grouped
from ..core.runtime.record import field, mutable
from ..render.wording.editor_sentences import outcomes, would_change
from .compact import MAX_TEXT, clip

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from ..core.hazards.hazard import Hazard
    from ..core.records.report_parts import Site
    from ..render.preview import Preview
    from ..render.report import Report
    from .past_cells import PastCells

    Foresee = Callable[[str], Preview | None]

SECONDS = 0.05
"""Time that one request may take; the page asks again for the cells that it did not reach."""
MAX_CELLS = 200
MAX_SOURCE = 100_000
"""Maximum number of cells in a request, and of characters in all of them."""


@mutable(eq=False)
class Foretold:
    """The previews of sources, kept until the next report.

    Parameters
    ----------
    preview
        Returns what running a source would change; None while a cell runs, or where that is switched off.
    """

    preview: Foresee
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
            if told is None:
                return []
            self._known[source] = [*_marks(told)]
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


def _marks(told: Preview) -> Iterator[dict[str, Any]]:
    changes = ((site.line, one) for one in told.changes if (site := one.change.site))
    hazards = ((site.line, one) for one in told.hazards if (site := _own_site(one)))
    lines = told.source.split("\n")
    for line, several in grouped(changes, itemgetter(0)).items():
        is_likely = all(one.certainty == "likely" for _, one in several)
        paths = [one.change.path for _, one in several]
        yield _mark(lines, line, "silent", would_change(paths, is_likely=is_likely))
    for line, begun in grouped(hazards, itemgetter(0)).items():
        yield _mark(lines, line, "hazard", f"then {outcomes(one for _, one in begun)}")


def _own_site(hazard: Hazard) -> Site | None:
    """Return the statement of the cell that is foretold: the other one is of a cell before it."""
    is_written_last = (hazard.written_cell or 0) >= (hazard.saved_cell or 0)
    return hazard.written_at if is_written_last and hazard.written_at else hazard.saved_at


def _mark(lines: Sequence[str], line: int, kind: str, text: str) -> dict[str, Any]:
    mark = {"count": 0, "line": line, "kind": kind, "text": clip(text), "foretold": True}
    code = lines[line - 1] if 0 < line <= len(lines) else ""
    return mark | {"source": code} if len(code) <= MAX_TEXT else mark
