"""Ctrl-C at random moments in a real kernel: it must reach the cell, show nothing of ours, and leave nothing behind.

A Ctrl-C is **lost** where it was sent after IPython had begun the cell (its first hook, which is not ours, notes the
time) and before the last statement of the cell noted its own, and yet the cell ran to its end: it would have stopped
without us. One that comes while we look after the cell, whose statements have all run, may cut our work short or end
the cell in KeyboardInterrupt; both are right. One that comes before or after all of that belongs to the kernel itself.
"""

from __future__ import annotations

import random
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from trials.figure import Figure, none_of
from trials.kernel import Answer, Kernel, KernelDiedError
from trials.shell import what_of_ours

if TYPE_CHECKING:
    from collections.abc import Iterator

SETUP = """\
import time
import numpy as np
import torch
began = ended = None
number = -1
x = torch.zeros(64); y = x.view(-1); z = torch.ones(8)
many = [torch.zeros(4) for _ in range(3_000)]
model = torch.nn.Sequential(torch.nn.Linear(16, 64), torch.nn.ReLU(), torch.nn.Linear(64, 1))
opt = torch.optim.Adam(model.parameters())
data = torch.randn(32, 16)
def step():
    opt.zero_grad(); loss = model(data).pow(2).mean(); loss.backward(); opt.step()
"""
AROUND = "number = {number}; began = time.monotonic()\n{body}\nended = time.monotonic()"
KINDS = {
    "quiet": AROUND.replace("{body}", "time.sleep(.001)"),
    "loop": AROUND.replace("{body}", "for i in range(10_000):\n    y.add_(1)"),
    "sleep": AROUND.replace("{body}", "time.sleep(.02)"),
    "training": AROUND.replace("{body}", "for _ in range(40):\n    step()"),
    "call": AROUND.replace("{body}", "def work(t):\n    for _ in range(10_000):\n        t.add_(1)\nwork(y)"),
    "large": AROUND.replace("{body}", "for one in many[:2000]:\n    one += 1"),
    "%%tensordiff": "%%tensordiff\n" + AROUND.replace("{body}", "for i in range(600):\n    y.add_(1)"),
    "frozen": AROUND.replace("{body}", "for i in range(600):\n    y.add_(1)\nz + 1"),
}
MARGIN = 0.003
"""Seconds within which a signal that was sent may not have arrived."""
INSIDE = "__import__('trials.inside').inside"


@dataclass
class Tally:
    """What was seen."""

    sent: int = 0
    hit: int = 0
    hooks: int = 0
    lost: list[str] = field(default_factory=list)
    shown: list[str] = field(default_factory=list)
    stray: list[str] = field(default_factory=list)
    other: list[str] = field(default_factory=list)


