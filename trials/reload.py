"""Load and unload again and again, with 100 MB under watch and a panel: nothing may stay."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trials.figure import Figure
from trials.kernel import Kernel

if TYPE_CHECKING:
    from collections.abc import Iterator

INSIDE = "__import__('trials.inside').inside"
CELLS = (
    *("y += 1", "for one in parts:\n    one.add_(1)", "for one in parts:\n    one.mul_(2)", "%tensorwatch history"),
    *("%%tensordiff\ny[:9] = 3", "%tensorwatch freeze parts[0]", "parts[1].add_(1);"),
)
CYCLES, SETTLED = 20, 4
KEPT = 1 << 20
"""Bytes a cycle that the allocator's own ups and downs may be."""


def trial(*, quick: bool) -> Iterator[Figure]:
    cycles = 8 if quick else CYCLES
    memory, objects = [], []
    with Kernel() as kernel:
        kernel.cell("import torch\nparts = [torch.zeros(4_000_000) for _ in range(6)]; y = parts[0].view(-1)")
        for number in range(cycles):
            metadata = {"cellId": f"cell-{number}"}
            magic = ("%load_ext", "%reload_ext")[number % 3 == 1]
            kernel.cell(f"{magic} tensorwatch", metadata)
            for source in CELLS:
                kernel.cell(source, metadata)
            kernel.cell("%unload_ext tensorwatch", metadata)
            objects.append(kernel.ask(f"{INSIDE}.kept()"))
            memory.append(kernel.memory())
    settled = min(SETTLED, cycles - 2)
    per_cycle = (memory[-1] - memory[settled]) / (cycles - 1 - settled)
    measured = f"{per_cycle / (1 << 20):+.2f} MB a cycle"
    what = f"{cycles} load/unload cycles with 100 MB watched and a panel"
    yield Figure(what=f"{what}: memory kept", bar="0 (1 MB a cycle)", measured=measured, is_ok=per_cycle < KEPT)
    more = {kind: count - objects[settled].get(kind, 0) for kind, count in objects[-1].items()}
    notes = tuple(f"{kind}: {count:+d}" for kind, count in sorted(more.items(), key=lambda one: -one[1]) if count > 0)
    kept = sum(max(0, count) for count in more.values())
    yield Figure(what="the same: objects of ours kept", bar="0", measured=f"{kept}", is_ok=kept == 0, notes=notes)
