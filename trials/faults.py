"""Faults in every function of the package: the user's cells must come out as without us, and the status must tell.

A fault is put into a function by giving it other code, `function.__code__`, and not by putting another function in its
place: so it is met by whoever holds the function, under whatever name it was imported, in whatever closure, property or
cache it stands. What is not met: functions that are made anew each time, inside of others, and the methods that
`dataclass` writes; the guard itself, and the few functions that others call and that do nothing but call it: what fails
in these before the guard has begun, nobody can catch. The new code raises at one of its calls, and passes the other calls on to the old code.

The story that runs meanwhile holds cells of many kinds. Faults are raised while its cells run, not while its magics do:
a magic is the user's own question, and may answer with an error. An injected KeyboardInterrupt counts as Ctrl-C: as long
as the cell has not ended it must reach the cell, which then ends in it; afterwards it may cut our own work short. After
a cell that it ended, only what is shown is compared, for the story has become another one.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import importlib
import os
import pkgutil
import random
import sys
import types
import warnings
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

import ipy_tensorwatch
from trials.figure import Figure, none_of
from trials.process import apart, go_through, step
from trials.shell import Outcome, differing, everything, opened, run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PACKAGE = str(Path(ipy_tensorwatch.__file__).parent)
KINDS: dict[str, type[BaseException]] = {
    "RuntimeError": RuntimeError,
    "KeyboardInterrupt": KeyboardInterrupt,
    "MemoryError": MemoryError,
}
CALLS = (1, 2)
GUARD_FILES = ("core/runtime/guard.py", "core/runtime/signals.py")
ENTRIES = (
    "Watcher._before_cell",
    "Watcher._after_cell",
    "Watcher._after_last_cell",
    "ProbeTransformer.visit",
    "HeadingTransformer.__call__",
    "WriteLog._enter",
    "OperatorMode.__torch_dispatch__",
    "OperatorMode._ask",
    "StepRecorder._before_step",
    "LineWatch._meet",
    "LineWatch._see",
    "TensorWatchWidget._handle_msg",
    "deliver_late",
)
"""What IPython, PyTorch, Python and front ends call."""
FALLS_BACK = {"_complete_fast": "RuntimeError", "may_be_stale": "RuntimeError"}
"""What raises this by itself where it does not apply, so that its caller reads in another way and loses nothing."""
READING = (
    "capture/tensors/", "capture/objects/", "capture/snapshot/change_check.py", "capture/autograd/tracked_tensor.py",
)  # fmt: skip
"""Where a RuntimeError is no fault: PyTorch refuses an odd tensor by it, Python a dict that another thread changes."""
BATCH = 60

STORY = (
    "import numpy as np, torch\ntorch.manual_seed(1)\nx = torch.zeros(6); y = x.view(2, 3); n = x.numpy(); items = [x[:2], {'k': y}]",
    "y.add_(1);",
    "def grow(t):\n    t += 1\n    return t\nfor i in range(3):\n    grow(x)\nprint('sum', float(x.sum()))",
    "%%tensordiff\nn[1:3] = 9\nx.mul_(2)\nx.sum()",
    "net = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2)); opt = torch.optim.Adam(net.parameters()); best = net.state_dict()\nfor _ in range(2):\n    opt.zero_grad(); net(torch.randn(4, 3)).sum().backward(); opt.step()",
    "h = (w := torch.ones(3, requires_grad=True)) * 2\nloss = (h * w).sum()\nh.data.add_(1);",
    "try:\n    h.add_(1); loss.backward()\nexcept RuntimeError as error:\n    print(type(error).__name__)",
    "x[0] = 5\nitems[0][99] = 1",
    "z = torch.ones(4)",
    "%tensorwatch freeze z",
    "z + 1\nx += 1",
    "z.numpy()[0] = 3",
    "%tensorwatch thaw",
    "del items\nx = x + 1\ny = None\nprint(torch.rand(1), np.round(n[:2]))",
    "loss.backward()",
    "last = 1",
)


@dataclass
class Fault:
    """One exception, to be raised at one call of one function, while a cell of the story runs.

    Attributes
    ----------
    fired
        Whether it was raised, and when: in the cell's own time, or behind its last statement.
    """

    kind: type[BaseException]
    at: int
    name: str
    calls: int = 0
    armed: bool = False
    is_after: bool = False
    fired: str = ""

    def enter(self) -> None:
        """Count a call, and raise at the right one."""
        if self.armed and not self.fired:
            self.calls += 1
            if self.calls == self.at:
                self.fired = "after" if self.is_after else "during"
                raise self.kind(f"injected into {self.name}")


def functions() -> dict[str, types.FunctionType]:
    """List the functions of the package that exist once all of it is imported, but for what needs Triton."""
    for one in pkgutil.walk_packages(ipy_tensorwatch.__path__, "ipy_tensorwatch."):
        try:
            importlib.import_module(one.name)
        except ModuleNotFoundError as missing:
            if missing.name != "triton":
                raise
    gc.unfreeze()  # frozen objects are not listed
    gc.collect()  # a function that waits to be collected would not be found again
    found: dict[str, types.FunctionType] = {}
    for one in gc.get_objects():
        if type(one) is types.FunctionType and one.__code__.co_filename.startswith(PACKAGE):
            place = one.__code__.co_filename[len(PACKAGE) + 1 :]
            found[f"{place}:{one.__code__.co_firstlineno} {one.__qualname__}"] = one
    return dict(sorted(found.items()))


@contextlib.contextmanager
def other_code(function: types.FunctionType, enter: Callable[[], None]) -> Iterator[None]:
    """Call `enter` before each call of a function."""
    own = function.__code__
    old = types.FunctionType(own, function.__globals__, function.__name__, function.__defaults__, function.__closure__)
    old.__kwdefaults__ = function.__kwdefaults__

    def passed(arguments: tuple[Any, ...], named: dict[str, Any]) -> Any:
        enter()
        return old(*arguments, **named)

    function.__code__ = _stub(own, passed)
    try:
        yield
    finally:
        function.__code__ = own


def _stub(own: types.CodeType, passed: Callable[..., Any]) -> types.CodeType:
    """Compile code that hands all arguments on, with as many free variables as the closure of the function has."""
    free = ", ".join(f"v{number}" for number in range(len(own.co_freevars)))
    bound = f"    {free.replace(',', ' =')} = None\n" if free else ""
    named = f"        if 0: ({free},)\n" if free else ""
    source = f"def make():\n{bound}    def stub(*a, **k):\n{named}        return 'PASSED'(a, k)\n    return stub"
    names: dict[str, Any] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exec(source, names)
    code: types.CodeType = names["make"]().__code__
    constants = tuple(passed if one == "PASSED" else one for one in code.co_consts)
    return code.replace(
        co_consts=constants, co_name=own.co_name, co_filename=own.co_filename, co_firstlineno=own.co_firstlineno
    )


@dataclass
class Told:
    """What a story came to."""

    outcomes: list[Outcome] = field(default_factory=list)
    values: list[dict[str, str]] = field(default_factory=list)
    status: str = ""


def play(fault: Fault | None, *, watched: bool) -> Told:
    """Run the story, with a fault or without."""
    told = Told()
    with opened(watched=False) as notebook:
        shell = notebook.shell
        if fault is not None:
            shell.events.register("pre_run_cell", lambda _: setattr(fault, "is_after", False))
            shell.events.register("post_run_cell", lambda _: setattr(fault, "is_after", True))
        run(notebook, "%load_ext ipy_tensorwatch" if watched else "pass")
        for source in STORY:
            if not watched and source.startswith("%tensorwatch"):
                source = "pass"  # noqa: PLW2901  (so that every place is the same cell)
            if fault is not None:
                fault.armed = watched and not source.startswith("%tensorwatch")
            told.outcomes.append(run(notebook, source.removeprefix("" if watched else "%%tensordiff\n")))
            if fault is not None:
                fault.armed = False
            told.values.append(everything(shell.user_ns))
        if watched:
            told.status = run(notebook, "%tensorwatch status").told
            run(notebook, "%unload_ext ipy_tensorwatch")
    return told


def calls_of(names: list[str]) -> dict[str, int]:
    """Count how often the story calls each function while its cells run."""
    known, counted = functions(), dict.fromkeys(names, 0)
    fault = Fault(RuntimeError, -1, "nothing")

    def count(name: str) -> Callable[[], None]:
        def enter() -> None:
            counted[name] += fault.armed

        return enter

    with contextlib.ExitStack() as stack:
        for name in names:
            stack.enter_context(other_code(known[name], count(name)))
        play(fault, watched=True)
    return {name: calls for name, calls in counted.items() if calls}


def judge(fault: Fault, plain: Told, usual: Told, seen: Told) -> list[str]:
    """Say what the fault has done to the user: changed outcomes first, then what the status does not tell."""
    cut = False
    for place, outcome in enumerate(seen.outcomes):
        if outcome.shown and "FrozenError" not in outcome.error:
            return [f"cell {place} shows {outcome.shown}"]
        if outcome.error.startswith("KeyboardInterrupt") and fault.kind is KeyboardInterrupt and not cut:
            cut = True
        elif not cut:
            # A cell that writes to what is frozen comes to our error; where the fault has thawed it, to what it wrote.
            fair = (usual.outcomes[place].seen(), plain.outcomes[place].seen())
            # A late refusal is one too: the bytes have been put back.
            is_late = all("FrozenError" in one.error for one in (outcome, usual.outcomes[place]))
            if outcome.seen() not in fair and not is_late:
                return [f"cell {place} came to {outcome.seen()} and not {fair[1]}"]
            changed = set(differing(seen.values[place], usual.values[place]))
            changed &= set(differing(seen.values[place], plain.values[place]))
            if changed:
                return [f"cell {place} left other values in {', '.join(sorted(changed)[:5])}"]
    if fault.kind is KeyboardInterrupt and fault.fired == "during" and not cut:
        return ["the Ctrl-C is lost: the cell ran to its end"]
    is_told = cut or "injected" in seen.status or "tensorwatch failed" in seen.status
    return [] if is_told or _reasons(seen.status) - _reasons(usual.status) else ["UNTOLD"]


def _reasons(status: str) -> set[str]:
    """List the reasons for which something was not compared."""
    return {line.strip()[:20] for line in status.partition("Not compared")[2].splitlines() if line.strip()}


def _is_entry(name: str) -> bool:
    return name.startswith(GUARD_FILES) or name.endswith(ENTRIES)


def sample(count: int, seed: int, *, every: bool = False) -> list[list[Any]]:
    """Choose faults at random among all functions that the story calls; 0 chooses each function, with one kind or every."""
    calls = calls_of([name for name in functions() if not _is_entry(name)])
    rng = random.Random(seed)
    found: list[list[Any]] = []
    for name in calls:
        refused = "RuntimeError" if name.startswith(READING) else FALLS_BACK.get(name.split()[-1])
        able = [kind for kind in KINDS if kind != refused]
        kinds = able if every else [rng.choice(able)]
        found += [[name, kind, rng.choice([at for at in CALLS if at <= calls[name]])] for kind in kinds]
    return rng.sample(found, count) if 0 < count < len(found) else found


def inject(items: list[list[Any]]) -> dict[str, list[str]]:
    """Play the story once for each fault; sort what came of it."""
    torch.set_num_threads(1)
    known = functions()
    plain, usual = play(None, watched=False), play(None, watched=True)
    found: dict[str, list[str]] = {"fired": [], "changed": [], "untold": []}
    for name, kind, at in items:
        fault = Fault(KINDS[kind], at, name)
        label = f"{kind} at call {at} of {name}"
        step(label)
        with other_code(known[name], fault.enter):
            seen = play(fault, watched=True)
        if fault.fired:
            found["fired"].append(label)
            for one in judge(fault, plain, usual, seen):
                found["untold" if one == "UNTOLD" else "changed"].append(
                    label if one == "UNTOLD" else f"{label}: {one}"
                )
    return found


def trial(*, quick: bool) -> Iterator[Figure]:
    yield from figures(60 if quick else 0, seed=9)


def figures(count: int, seed: int, *, every: bool = False) -> Iterator[Figure]:
    """Raise so many faults, in a process for each processor."""
    chosen = apart("faults", "sample", 300, count=count, seed=seed, every=every)
    faults: list[list[Any]] = chosen.value or []
    batches = [faults[start : start + BATCH] for start in range(0, len(faults), BATCH)]
    found: dict[str, list[str]] = {"fired": [], "changed": [], "untold": []}
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for values, died in pool.map(lambda batch: go_through("faults", "inject", batch, 10), batches):
            for sort in found:
                found[sort] += [label for value in values for label in value[sort]]
            found["fired"] += died
            found["changed"] += died
    fired, functions_hit = len(found["fired"]), len({name for name, *_ in faults})
    what = f"{fired:,} faults injected into {functions_hit} functions, RuntimeError, KeyboardInterrupt or MemoryError"
    yield none_of(f"{what}: cells whose outcome changes", found["changed"], fired, "faults")
    yield none_of("the same: faults that do not show in `%tensorwatch status`", found["untold"], fired, "faults")


def main() -> int:
    """Raise every fault, or so many; return 1 where one had a consequence."""
    parser = argparse.ArgumentParser(
        prog="python -m trials.faults", description="Every function, each kind of exception."
    )
    parser.add_argument("--count", type=int, default=0, help="so many at random instead of all")
    parser.add_argument("--seed", type=int, default=9)
    asked = parser.parse_args()
    found = list(figures(asked.count, asked.seed, every=True))
    print("\n".join(map(str, found)))
    return int(any(one.is_ok is False for one in found))


if __name__ == "__main__":
    sys.exit(main())
