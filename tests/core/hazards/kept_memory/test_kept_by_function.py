"""Parameters that a function kept by reference and gave back, by hand-made traces."""

from __future__ import annotations

import pytest

from ipy_tensorwatch.core.blame.reasoning import Reasoning
from ipy_tensorwatch.core.hazards.kept_memory.kept_by_function import kept_and_trained_on, may_be_kept
from ipy_tensorwatch.core.records.snapshots.difference import Content, Difference
from ipy_tensorwatch.core.records.trace.born import Born
from ipy_tensorwatch.core.records.trace.evidence import OptimizerStep, Position
from ipy_tensorwatch.core.syntax.parsing import parse_path
from tests.support.records import reading
from tests.support.traces import make_trace

W = reading(1, 4, kind="parameter", requires_grad=True)
KEPT = reading(2, 4)
STEP = OptimizerStep(statement=0, parameters=frozenset((1,)), storages=frozenset((4,)))
FIT = "def fit(net, opt):\n    for i in range(3):\n        held = {BODY}\n        opt.step()\n    return held"


def born(positions=(0,), **paths):
    found = tuple(
        (Difference(path=parse_path(path), before=None, after=one), Content.of(changed=None, verified=False))
        for path, one in paths.items()
    )
    return Born(look=1, positions=frozenset(map(Position, positions)), ran=frozenset(), found=found)


def told(source, plain="held = fit(net, opt)", *, known=(), steps=(STEP,), positions=(0,), **more):
    paths = {"net.w": W, **(more or {"held['w']": KEPT})}
    trace = make_trace(plain, paths, changed=(), steps=steps, cells=[source], born=(born(positions, **paths),))
    return [*kept_and_trained_on(Reasoning(trace), known)]


def test_the_container_is_told_with_the_statement_and_its_ends():
    [found] = told(FIT.replace("{BODY}", "net.state_dict()"))
    one = found.hazard
    assert ("TW207", ("held['w']",), "held", "net") == (one.code, one.paths, one.fact.container, one.fact.owner)
    assert ("held = fit(net, opt)", 3) == (one.written_at.text, one.written_cell)
    assert (("held['w']", 2, 4),) == found.anchors


KEEPS = [
    ("net.state_dict()", True),
    ("[p for p in net.parameters()]", True),
    ("dict(net.named_parameters())", True),
    ("net.w.data", True),
    ("[net.w.detach()]", True),
    ("net.w.detach().clone()", False),
    ("copy.deepcopy(net.state_dict())", False),
    ("SGD(net.parameters(), optim)", False),
    ("net.w * 2", False),
]


@pytest.mark.parametrize(("value", "is_told"), KEEPS)
def test_a_function_keeps_parameters_by_reference(value, is_told):
    assert is_told == bool(told(FIT.replace("{BODY}", value)))


def test_what_has_the_name_of_a_copy_is_kept_by_reference_though_it_is_the_very_parameter():
    assert told(KNOWN.replace("held", "best"), "best = fit(net, opt)", **{"best['w']": W})
    assert not told(KNOWN, **{"held['w']": W})


FUNCTIONS = [
    ("def fit(net, opt):\n    kept = []\n    for i in range(3):\n        kept.append(net.state_dict())\n        opt.step()\n    return kept", True),
    ("def fit(net, opt):\n    while True:\n        held: dict = net.state_dict()\n        opt.step()", True),
    ("def fit(net, opt):\n    for i in x:\n        held += net.state_dict()\n        if i:\n            opt.step()", True),
    ("def fit(net, opt):\n    held = net.state_dict()\n    opt.step()\n    return held", True),
    ("def fit(net, opt):\n    opt.step()\n    held = net.state_dict()\n    return held", False),
    ("def fit(net, opt):\n    for i in x:\n        opt.step()\n    held = net.state_dict()\n    return held", False),
    ("def fit(net, opt):\n    for i in x:\n        held = net.state_dict()\n    return held", False),
    ("def fit(net, opt):\n    for i in x:\n        net.load_state_dict(held)\n        show(net.state_dict())\n        opt.step()", False),
    ("def fit(net, opt):\n    def one():\n        opt.step()\n    for i in x:\n        held = net.state_dict()\n        one()", True),
]  # fmt: skip


@pytest.mark.parametrize(("source", "is_told"), FUNCTIONS)
def test_it_must_step_after_it_kept_or_keep_in_a_loop_that_steps(source, is_told):
    assert is_told == bool(told(source))


def test_a_function_that_steps_may_be_another():
    fit = "def fit(net, opt):\n    held = net.state_dict()\n    step(opt)\n    return held"
    cells = ["def step(opt):\n    opt.step()", fit]
    paths = {"net.w": W, "held['w']": KEPT}
    trace = make_trace("held = fit(net, opt)", paths, changed=(), steps=(STEP,), cells=cells, born=(born(**paths),))
    assert [*kept_and_trained_on(Reasoning(trace), ())]


STOP = "class Stop:\n    def __call__(self, net):\n        self.state = {VALUE}\n    def check(self, net):\n        self(net)"
LOOPS = [
    ("net.state_dict()", "stop(net)", True),
    ("net.state_dict()", "stop.check(net)", True),
    ("net.state_dict()", "stop.reset(net)", False),
    ("net.state_dict()", "other(net)", False),
    ("copy.deepcopy(net.state_dict())", "stop(net)", False),
]


@pytest.mark.parametrize(("value", "call", "is_told"), LOOPS)
def test_a_method_that_the_loop_calls_may_keep(value, call, is_told):
    fit = f"def fit(net, opt):\n    for i in x:\n        opt.step()\n        {call}"
    cells, paths = [STOP.replace("{VALUE}", value), fit], {"net.w": W, "stop.state['w']": KEPT}
    more = {"steps": (STEP,), "cells": cells, "classes": {"stop": "Stop"}, "born": (born(**paths),)}
    trace = make_trace("fit(net, opt, stop)", paths, changed=(), **more)
    assert is_told == bool([*kept_and_trained_on(Reasoning(trace), ())])


KNOWN = FIT.replace("{BODY}", "net.state_dict()")


@pytest.mark.parametrize(
    "more",
    [
        {"known": ("held['w']",)}, {"steps": ()}, {"steps": (OptimizerStep(statement=1, storages=frozenset((4,))),)}, {"positions": (0, 1)},
        {"held['w']": W}, {"held.w": KEPT}, {"held": KEPT}, {"held['w']": reading(2, 5)},
        {"steps": (OptimizerStep(statement=0, storages=frozenset((4,)), parameters=frozenset((7,))),)},
        {"plain": "held = other(net, opt)"},
    ],
)  # fmt: skip
def test_it_is_no_reference_or_not_known_to_be_one(more):
    assert told(KNOWN)
    assert not told(KNOWN, **more)


def test_a_cell_may_keep_what_its_optimizers_hold():
    assert may_be_kept([born(x=KEPT)], [STEP])
    assert not may_be_kept([born(x=reading(2, 5))], [STEP])
    assert not may_be_kept([born(x=KEPT)], [])
    assert not may_be_kept([born(x=None)], [STEP])
