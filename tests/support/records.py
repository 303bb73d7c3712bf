"""Hand-made records, so that what is painted is tested without a tensor."""

from __future__ import annotations

from typing import Any

from ipy_tensorwatch.core.blame.reasoning import Reasoning
from ipy_tensorwatch.core.model.cell_trace import CellTrace
from ipy_tensorwatch.core.model.outline import Outline, Run
from ipy_tensorwatch.core.model.reading import Reading
from ipy_tensorwatch.core.model.records import (
    Cell,
    Change,
    Coverage,
    Elements,
    Example,
    Inner,
    OperatorWrite,
    Site,
    Unverified,
)
from ipy_tensorwatch.core.model.snapshot import Scene, Snapshot
from ipy_tensorwatch.core.report import Report

THREE_OF_SIX = Elements(changed=3, total=6, max_abs=1.0, examples=(Example(index=(0,), before=0.0, after=1.0),))


def site(line: int = 2, text: str = "y.add_(1)", **more: Any) -> Site:
    """Make a site on one line."""
    return Site(line=line, end_line=more.pop("end_line", line), text=text, **more)


def change(path: str = "x", **more: Any) -> Change:
    """Make a silent change through `y`, or what is asked for."""
    values: dict[str, Any] = {
        "kind": "mutated",
        "cause": "alias",
        "silent": True,
        "via": ("y",),
        "sites": (site(),),
        "versions": (0, 1),
        "versioned": True,
        "verified": True,
        "elements": THREE_OF_SIX,
    }
    return Change(path=path, **(values | more))


def inferred(line: int = 3) -> Inner:
    """Make a line inside a function of cell 2."""
    return Inner(cell=2, line=line, text="t /= 255.0")


def reading(name: int, storage: int = 1, **more: Any) -> Reading:
    """Make a reading of six floats."""
    values: dict[str, Any] = {
        "kind": "tensor", "object": name, "storage": storage, "device": "cpu", "dtype": "torch.float32", "itemsize": 4, "shape": (6,),
        "strides": (4,), "data_ptr": 4096 * storage, "low": 0, "high": 24, "version": 1, "requires_grad": False, "is_leaf": True, "grad_fn": None,
    }  # fmt: skip
    return Reading(**(values | more))


def snapshot(**readings: Reading) -> Snapshot:
    """Make a snapshot of names that lead straight to tensors."""
    outline = Outline(runs=[Run(0, "name", tuple(readings))])
    return Snapshot(scenes={"": Scene(outline=outline, readings=tuple(readings.values()))})


class Reasoned(Reasoning):
    """Reasoning whose outcome is given."""

    def __init__(self, trace: CellTrace, changes: tuple[Change, ...]) -> None:
        super().__init__(trace)
        self.changes = changes


def report(*changes: Change, hazards: Any = (), turns: Any = (), **more: Any) -> Report:
    """Make the report of cell 7."""
    values: dict[str, Any] = {
        "cell": Cell(count=7, source="x = 1", status="ok", duration=0.01, overhead=0.0004),
        "coverage": Coverage(tensors=2, bytes=24, verified_bytes=24),
    }
    if "snapshot" in more:
        values["after"] = more.pop("snapshot")
    trace = CellTrace(**(values | more))
    return Report(cell=trace.cell, reasoning=Reasoned(trace, changes), hazards=hazards, turns=turns)


def full_report() -> Report:
    """Make a report in which every record occurs."""
    return report(
        change(sites=(site(inner=inferred(), certainty="inferred"),), since=4),
        change(
            "a",
            kind="metadata",
            cause=None,
            silent=False,
            via=(),
            sites=(),
            versioned=None,
            elements=None,
            fields=("shape",),
        ),
        change(
            "b",
            elements=Elements(changed=1, total=1, max_abs=None, examples=(Example(index=(), before=0.0, after="nan"),)),
        ),
        snapshot=snapshot(x=reading(1), y=reading(2), s=reading(3, 2, unknown="a sparse coo tensor", version=None)),
        coverage=Coverage(tensors=3, bytes=48, verified_bytes=24, unverified=(Unverified(path="s", why="budget"),)),
        writes=(
            OperatorWrite(site=site(), op="aten.add_", paths=("x", "y"), times=2),
            OperatorWrite(site=None, op="aten.zero_", paths=()),
        ),
    )
