"""A long session: thousands of random cells with a panel, reloads and errors, in which memory and objects stay flat.

`python -m trials.soak [--cells N] [--seconds N] [--seed N]`. Half of the session goes by before anything is measured;
over the second half, straight lines are laid through the memory of the kernel and through the number of our objects.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from tests.support.frontend import FrontEnd
from trials.figure import Figure
from trials.kernel import Kernel, KernelDiedError, opened
from trials.programs import random_programs

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from trials.kernel import Answer

INSIDE = "__import__('trials.inside').inside"
MAX_GROWTH = 8 << 20
"""Bytes by which the memory may rise over the second half: the allocator's own ups and downs."""
MAX_OBJECTS = 0.01
"""The share by which our objects may become more."""
RELOAD = 30
"""Cells between two measures, each behind a reload, so that all that is kept by design is empty."""


def is_ours(answer: Answer) -> bool:
    """Whether a cell has shown lines of ours; a FrozenError is raised by us, and shows where."""
    return "Error in callback" in answer.text or ("ipy_tensorwatch" in answer.text and answer.error != "FrozenError")


@dataclass
class Session:
    """One kernel, one panel, and what was measured."""

    kernel: Kernel
    rng: random.Random
    name: str | None = None
    front: FrontEnd = field(default_factory=FrontEnd)
    cells: int = 0
    at: list[int] = field(default_factory=list)
    memory: list[int] = field(default_factory=list)
    objects: list[int] = field(default_factory=list)
    kinds: list[dict[str, int]] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def cell(self, source: str, *, raises: bool = False) -> Answer:
        """Run a cell as a page does, and read what the panel is told."""
        answer = self.kernel.cell(source, {"cellId": f"cell-{self.cells}"})
        self.cells += 1
        self.name = opened(answer) or self.name
        if (answer.status != "ok") != raises or is_ours(answer):
            self.faults.append(
                f"cell {self.cells}: {answer.status} {answer.error} {source[-80:]!r} {answer.text[-150:]!r}"
            )
        self.read(answer)
        return answer

    def read(self, answer: Answer) -> None:
        """Take the panel's messages as the panel does."""
        for one in answer.comms():
            data = one["content"]["data"]
            if one["content"]["comm_id"] == self.name and data.get("method") == "custom":
                head = data["content"]
                if "number" in head:
                    self.front.take(head, bytes(one["buffers"][0]))
                    self.front.messages.clear()
                    self.front.sizes.clear()
                    self.tell(kind="answer", number=head["number"])

    def tell(self, **content: object) -> None:
        """Say something to the kernel's side of the panel."""
        if self.name is not None:
            request = self.kernel.comm(self.name, {"method": "custom", "content": {"from": "soak", **content}})
            if content["kind"] != "answer":
                self.read(self.kernel.gather(request, reply=False))

    def load(self, magic: str = "%reload_ext") -> None:
        """Load or load again, and open the panel."""
        self.cell(f"{magic} tensorwatch")
        self.cell("loaded = True")
        self.front = FrontEnd()
        self.tell(kind="hello", what="report")

    def measure(self) -> None:
        """Note memory and objects, between two cells."""
        kept = self.kernel.ask(f"{INSIDE}.kept()")
        self.kinds.append(kept)
        self.objects.append(sum(kept.values()))
        self.memory.append(self.kernel.memory())
        self.at.append(self.cells)


def soak(cells: int, seconds: float, seed: int) -> Iterator[Figure]:
    """Run the session and give its figures."""
    with Kernel() as kernel:
        session = Session(kernel, random.Random(seed))
        until = time.monotonic() + seconds
        died = ""
        try:
            _live(session, cells, until, seed)
        except KernelDiedError as error:
            died = f"{error}, after {session.cells:,} cells"
    done = f"soak, {session.cells:,} cells of random programs with a panel and reloads"
    yield Figure(what=f"{done}: kernels that die", bar="0", measured=died or "none", is_ok=not died)
    measured = f"{len(session.faults)} cells"
    yield Figure(
        what="the same: tracebacks of ours, other outcomes",
        bar="0",
        measured=measured,
        is_ok=not session.faults,
        notes=tuple(session.faults),
    )
    if len(session.at) >= 8:
        yield from _slopes(session)
    else:
        yield Figure(what="the same: memory and objects", bar="flat", measured="too few measures", is_ok=False)


