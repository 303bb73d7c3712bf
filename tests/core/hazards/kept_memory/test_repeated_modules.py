"""Which containers hold one module several times because a list repeats it, by hand-made traces."""

from __future__ import annotations

import pytest

from ipy_tensorwatch.core.blame.reasoning import Reasoning
from ipy_tensorwatch.core.hazards.kept_memory.repeated_modules import repeated_modules
from tests.support.records import reading
from tests.support.traces import make_trace

ONE, OTHER = (reading(number, number, kind="parameter", requires_grad=True) for number in (1, 2))
LAYERS = "layers = nn.ModuleList([nn.Linear(2, 2)] * 3)"
STACK = "class Stack(nn.Module):\n    def __init__(self, n):\n        self.blocks = nn.ModuleList([Block(n)] * n)"


def repeated(container: str, *leaves, step=".weight"):
    return {f"{container}[{place}]{step}": one for place, one in enumerate(leaves)}


def told(plain: str, readings, **more):
    reasoning = Reasoning(make_trace(plain, readings, changed=(), **more))
    return [one.hazard for one in repeated_modules(reasoning)]


@pytest.mark.parametrize(
    ("plain", "code"),
    [
        (LAYERS, "layers = nn.ModuleList([nn.Linear(2, 2) for _ in range(3)])"),
        ("layers = 3 * [Block()]", "layers = [Block() for _ in range(3)]"),
        (
            "layers = nn.Sequential(*[Block()] * len(sizes))",
            "layers = nn.Sequential(*[Block() for _ in range(len(sizes))])",
        ),
        ("for n in x:\n    layers = [Block()] * n", "layers = [Block() for _ in range(n)]"),
    ],
)
def test_items_that_a_list_repeats_are_told_with_a_call_for_each(plain, code):
    [one] = told(plain, repeated("layers", ONE, ONE, ONE))

    assert ("TW211", "risk", "layers", 3, code) == (
        one.code,
        one.outcome,
        one.fact.container,
        one.fact.count,
        one.fix.code,
    )
    assert ("layers[0].weight", "layers[1].weight", "layers[2].weight") == one.paths
    assert (3, plain.count("\n") + 1) == (one.saved_cell, one.saved_at.line)


def test_the_parameters_of_a_list_are_told_too():
    [one] = told("ps = nn.ParameterList([nn.Parameter(x)] * 2)", repeated("ps", ONE, ONE, step=""))

    assert ("ps[0]", "ps[1]") == one.paths


@pytest.mark.parametrize(
    "plain",
    [
        "layers = nn.ModuleList([nn.Linear(2, 2) for _ in range(3)])",
        "layers = nn.ModuleList([layer] * 3)",  # a name may be meant
        "others = [nn.Linear(2, 2)] * 3",
        "if x:\n    layers = [Block()] * 2",
    ],
)
def test_what_no_list_of_a_call_repeats_is_not_told(plain):
    assert told(plain, repeated("layers", ONE, ONE), evidence={"ran": frozenset([0])}) == []


@pytest.mark.parametrize("leaves", [(ONE, OTHER), (ONE,), (ONE._replace(requires_grad=False),) * 2])
def test_items_that_differ_or_that_nothing_trains_are_not_told(leaves):
    assert told(LAYERS, repeated("layers", *leaves)) == []


def test_the_most_items_that_are_one_are_counted():
    [one] = told(LAYERS, repeated("layers", OTHER, ONE, ONE))

    assert ("layers[1].weight", "layers[2].weight") == one.paths


@pytest.mark.parametrize(("name", "is_told"), [("Stack", True), ("Other", False)])
def test_a_list_in_a_class_is_told_of_its_objects(name, is_told):
    found = told("net = Stack(3)", repeated("net.blocks", ONE, ONE), cells=[STACK], classes={"net": name})

    assert ([("net.blocks", 1, 3, True)] if is_told else []) == [
        (one.fact.container, one.saved_cell, one.saved_at.line, one.fix.says_where) for one in found
    ]


def test_in_a_module_of_a_module_it_is_told_too():
    deep = repeated("net.encoder.blocks", ONE, ONE)

    [one] = told("net = Net()", deep, cells=[STACK], classes={"net": "Net", "net.encoder": "Stack"})

    assert one.fact.container == "net.encoder.blocks"
