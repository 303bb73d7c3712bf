"""Traces for tests: made by hand, or saved by `python -m tests.support.traces NAME…` of a notebook.

Without a name, what follows from the saved traces is saved anew.
"""

from __future__ import annotations

import json
import sys
import sysconfig
from collections import Counter
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ipy_tensorwatch.core.blame.reasoning import Reasoning
from ipy_tensorwatch.core.explain.explain_error import explain_error
from ipy_tensorwatch.core.explain.node_log import NodeLog
from ipy_tensorwatch.core.fixes.cells_to_run import cells_to_run
from ipy_tensorwatch.core.fixes.replay import plan_hazard, plan_replay
from ipy_tensorwatch.core.fixes.word_fixes import word_fixes
from ipy_tensorwatch.core.hazards.find_hazards import find_hazards
from ipy_tensorwatch.core.hazards.standing_hazards import Standing
from ipy_tensorwatch.core.interpreter.cell_definitions import definitions_in
from ipy_tensorwatch.core.origins.origins import Origins
from ipy_tensorwatch.core.origins.path_histories import PathHistories
from ipy_tensorwatch.core.records.report_parts import Cell, Coverage
from ipy_tensorwatch.core.records.snapshots.difference import Content, Difference
from ipy_tensorwatch.core.records.snapshots.outline import Outline, OutlineRun
from ipy_tensorwatch.core.records.snapshots.snapshot import RootSnapshot, Snapshot
from ipy_tensorwatch.core.records.trace.cell_trace import CellTrace
from ipy_tensorwatch.core.records.trace.evidence import Evidence, Position, SeenWrite
from ipy_tensorwatch.core.records.trace.notebook import Notebook
from ipy_tensorwatch.core.statements.statement import parse_statements
from ipy_tensorwatch.core.syntax.parsing import parse_path
from ipy_tensorwatch.render.pages.blame_page import show_blame
from ipy_tensorwatch.render.pages.diff_page import DiffView, show_diff
from ipy_tensorwatch.render.pages.history_page import history
from ipy_tensorwatch.render.pages.overview_page import overview
from ipy_tensorwatch.render.pages.summary_page import summarize
from ipy_tensorwatch.render.paint.text import write_text
from ipy_tensorwatch.render.report import Report, hazard_dict, plain
from tests.support.changing import CHANGING
from tests.support.failing import FAILING
from tests.support.noticed import NOTICED
from tests.support.trace_json import read_trace, write_trace

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from ipy_tensorwatch.core.records.reading import Reading
    from ipy_tensorwatch.core.records.report_parts import Change
    from ipy_tensorwatch.render.page import Page

SAVED = Path(__file__).parent.parent / "core" / "traces"
STORIES = Path(__file__).parent.parent / "stories" / "bugs"
LATEST = 6
"""How many changes of a notebook a history and a blame of a saved trace show."""
_SHARED, _SHORT = "#", 40


def snapshot_of(readings: Mapping[str, Reading]) -> Snapshot:
    """Make a snapshot from paths as text; a leaf must come before its gradient."""
    outline, nodes, places = Outline(), {}, {path: place for place, path in enumerate(readings)}
    for spelled in readings:
        path = parse_path(spelled)
        leaf = places.get(spelled.removesuffix(".grad"))
        if spelled.endswith(".grad") and leaf is not None:
            outline.runs.append(OutlineRun(0, "grad", (leaf,)))
            continue
        node = -1
        for depth, step in enumerate((path.root, *path.steps)[:-1]):
            key = (path.root, *path.steps)[: depth + 1]
            nodes[key] = node = nodes[key] if key in nodes else outline.add_node(node, step)
        outline.runs.append(
            OutlineRun(node, "typed", path.steps[-1:]) if path.steps else OutlineRun(0, "name", (path.root,))
        )
    return Snapshot(scenes={"": RootSnapshot(outline=outline, readings=tuple(readings.values()))})


def position(at: int | tuple[int, str, int]) -> Position:
    """Make the position of a statement, or of a line of a file that runs within a statement."""
    return Position(at, None, blind=False) if isinstance(at, int) else Position(at[0], at[1:], blind=False)


