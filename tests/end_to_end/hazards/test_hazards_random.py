"""Random programs of saves and writes, in one cell or several: what is said of their backwards, against what these then do.

The right gradients are those of the same program with every saved tensor copied as it is saved, which hooks of autograd do.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import torch
from hypothesis import given, note
from hypothesis import strategies as st

from ipy_tensorwatch.shell import extension
from tests.support.notebook import Notebook

PRELUDE = "import numpy as np\nimport torch\nw = torch.tensor([1.0, -2.0, 3.0], requires_grad=True)\nh = w * 2\n"
VALUES = (
    *(
        "{x} * {y}",
        "{x}.sin()",
        "{x} + {y}",
        "{x}.pow(2)",
        "{x} * 0.5",
        "{x}.relu()",
        "{x}.abs()",
        "torch.maximum({x}, {y})",
    ),
    *("{x}.flip(0) * {y}", "torch.cat([{x}[1:], {y}[:1]]).cos()", "({x} * {y}).cos() * {x}", "keep({x}, {y})"),
)
VERSIONED = (
    *("{v}.mul_(2)", "{v}.add_(1)", "{v}.sin_()", "{x}.detach().add_(1)", "{x}.detach()[1:].mul_(2)", "{v}[0] = 3"),
    *("with torch.no_grad():\n    {x}.sub_(1)", "{x}.detach().mul_(1)"),
)
UNVERSIONED = (
    *("{x}.data.add_(1)", "{x}.data[0] = 5", "{x}.data.neg_()", "{x}.detach().numpy()[1] = 7", "{x}.data.mul_(1)"),
    *("torch.from_dlpack({x}.detach()).mul_(2)", "{x}.data.add_(2)\n{x}.data.sub_(2)", "poison({x})"),
    *("{a} = {x}.data\n{a}.add_(1)", "{a} = {x}.detach().numpy()\n{a} += 1", "{a} = {x}.detach().numpy()\n{a}[0] -= 1"),
)
FUNCTIONS = "def keep(a, b):\n    c = a * b\n    return c.sin()\n\ndef poison(t):\n    t.data.sub_(1)\n\n"
CALLS = ("mixed({x}, {y})", "mixed({y}, {x})", "Late.apply({x})")
LATE = """
class Late(torch.autograd.Function):
    @staticmethod
    def forward(ctx, a):
        b = a.detach() * 2
        a.data.add_(1)
        b = b + a.detach()
        ctx.save_for_backward(a)
        return b
    @staticmethod
    def backward(ctx, gradient):
        return gradient * ctx.saved_tensors[0]

