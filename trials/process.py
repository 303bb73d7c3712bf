"""Run a trial in a process of its own, which it may kill."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
MARK = "@@result "
STEP = "@@step "


def environment() -> dict[str, str]:
    """Give the environment in which this tree's package is the one that is imported, with settings of nobody."""
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    settings = {"PYTHONPATH": os.pathsep.join(paths), "OMP_NUM_THREADS": "1", "PYTHONFAULTHANDLER": "1"}
    if "IPYTHONDIR" not in os.environ:
        settings["IPYTHONDIR"] = tempfile.mkdtemp(prefix="trials-ipython-")
    return {**os.environ, **settings}


@dataclass(frozen=True, slots=True)
class Ended:
    """How a process ended.

    Attributes
    ----------
    code
        Its exit status; negative where a signal ended it, None where its time was up.
    value
        What the function gave back, where it came so far.
    steps
        What it said of its progress, so that the last one names what it died of.
    """

    code: int | None
    value: Any
    steps: list[str]
    output: str

    @property
    def why(self) -> str:
        """Say how it ended, if it did not end well."""
        if self.code is None:
            return "its time was up"
        if self.code < 0:
            return f"killed by signal {-self.code}"
        return f"exit status {self.code}: {(self.output.strip().splitlines() or [''])[-1][:160]}"


def step(what: str) -> None:
    """Say what comes next; the last one said names what a process died of."""
    print(f"{STEP}{what}", file=sys.__stdout__, flush=True)


def apart(module: str, function: str, seconds: float, **arguments: Any) -> Ended:
    """Call a function of `trials` in a process of its own; its value has to be JSON."""
    call = (
        f"import json, sys, warnings; warnings.simplefilter('ignore'); from trials.{module} import {function} as f\n"
        f"value = f(**json.loads(sys.argv[1]))\n"
        f"print({MARK!r} + json.dumps(value), file=sys.__stdout__, flush=True)"
    )
    command = [sys.executable, "-c", call, json.dumps(arguments)]
    with tempfile.TemporaryFile("w+") as out:
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment(), stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT
        )
        try:
            code: int | None = process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            code = None
        out.seek(0)
        lines = out.read().splitlines()
    value = next((json.loads(one[len(MARK) :]) for one in reversed(lines) if one.startswith(MARK)), None)
    steps = [one[len(STEP) :] for one in lines if one.startswith(STEP)]
    said = [one for one in lines if not one.startswith((MARK, STEP))]
    return Ended(code, value, steps, "\n".join(said[-40:]))


def go_through(module: str, function: str, items: list[Any], each: float) -> tuple[list[Any], list[str]]:
    """Call a function with many items, for each of which it says `step`; where it dies, go on behind that item.

    Returns
    -------
    values, died
        What the function gave back, for each part of the items; which items ended a process, and how.
    """
    values, died = [], []
    while items:
        ended = apart(module, function, 90 + each * len(items), items=items)
        if ended.value is not None:
            return [*values, ended.value], died
        done = max(1, len(ended.steps))
        died.append(f"{(ended.steps or ['the start'])[-1]}: {ended.why}")
        again = apart(module, function, 90 + each * done, items=items[: done - 1]) if done > 1 else None
        values += [again.value] if again and again.value is not None else []
        items = items[done:]
    return values, died


def memory() -> int:
    """Return the bytes of memory that this process has at hand."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def most_memory() -> int:
    """Return the most bytes that this process has had at hand, since `forget_most` where the system allows that."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) << 10
    return 0


def forget_most() -> None:
    """Begin to measure the most memory anew."""
    with contextlib.suppress(OSError):  # then the most includes what came before
        Path("/proc/self/clear_refs").write_text("5")
