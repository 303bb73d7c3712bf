"""Backwards that ran and were wrong, by hand-made traces and the source of hooks and Functions."""

from __future__ import annotations

import pytest

from ipy_tensorwatch.core.blame.evidence.statement_timeline import Timeline
from ipy_tensorwatch.core.blame.reasoning import Reasoning
from ipy_tensorwatch.core.hazards.backward.wrong_backward import wrong_backwards
from ipy_tensorwatch.core.hazards.standing_hazards import Standing
from ipy_tensorwatch.core.records.report_parts import Cell
from ipy_tensorwatch.core.records.trace.graph_state import GraphState
from tests.support.records import reading, saved_tensor
from tests.support.traces import make_trace

DAMP = "def damp(g): g.mul_(0.1)"
BRANCHES = "b1 = f(x)\nb2 = g(x)\n"
HOOK = "b2.register_hook(damp)\n"
SUM = "loss = b1 + b2\n"
BACKWARD = "loss.backward()"
B2 = {"b2": reading(1)}


def told(plain, *earlier, readings=None, built=None, alive=(1,), **more):
    """Give the hazards of cell 3; `built` are the sources of cells with live nodes."""
    timelines = {count: Timeline(source, ()) for count, source in (built or {}).items()}
    more.setdefault("graphs", GraphState(cells=frozenset(alive)))
    trace = make_trace(plain, readings or {}, changed=more.pop("changed", ()), cells=earlier, **more)
    return [*wrong_backwards(Reasoning(trace), Standing(built=timelines))]


def test_a_hook_that_another_branch_reads_after_is_told_with_its_line():
    [one] = told(BRANCHES + HOOK + SUM + BACKWARD, DAMP, readings=B2)
    assert ("TW210", "wrong", ("b2",), None, True) == (one.code, one.outcome, one.paths, one.op, one.happened)
    assert ("damp", "b2") == (one.fact.writer, one.fact.hooked)
    site = one.written_at
    assert ("loss.backward()", 5, "inferred", 3) == (site.text, site.line, site.certainty, one.written_cell)
    assert (1, 1, "g.mul_(0.1)") == (site.inner.cell, site.inner.line, site.inner.text)
    assert "copy-gradient" != one.fix.kind


def test_what_no_variable_leads_to_has_no_path():
    assert [()] == [one.paths for one in told(BRANCHES + HOOK + SUM + BACKWARD, DAMP)]


CELLS = [
    (BRANCHES + HOOK + SUM + "torch.autograd.grad(loss, x)", True),
    (BRANCHES + HOOK + SUM, False),
    (BRANCHES + SUM + BACKWARD, False),
    (BRANCHES + HOOK + "loss = b2 * 2\n" + BACKWARD, False),
    (BRANCHES + HOOK + SUM + "run()", True),
    (BRANCHES + HOOK + SUM + "other()", False),
    (BRANCHES + HOOK + SUM + "run", False),
    (BRANCHES + HOOK + SUM + "print('nothing')", False),
]


@pytest.mark.parametrize(("plain", "is_told"), CELLS)
def test_a_cell_must_run_a_backward_over_a_shared_gradient(plain, is_told):
    assert is_told == bool(told(plain, DAMP, "def run():\n    loss.backward()", "def other(): pass"))


def test_a_cell_that_failed_is_not_judged_nor_one_that_did_not_run_its_backward():
    plain = BRANCHES + HOOK + SUM + BACKWARD
    assert told(plain, DAMP)
    assert not told(plain, DAMP, cell=Cell(count=3, source=plain, status="error", duration=0.1, overhead=0.0))
    assert not told(plain, DAMP, evidence={"ran": frozenset(range(4))})


EARLIER = [
    ({1: BRANCHES + HOOK + SUM}, (1,), True),
    ({1: BRANCHES + HOOK + SUM}, (), False),
    ({1: BRANCHES + HOOK + SUM.replace("loss", "other")}, (1,), False),
    ({1: BRANCHES + SUM, 2: HOOK}, (1,), True),
    ({1: BRANCHES + SUM, 2: "b3.register_hook(damp)"}, (1,), False),
    ({1: BRANCHES + SUM, 2: f"def add():\n    {HOOK}"}, (1,), False),
    ({3: BRANCHES + HOOK + SUM}, (1,), False),
]


@pytest.mark.parametrize(("built", "alive", "is_told"), EARLIER)
def test_cells_that_made_what_the_backward_starts_from_or_hooked_it_count(built, alive, is_told):
    found = told(BACKWARD, DAMP, built=built, alive=alive)
    assert is_told == bool(found)
    assert all("loss.backward()" == one.written_at.text for one in found)


BLOCK = "class Block(nn.Module):\n    def forward(self, x):\n        a = self.f(x)\n        y = self.g(x)\n        y.register_hook(self.half)\n        return a + y\n    def half(self, g):\n        g.mul_(0.5)"


def test_definitions_are_read_where_they_are_used_by_name_or_by_an_instance():
    assert told("net(x).sum().backward()", BLOCK, classes={"net": "Block"})
    assert told("Block()(x).sum().backward()", BLOCK)
    assert told("run(x).sum().backward()", BLOCK, "def run(x):\n    return Block()(x)")
    assert not told("other(x).sum().backward()", BLOCK, classes={"net": "Block"})
    assert not told("half(x).sum().backward()", BLOCK)


SQUARE = "class Square(torch.autograd.Function):\n    @staticmethod\n    def backward(ctx, g):\n        a, = ctx.saved_tensors\n        a.data.mul_(2 * g)\n        return a"
MADE = "loss = Square.apply(h).sum()\nloss.backward()"
UNVERSIONED = {"writes": {1: [[1]]}}
EXP = reading(1, grad_fn="ExpBackward0")


@pytest.mark.parametrize(
    ("one", "more", "op"),
    [
        (EXP, UNVERSIONED, "ExpBackward0"), (reading(1, grad_fn="AddBackward0"), UNVERSIONED, None), (EXP, {}, None),
        (EXP, {"writes": {1: [[0]]}}, None), (EXP, {"writes": {1: [[0, 1]]}}, None),
        (reading(1), UNVERSIONED | {"graphs": GraphState(spent=(saved_tensor(),))}, "MulBackward0"),
        (reading(1), UNVERSIONED | {"graphs": GraphState(spent=(saved_tensor(op="SquareBackward"),))}, None),
        (EXP, {"changed": ("h",), "found_versions": True}, None),
    ],
)  # fmt: skip
def test_a_function_that_overwrote_what_a_node_below_it_had_saved_is_told(one, more, op):
    more = {key: value for key, value in more.items() if key != "found_versions"}
    found = told(MADE, SQUARE, readings={"h": one}, **more)
    assert ([] if op is None else [(op, ("h",), "Square.backward", None)]) == [
        (each.op, each.paths, each.fact.writer, each.fact.hooked) for each in found
    ]


def test_what_moved_the_version_counter_is_left_to_the_other_hazards():
    still = reading(1, grad_fn="ExpBackward0", version=0)
    one = "Square.apply(h).sum().backward()"
    assert told(one, SQUARE, readings={"h": still}, changed=("h",))
    assert not told(one, SQUARE, readings={"h": EXP}, changed=("h",))
    assert not told("h.data.zero_()\n" + one, SQUARE, readings={"h": still}, changed=("h",))