"""
MIXED = (
    *(
        "    c = a * b",
        "    c = c.sin()",
        "    a.data.add_(1)",
        "    b.data.neg_()",
        "    c.data.mul_(2)",
        "    c = c * b",
    ),
    *("    a.detach().add_(1)", "    a.detach().numpy()[0] = 4", "    a.data.add_(1)\n    a.data.sub_(1)"),
)


@dataclass
class Program:
    """Some cells; printed as the notebook that they are."""

    cells: list[str]

    def __repr__(self) -> str:
        return "\n" + "\n".join(f"# %% [{number}]\n{cell}" for number, cell in enumerate(self.cells))


@st.composite
def programs(draw: st.DrawFn, mixed: bool = False) -> Program:
    """Draw statements that make sense one after the other, and cut them into cells."""
    values, count = ["h"], itertools.count(1)
    body = draw(st.lists(st.sampled_from(MIXED), min_size=2, max_size=5)) if mixed else []
    rows = [f"def mixed(a, b):\n    c = a + b\n{chr(10).join(body)}\n    return c\n"] if mixed else []
    for _ in range(draw(st.integers(2, 9))):
        kinds = (VALUES, VALUES, VERSIONED, UNVERSIONED, UNVERSIONED, *((CALLS,) * 2 if mixed else ()))
        kind = draw(st.sampled_from(kinds))
        x, y, v = (
            draw(st.sampled_from(["w", *values])),
            draw(st.sampled_from(["w", *values])),
            draw(st.sampled_from(values)),
        )
        row = draw(st.sampled_from(kind)).format(x=x, y=y, v=v, a=f"a{next(count)}")
        if kind not in (VERSIONED, UNVERSIONED):
            name = draw(st.sampled_from([f"h{next(count)}", v]))
            values = list(dict.fromkeys([*values, name]))
            row = f"{name} = {row}"
        shape = draw(st.sampled_from(("{}", "{}", "{}", "for _ in range(2):\n{}", "if True:\n{}")))
        rows.append(shape.format("\n".join(f"    {one}" for one in row.split("\n")) if "\n{}" in shape else row))
    cut = draw(st.integers(1, len(rows)))
    cells = [FUNCTIONS + PRELUDE + LATE + "\n".join(rows[:cut]), *(["\n".join(rows[cut:])] if cut < len(rows) else [])]
    mark = draw(st.sampled_from(("", "", "%%tensordiff\n")))
    return Program([*cells[:-1], mark + cells[-1]])


@dataclass
class Outcome:
    """How the backward of one variable went, and whether anything that its graph saved had changed its bytes by then."""

    was: str
    is_other: bool


def outcomes(program: Program) -> dict[str, Outcome] | None:
    """Run a program twice without us, once with copies of what is saved; None where it does not run to its end."""
    names: list[dict[str, Any]] = [{}, {}]
    kept: list[tuple[torch.Tensor, torch.Tensor]] = []

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        kept.append((tensor.detach(), tensor.detach().clone()))
        return kept[-1][1]

    source = "\n".join(cell.removeprefix("%%tensordiff\n") for cell in program.cells)
    try:
        exec(source, names[0])
        with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
            exec(source, names[1])
    except RuntimeError:
        return None
    is_other = any(not torch.equal(now, then) for now, then in kept)
    roots = [name for name, one in names[0].items() if isinstance(one, torch.Tensor) and one.grad_fn is not None]
    return {name: Outcome(backward(name, *names), is_other) for name in roots}


def backward(name: str, plain: dict[str, Any], copied: dict[str, Any]) -> str:
    try:
        found, right = ([*torch.autograd.grad(one[name].sum(), one["w"], retain_graph=True)] for one in (plain, copied))
    except RuntimeError as error:
        return "raises" if "modified by an inplace operation" in str(error) else str(error)
    return "ok" if torch.allclose(found[0], right[0], equal_nan=True) else "wrong"


def overwritten(program: Program) -> list[tuple[str, tuple[str, ...]]]:
    """Run a program in a notebook; give each outcome that is foretold, with the variables whose backward it will be."""
    with Notebook(settings={"probe_floor": 1.0, "budget_floor": 1.0}) as nb:
        for cell in program.cells:
            nb.run(cell)
        found = extension._loaded[0].watcher.reporter.observed.overwritten
        told = {one["code"] for one in nb.report()["hazards"]}
        assert bool(told & {"TW201", "TW202"}) == bool(found)
        return [("raises" if one.will_raise else "wrong", one.roots) for one in found]


def faults(program: Program) -> tuple[list[str], set[str], set[str]]:
    """Tell what is foretold and not true, what happens, and what is foretold."""
    true = outcomes(program)
    if true is None:
        return [], set(), set()
    told, wrong = overwritten(program), []
    for outcome, roots in told:
        for root in roots:
            was = true[root]
            if was.was not in ((outcome,) if outcome == "raises" else ("wrong", "raises")) and not (
                outcome == "wrong" and was.is_other
            ):
                wrong.append(f"{root}.backward(): said {outcome}, was {was.was}")
    note(f"{program!r}\n{told}\n{true}")
    return wrong, {one.was for one in true.values()} - {"ok"}, {outcome for outcome, _ in told}


@given(programs())
def test_every_backward_that_raises_or_is_wrong_was_foretold_and_no_other(program: Program):
    wrong, happens, told = faults(program)

    assert wrong == []
    assert happens <= told


@given(programs(mixed=True))
def test_nothing_false_is_said_of_functions_that_save_and_write(program: Program):
    wrong, happens, told = faults(program)

    assert wrong == []
    assert happens - {"wrong"} <= told
