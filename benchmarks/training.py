"""A training notebook, run in a plain shell and under watch, turn by turn in one process."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from benchmarks.shell import open_shell

if TYPE_CHECKING:
    from collections.abc import Iterator

SETUP = """
import torch, torch.nn as nn
torch.manual_seed(0)
layer = nn.TransformerEncoderLayer({width}, 4, 4 * {width}, batch_first=True)
model = nn.Sequential(nn.Embedding(1000, {width}), nn.TransformerEncoder(layer, {depth}), nn.Linear({width}, 1000))
opt = torch.optim.AdamW(model.parameters())
tokens = torch.randint(0, 1000, ({batch}, {length}))
"""
TRAIN = """
for step in range({steps}):
    opt.zero_grad()
    logits = model(tokens)
    loss = nn.functional.cross_entropy(logits.flatten(0, 1), tokens.flatten())
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    opt.step()
"""
LOOK = "with torch.no_grad():\n    best = model(tokens).argmax(-1)\n(best == tokens).float().mean()"
SMALL = {"width": 64, "depth": 2, "batch": 4, "length": 16}
LARGE = {"width": 128, "depth": 4, "batch": 8, "length": 64}
NOTEBOOKS = {
    "three cells of 200 small steps": {**SMALL, "steps": 200, "cells": 3},
    "one cell of 1,000 small steps": {**SMALL, "steps": 1000, "cells": 1},
    "three cells of 40 large steps": {**LARGE, "steps": 40, "cells": 3},
    "one cell of 160 large steps": {**LARGE, "steps": 160, "cells": 1},
}
COMPILED = """
import torch
@torch.compile(backend="{backend}")
def f(x):
    return (x.sin() * 2).sum()
x = torch.ones(64, requires_grad=True)
y = f(x)
"""
CALLS = "for _ in range(20_000):\n    y = f(x)"
BACKENDS = ("eager", "aot_eager", "inductor")
ROUNDS = 6


def compare() -> Iterator[tuple[str, float]]:
    """Tell by which share a whole run takes longer under watch; of each cell the shortest of several rounds."""
    for name, sizes in NOTEBOOKS.items():
        cells = [SETUP.format(**sizes), *[TRAIN.format(**sizes), LOOK] * sizes["cells"]]
        plain, watched = [], []
        for _ in range(ROUNDS):
            plain.append(_run(cells, watch=False))
            watched.append(_run(cells, watch=True))
        without, within = (sum(map(min, zip(*runs, strict=True))) for runs in (plain, watched))
        step = without / (sizes["cells"] * sizes["steps"])
        yield f"training notebook, {name} ({step * 1000:.1f} ms)", within / without - 1


def compiled() -> Iterator[tuple[str, float]]:
    """Tell by which share calls of a compiled function take longer under watch."""
    for backend in BACKENDS:
        cells = [COMPILED.format(backend=backend), CALLS, CALLS]
        plain, watched = [], []
        for _ in range(ROUNDS):
            plain.append(min(_run(cells, watch=False)[1:]))
            watched.append(min(_run(cells, watch=True)[1:]))
        yield (
            f"20,000 calls of a function compiled by {backend} ({min(plain) * 50:.1f} µs each)",
            min(watched) / min(plain) - 1,
        )


def _run(cells: list[str], *, watch: bool) -> list[float]:
    shell = open_shell(watch=watch)
    times = []
    for cell in cells:
        start = time.perf_counter()
        shell.run_cell(cell, store_history=True).raise_error()
        times.append(time.perf_counter() - start)
    if watch:
        shell.run_line_magic("unload_ext", "ipy_tensorwatch")
    return times