def _live(session: Session, cells: int, until: float, seed: int) -> None:
    session.load("%load_ext")
    for program in random_programs(seed):
        for number, source in enumerate(program):
            head = "%%tensordiff\n" if number and session.rng.random() < 0.1 else ""
            session.cell(head + source, raises=source.endswith("1 / 0"))
        _between(session)
        if session.cells >= cells or time.monotonic() > until:
            return


def _between(session: Session) -> None:
    """Do what a person does now and then; then forget the program's variables."""
    what = session.rng.random()
    if what < 0.2:
        session.cell("import torch\nkept = torch.zeros(100_000)\n%tensorwatch freeze kept")
        session.cell("kept + 1;")
        session.cell("kept.add_(1)", raises=True)
        session.cell("%tensorwatch thaw")
    elif what < 0.3:
        session.cell("import torch\nbig = torch.zeros(2_000_000); alias = big.view(-1)")
        session.cell("alias.add_(1);")
        session.cell("%tensorwatch history")
    elif what < 0.4:
        session.cell("nobody = undefined_name", raises=True)
    elif what < 0.5:
        session.tell(kind="path", path="a0")
        session.tell(kind="cell", count=session.cells - 2)
    session.cell("%reset -f")
    if session.cells >= (session.at[-1] if session.at else 0) + RELOAD:
        session.load()
        session.measure()


def _slopes(session: Session) -> Iterator[Figure]:
    half = len(session.at) // 2
    at, memory, objects = session.at[half:], session.memory[half:], session.objects[half:]
    more = _rise(at, memory)
    growth = f"{more / (1 << 20):+.1f} MB over the last {at[-1] - at[0]:,} cells, at {memory[-1] >> 20} MB"
    yield Figure(
        what="the same: memory of the kernel",
        bar=f"under {MAX_GROWTH >> 20} MB",
        measured=growth,
        is_ok=more <= MAX_GROWTH,
    )
    rise = _rise(at, objects)
    notes = [
        f"{kind}: {before} → {after}"
        for kind, after in session.kinds[-1].items()
        if after > 20 + 1.5 * (before := session.kinds[half].get(kind, 0))
    ]
    told = f"{rise:+.0f} over the same cells, at {objects[-1]:,}"
    is_flat = rise <= max(20.0, MAX_OBJECTS * float(np.median(objects)))
    yield Figure(what="the same: objects of ours", bar="flat (1 %)", measured=told, is_ok=is_flat, notes=tuple(notes))


def _rise(at: Sequence[int], values: Sequence[int]) -> float:
    """Return by how much the straight line through the points rises from the first to the last; Theil and Sen's slope."""
    x, y = np.array(at, float), np.array(values, float)
    i, j = np.triu_indices(len(x), 1)
    return float(np.median((y[j] - y[i]) / (x[j] - x[i])) * (x[-1] - x[0]))


def main() -> int:
    """Print the figures; return 1 where one has failed."""
    parser = argparse.ArgumentParser(prog="python -m trials.soak", description=__doc__)
    parser.add_argument("--cells", type=int, default=2_000)
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("--seed", type=int, default=9)
    asked = parser.parse_args()
    found = []
    for figure in soak(asked.cells, asked.seconds, asked.seed):
        found.append(figure)
        print(figure, flush=True)
    return int(any(one.is_ok is False for one in found))


if __name__ == "__main__":
    sys.exit(main())