def make_trace(plain: str, readings: Mapping[str, Reading], **more: Any) -> CellTrace:
    """Make the trace of a cell, by default cell 3, in which bytes changed and versions rose by one.

    Parameters
    ----------
    readings
        The reading of each path after the cell.
    changed
        The paths whose bytes changed; all by default.
    writes
        For each storage, sets of candidate positions, one of which wrote.
    cells
        The sources of earlier cells, which define functions.
    classes, inplace, objects, modules, optimizer_paths, collectives
        What is known of the notebook's objects.
    """
    changed, count = more.pop("changed", tuple(readings)), more.pop("count", 3)
    own = {
        "cell": count,
        "plain": plain,
        "ran": frozenset(one.index for one in parse_statements(plain)),
        "writes": {
            storage: tuple(
                SeenWrite(storage=storage, positions=frozenset(map(position, one)), look=look)
                for look, one in enumerate(looks)
            )
            for storage, looks in more.pop("writes", {}).items()
        },
    }
    own |= {
        name: more.pop(name) for name in ("steps", "values", "targets", "recorded", "moves", "entered") if name in more
    }
    own |= more.pop("evidence", {})
    definitions = {
        name: one
        for count, source in enumerate(more.pop("cells", ()), 1)
        for name, one in definitions_in(source, count).items()
    }
    notebook = Notebook(
        definitions=definitions,
        classes=more.pop("classes", {}),
        inplace=frozenset(more.pop("inplace", ())),
        objects=more.pop("objects", {}),
        modules=frozenset(more.pop("modules", ())),
        optimizers=frozenset(more.pop("optimizer_paths", ())),
        collectives=more.pop("collectives", {}),
    )
    found = [
        (
            Difference(path=parse_path(path), before=one._replace(version=0), after=one),
            Content(changed=True, verified=True),
        )
        for path, one in readings.items()
        if path in changed
    ]
    values = {
        "cell": Cell(count=count, source=plain, status="ok", duration=0.01, overhead=0.0),
        "before": snapshot_of(readings),
        "after": snapshot_of(readings),
        "found": tuple(found),
        "own": Evidence(**own),
        "notebook": notebook,
        "coverage": Coverage(tensors=len(readings), bytes=0, verified_bytes=0),
    }
    return CellTrace(**(values | more))


def explain(plain: str, readings: Mapping[str, Reading], **more: Any) -> dict[str, Change]:
    """Reason about a hand-made trace; return its changes by path."""
    return {one.path: one for one in Reasoning(make_trace(plain, readings, **more)).changes}


class Concluded(NamedTuple):
    """What follows from a cell and those before it: its report, the hazards that stand, all changes, all turns."""

    report: Report
    standing: Standing
    past: list[tuple[int, Any]]
    turns: list[Any]


def conclude(traces: Iterable[CellTrace]) -> Iterator[Concluded]:
    """Reason about the cells of a notebook in order."""
    standing, built, known = Standing(), NodeLog(), PathHistories()
    past, turns, sources = list[tuple[int, Any]](), list[Any](), dict[int, str]()
    for trace in traces:
        reasoning, sources = Reasoning(trace), {**sources, trace.cell.count: trace.own.plain}
        past += [(trace.cell.count, one) for one in reasoning.changes]
        built.add(trace, alive=())
        hazards, standing = explain_error(reasoning, find_hazards(reasoning, standing), past, built)
        known.add(trace)
        origins = Origins.now(known, trace.after)
        hazards, standing = word_fixes(hazards, standing, trace.after, sources, origins)
        report = Report(
            cell=trace.cell, reasoning=reasoning, hazards=hazards, turns=standing.turned,
            origins=origins, sources=sources,
        )  # fmt: skip
        turns += standing.turned
        yield Concluded(report, standing, past, turns)


def outcomes(traces: Iterable[CellTrace]) -> Iterator[dict[str, Any]]:
    """Yield the outcome of each cell of a notebook as plain values."""
    several = [*traces]
    for trace, one in zip(several, conclude(several), strict=True):
        report = one.report
        told = {
            "changes": [*map(_change, report.changes)],
            "hazards": [_hazard(one, report.fix_of(one)) for one in report.hazards],
            "page": _page(report),
            "fixes": {one.path: plain(fix.edits) for one, fix in report.possible_fixes.items()},
            "trials": [*_trials(report)],
            "pages": [*map(_text, _pages(report, one.past[-LATEST:], one.turns, is_last=trace is several[-1]))],
        }
        yield {key: each for key, each in told.items() if each}


def _change(one: Any) -> dict[str, Any]:
    sites = [
        [site.line, site.text, site.certainty, site.inner and [site.inner.cell, site.inner.line, site.inner.text]]
        for site in one.sites
    ]
    told = {"path": one.path, "kind": one.kind, "cause": one.cause, "silent": one.silent, "via": [*one.via]}
    return told | {"sites": sites} | ({} if one.shared_since is None else {"since": plain(one.shared_since)})


def _hazard(one: Any, fix: Any) -> dict[str, Any]:
    return {key: value for key, value in hazard_dict(one, fix).items() if value or key == "outcome"}


def _page(report: Report) -> list[str]:
    """Return the lines that stand under the cell."""
    page = summarize(report, report.begun)
    return [] if page is None else _text(page)


