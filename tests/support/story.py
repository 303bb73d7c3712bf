"""Stories: notebooks as percent-format files, each cell annotated with its true changes.

```
\"\"\"One sentence: what goes wrong, or why nothing does.\"\"\"
# %%
import torch
x = torch.zeros(3)
y = x.view(3)
# %%
#: y <- y.add_(1)
#! x <- y.add_(1)
y.add_(1)
```

`#: PATH <- LINE` is a change that is not silent, `#! PATH <- LINE` a silent one, `#:? PATH <- LINE` one that may be
either; `#!+` a silent one of what this cell bound itself, since it was bound. LINE is the text of the statement that wrote, in this cell or in a function of the notebook; `*` skips the
check of the line. `# %% raises NameOfError` announces that the cell fails.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

import pytest

from tests.support import oracle
from tests.support.notebook import Hazard, Notebook, Report, born, changes, lines, mutated, paths, silent, texts

if TYPE_CHECKING:
    from collections.abc import Mapping

STORIES = Path(__file__).parents[1] / "stories"
MARK = re.compile(r"^#(:\?|:|!\+|!) (?P<path>.+?) <- (?P<line>.+)$")


@dataclass(frozen=True)
class Expected:
    """One true change of a cell; `silent` is None if it may be either, `born` true if the cell bound the path."""

    path: str
    line: str
    silent: bool | None
    born: bool = False


@dataclass(frozen=True)
class StoryCell:
    """One cell with its true changes."""

    source: str
    expected: tuple[Expected, ...]
    raises: str | None

    def changed(self) -> set[str]:
        """Return the paths, of those from before it, whose bytes this cell changes."""
        return {e.path for e in self.expected if not e.born}


@dataclass(frozen=True)
class Story:
    """A notebook with its one-sentence title."""

    name: str
    title: str
    cells: tuple[StoryCell, ...]


def read_story(file: Path) -> Story:
    """Read a percent-format file."""
    head, *parts = re.split(r"^# %%(.*)\n", file.read_text("utf-8"), flags=re.MULTILINE)
    cells = []
    for options, body in zip(parts[::2], parts[1::2], strict=True):
        rows = body.strip("\n").split("\n")
        marks = [m for m in map(MARK.match, rows) if m]
        source = "\n".join(r for r in rows if not MARK.match(r))
        expected = tuple(
            Expected(m["path"], m["line"], {":": False, ":?": None}.get(m[1], True), m[1] == "!+") for m in marks
        )
        raises = options.strip().removeprefix("raises ").strip() or None
        cells.append(StoryCell(source, expected, raises))
    return Story(file.stem, head.strip().strip('"').split("\n")[0], tuple(cells))


def stories(folder: str) -> list[object]:
    """Return every story of a folder as a test parameter."""
    return [pytest.param(read_story(f), id=f.stem) for f in sorted((STORIES / folder).glob("*.py"))]


@cache
def measure(story: Story, asked: tuple[tuple[str, ...], ...] = ()) -> list[oracle.Verdict]:
    """Run the story without the extension, once for all tests; return the oracle's verdict on every cell."""
    verdicts = []
    with Notebook(watched=False) as nb:
        for i, cell in enumerate(story.cells):
            also = asked[i] if asked else ()
            before = oracle.copies(nb.ns, also)
            ran = nb.cell(cell.source)
            assert (type(ran.error).__name__ if ran.error else None) == cell.raises, f"{ran.error!r}\n{ran.stdout}"
            after = oracle.walk(nb.ns)
            for path in also:
                array = oracle.look_up(path, nb.ns)
                if array is not None:
                    after.setdefault(path, array)
            verdicts.append(oracle.compare(before, after))
    return verdicts


@dataclass(frozen=True)
class Watched:
    """What the extension told of one cell of a story; `error` is the `repr` of the exception that ended it, or empty."""

    source: str
    error: str
    report: Report
    said: str

    @property
    def hazards(self) -> list[Hazard]:
        """The hazards that the report lists."""
        return self.report["hazards"]


