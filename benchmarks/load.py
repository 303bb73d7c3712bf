"""Measure loading and the first cells after it, each in fresh processes: `python -m benchmarks.load`.

Each figure is the shortest CPU time of several processes that have imported PyTorch, IPython and its kernel.
"""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import redirect_stdout
from functools import partial
from io import StringIO
from time import process_time
from typing import TYPE_CHECKING

from benchmarks.shell import open_shell

if TYPE_CHECKING:
    from collections.abc import Callable

PROCESSES = 7
CELLS = {
    "first quiet cell": "a = 1",
    "next quiet cell": "b = 2",
    "first cell with tensors": "x = torch.zeros(6)\ny = x.view(2, 3)\nz = x[:2]",
    "first block": "y.add_(1);",
    "next block": "z.add_(1);",
    "first error": "1 / 0",
    "next error": "1 / 0",
    "first graph": "p = torch.ones(3, requires_grad=True)\nh = p.exp()\nl = h.sum()",
    "first hazard": "h.data.mul_(2);",
    "first explained error": "h.mul_(2)\nl.backward()",
}


def measure(*, watch: bool) -> dict[str, float]:
    """Return the seconds of each step in this process."""
    import ipykernel.zmqshell  # noqa: F401, PLC0415  (what a kernel has imported)
    import IPython.core.ultratb  # noqa: F401, PLC0415
    import torch  # noqa: F401, PLC0415

    shell = open_shell(watch=False)
    for cell in ("import torch", "q = 1"):
        shell.run_cell(cell)
    steps = {name: partial(shell.run_cell, cell, store_history=True) for name, cell in CELLS.items()}
    if watch:
        steps = {"%load_ext": partial(shell.run_line_magic, "load_ext", "tensorwatch"), **steps}
    return {name: _seconds(step) for name, step in steps.items()}


def _seconds(step: Callable[[], object]) -> float:
    with redirect_stdout(StringIO()):
        began = process_time()
        step()
        return process_time() - began


def _shortest(*arguments: str) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.load", *arguments]
    told = [subprocess.run(command, check=True, capture_output=True, text=True).stdout for _ in range(PROCESSES)]
    runs = [json.loads(one.splitlines()[-1]) for one in told]
    return {name: min(run[name] for run in runs) for name in runs[0]}


def main() -> None:
    """Print the table."""
    plain, watched = _shortest("plain"), _shortest("watched")
    print("| by the processor | plain | watched |\n| --- | --- | --- |")
    for name, seconds in watched.items():
        without = f"{plain[name] * 1e3:.1f} ms" if name in plain else "–"
        print(f"| {name} | {without} | {seconds * 1e3:.1f} ms |")


if __name__ == "__main__":
    if sys.argv[1:]:
        print(json.dumps(measure(watch=sys.argv[1] == "watched")))
    else:
        main()
