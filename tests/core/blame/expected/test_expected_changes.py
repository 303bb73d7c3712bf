"""What is settled as a class is what a verdict for each tensor says; where that is not certain, nothing is settled."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ipy_tensorwatch.core.blame.reasoning import Reasoning
from ipy_tensorwatch.core.records.path import AccessPath
from ipy_tensorwatch.core.records.snapshots.difference import DiffRow
from ipy_tensorwatch.core.records.snapshots.differences import Differences
from ipy_tensorwatch.core.records.trace.evidence import Move, OptimizerStep, Position, Recorded, SeenWrite
from tests.support.records import reading
from tests.support.trace_json import way_of
from tests.support.traces import make_trace

PARAMETER = reading(4, 4, requires_grad=True, kind="parameter")
HELD = PARAMETER._replace(kind="tensor")
GRAD, BUFFER, STATE = reading(5, 5), reading(6, 6, kind="buffer"), reading(7, 7)
STEP = OptimizerStep(statement=0, paths=frozenset(("opt",)), parameters=frozenset((4,)), storages=frozenset((4, 7)))
OTHER = OptimizerStep(statement=0, paths=frozenset(("sgd",)), storages=frozenset((4,)))
TRAIN = ["def train():\n    loss.backward()\n    opt.step()"]
AT = [frozenset((Position(index, None, blind=False),)) for index in range(3)]


def masked(*bits):
    return {4: (SeenWrite(storage=4, positions=AT[1], mask=bytes(bits * 24)),)}


CASES = {
    "a step over parameters and state": ("opt.step()", {"net.w": PARAMETER, "opt.state[w]['m']": STATE}, {"steps": (STEP,)}, ["optimizer", "optimizer"]),
    "a step over tensors that it holds": ("opt.step()", {"w": HELD}, {"steps": (STEP,)}, ["optimizer"]),
    "a step among other calls": ("f(z)\nopt.step()", {"w": PARAMETER}, {"steps": (OptimizerStep(statement=1, storages=frozenset((4,))),), "writes": {4: [[0, 1]]}}, ["optimizer"]),
    "a step beside a statement that names something else": ("total += f(z)\nopt.step()", {"w": PARAMETER}, {"steps": (OptimizerStep(statement=1, storages=frozenset((4,))),), "writes": {4: [[0, 1]]}}, ["optimizer"]),
    "a step beside a statement that names what it holds": ("v.add_(1)\nopt.step()", {"w": PARAMETER, "v": reading(8, 4)}, {"steps": (OptimizerStep(statement=1, storages=frozenset((4,))),), "writes": {4: [[0, 1]]}, "changed": ["w"]}, [None]),
    "a step beside a statement of which a name led there": ("v.add_(1)\nopt.step()", {"w": PARAMETER}, {"steps": (OptimizerStep(statement=1, storages=frozenset((4,))),), "writes": {4: [[0, 1]]}, "evidence": {"targets": {0: {"v": frozenset((4,))}}}}, [None]),
    "a step beside a function that names what it holds": ("opt.step()\nmeasure(w)", {"w": PARAMETER}, {"steps": (STEP,), "writes": {4: [[0, 1]]}, "cells": ["def measure(v):\n    v.data.mul_(2)"]}, [None]),
    "a step beside that of a scheduler": ("opt.step()\nplan.step(loss)", {"net.w": PARAMETER, "plan.opt.m": STATE}, {"steps": (STEP,), "writes": {4: [[0, 1]], 7: [[0, 1]]}}, ["optimizer", None]),
    "two steps of one optimizer": ("opt.step()\nf(z)", {"net.w": PARAMETER, "opt.state[w]['m']": STATE}, {"steps": (STEP, replace(STEP, storages=frozenset((4,)))), "writes": {4: [[0, 1]], 7: [[0, 1]]}}, ["optimizer", "optimizer"]),
    "steps of two optimizers, each over its own": ("opt.step()\nsgd.step()", {"net.w": PARAMETER, "opt.state[w]['m']": STATE}, {"steps": (STEP, OptimizerStep(statement=1, storages=frozenset((9,)))), "writes": {4: [[0, 1]], 7: [[0, 1]]}}, ["optimizer", "optimizer"]),
    "a step that was not running": ("opt.step()\ng(w)", {"w": HELD}, {"steps": (STEP,), "writes": {4: [[1]]}}, [None]),
    "a step over a copy by reference": ("opt.step()", {"net.w": PARAMETER, "best['w']": reading(8, 4)}, {"steps": (STEP,)}, ["optimizer", None]),
    "a step over what another parameter shares": ("opt.step()", {"net.w": PARAMETER, "target.w": PARAMETER._replace(object=8)}, {"steps": (STEP,)}, ["optimizer", None]),
    "a step of an optimizer that holds unknown parameters": ("opt.step()", {"net.w": PARAMETER._replace(object=8)}, {"steps": (STEP,)}, ["optimizer"]),
    "two steps over a tensor": ("train()", {"w": HELD}, {"steps": (STEP, OTHER)}, [None]),
    "two steps over a parameter": ("train()", {"w": PARAMETER}, {"steps": (STEP, OTHER)}, ["optimizer"]),
    "a step and a write by name": ("opt.step()\nw.add_(1)", {"w": PARAMETER}, {"steps": (STEP,), "writes": {4: [[0]]}}, [None]),
    "a step over memory that was moved": ("opt.step()\nw.data = f()", {"w": PARAMETER}, {"steps": (STEP,), "writes": {4: [[0]]}, "moves": {4: (Move(object=4, storage=4, positions=AT[1], look=1),)}}, [None]),
    "a step over memory that a call moved": ("opt.step()\nrig()", {"w": PARAMETER}, {"steps": (STEP,), "writes": {4: [[0]]}, "moves": {4: (Move(object=4, storage=4, positions=AT[1], look=1),)}}, [None]),
    "a step that was recorded": ("opt.step()", {"w": PARAMETER}, {"steps": (STEP,), "recorded": {"w": (Recorded(statement=0, inner=None),)}}, [None]),
    "writes that miss the tensor": ("opt.step()\nf(w)", {"w": HELD._replace(high=12, shape=(3,))}, {"steps": (STEP,), "evidence": {"writes": masked(0)}}, [None]),
    "writes beside the tensor": ("opt.step()\nv.add_(1)", {"w": HELD._replace(high=12, shape=(3,)), "v": reading(8, 4, high=12, shape=(3,))}, {"steps": (STEP,), "changed": ["w"], "evidence": {"writes": {4: (SeenWrite(storage=4, positions=AT[0], mask=bytes(12) + bytes(12 * [1])),)}}}, [None]),
    "gradients of a backward": ("loss.backward()", {"w": HELD, "w.grad": GRAD}, {"changed": ["w.grad"]}, ["backward"]),
    "gradients by a function that runs backward": ("train()", {"w": HELD, "w.grad": GRAD}, {"changed": ["w.grad"], "cells": TRAIN}, ["backward"]),
    "gradients by a function of somebody else": ("fit()", {"w": HELD, "w.grad": GRAD}, {"changed": ["w.grad"]}, [None]),
    "gradients where another statement may have written": ("loss.backward()\nclip(w)", {"w": HELD, "w.grad": GRAD}, {"changed": ["w.grad"], "writes": {5: [[0, 1]]}}, ["backward"]),
    "gradients where another statement names them": ("loss.backward()\nw.grad.mul_(2)", {"w": HELD, "w.grad": GRAD}, {"changed": ["w.grad"], "writes": {5: [[0, 1]]}}, [None]),
    "gradients where a function names them": ("loss.backward()\nshrink(w)", {"w": HELD, "w.grad": GRAD}, {"changed": ["w.grad"], "writes": {5: [[0, 1]]}, "cells": ["def shrink(v):\n    v.grad.mul_(2)"]}, [None]),
    "gradients through another name": ("g.zero_(loss.backward())", {"w": HELD, "w.grad": GRAD, "g": GRAD}, {"changed": ["w.grad"]}, [None]),
    "buffers of the module that is called": ("net(z)", {"net.bn.mean": BUFFER}, {}, ["module"]),
    "buffers of a module that a loop calls": ("for z in rows:\n    y = net(z)\n    total += y.item()", {"net.bn.mean": BUFFER}, {"writes": {6: [[0, 1, 2]]}}, ["module"]),
    "buffers where gradients of their module are named": ("y = net(z)\nclip_grad_norm_(net, 1)", {"net.bn.mean": BUFFER}, {"writes": {6: [[0, 1]]}}, ["module"]),
    "buffers that no call wrote at one time": ("y = net(z)\nf(y)", {"net.bn.mean": BUFFER}, {"writes": {6: [[0], [1]]}}, [None]),
    "buffers of which a name led there": ("y = net(z)\nm.zero_()", {"net.bn.mean": BUFFER}, {"writes": {6: [[0, 1]]}, "evidence": {"targets": {1: {"m": frozenset((6,))}}}}, [None]),
    "buffers that a function names in the statement that calls their module": ("y = net(reset(net))", {"net.bn.mean": BUFFER}, {"cells": ["def reset(m):\n    m.bn.mean.zero_()"]}, [None]),
    "buffers that a function names": ("y = net(z)\nreset(net)", {"net.bn.mean": BUFFER}, {"writes": {6: [[0, 1]]}, "cells": ["def reset(m):\n    m.bn.mean.zero_()"]}, [None]),
    "buffers of a module that two variables lead to": ("net(z)", {"net[0].mean": BUFFER, "parts[0].mean": BUFFER}, {}, ["module", "module"]),
    "buffers of a module that a tensor lies on": ("net(z)", {"net.mean": BUFFER, "m": reading(6, 6)}, {}, [None, None]),
    "buffers of two modules": ("a(z)", {"a.mean": BUFFER, "b.mean": BUFFER, "b.w": PARAMETER}, {"changed": ["a.mean", "b.mean"]}, [None, None]),
    "buffers under another name of the module": ("net.m.zero_()", {"net.bn.mean": BUFFER, "net.m": reading(8, 6)}, {"changed": ["net.bn.mean"]}, [None]),
    "buffers where nothing is called": ("z = z + 1", {"net.bn.mean": BUFFER}, {}, [None]),
    "anything else": ("f(z)", {"x": reading(1)}, {}, [None]),
}  # fmt: skip


def in_columns(trace):
    """Give what differs as a look gives it."""
    [scene] = trace.after.scenes.values()
    places = {str(path): place for place, path in enumerate(scene.paths)}
    rows = [DiffRow(scene, places[str(one.path)], one.before, one.after) for one, _ in trace.found]
    every = [True] * len(rows)
    return replace(
        trace,
        found=Differences(
            rows=rows, changed=every, verified=every, since=[None] * len(rows), counts=[None] * len(rows)
        ),
    )


@pytest.mark.parametrize("case", CASES)
def test_in_columns_the_same_is_settled(case):
    plain, readings, more, expected = CASES[case]
    reasoning = Reasoning(in_columns(make_trace(plain, readings, **more)))
    assert expected == [reasoning.settled.get(row) for row in range(len(expected))]


@pytest.mark.parametrize("case", CASES)
def test_only_what_is_certain_is_settled_and_then_it_is_the_verdict(case):
    plain, readings, more, expected = CASES[case]
    reasoning = Reasoning(make_trace(plain, readings, **more))
    settled = reasoning.settled
    assert expected == [settled.get(row) for row in range(len(expected))]
    causes = [change.cause for change in reasoning.changes]
    assert [cause or told for cause, told in zip(expected, causes, strict=True)] == causes
    assert reasoning.silent == tuple(change for change in reasoning.changes if change.silent)


def test_a_statement_names_what_lies_behind_a_second_way_too():
    trace = make_trace("y = net(z)\nrun['net'].bn.mean.zero_()", {"net.bn.mean": BUFFER}, writes={6: [[0, 1]]})
    way = way_of(AccessPath("run", ("['net']",)), AccessPath("net"))
    reasoning = Reasoning(replace(trace, after=replace(trace.after, several_ways=(way,))))

    assert {} == reasoning.settled
    assert ["alias"] == [change.cause for change in reasoning.changes]


def test_the_notebook_is_asked_for_only_where_calls_may_have_to_be_followed():
    step = Reasoning(make_trace("opt.step()", {"w": PARAMETER}, steps=(STEP,)))
    assert not step.follows_calls
    assert Reasoning(make_trace("net(z)", {"net.mean": BUFFER})).follows_calls
    assert Reasoning(make_trace("f(x)", {"x": reading(1)})).follows_calls
