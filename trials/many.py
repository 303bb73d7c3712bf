"""Very many objects and tensors: what a quiet cell then costs, and the longest that a cell ever had to wait."""

from __future__ import annotations

import statistics
import time
from typing import TYPE_CHECKING, Any

from trials.figure import Figure
from trials.process import apart
from trials.shell import opened, run

if TYPE_CHECKING:
    from collections.abc import Iterator

BUDGET, SHARE, LONGEST = 0.010, 0.005, 0.100
"""Seconds and share of a cell that may be added to it; seconds that may be added once, when all of it is new."""

MANY = {
    "200,000 plain objects": "class O: pass\nmany = []\nfor i in range(200_000 // {k}):\n    o = O(); o.n = i; many.append(o)",
    "300,000 tensors": "many = [torch.zeros(1) for _ in range(300_000 // {k})]",
    "1,000,000 objects": "class O: __slots__ = ('a', 'b')\nmany = []\nfor i in range(1_000_000 // {k}):\n    o = O(); o.a = [i]; many.append(o)",
    "100,000 dicts of dicts": "many = {{i: {{'a': {{'b': i}}}} for i in range(100_000 // {k})}}",
    "1,000,000 numbers in lists": "many = [[float(i)] * 3 for i in range(1_000_000 // {k})]",
    "50,000 arrays": "many = [np.zeros(4) for _ in range(50_000 // {k})]",
    "30,000 modules": "many = [torch.nn.ReLU() for _ in range(30_000 // {k})]",
}


def trial(*, quick: bool) -> Iterator[Figure]:
    for many in list(MANY)[:3] if quick else MANY:
        ended = apart("many", "measure", 300, many=many, share=4 if quick else 1)
        value: dict[str, Any] = ended.value or {}
        size = f"{many}{' / 4' if quick else ''}"
        if not value:
            yield Figure(what=f"{size}: added to a quiet cell", bar="10 ms + 0.5 %", measured=ended.why, is_ok=False)
            continue
        added, longest, whole = value["added"], value["longest"], value["made"]
        is_ok = added <= BUDGET + SHARE * value["quiet"]
        yield Figure(
            what=f"{size}: added to a quiet cell", bar="10 ms + 0.5 %", measured=f"{added * 1000:.1f} ms", is_ok=is_ok
        )
        told = f"{longest * 1000:.0f} ms, {value['unverified']:,} listed as not compared"
        bar, fits = "100 ms + 0.5 %", longest <= LONGEST + SHARE * whole
        yield Figure(what="the same: the longest wait", bar=bar, measured=told, is_ok=fits)
        found = f"after {value['found']} more cells" if value["found"] is not None else "not in 300 cells"
        yield Figure(
            what="the same: a silent write is told",
            bar="within 300 cells",
            measured=found,
            is_ok=value["found"] is not None,
        )


def measure(many: str, share: int) -> dict[str, Any]:
    """Time quiet cells with and without us, among all of that."""
    make = MANY[many].format(k=share)
    with opened(watched=False) as plain:
        run(plain, "import numpy as np, torch")
        whole = _seconds(plain, make)
        quiet = statistics.median(_seconds(plain, "pass") for _ in range(15))
    with opened(watched=True) as notebook:
        run(notebook, "import numpy as np, torch\nx = torch.zeros(3); y = x.view(3)")
        waits = [_seconds(notebook, make) - whole]
        times = [_seconds(notebook, "pass") for _ in range(40)]
        report = _report()
        listed = len(report.coverage.unverified) if report else 0
        found = next((number for number in range(300) if _is_told(notebook, number)), None)
    waits += [one - quiet for one in times]
    added = statistics.median(times[10:]) - quiet
    return {"added": added, "longest": max(waits), "made": whole, "quiet": quiet, "unverified": listed, "found": found}


def _is_told(notebook: Any, number: int) -> bool:
    outcome = run(notebook, "y.add_(1);" if number == 0 else "pass")
    return "x" in outcome.told


def _report() -> Any:
    from ipy_tensorwatch.shell import extension

    return extension._loaded[0].watcher.report


def _seconds(notebook: Any, source: str) -> float:
    began = time.perf_counter()
    run(notebook, source)
    return time.perf_counter() - began
