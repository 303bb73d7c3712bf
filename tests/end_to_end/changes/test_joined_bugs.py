"""The bug patterns with all their cells in one: nearly all that is told between cells is told within one as well."""

from __future__ import annotations

from tests.support.notebook import Notebook, silent
from tests.support.story import Story, stories

LEAST = 0.95


def told(cells: list[str]) -> tuple[set[str], set[str]]:
    """Run cells; return the paths that are told as silent or by a hazard, and the codes of the hazards."""
    paths, codes = set[str](), set[str]()
    with Notebook() as nb:
        for cell in cells:
            nb.cell(cell)
            report = nb.report()
            codes |= {one["code"] for one in report["hazards"]}
            paths |= silent(report).union(*(one["paths"] for one in report["hazards"]))
    return paths, codes


def sources(story: Story) -> list[str]:
    """Return the cells up to the first that raises: what follows would not run in the same cell."""
    raising = [place for place, cell in enumerate(story.cells) if cell.raises]
    return [cell.source for cell in story.cells][: raising[0] + 1 if raising else None]


def test_what_is_told_between_cells_is_told_within_one():
    due, found = [], []
    for [story] in (parameter.values for parameter in stories("bugs")):
        cells = sources(story)
        apart, joined = told(cells), told(["\n".join(cells)])
        marked = {one.path for cell in story.cells for one in cell.expected if one.silent} & apart[0]
        due += [(story.name, one) for one in (*marked, *apart[1])]
        found += [(story.name, one) for one in (*(marked & joined[0]), *(apart[1] & joined[1]))]

    assert len(found) >= LEAST * len(due), sorted({*due} - {*found})