def _trials(report: Report) -> Iterator[dict[str, Any]]:
    """Yield what would run to try the fixes, and which cells would run again."""
    cell, sources = report.cell.count, report.sources
    fixes = report.possible_fixes
    plans = [(fix, plan_replay(one, fix, [one.path], cell, sources)) for one, fix in fixes.items() if fix.edits]
    mending = [(one, report.fix_of(one)) for one in report.hazards]
    plans += [(fix, plan_hazard(one, fix, cell, sources)) for one, fix in mending if fix.edits]
    for fix, plan in plans:
        again = cells_to_run({one.cell for one in fix.edits}, fix.names, sources)
        told = {} if plan is None else {one.name: getattr(plan, one.name) for one in fields(plan)}
        yield {"again": [*again]} | {
            key: sorted(one) if isinstance(one, frozenset) else one for key, one in told.items() if one
        }


def _pages(report: Report, past: list[tuple[int, Any]], turns: list[Any], *, is_last: bool) -> Iterator[Page]:
    """Yield the pages that a user may ask for."""
    if report.silent or report.turns:
        yield overview(report)
    if is_last:
        yield show_diff(report, DiffView(recorded=bool(report.writes)))
        yield history(past, LATEST, turns=turns)
        for one in report.silent:
            yield show_blame([each for each in past if each[1].path == one.path], one.path)


def _text(page: Page) -> list[str]:
    return write_text(page, 140).split("\n")


def load(name: str) -> tuple[list[CellTrace], list[dict[str, Any]]]:
    """Read the saved traces of a notebook and their outcomes."""
    cells = unfold_lines((SAVED / f"{name}.json").read_text("utf-8"))
    return [read_trace(json.dumps(one["trace"])) for one in cells], [one["said"] for one in cells]


def unfold_lines(text: str) -> list[dict[str, Any]]:
    """Read the JSON of cells."""
    whole = json.loads(text)
    return [*_unfold(whole["cells"], whole["shared"])]


def _unfold(value: Any, shared: list[Any]) -> Any:
    if isinstance(value, list):
        return [_unfold(one, shared) for one in value]
    if not isinstance(value, dict):
        return value
    return (
        _unfold(shared[value[_SHARED]], shared)
        if _SHARED in value
        else {k: _unfold(v, shared) for k, v in value.items()}
    )


def _fold(value: Any, shared: list[Any]) -> Any:
    """Return a JSON value in which what occurs several times is a number in `shared`."""
    counts, numbers = Counter(map(json.dumps, _dicts(value))), dict[str, int]()

    def short(one: Any) -> Any:
        if isinstance(one, list):
            return [*map(short, one)]
        text = json.dumps(one)
        if isinstance(one, dict) and text not in numbers:
            one = {key: short(part) for key, part in one.items()}
            if counts[text] > 1 and len(text) > _SHORT:
                numbers[text] = len(shared)
                shared.append(one)
        return {_SHARED: numbers[text]} if text in numbers else one

    return short(value)


def _dicts(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for one in parts:
        yield from _dicts(one)


def cells_of(name: str) -> list[str]:
    """Return the cells of a notebook or of a story."""
    from tests.support.story import read_story

    return (FAILING | CHANGING | NOTICED).get(name) or [
        cell.source for cell in read_story(STORIES / f"{name}.py").cells
    ]


def record(name: str) -> list[CellTrace]:
    """Run a notebook or a story under watch; return the trace of each cell."""
    import ipy_tensorwatch
    from tests.support.notebook import Notebook

    traces = []
    with Notebook() as nb:
        for cell in cells_of(name):
            nb.cell(cell)
            traces.append(ipy_tensorwatch.report().reasoning.trace)
    return traces


def without_places(text: str) -> str:
    """Take out where this machine keeps PyTorch and Python's own library; the first may lie within the second."""
    packages, library = (f"{sysconfig.get_path(one)}/" for one in ("purelib", "stdlib"))
    return text.replace(packages, "/lib/site-packages/").replace(library, "/lib/python/")


def save(name: str, traces: Sequence[CellTrace]) -> None:
    """Save traces with what follows from them, one per line, without the folder in which this machine keeps packages."""
    texts = [without_places(write_trace(one)) for one in traces]
    whole = [{"trace": json.loads(text), "said": said} for text, said in zip(texts, outcomes(traces), strict=True)]
    SAVED.mkdir(exist_ok=True)
    (SAVED / f"{name}.json").write_text(fold_lines(whole), "utf-8")


def fold_lines(cells: list[dict[str, Any]]) -> str:
    """Return JSON of cells, one per line, and of what several of them share."""
    shared = list[Any]()
    lines, parts = ",\n".join(map(_line, _fold(cells, shared))), ",\n".join(map(_line, shared))
    return f'{{"cells":[{lines}],\n"shared":[{parts}]}}\n'


def _line(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


if __name__ == "__main__":
    for new in sys.argv[1:]:
        save(new, record(new))
    for known in sorted(one.stem for one in SAVED.glob("*.json")) if not sys.argv[1:] else ():
        save(known, load(known)[0])