def watch(story: Story, settings: Mapping[str, object] = MappingProxyType({})) -> list[Watched]:
    """Run the story under the extension; return what was told of each cell."""
    told = []
    with Notebook(settings=settings) as nb:
        for cell in story.cells:
            ran = nb.cell(cell.source)
            assert (type(ran.error).__name__ if ran.error else None) == cell.raises, f"{ran.error!r}\n{ran.stdout}"
            told.append(Watched(cell.source, repr(ran.error) if ran.error else "", nb.report(), ran.told))
    return told


watch_once = cache(watch)
"""The same with the settings of all tests, once for the tests of a file; they only read what they get."""


def true_and_told_lines(setting: str, cell: str) -> tuple[dict[str, set[int]], dict[str, set[int]]]:
    """Return for each reported path of a cell the true lines that changed its bytes, and the reported ones."""
    namespace: dict[str, object] = {}
    written = [oracle.run_by_line(source, namespace) for source in (setting, cell)][1]
    with Notebook() as nb:
        nb.run(setting)
        report = nb.run(cell)
    told = {path: lines(change) for path, change in changes(report, "mutated").items()}
    since = born(report)
    true = {path: written.born[path].lines if path in since else written.lines[path] for path in told}
    return true, told


NO_LOOKS = {"probe_floor": 0.0, "probe_share": 0.0}
"""Settings without looks between statements, as late in a long loop or with large tensors."""


def faults(story: Story, settings: Mapping[str, object] = MappingProxyType({})) -> list[str]:
    """Return every difference between the reports on a story and the truth, in words."""
    watched = watch(story, settings)
    verdicts = measure(story, tuple(tuple(sorted(paths(one.report))) for one in watched))
    found = []
    known: list[Hazard] = []
    for i, (cell, one, verdict) in enumerate(zip(story.cells, watched, verdicts, strict=True)):
        where = f"{story.name} cell {i}: "
        new, known = new_hazards(one.report, known), one.hazards
        looks = settings is not NO_LOOKS
        found += [where + fault for fault in _cell_faults(cell, one.report, verdict, one.said, new, looks=looks)]
    return found


def new_hazards(report: Report, known: list[Hazard]) -> list[Hazard]:
    """Return the new hazards of a cell that its summary must show, without those whose backward may never run."""

    def mark(one: Hazard) -> list[object]:
        told = ["code", "outcome", "op", "saved_at", "written_at", "saved_cell", "written_cell"]
        return [*(one[key] for key in told), [] if one["written_cell"] else one["paths"]]

    before = [mark(one) for one in known]
    backward = ("TW201", "TW202", "TW205", "TW209", "TW212", "TW213")
    said = [one for one in report["hazards"] if one["outcome"] != "risk" or one["code"] not in backward]
    return [one for one in said if one["happened"] or mark(one) not in before]


def _cell_faults(
    cell: StoryCell, report: Report, verdict: oracle.Verdict, told: str, hazards: list[Hazard], *, looks: bool
) -> list[str]:
    found = []
    reported, hushed = mutated(report), silent(report)
    found += [f"{p} changed, not reported" for p in sorted(verdict.mutated - reported)]
    found += [
        f"{p} reported as mutated; its bytes are the same"
        for p in sorted(reported - verdict.mutated - verdict.reshaped)
    ]
    open_paths = {e.path for e in cell.expected if e.silent is None}
    due = {e.path for e in cell.expected if e.silent and (looks or not e.born)}
    serial = {t["path"]: t["object"] for t in report["tensors"]}
    same = {p for p, number in serial.items() if number in {serial.get(d) for d in due | open_paths}}
    found += [f"{p} changed silently, not said" for p in sorted(due - hushed)]
    found += [
        f"{p} said to be silent ({changes(report)[p]['cause']}); it is expected"
        for p in sorted(hushed - due - open_paths - (same - cell.changed()))
    ]
    for expected in cell.expected:
        entry = changes(report, "mutated").get(expected.path)
        if entry and expected.line != "*" and not any(expected.line in text for text in texts(entry)):
            found.append(f"{expected.path} was written by {expected.line!r}, not by {sorted(texts(entry))}")
    if bool(told) != bool(hushed or hazards):
        found.append(f"said {told!r} where {sorted(hushed)} are silent and new hazards are {hazards}")
    return found