def trial(*, quick: bool) -> Iterator[Figure]:
    count = 60 if quick else 500
    plain = run(count // 5, watched=False)
    found = run(count, watched=True)
    what = f"Ctrl-C at {found.sent} random moments in a real kernel ({found.hit} while a cell ran, {found.hooks} in a hook)"
    control = f"; without us {len(plain.lost)} of {plain.hit}"
    yield none_of(f"{what}: lost{control}", found.lost, found.hit, "lost")
    yield none_of("the same: tracebacks of ours", found.shown, found.sent, "shown")
    yield none_of("the same: state that stays", found.stray, found.sent, "times")
    other = f"the same: other outcomes than the cell's own{f'; without us {len(plain.other)}' if plain.other else ''}"
    yield none_of(other, found.other, found.sent, "cells")


def run(count: int, *, watched: bool) -> Tally:
    """Press Ctrl-C so many times."""
    tally, rng = Tally(), random.Random(9)
    while tally.sent < count:
        with Kernel(patience=30) as kernel:
            try:
                _series(kernel, tally, rng, count, watched=watched)
            except KernelDiedError as error:
                tally.other.append(f"{error}")
                tally.sent += 1
    return tally


def _series(kernel: Kernel, tally: Tally, rng: random.Random, count: int, *, watched: bool) -> None:
    kernel.cell("from trials.inside import stamp; stamp(get_ipython(), 'pre_run_cell', 'hooks_began')")
    if watched:
        kernel.cell("%load_ext tensorwatch")
    kernel.cell("stamp(get_ipython(), 'post_run_cell', 'hooks_ended')")
    kernel.cell(SETUP)
    kinds = {kind: body.removeprefix("" if watched else "%%tensordiff\n") for kind, body in KINDS.items()}
    usual = {kind: _usual(kernel, body) for kind, body in kinds.items()}
    clean = last = kernel.ask(f"{INSIDE}.state()")
    while tally.sent < count:
        kind = rng.choice(list(kinds))
        if watched and kind == "frozen":
            kernel.cell("%tensorwatch freeze z")
        seen = _press(kernel, kinds[kind].format(number=tally.sent), rng.uniform(*rng.choice(usual[kind])))
        where = f"{kind}, {seen.moment:.0%} of the cell" if seen.moment is not None else kind
        _judge(tally, seen, tally.sent, where)
        state = kernel.ask(f"{INSIDE}.state()")
        tally.stray += [f"{where}: {key} {state[key]}" for key in clean if state[key] not in (clean[key], last[key])]
        last = state
        _next(kernel, tally, where, watched=watched)
        if watched and kind == "frozen":
            kernel.cell("%tensorwatch thaw")
        tally.sent += 1


@dataclass
class Seen:
    """One cell that Ctrl-C was pressed in."""

    answer: Answer
    stamps: dict[str, Any]
    pressed: float
    since: float

    @property
    def moment(self) -> float | None:
        """Where in the cell's own time it was pressed."""
        began, ended = self.stamps["began"], self.stamps["ended"]
        return (self.pressed - began) / (ended - began) if began and ended and ended > began else None


def _usual(kernel: Kernel, body: str) -> list[tuple[float, float]]:
    """Measure how long a cell takes; a third of the presses fall among its statements, a third before."""
    kernel.cell(body.format(number=-1))
    start = time.monotonic()
    kernel.cell(body.format(number=-1))
    whole = time.monotonic() - start
    stamps = kernel.ask(f"{INSIDE}.stamps()")
    hooked, began, ended = (stamps[name] - start for name in ("hooks_began", "began", "ended"))
    return [(0, whole * 1.05), (hooked, began), (began, ended)]


def _press(kernel: Kernel, cell: str, delay: float) -> Seen:
    since = time.monotonic()
    request = kernel.execute(cell)
    time.sleep(delay)
    pressed = time.monotonic()
    kernel.interrupt()
    answer = kernel.gather(request)
    return Seen(answer, kernel.ask(f"{INSIDE}.stamps()"), pressed, since)


def _judge(tally: Tally, seen: Seen, number: int, where: str) -> None:
    stamps, answer, since = seen.stamps, seen.answer, seen.since
    hooked, unhooked = stamps.get("hooks_began", 0.0), stamps.get("hooks_ended", 0.0)
    own = stamps["number"] == number
    ended = stamps["ended"] if own and (stamps["ended"] or 0) > since else None
    began = stamps["began"] if own else None
    if since < hooked < seen.pressed and (ended is None or seen.pressed < ended - MARGIN):
        tally.hit += 1
        if answer.status == "ok":
            tally.lost.append(f"{where}: it ran to its end")
    is_inside = since < hooked < seen.pressed and not since < unhooked < seen.pressed
    tally.hooks += is_inside and not (began and began < seen.pressed and not (ended and ended < seen.pressed))
    tally.shown += _ours(where, answer)
    if is_inside and answer.status != "ok" and answer.error != "KeyboardInterrupt":
        tally.other.append(f"{where}: {answer.status} {answer.error} {answer.text[-200:]!r}")


def _ours(where: str, answer: Answer) -> list[str]:
    """Say what of ours a cell has shown, and of which line."""
    shown = what_of_ours(answer.text)
    return [f"{where}: {shown}"] if shown else []


def _next(kernel: Kernel, tally: Tally, where: str, *, watched: bool) -> None:
    """Run the cell after, which has to be watched as any other."""
    source = f"following = {tally.sent}"
    answer = kernel.cell(source)
    if answer.status != "ok":
        tally.other.append(f"after {where}: {answer.status} {answer.error}")
    tally.shown += _ours(f"after {where}", answer)
    if watched and kernel.ask(f"{INSIDE}.watched()") != source:
        tally.stray.append(f"{where}: the next cell is not watched")
