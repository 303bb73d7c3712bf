"""Which parameters an optimizer does not train, by hand-made traces of a cell in which it stepped."""

from __future__ import annotations

import pytest

from ipy_tensorwatch.core.blame.reasoning import Reasoning
from ipy_tensorwatch.core.hazards.find_hazards import find_hazards
from ipy_tensorwatch.core.hazards.standing_hazards import Standing
from ipy_tensorwatch.core.records.trace.evidence import OptimizerHolding, OptimizerStep
from tests.support.records import reading
from tests.support.traces import make_trace

STEP = "opt.step()"
GRAD = reading(90, 90)


def parameter(serial, **more):
    return reading(serial, serial, kind="parameter", requires_grad=True, **more)


def held(*serials, path="opt"):
    return (OptimizerHolding(path=path, parameters=frozenset(serials)),)


def stepped(*serials, path="opt"):
    return (OptimizerStep(statement=0, paths=frozenset({path} if path else ()), parameters=frozenset(serials)),)


def made(readings, *serials, line="opt = SGD(net.parameters())"):
    trace = make_trace(line, readings, changed=[], optimizers=held(*serials))
    return find_hazards(Reasoning(trace), Standing())


def judged(standing, readings, *serials, changed=(), steps=None, more=()):
    trace = make_trace(
        STEP, readings, changed=[*changed], count=4, optimizers=held(*serials) + more, steps=steps or stepped(*serials)
    )
    return [(one.outcome, one.fact.how, one.paths) for one in find_hazards(Reasoning(trace), standing).hazards]


NET = {"net.a": parameter(1), "net.b": parameter(2)}
NEW = {"net.a": parameter(1), "net.b": parameter(3), "net.b.grad": GRAD}
WRONG = [("wrong", "replaced", ("net.b",))]


def test_a_parameter_in_the_place_of_a_held_one_is_not_trained():
    assert judged(made(NET, 1, 2), NEW, 1, 2, changed=["net.b.grad"]) == WRONG


@pytest.mark.parametrize(
    "more",
    [
        {"changed": []},
        {"changed": ["net.b.grad", "net.b"]},
        {"changed": ["net.b.grad"], "more": held(3, path="other")},
        {"changed": ["net.b.grad"], "steps": (*stepped(1, 2), *stepped(3, path=""))},
        {"changed": ["net.b.grad"], "steps": stepped(1, 2, path="")},
    ],
    ids=["no gradient", "written by the cell", "held by another", "held by one of a function", "no step of this one"],
)
def test_it_may_be_all_right(more):
    assert judged(made(NET, 1, 2), NEW, 1, 2, **more) == []


def test_what_was_left_out_on_purpose_is_a_risk():
    readings = NET | {"net.b.grad": GRAD}
    standing = made(NET, 1, line="opt = SGD([net.a])")
    assert judged(standing, readings, 1, changed=["net.b.grad"]) == [("risk", "left-out", ("net.b",))]


def test_what_was_frozen_then_is_not_trained():
    frozen = NET | {"net.b": parameter(2)._replace(requires_grad=False)}
    readings = NET | {"net.b.grad": GRAD}
    assert judged(made(frozen, 1), readings, 1, changed=["net.b.grad"]) == [("wrong", "unfrozen", ("net.b",))]


def test_it_is_over_when_an_optimizer_holds_it():
    standing = made(NET, 1, 2)
    trace = make_trace(STEP, NEW, changed=["net.b.grad"], count=4, optimizers=held(1, 2), steps=stepped(1, 2))
    told = find_hazards(Reasoning(trace), standing)
    later = make_trace("opt.add_param_group(…)", NEW, changed=[], count=5, optimizers=held(1, 2, 3))
    assert ["TW212"] == [one.code for one in told.hazards]
    assert () == find_hazards(Reasoning(later), told).hazards


@pytest.mark.parametrize(
    ("plain", "more", "expected"),
    [
        ("step(net)", {}, [("wrong", "replaced", ("net.a", "net.b"))]),
        ("step(net)", {"is_idle": False}, []),
        ("step(net)", {"holds": 4, "parameters": frozenset((7,))}, []),
        ("step(other)", {}, []),
        ("train()", {"cells": ["def train():\n    net(x).sum().backward()\n    hidden.step()"]}, [("wrong", "replaced", ("net.a", "net.b"))]),
    ],
    ids=["named", "with gradients", "some are left", "not named", "named by a function"],
)  # fmt: skip
def test_a_whole_model_in_the_place_of_what_a_hidden_optimizer_holds(plain, more, expected):
    readings = {
        "net.a": parameter(1),
        "net.b": parameter(2),
        "net.a.grad": GRAD,
        "net.b.grad": reading(91, 91),
        "z": parameter(7),
    }
    cells = more.pop("cells", [])
    step = OptimizerStep(statement=0, **({"holds": 2, "is_idle": True} | more))
    trace = make_trace(plain, readings, changed=["net.a.grad", "net.b.grad"], steps=(step,), cells=cells)
    found = [(one.outcome, one.fact.how, one.paths) for one in find_hazards(Reasoning(trace), Standing()).hazards]
    assert expected == found
