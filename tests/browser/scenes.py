"""What a kernel might send, made by hand where no golden story has it: odd names, and very many tensors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

Body = dict[str, Any]

GOLDEN = Path(__file__).parents[1] / "stories" / "golden"


def story(name: str) -> list[Body]:
    """Return the bodies of a golden story's messages, each with what changed since the one before."""
    messages = json.loads((GOLDEN / f"{name}.json").read_text("utf-8"))["messages"]
    return [message["body"] for message in messages]


def tensor(path: str, **told: Any) -> Body:
    """Return six floats without gaps, unless told otherwise."""
    return {
        "path": path, "kind": "tensor", "object": 1, "storage": 1, "device": "cpu", "dtype": "torch.float32",
        "itemsize": 4, "shape": [6], "strides": [1], "data_ptr": 1 << 20, "span": [0, 24], "version": 0,
        "requires_grad": False, "is_leaf": True, "grad_fn": None, "unknown": None,
    } | told  # fmt: skip


def group(*members: str, **told: Any) -> Body:
    pairs = [{"a": members[0], "b": other, "relation": "same-elements"} for other in members[1:]]
    return {"id": 1, "device": "cpu", "nbytes": 24, "members": members, "pairs": pairs} | told


def line(path: str, **told: Any) -> Body:
    """Return a silent change, as it is told."""
    return {
        "label": path, "paths": [path], "kind": "mutated", "cause": "alias", "silent": True,
        "how": ["changed through ", ["y"]], "where": ["line 1"], "line": 1, "inner": None,
        "statement": [["y.add_(1)"]], "amount": ["6 of 6 elements, max |Δ| 1"], "counter": ["v0 → v1"],
    } | told  # fmt: skip


def past(count: int, status: str = "ok", **marks: str) -> Body:
    return {"count": count, "id": f"cell-{count}", "status": status, "marks": marks}


def told(count: int, lines: Sequence[Body] = ()) -> Body:
    """Return what one cell did."""
    head = {"count": count, "id": f"cell-{count}", "status": "ok", "duration": 0.001, "overhead": 0.0012}
    return {"cell": head, "lines": lines, "left_out": 0, "hazards": [], "hazards_left_out": 0}


def report(
    count: int,
    tensors: Sequence[Body],
    groups: Sequence[Body] = (),
    lines: Sequence[Body] = (),
    cells: Sequence[Body] | None = None,
) -> Body:
    """Return a report that stands for itself."""
    fields = list(tensor("x"))
    changes = [{"path": path, "kind": one["kind"], "silent": one["silent"]} for one in lines for path in one["paths"]]
    news = {"count": count, "silent": sum(one["silent"] for one in lines), "hazards": 0, "marks": []}
    return told(count, lines) | {
        "schema": 1,
        "fields": fields,
        "news": news,
        "changes": changes,
        "parts": {},
        "coverage": {"tensors": len(tensors), "bytes": 24, "verified_bytes": 24},
        "tensors": [[0, 0, [[one[field] for field in fields] for one in tensors]]],
        "groups": [[0, 0, groups]] if groups else [],
        "unverified": [],
        "past": [[0, 0, cells if cells is not None else [past(count)]]],
    }


def hazard(**told: Any) -> Body:
    """Return a hazard that is new, as it is told."""
    return {
        "code": "TW201", "outcome": "raises", "turn": "new", "minor": False,
        "what": [["loss.backward()"], " will raise"],
        "why": [["h", "h"], " was overwritten in ", ["cell 1, line 2", 1, 2], ": ", ["h.add_(1)"]],
        "remedy": ["Write out of place: ", ["h = h.add(1)"], "."],
    } | told  # fmt: skip
