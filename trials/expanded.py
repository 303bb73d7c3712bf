"""Tensors of very many elements on very little memory: no time, no memory, and the right counts."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from ipy_tensorwatch.capture.compare.compare_bytes import COPY_LIMIT
from trials.figure import Figure, none_of
from trials.process import apart, forget_most, memory, most_memory, step
from trials.shell import opened, run

if TYPE_CHECKING:
    from collections.abc import Iterator

MILLISECONDS, MEGABYTES = 10, 10
NOISE = 0.002
"""Seconds of the processor by which two cells differ that do the same."""

SHAPES = {
    "36 million elements, expanded": ("e = base[:1].expand(6_000, 6_000)", 36_000_000, 36_000_000),
    "4 * 10^8 elements, expanded": ("e = base[:1].expand(20_000, 20_000)", 400_000_000, 400_000_000),
    "10^12 elements, as_strided": ("e = base.as_strided((10**6, 10**6), (0, 0))", 10**12, 10**12),
    "10^12 elements, one dimension": ("e = base[:1].expand(10**12)", 10**12, 10**12),
    "rows expanded": ("e = base[:, None].expand(4, 10**11)", 10**11, 4 * 10**11),
    "columns expanded": ("e = base.expand(10**11, 4)", 10**11, 4 * 10**11),
    "three dimensions": ("e = base[None, :, None].expand(10**6, 4, 10**5)", 10**11, 4 * 10**11),
    "windows that overlap": ("wide = torch.zeros(40_000); base = wide[:4]; e = wide.unfold(0, 20_000, 1)", 1, 20_001 * 20_000),
    "windows that overlap, written at the end": ("wide = torch.zeros(40_000); base = wide[-4:]; e = wide.unfold(0, 20_000, 1)", 4, 20_001 * 20_000),
    "windows in two dimensions": ("wide = torch.zeros(64, 64); base = wide[0]; e = wide.unfold(0, 32, 1).unfold(1, 32, 1)", 1, 33 * 33 * 32 * 32),
    "an array, broadcast": ("e = np.broadcast_to(base.numpy()[:1], (10**6, 10**6))", 10**12, 10**12),
    "an array, as_strided": ("e = np.lib.stride_tricks.as_strided(base.numpy(), (10**6, 10**6), (0, 0))", 10**12, 10**12),
    "windows of an array": ("wide = torch.zeros(30_000); base = wide[:4]; e = np.lib.stride_tricks.sliding_window_view(wide.numpy(), 10_000)", 1, 20_001 * 10_000),
    "a list of expanded tensors": ("e = base[:1].expand(10**12); more = [base[i % 4:i % 4 + 1].expand(10**6, i + 2) for i in range(100)]", 10**12, 10**12),
    "expanded and cast to bytes": ("e = base.view(torch.uint8)[2:3].expand(10**12)", 10**12, 10**12),
}  # fmt: skip
"""How each is made, how many of its elements change when the first of `base` becomes 1, and how many there are."""


def trial(*, quick: bool) -> Iterator[Figure]:
    shapes = list(SHAPES)[::4] if quick else list(SHAPES)
    slow, wide, wrong, most = [], [], [], {"ms": 0.0, "MB": 0.0}
    for shape in shapes:
        for head in ("", "%%tensordiff\n"):
            case = f"{shape}{', under %%tensordiff' if head else ''}"
            ended = apart("expanded", "examine", 90, shape=shape, head=head)
            value: dict[str, Any] = ended.value or {}
            if not value:
                slow.append(f"{case}: {ended.why} at {(ended.steps or ['the start'])[-1]}")
                continue
            for unit, limit, over in (("ms", MILLISECONDS, slow), ("MB", MEGABYTES, wide)):
                most[unit] = max(most[unit], value[unit])
                if value[unit] > limit:
                    over.append(f"{case}: {value[unit]:,.1f} {unit}")
            wrong += [f"{case}: {one}" for one in value["wrong"]]
    total = 2 * len(shapes)
    what = "expanded and overlapping tensors up to 10^12 elements on a few bytes"
    for name, unit, limit, over in (("time", "ms", MILLISECONDS, slow), ("memory", "MB", MEGABYTES, wide)):
        measured = f"at most {most[unit]:,.1f} {unit}; {len(over)} of {total} above, or without an end"
        yield Figure(
            what=f"{what}: {name} added to a cell",
            bar=f"{limit} {unit}",
            measured=measured,
            is_ok=not over,
            notes=tuple(over),
        )
    yield none_of("the same: counts that are wrong, or not told", wrong, total, "cases")


def examine(shape: str, head: str) -> dict[str, Any]:
    """Write to the base of as many ordinary views, and of the large one; give what it added, and what was told wrongly."""
    make, changed, total = SHAPES[shape]
    with opened(watched=True) as notebook:
        run(notebook, "import numpy as np, torch\nbase = torch.zeros(4)")
        twins = f"e = [base[i % 4 : i % 4 + 1] for i in range({1 + 100 * ('list' in shape)})]"
        usual = min(_cell(notebook, twins)[0] for _ in range(3))
        plain = min(_cell(notebook, f"{head}base[0] = {number + 2}")[0] for number in range(5))
        used = memory()
        forget_most()
        step(make)
        made = [_cell(notebook, make)[0] for _ in range(3)]  # the first may import what it takes
        times = []
        for number in range(3):
            step("a write")
            seconds, report = _cell(notebook, f"{head}base[0] = {2 * number + 3}; base[0] = {1 + number % 2}")
            times.append(seconds)
        grown = most_memory() - used
        run(notebook, f"{head}base[0] = 7")
        _, report = _cell(notebook, f"{head}base[0] = 1")
        wide = notebook.shell.user_ns.get("wide")
        is_kept = bool(head) or wide is None or wide.untyped_storage().nbytes() <= COPY_LIMIT
    wrong = _wrong(report, changed if is_kept else None, total) if "cast" not in shape else []
    added = max(min(times) - plain, min(made) - usual) - NOISE
    return {"ms": max(0.0, added) * 1000, "MB": max(0, grown) / (1 << 20), "wrong": wrong}


def _cell(notebook: Any, source: str) -> tuple[float, Any]:
    """Run a cell, which itself does next to nothing; give the seconds of the processor and its report."""
    from ipy_tensorwatch.shell import extension

    began = time.process_time()
    run(notebook, source)
    seconds = time.process_time() - began
    report = extension._loaded[0].watcher.report
    return seconds, report if report.cell.source == source else None


def _wrong(report: Any, changed: int | None, total: int) -> list[str]:
    """Compare what is told with what is true; of what no copy was kept, that it changed, and no number."""
    if report is None:
        return ["there is no report"]
    told = [one for one in report.changes if one.path == "e" and one.kind == "mutated"]
    if not told:
        return ["the change of e is not told"]
    elements = told[0].elements
    if elements is None:
        return ["the elements of e are not counted"]
    found = (elements.changed, elements.total)
    return [] if found == (changed, total) else [f"{found} elements of e, and truly {(changed, total)}"]
