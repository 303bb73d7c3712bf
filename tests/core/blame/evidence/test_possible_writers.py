"""Of several statements between two looks, which are told to have written, on traces made by hand."""

from __future__ import annotations

import pytest

from ipy_tensorwatch.core.records.trace.evidence import OptimizerStep
from tests.support.records import reading
from tests.support.traces import explain

X, Y, OTHER = reading(1), reading(2), reading(9, 9)
PARAMETER = reading(4, 4, requires_grad=True, kind="parameter")
VIEW = reading(5, 4)
"""A view of the parameter."""
MODEL = {"model.w": PARAMETER, "ema['w']": VIEW, "x": X}
FUNCTIONS = """\
def bump(t):
    t.add_(1)
def look(t):
    return t.sum()
def train(t):
    opt.step()
    return t * 2
def update(decay=0.9):
    for n, p in model.named_parameters():
        ema[n].mul_(decay)
class Pair:
    def left(self):
        self.a.add_(1)
    def right(self):
        self.b.add_(1)
def hidden(state=[torch.ones(2)]):
    state[0].add_(1)
def keep(state={}):
    state["n"] = torch.ones(2)
"""
"""What the cells below call."""


def lines(plain, readings, writes, *, path="x", **more):
    """Return the lines told for a path, each with its certainty."""
    change = explain(plain, readings, writes=writes, cells=[FUNCTIONS], **more)[path]
    return sorted((site.line, site.certainty) for site in change.sites)


def step(at, **more):
    held = {"paths": frozenset(("opt",)), "parameters": frozenset((4,)), "storages": frozenset((4, 7))}
    return OptimizerStep(statement=at, **(held | more))


class TestAmongSeveral:
    def test_a_function_that_names_the_memory_wrote_and_one_that_names_other_memory_did_not(self):
        told = lines("bump(x)\nbump(z)", {"x": X, "z": OTHER}, {1: [[0, 1]]})
        assert told == [(1, "inferred")]

    def test_a_method_that_writes_another_tensor_of_its_object_did_not(self):
        pair = {"p.a": OTHER, "p.b": X, "x": X}
        told = lines("p.left()\np.right()", pair, {1: [[0, 1]]}, classes={"p": "Pair"})
        assert told == [(2, "inferred")]

    def test_a_statement_that_names_it_and_a_function_that_does_both_wrote(self):
        told = lines("x.add_(1)\nbump(x)\nlook(x)", {"x": X}, {1: [[0, 1, 2]]})
        assert told == [(1, "inferred"), (2, "inferred")]

    def test_one_that_was_seen_to_write_is_told_without_one_that_may_have(self):
        told = lines("hidden()\ng(z)\nkeep()", {"x": X, "z": OTHER}, {1: [[0], [0, 1, 2]]})
        assert told == [(1, "observed")]

    def test_what_a_function_keeps_may_be_the_memory_and_an_item_set_in_a_dict_writes_nothing(self):
        assert lines("hidden()\nkeep()", {"x": X}, {1: [[0, 1]]}) == [(1, "inferred")]

    def test_a_function_that_only_reads_what_it_gets_did_not_write(self):
        assert lines("look(x)\ng(z)", {"x": X, "z": OTHER}, {1: [[0, 1]]}) == [(2, "inferred")]

    def test_all_that_lies_in_one_block_has_the_same_writers(self):
        plain, readings, writes = "g(y)\nh(z)", {"x": X, "y": Y, "z": OTHER}, {1: [[0, 1]]}
        told = [lines(plain, readings, writes, path=path) for path in ("x", "y")]
        assert told == [[(1, "inferred")], [(1, "inferred")]]


class TestSteps:
    @pytest.mark.parametrize("other", ["g(z)", "update()", "hidden()"])
    def test_the_step_of_an_optimizer_that_holds_other_memory_is_no_suspect(self, other):
        told = lines(f"opt.step()\n{other}", MODEL, {1: [[0, 1]]}, steps=(step(0),))
        assert told == [(2, "inferred")]

    def test_a_function_that_only_steps_there_is_none_either(self):
        told = lines("train(z)\nbump(x)", {"x": X, "z": OTHER}, {1: [[0, 1]]}, steps=(step(0),))
        assert told == [(2, "inferred")]

    def test_a_step_that_was_not_recorded_may_be_anything_s(self):
        told = lines("env.step()\nlook(z)", {"x": X, "z": OTHER}, {1: [[0, 1]]})
        assert told == [(1, "inferred")]

    def test_of_an_expected_writer_and_an_unexpected_one_the_change_is_judged_by_the_latter(self):
        writes = {4: [[0], [0, 1]]}
        changes = explain("opt.step()\nupdate()", MODEL, writes=writes, cells=[FUNCTIONS], steps=(step(0),))
        change = changes["model.w"]
        assert (change.cause, change.via, [site.line for site in change.sites]) == ("alias", ("ema['w']",), [2, 1])

    def test_a_guess_does_not_make_silent_what_was_seen_to_be_expected(self):
        more = {"writes": {4: [[0], [1, 2]]}, "steps": (step(0),)}
        change = explain("opt.step()\ng(z)\nh(z)", {"model.w": PARAMETER, "z": OTHER}, **more)["model.w"]
        assert (change.cause, change.silent) == ("optimizer", False)


class TestGradients:
    def test_of_several_statements_the_backward_wrote_a_gradient(self):
        grad = {"w": reading(3, 3, requires_grad=True), "w.grad": reading(6, 6)}
        told = lines(
            "loss = f(w)\nloss.backward()\nopt.step()", grad, {6: [[0, 1, 2]]}, path="w.grad", changed=["w.grad"]
        )
        assert told == [(2, "inferred")]
