"""Hand-made records, so that rendering is tested without tensors."""

from __future__ import annotations

from typing import Any

from ipy_tensorwatch.core.blame.reasoning import Reasoning
from ipy_tensorwatch.core.hazards.error_facts import Raised, Refused, Stopped
from ipy_tensorwatch.core.hazards.fix import Edit, Fix
from ipy_tensorwatch.core.hazards.hazard import Hazard
from ipy_tensorwatch.core.hazards.hazard_facts import OverwrittenSave
from ipy_tensorwatch.core.records.reading import Reading
from ipy_tensorwatch.core.records.reason import Reason
from ipy_tensorwatch.core.records.report_parts import (
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
from ipy_tensorwatch.core.records.snapshots.outline import Outline, OutlineRun
from ipy_tensorwatch.core.records.snapshots.snapshot import RootSnapshot, Snapshot
from ipy_tensorwatch.core.records.trace.cell_trace import CellTrace
from ipy_tensorwatch.core.records.trace.saved_tensor import Overwritten, SavedTensor, Spoiled, Writing
from ipy_tensorwatch.core.records.typed_line import TypedLine
from ipy_tensorwatch.render.report import Report

THREE_OF_SIX = Elements(changed=3, total=6, max_abs=1.0, examples=(Example(index=(0,), before=0.0, after=1.0),))


def site(line: int = 2, text: str = "y.add_(1)", **more: Any) -> Site:
    """Make a site on one line."""
    return Site(line=line, end_line=more.pop("end_line", line), text=text, **more)


def change(path: str = "x", **more: Any) -> Change:
    """Make a silent change through `y`; keywords replace its fields."""
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
    outline = Outline(runs=[OutlineRun(0, "name", tuple(readings))])
    return Snapshot(scenes={"": RootSnapshot(outline=outline, readings=tuple(readings.values()))})


class Reasoned(Reasoning):
    """Reasoning with given changes."""

    def __init__(self, trace: CellTrace, changes: tuple[Change, ...]) -> None:
        super().__init__(trace)
        self.changes = changes
        self.silent = tuple(one for one in changes if one.silent)


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
        snapshot=snapshot(
            x=reading(1), y=reading(2), s=reading(3, 2, unknown=Reason("layout", "sparse_coo"), version=None)
        ),
        coverage=Coverage(
            tensors=3, bytes=48, verified_bytes=24, unverified=(Unverified(path="s", why=Reason("budget")),)
        ),
        writes=(
            OperatorWrite(site=site(), op="aten.add_", paths=("x", "y"), times=2),
            OperatorWrite(site=None, op="aten.zero_", paths=()),
        ),
    )


def typed(text: str, line: int = 2, cell: int | None = 3, file: str = "") -> TypedLine:
    """Make a statement, by default on line 2 of cell 3."""
    return TypedLine(line=line, text=text, cell=cell, file=file)


def saved_tensor(**more: Any) -> SavedTensor:
    """Make the saved tensor `h` of `loss = (h * w).sum()` in cell 2."""
    values: dict[str, Any] = {
        "op": "MulBackward0", "argument": "self", "sequence": 7, "place": 0, "cell": 2, "reading": reading(1),
        "version": 0, "is_checked": True,
    }  # fmt: skip
    return SavedTensor(**(values | more))


def overwritten(roots: tuple[str, ...] = ("loss",), version: int = 1, **more: Any) -> Overwritten:
    """Make a saved tensor whose version has moved."""
    return Overwritten(saved=saved_tensor(**more), version=version, roots=roots)


def writing(text: str = "h.add_(1)", **more: Any) -> Writing:
    """Make a write by name on line 2 of cell 3."""
    values: dict[str, Any] = {"cell": 3, "path": "h", "site": site(2, text), "cause": "direct"}
    return Writing(**(values | more))


def spoiled(**more: Any) -> Spoiled:
    """Make the failed node of `loss = (h * w).sum()`, whose saved tensor was overwritten once."""
    values: dict[str, Any] = {
        "op": "MulBackward0", "argument": "self", "sequence": 7, "reading": reading(1), "now": 1, "expected": 0,
        "is_output": False,
    }  # fmt: skip
    return Spoiled(**(values | more))


def raised(text: str = "loss.backward()", **more: Any) -> Raised:
    """Make an error of a statement on line 2 of cell 4, which is the cell that raised."""
    values: dict[str, Any] = {"statement": typed(text, cell=4), "root": "loss"}
    return Raised(**(values | more))


def elsewhere(text: str, cell: int | None = 1, file: str = "") -> Raised:
    """Make an error of line 7 of another cell, or of a file."""
    return Raised(statement=typed(text, 7, cell, file), is_elsewhere=True)


def stopped(**more: Any) -> Stopped:
    """Make a backward that failed at `h`, saved in cell 2 and overwritten in cell 3."""
    values: dict[str, Any] = {
        "code": "TW201", "raised": raised(), "spoiled": spoiled(), "paths": ("h",), "saved_in": 2,
        "saved_at": site(4, "loss = (h * w).sum()"), "writing": writing(),
    }  # fmt: skip
    return Stopped(**(values | more))


def refused(trouble: str = "leaf", text: str = "w.add_(1)", **more: Any) -> Refused:
    """Make a refused write to `w`, which is a leaf."""
    values: dict[str, Any] = {
        "code": "TW204", "trouble": trouble, "raised": raised(text, root=None), "path": "w", "names": ("w",),
        "reading": reading(1, requires_grad=True),
    }  # fmt: skip
    return Refused(**(values | more))


def hazard(name: str = "h", **more: Any) -> Hazard:
    """Make a hazard: `h` was overwritten by name in cell 3."""
    values: dict[str, Any] = {
        "code": "TW201", "outcome": "raises", "paths": (name,), "op": "MulBackward0",
        "fact": OverwrittenSave(
            names=(name,), shape=(6,), via=None, root="loss", is_scalar=True, will_raise=True, is_read_again=False
        ),
        "fix": Fix(
            kind="out-of-place", code=f"{name} = {name}.add(1)", target=typed(f"{name}.add_(1)"),
            applicability="unsafe", edits=(Edit(cell=3, line=2, end_line=2, text=f"{name} = {name}.add(1)"),),
        ),
        "saved_at": site(4, "loss = (h * w).sum()"), "written_at": site(2, f"{name}.add_(1)"), "saved_cell": 2,
        "written_cell": 3, "node": 7,
    }  # fmt: skip
    return Hazard(**(values | more))
