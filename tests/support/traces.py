"""Traces for tests: made by hand, or saved from the cells of a story with `python -m tests.support.traces STORY…`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ipy_tensorwatch.core.blame.reasoning import Reasoning
from ipy_tensorwatch.core.hazards.find_hazards import find_hazards
from ipy_tensorwatch.core.hazards.standing import Standing
from ipy_tensorwatch.core.model.trace_json import read_trace, write_trace

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ipy_tensorwatch.core.model.cell_trace import CellTrace

SAVED = Path(__file__).parent.parent / "core" / "traces"


def outcomes(traces: Iterable[CellTrace]) -> Iterator[dict[str, Any]]:
    """Reason about the cells of a notebook, one after the other; give what is said of each, as plain values."""
    standing = Standing()
    for trace in traces:
        reasoning = Reasoning(trace)
        standing = find_hazards(reasoning, standing)
        yield {"changes": [_change(one) for one in reasoning.changes], "hazards": [*map(_hazard, standing.hazards)]}


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
    places = [site and [site.line, site.text] for site in (one.saved_at, one.written_at)]
    return {"code": one.code, "outcome": one.outcome, "paths": [*one.paths], "op": one.op, "places": places}


def load(name: str) -> tuple[list[CellTrace], list[dict[str, Any]]]:
    """Read the saved traces of a story, and what was said of each."""
    saved = json.loads((SAVED / f"{name}.json").read_text("utf-8"))
    return [read_trace(json.dumps(one["trace"])) for one in saved], [one["said"] for one in saved]


def record(name: str) -> list[CellTrace]:
    """Run a story of `tests/stories/bugs` under watch, and give the trace of each cell."""
    import ipy_tensorwatch
    from tests.support.notebook import Notebook
    from tests.support.story import read_story

    traces = []
    with Notebook() as nb:
        for cell in read_story(SAVED.parent.parent / "stories" / "bugs" / f"{name}.py").cells:
            nb.cell(cell.source)
            traces.append(ipy_tensorwatch.report().reasoning.trace)
    return traces


def save(name: str) -> None:
    """Save the traces of a story, one a line."""
    traces = record(name)
    texts = [write_trace(one) for one in traces]
    lines = [
        json.dumps({"trace": json.loads(text), "said": said}, ensure_ascii=False, separators=(",", ":"))
        for text, said in zip(texts, outcomes(traces), strict=True)
    ]
    SAVED.mkdir(exist_ok=True)
    (SAVED / f"{name}.json").write_text("[" + ",\n".join(lines) + "]\n", "utf-8")


if __name__ == "__main__":
    for story in sys.argv[1:]:
        save(story)
