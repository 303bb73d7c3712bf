"""Random programs with and without us: bytes, versions, gradients, random states and output have to be equal."""

from __future__ import annotations

import itertools
import os
import random
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import torch

from trials.figure import Figure, none_of
from trials.process import apart, step
from trials.programs import random_graphs, random_programs
from trials.shell import Outcome, differing, everything, opened, run

if TYPE_CHECKING:
    from collections.abc import Iterator

BATCH = 50
HEAD = "%%tensordiff\n"
EXTRAS = (
    "torch.manual_seed(3)\nnoise = torch.randn(4, requires_grad=True)\n(noise * torch.rand(4)).sum().backward()\nprint(noise.grad)",
    "import random\nrandom.seed(1)\ndrawn = [random.random() for _ in range(3)]\nprint(drawn, np.random.rand(2).shape)",
    "lin = torch.nn.Linear(3, 2)\nopt = torch.optim.Adam(lin.parameters())\nfor _ in range(3):\n    opt.zero_grad(); lin(torch.randn(5, 3)).pow(2).sum().backward(); opt.step()",
    "drop = torch.nn.Dropout(0.5)(torch.ones(8))\ndrop.sum()",
    "print('out'); import sys; print('err', file=sys.stderr)\n[1, 2, undefined]",
    "bn = torch.nn.BatchNorm1d(3)\nbn(torch.randn(4, 3)).sum().backward()\nbn.running_mean",
    "hooked = torch.ones(3, requires_grad=True)\nhooked.register_hook(lambda g: print('hook', g))\n(hooked * 2).sum().backward()",
    "x0 = torch.zeros(3)\nx0.add_(1)\nx0[7] = 1",
    "perm = torch.randperm(5); np.random.shuffle(order := np.arange(6)); order",
)


def trial(*, quick: bool) -> Iterator[Figure]:
    total = 100 if quick else 1_000
    failed, tried = [], 0
    starts = range(0, total, BATCH)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        parts = pool.map(
            lambda start: apart("equal", "compare", 400, start=start, count=min(BATCH, total - start)), starts
        )
        for start, ended in zip(starts, parts, strict=True):
            tried += len(ended.value["tried"]) if ended.value else len(ended.steps)
            failed += ended.value["failed"] if ended.value else [f"programs {start} and on: {ended.why}"]
    what = f"{total:,} random programs with and without us: bytes, versions, gradients, random states, output differ"
    yield none_of(what, failed, tried, "programs")


def programs(start: int) -> Iterator[list[str]]:
    """Mix programs that write, programs that go backward, and what else a cell may do."""
    rng = random.Random(start)
    for one in itertools.chain.from_iterable(zip(random_programs(start), random_graphs(start), strict=False)):
        cells = list(one)
        cells.insert(rng.randrange(1, len(cells) + 1), rng.choice(EXTRAS))
        yield cells


def compare(start: int, count: int) -> dict[str, list[str]]:
    """Run programs twice; give those that came out otherwise."""
    tried, failed = [], []
    torch.set_num_threads(1)
    for number, cells in enumerate(itertools.islice(programs(start), count)):
        step(f"program {start}+{number}")
        one, two = (_play(cells, watched=watched) for watched in (False, True))
        tried.append(str(number))
        for place, ((plain, values), (seen, found)) in enumerate(zip(one, two, strict=True)):
            fault = _fault(plain, seen) or ", ".join(differing(values, found))
            if fault:
                failed.append(f"program {start}+{number}, cell {place} {cells[place][-80:]!r}: {fault}")
                break
    return {"tried": tried, "failed": failed}


def _fault(plain: Outcome, seen: Outcome) -> str:
    if seen.shown:
        return seen.shown
    names = ("stdout", "stderr", "result", "error")
    return next(
        (f"{n} {a!r} became {b!r}" for n, a, b in zip(names, plain.seen(), seen.seen(), strict=True) if a != b), ""
    )


def _play(cells: list[str], *, watched: bool) -> list[tuple[Outcome, dict[str, str]]]:
    torch.manual_seed(0)
    random.seed(0)
    with opened(watched=watched) as notebook:
        run(notebook, "import numpy as np, torch\nnp.random.seed(0)")
        return [
            (run(notebook, cell.removeprefix("" if watched else HEAD)), everything(notebook.shell.user_ns))
            for cell in cells
        ]
