"""Which comparisons are of a trained parameter with itself, by hand-made traces."""

from __future__ import annotations

import pytest

from ipy_tensorwatch.core.blame.reasoning import Reasoning
from ipy_tensorwatch.core.hazards.kept_memory.compared_in_vain import compared_in_vain
from ipy_tensorwatch.core.records.trace.evidence import OptimizerHolding
from tests.support.records import reading
from tests.support.traces import make_trace

WEIGHT = reading(1, kind="parameter", requires_grad=True)
BIAS = reading(2, 2, kind="parameter", requires_grad=True)
FROZEN = reading(6, 6, kind="parameter")
PATHS = {
    "net.weight": WEIGHT,
    "net.bias": BIAS,
    "w": WEIGHT,
    "ps[0]": WEIGHT,
    "ps[1]": BIAS,
    "other": reading(3, 3, requires_grad=True),
    "plain": reading(4, 4),
    "again": reading(4, 4),
    "view": WEIGHT._replace(object=5, requires_grad=False),
    "net.frozen": FROZEN,
    "frozen": FROZEN,
}


def told(plain: str, *, held=(1, 2, 6), paths=PATHS, known=(), **more):
    """Return what is told to be no copy, and of what."""
    holding = OptimizerHolding(path="opt", parameters=frozenset(held))
    trace = make_trace(plain, paths, changed=(), optimizers=(holding,), modules=("net",), **more)
    facts = [one.fact for one in compared_in_vain(Reasoning(trace), known)]
    return [(one.container, one.other, one.is_several) for one in facts]


@pytest.mark.parametrize(
    "plain",
    [
        "torch.equal(w, net.weight)",
        "torch.equal(net.weight, w)",
        "print(w.equal(net.weight))",
        "torch.allclose(w.data, net.weight.detach().cpu())",
        "print((w == net.weight).all())",
        "delta = (net.weight - w).abs().sum()",
        "if x:\n    assert torch.equal(w, net.weight)",
        "torch.equal(w, net.weight)\ntorch.equal(w, net.weight)",
    ],
)
def test_a_parameter_that_is_compared_with_itself_by_another_name_is_told_once(plain):
    assert [("w", "net.weight", False)] == told(plain)


@pytest.mark.parametrize(
    "plain",
    [
        "for p, q in zip(ps, net.parameters()):\n    print(torch.equal(p, q))",
        "for q, p in zip(net.parameters(), ps):\n    print((p - q).norm())",
        "all(torch.equal(p, q) for p, q in zip(ps, net.parameters()))",
    ],
)
def test_parameters_that_a_loop_compares_with_themselves_are_told(plain):
    assert [("ps", "net", True)] == told(plain)


@pytest.mark.parametrize(
    "plain",
    [
        "torch.equal(w, net.bias)",
        "torch.equal(w, other)",
        "torch.equal(w, w)",
        "torch.equal(plain, again)",  # no parameter
        "torch.equal(net.weight, net.weight)",
        "w0 = w - 0.1 * net.weight.grad",
        "f(w, net.weight) - 1",
        "w.add(net.weight) - 1",
        "torch.equal(w, view)",  # a tensor of its own, whose silent change is told
        "torch.equal(frozen, net.frozen)",
        "w is net.weight",
        "for p, q in zip(qs, net.parameters()):\n    print(torch.equal(p, q))",
    ],
)
def test_other_comparisons_are_not_told(plain):
    assert told(plain) == []


def test_two_paths_of_one_module_are_tied_on_purpose():
    tied = {"net.head": WEIGHT, "net.body": WEIGHT}

    assert told("torch.equal(net.head, net.body)", paths=tied) == []


def test_a_parameter_that_nothing_trains_is_not_told():
    compared = "torch.equal(w, net.weight)"

    assert told(compared, held=()) == []
    assert told(compared, held=(), paths=PATHS | {"net.weight.grad": reading(9, 9)}) != []


def test_what_is_known_to_be_no_copy_and_what_did_not_run_is_not_told():
    assert told("torch.equal(w, net.weight)", known=["w"]) == []
    assert told("if x:\n    torch.equal(w, net.weight)", evidence={"ran": frozenset([0])}) == []
