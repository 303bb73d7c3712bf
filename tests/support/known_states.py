"""What is known before a cell runs, and what is foretold of cells from it: saved, so that core is tested without PyTorch.

`python -m tests.support.known_states NAME…` runs the notebooks of `previewed.py` and saves what was known after them;
without a name, what is foretold from the saved ones is saved anew.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

from ipy_tensorwatch.core.preview.foresee import foresee
from ipy_tensorwatch.core.preview.known_state import KnownState
from ipy_tensorwatch.core.preview.run.abstract_run import CellRunner
from ipy_tensorwatch.core.runtime.deadline import NEVER
from tests.support.previewed import PREVIEWED
from tests.support.trace_json import TraceReader, TraceWriter, read_trace, write_trace
from tests.support.traces import SAVED, conclude, fold_lines, unfold_lines, without_places

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ipy_tensorwatch.core.records.trace.cell_trace import CellTrace

KNOWN = SAVED.parent / "preview" / "known"
_OWN = ("notebook", "constants", "optimizers", "saved", "read_only", "closures")
"""What is known beside the traces of the cells, and what follows from them."""
_TYPES = {"list": list, "dict": dict}


def load_known(name: str) -> tuple[KnownState, dict[str, Any]]:
    """Read what was known after a notebook, and what is foretold of cells from it."""
    [one] = unfold_lines((KNOWN / f"{name}.json").read_text("utf-8"))
    traces = [read_trace(json.dumps(trace)) for trace in one["traces"]]
    return make_known(traces, one["known"]), one["told"]


def make_known(traces: Sequence[CellTrace], own: dict[str, Any]) -> KnownState:
    """Make what is known after some cells, from their traces and the rest."""
    *_, last = conclude(traces)
    read = TraceReader()
    values = {key: read.value(value) for key, value in own.items()}
    values["constants"] = {
        key: _TYPES[one["type"]] if isinstance(one, dict) else one for key, one in own["constants"].items()
    }
    report = last.report
    return KnownState(
        count=report.cell.count + 1,
        snapshot=report.snapshot,
        standing=last.standing,
        origins=report.origins,
        **values,
    )


def foretell(known: KnownState, source: str) -> dict[str, Any]:
    """Return what a cell would do, as plain values."""
    found = foresee(source, CellRunner(known), NEVER)
    changes = [
        [one.change.path, one.change.cause, [*one.change.via], one.certainty, *map(_site, one.change.sites)]
        for one in found.changes
    ]
    hazards = [[one.code, one.outcome, *one.paths, _site(one.saved_at), _site(one.written_at)] for one in found.hazards]
    told = {"changes": sorted(changes, key=str), "hazards": sorted(hazards, key=str), "unread": found.unread}
    return {key: one for key, one in told.items() if one}


def _site(one: Any) -> list[Any] | None:
    return one and [one.line, *([one.inner.cell, one.inner.line] if one.inner else [])]


def read_known(cells: Iterable[str]) -> tuple[list[CellTrace], dict[str, Any]]:
    """Run cells under watch; return their traces and what else a preview would know."""
    import ipy_tensorwatch
    from ipy_tensorwatch.shell import extension
    from tests.support.notebook import Notebook

    with Notebook(check_leaks=False) as nb:
        traces = []
        for cell in cells:
            nb.cell(cell)
            traces.append(ipy_tensorwatch.report().reasoning.trace)
        known = extension._loaded[0].previewer._take(ipy_tensorwatch.report()).known
        write = TraceWriter()
        own = {name: getattr(known, name) for name in _OWN}
        own["constants"] = {
            key: {"type": one.__name__} if isinstance(one, type) else one for key, one in known.constants.items()
        }
        return traces, {key: write.plain(one) for key, one in own.items()}


def save_known(name: str, texts: list[str], own: dict[str, Any]) -> None:
    """Save what is known and what is foretold from it of the cells of `previewed.py`."""
    known = make_known([*map(read_trace, texts)], own)
    told = {source: foretell(known, source) for source in PREVIEWED[name][1]}
    whole = {"traces": [*map(json.loads, texts)], "known": own, "told": told}
    KNOWN.mkdir(exist_ok=True, parents=True)
    (KNOWN / f"{name}.json").write_text(fold_lines([whole]), "utf-8")


if __name__ == "__main__":
    for new in sys.argv[1:]:
        traces, own = read_known(PREVIEWED[new][0])
        save_known(
            new, [without_places(write_trace(one)) for one in traces], json.loads(without_places(json.dumps(own)))
        )
    for old in PREVIEWED if not sys.argv[1:] else ():
        [one] = unfold_lines((KNOWN / f"{old}.json").read_text("utf-8"))
        save_known(old, [*map(json.dumps, one["traces"])], one["known"])
