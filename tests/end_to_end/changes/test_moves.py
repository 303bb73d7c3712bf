"""A tensor that is given other memory in mid-cell: each of its writes is told by its line, before and after."""

from __future__ import annotations

import pytest

from tests.support.notebook import Notebook, changes
from tests.support.story import true_and_told_lines

CASES = {
    "a write after it": ("a = torch.ones(3)", "a.data = a.data + 1\na.add_(1)"),
    "a write before it": ("a = torch.ones(3)", "a.add_(1)\na.data = a.data + 1"),
    "a write by a called function after it": (
        "a = torch.ones(2, 3); b = [a, a]",
        "a.data = a.data + 1\ndef act():\n    a[...] = 9\nact()",
    ),
    "a write to the memory that it left": (
        "a = torch.ones(4); b = list(a); n = a.numpy()",
        "b[0].mul_(2)\nb[0].data = b[0].data + 1\nc = None\nn[...] = 7",
    ),
    "a loop": ("a = torch.ones(3)", "for i in range(3):\n    a.data = a.data + 1\na.mul_(2)"),
    "a called function that does it": (
        "a = torch.ones(3); b = [a] * 3",
        "for row in a:\n    row.fill_(9)\ndef act():\n    b[0].data = b[0].data + 1\nact()",
    ),
    "a statement that names it but raises": (
        "a = torch.ones(2, 2); d = a.detach()",
        "d.data = d.data + 1\ntry:\n    torch.zeros_like(d, out=d)\nexcept TypeError:\n    pass",
    ),
    "two tensors that exchange theirs": (
        "a = torch.ones(3); b = torch.zeros(3)",
        "torch.utils.swap_tensors(a, b)\na.add_(1)\nb.add_(5)",
    ),
    "a set_": ("a = torch.ones(3); b = torch.zeros(3)", "a.set_(b)\nc = 1\nb.add_(1)"),
    "a resize_ that moves the memory": (
        "a = torch.ones(3); b = a[:2]",
        "b.add_(1)\na.resize_(100_000).resize_(3)\nb.add_(1)",
    ),
    "memory that ends where it began": ("a = torch.tensor(2.0)", "for i in range(2):\n    a.data = a.data + 1"),
}


@pytest.mark.parametrize(("setting", "cell"), CASES.values(), ids=CASES)
def test_the_lines_are_those_at_which_the_bytes_changed(setting: str, cell: str):
    true, told = true_and_told_lines("import torch\n" + setting, cell)

    assert true == told
    assert told


REINTERPRETED = {
    "a transposed square, named": ("x = torch.arange(4.).reshape(2, 2)", "x.data = x.data.t()", "x"),
    "a transposed square, by a called function": (
        "x = torch.arange(4.).reshape(2, 2)\ndef turn(t):\n    t.data = t.data.t()",
        "turn(x)",
        "x",
    ),
    "a transposed square, by a module's method": (
        "m = torch.nn.Linear(2, 2)\nimport types\nexec('def turn(t):\\n    t.data = t.data' + '.t()')",
        "turn(m.weight)\nimport time\ntime.sleep(0.05)",
        "m.weight",
    ),
}


@pytest.mark.parametrize(("setting", "cell", "path"), REINTERPRETED.values(), ids=REINTERPRETED)
def test_a_new_layout_of_the_same_memory_at_the_same_version_is_seen(setting: str, cell: str, path: str):
    with Notebook() as nb:
        nb.run("import torch\n" + setting)
        report = nb.run(cell)

    assert {path} == set(changes(report, "mutated"))
    assert changes(report)[path]["versioned"] is False


def test_another_type_of_the_same_bytes_is_a_change_of_metadata():
    with Notebook() as nb:
        nb.run("import torch\nx = torch.arange(4.)")
        report = nb.run("x.data = x.data.view(torch.int32)")

    assert [("x", "metadata", ["dtype"])] == [(c["path"], c["kind"], c["fields"]) for c in report["changes"]]


@pytest.mark.parametrize("there_and_back", ["x.data = x.data + 1\nx -= 1", "x.data = x.data + 1\nx.data = x.data - 1"])
def test_a_tensor_that_ends_in_other_memory_with_the_bytes_of_its_birth_is_not_mutated(there_and_back: str):
    with Notebook(settings={"probe_floor": 2.0}) as nb:
        nb.run("import torch")
        report = nb.run("x = torch.arange(4.)\n" + there_and_back)

    assert {} == changes(report, "mutated")


TAGGED = """import torch
class State: pass
def made(value):
    t = torch.full((3,), float(value))
    t.tag = "x"
    return t
def run(state, turns):
    for turn in range(turns): state.t = made(turn)
def again(state):
    del state.t
    state.t = made(5)
def move(state):
    state.t.data = torch.zeros(3)
state = State(); state.t = made(9)"""


@pytest.mark.parametrize("cell", ["run(state, 2)", "again(state)"])
def test_a_tensor_with_attributes_that_a_function_replaced_is_another_one(cell: str):
    with Notebook() as nb:
        nb.run(TAGGED.replace("def move(state):\n    state.t.data = torch.zeros(3)\n", ""))

        assert {} == changes(nb.run(cell), "mutated")


def test_one_that_a_function_gave_other_memory_has_changed():
    with Notebook() as nb:
        nb.run(TAGGED)

        assert {"state.t"} == {*changes(nb.run("move(state)"), "mutated")}
