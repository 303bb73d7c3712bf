"""Traces for tests: made by hand, or saved by `python -m tests.support.traces NAME…` of a notebook.

Without a name, what follows from the saved traces is saved anew.
"""

from __future__ import annotations

import json
import sys
import sysconfig
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ipy_tensorwatch.core.blame.reasoning import Reasoning
from ipy_tensorwatch.core.explain.explain_error import explain_error
from ipy_tensorwatch.core.explain.node_log import NodeLog
from ipy_tensorwatch.core.hazards.find_hazards import find_hazards
from ipy_tensorwatch.core.hazards.standing_hazards import Standing
from ipy_tensorwatch.core.interpreter.cell_definitions import definitions_in
from ipy_tensorwatch.core.model.records import Cell, Coverage
from ipy_tensorwatch.core.model.snapshots.difference import Content, Difference
from ipy_tensorwatch.core.model.snapshots.outline import Outline, OutlineRun
from ipy_tensorwatch.core.model.snapshots.snapshot import RootSnapshot, Snapshot
from ipy_tensorwatch.core.model.trace.cell_trace import CellTrace
from ipy_tensorwatch.core.model.trace.evidence import Evidence, Position, SeenWrite
from ipy_tensorwatch.core.model.trace.notebook import Notebook
from ipy_tensorwatch.core.model.trace.trace_json import read_trace, write_trace
from ipy_tensorwatch.core.statements.statement import parse_statements
from ipy_tensorwatch.core.syntax.parsing import parse_path
from ipy_tensorwatch.render.pages.summary_page import summarize
from ipy_tensorwatch.render.paint.text import write_text
from ipy_tensorwatch.render.report import Report, hazard_dict
from tests.support.changing import CHANGING
from tests.support.failing import FAILING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from ipy_tensorwatch.core.model.reading import Reading
    from ipy_tensorwatch.core.model.records import Change

SAVED = Path(__file__).parent.parent / "core" / "traces"
STORIES = Path(__file__).parent.parent / "stories" / "bugs"
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


def outcomes(traces: Iterable[CellTrace]) -> Iterator[dict[str, Any]]:
    """Reason about the cells of a notebook in order; yield the outcome of each as plain values."""
    standing, built, history = Standing(), NodeLog(), list[tuple[int, Any]]()
    for trace in traces:
        reasoning = Reasoning(trace)
        history += [(trace.cell.count, one) for one in reasoning.changes]
        built.add(trace, alive=())
        hazards, standing = explain_error(reasoning, find_hazards(reasoning, standing), history, built)
        report = Report(cell=trace.cell, reasoning=reasoning, hazards=hazards, turns=standing.turned)
        changes = [_change(one) for one in reasoning.changes]
        yield {"changes": changes, "hazards": [*map(_hazard, hazards)], "page": _page(report)}


def _change(one: Any) -> dict[str, Any]:
    sites = [
        [site.line, site.text, site.certainty, site.inner and [site.inner.cell, site.inner.line, site.inner.text]]
        for site in one.sites
    ]
    return {
        "path": one.path,
        "kind": one.kind,
        "cause": one.cause,
        "silent": one.silent,
        "via": [*one.via],
        "sites": sites,
    }


def _hazard(one: Any) -> dict[str, Any]:
    return {key: value for key, value in hazard_dict(one).items() if value or key == "outcome"}


def _page(report: Report) -> list[str]:
    """Return the lines that stand under the cell."""
    page = summarize(report, report.begun)
    return [] if page is None else write_text(page, 140).split("\n")


def load(name: str) -> tuple[list[CellTrace], list[dict[str, Any]]]:
    """Read the saved traces of a notebook and their outcomes."""
    whole = json.loads((SAVED / f"{name}.json").read_text("utf-8"))
    cells = _unfold(whole["cells"], whole["shared"])
    return [read_trace(json.dumps(one["trace"])) for one in cells], [one["said"] for one in cells]


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

    return (FAILING | CHANGING).get(name) or [cell.source for cell in read_story(STORIES / f"{name}.py").cells]


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


def _without_places(text: str) -> str:
    """Take out where this machine keeps PyTorch and Python's own library; the first may lie within the second."""
    packages, library = (f"{sysconfig.get_path(one)}/" for one in ("purelib", "stdlib"))
    return text.replace(packages, "/lib/site-packages/").replace(library, "/lib/python/")


def save(name: str, traces: Sequence[CellTrace]) -> None:
    """Save traces with what follows from them, one per line, without the folder in which this machine keeps packages."""
    texts = [_without_places(write_trace(one)) for one in traces]
    shared = list[Any]()
    whole = [{"trace": json.loads(text), "said": said} for text, said in zip(texts, outcomes(traces), strict=True)]
    cells, parts = ",\n".join(map(_line, _fold(whole, shared))), ",\n".join(map(_line, shared))
    SAVED.mkdir(exist_ok=True)
    (SAVED / f"{name}.json").write_text(f'{{"cells":[{cells}],\n"shared":[{parts}]}}\n', "utf-8")


def _line(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


if __name__ == "__main__":
    for new in sys.argv[1:]:
        save(new, record(new))
    for known in sorted(one.stem for one in SAVED.glob("*.json")) if not sys.argv[1:] else ():
        save(known, load(known)[0])
