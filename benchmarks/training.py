"""A training notebook, run in a plain shell and under watch, turn by turn in one process."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

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
    "200 small steps a cell": {**SMALL, "steps": 200},
    "1,000 small steps a cell": {**SMALL, "steps": 1000},
    "40 large steps a cell": {**LARGE, "steps": 40},
    "160 large steps a cell": {**LARGE, "steps": 160},
}
ROUNDS = 3


def compare() -> Iterator[tuple[str, float]]:
    """Tell by which share a whole run takes longer under watch; the shortest of several rounds each."""
    for name, sizes in NOTEBOOKS.items():
        cells = [SETUP.format(**sizes), *[TRAIN.format(**sizes), LOOK] * 3]
        plain, watched = [], []
        for _ in range(ROUNDS):
            plain.append(_run(cells, watch=False))
            watched.append(_run(cells, watch=True))
        step = min(plain) / (3 * sizes["steps"])
        yield f"training notebook, {name} ({step * 1000:.1f} ms)", min(watched) / min(plain) - 1


def _run(cells: list[str], *, watch: bool) -> float:
    config = Config()
    config.HistoryManager.enabled = False
    InteractiveShell.clear_instance()
    shell = InteractiveShell.instance(config=config)
    if watch:
        shell.run_line_magic("load_ext", "ipy_tensorwatch")
    start = time.perf_counter()
    for cell in cells:
        shell.run_cell(cell, store_history=True).raise_error()
    elapsed = time.perf_counter() - start
    if watch:
        shell.run_line_magic("unload_ext", "ipy_tensorwatch")
    return elapsed
