"""Odd graphs cost nothing but a line: too deep, built by several threads, run twice, with functions that raise."""

from __future__ import annotations

import pytest

from tests.support.notebook import Notebook
from tests.support.own_process import run_apart

CUT = "its graph was not read to the end"
SETTING = "import torch\nw = torch.ones(3, requires_grad=True)\nh = w * 2\nloss = (h ** 3).sum()\n"
FUNCTION = """
class Odd(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x
    @staticmethod
    def backward(ctx, g):
        {body}
y = Odd.apply(h).sum()
"""


def told(report):
    """Give code and outcome of each hazard."""
    return [(one["code"], one["outcome"]) for one in report["hazards"]]


def cut(report):
    """Give the paths whose graphs were not read to the end."""
    return {one["path"] for one in report["coverage"]["unverified"] if one["why"] == CUT}


def in_a_process(program: str) -> str:
    """Run a program on its own: what it tries can end the process."""
    ran = run_apart(f"from ipy_tensorwatch import report\nfrom tests.support.notebook import Notebook\n{program}")
    assert (0, "") == (ran.returncode, ran.stderr[-500:] if ran.returncode else "")
    return ran.stdout


@pytest.mark.parametrize(
    ("build", "end"),
    [
        ("for _ in range(26_000):\n    y = (y * w).sin()", "del y"),
        ("for _ in range(26_000):\n    y = (y * w).sin()", "y.sum().backward()"),
        ("kept = []\nfor _ in range(26_000):\n    y = (y * w).sin()\n    kept.append(y)", "del kept\ndel y"),
        (
            "kept = []\nfor _ in range(26_000):\n    y = (y * w).sin()\n    kept.append(y)",
            "kept.reverse()\ndel kept\ndel y",
        ),
    ],
)
def test_a_graph_of_52_000_nodes_is_let_go_of_without_overrunning_the_stack(build: str, end: str):
    """PyTorch lets go of nodes by recursion, as soon as Python has seen them."""
    cells = [f"import torch\ny = w = torch.ones(4, requires_grad=True)\n{build}", end]
    program = f"""
with Notebook(check_leaks=False) as nb:
    for cell in {cells!r}:
        assert nb.cell(cell).error is None
        print(any(one.why.code == "graph-not-read" for one in report().coverage.unverified))
    nb.ns.clear()
"""
    assert in_a_process(program).split()[0] == "True"


def test_what_was_read_of_a_deep_graph_is_followed_and_a_later_graph_is_read_whole():
    with Notebook() as nb:
        nb.run(
            "import torch\ny = w = torch.ones(4, requires_grad=True)\nfor _ in range(10_000):\n    y = (y * w).sin()"
        )

        assert ("TW202", "wrong") in told(nb.run("w.data.mul_(2)"))
        assert cut(nb.run("1")) == {"y"}
        assert cut(nb.run("y = (w * w).sum()")) == set()
        assert told(nb.run("w.data.mul_(2)")) == [("TW202", "wrong")]


def test_graphs_of_two_threads_are_not_taken_for_one_another():
    """Each thread numbers its nodes from 0."""
    build = (
        "import threading, torch\ndef build(out):\n    w = torch.ones(3, requires_grad=True)\n"
        "    out['h'] = w * 2\n    out['loss'] = (out['h'] ** 3).sum()\n"
        "def start(out):\n    thread = threading.Thread(target=build, args=(out,))\n    thread.start()\n    thread.join()\n"
    )
    with Notebook() as nb:
        nb.run(f"{build}first, second = {{}}, {{}}\nstart(first)")
        report = nb.run("start(second)")

        assert ([], {"second['h']", "second['loss']"}) == (
            report["hazards"],
            cut(report) - {"first['h']", "first['loss']"},
        )
        assert told(nb.run("first['h'].add_(1)")) == [("TW201", "raises")]
        nb.run("second['loss'].backward()")
        assert "modified by an inplace operation" in str(nb.cell("first['loss'].backward()").error)


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (["loss.backward(retain_graph=True)", "h.add_(1)"], [("TW201", "raises")]),
        (["loss.backward(retain_graph=True)", "loss.backward()", "h.add_(1)"], []),
        (["g, = torch.autograd.grad(loss, w, create_graph=True)", "h.add_(1)"], [("TW201", "raises")]),
        (["g, = torch.autograd.grad(loss, w, create_graph=True)\ng.sum().backward()", "del loss", "h.add_(1)"], []),
        (["g, = torch.autograd.grad(loss, w, create_graph=True)", "h.data.add_(1)"], [("TW202", "wrong")]),
    ],
)
def test_a_graph_that_is_kept_for_a_second_backward_is_followed(cells: list[str], expected: list[tuple[str, str]]):
    with Notebook() as nb:
        nb.run(SETTING)
        *_, report = [nb.run(cell) for cell in cells]

        assert expected == [one for one in told(report) if one[0] != "TW209"]


@pytest.mark.parametrize(
    "body",
    ["raise ValueError('no')", "ctx.saved_tensors[0].data.add_(1)\n        return g", "return None", "ctx.x = ctx"],
)
def test_a_function_whose_backward_does_odd_things_is_followed_and_never_run(body: str):
    with Notebook() as nb:
        nb.run(SETTING + FUNCTION.replace("{body}", body))

        assert ("TW201", "raises") in told(nb.run("h.add_(1)"))
        nb.cell("y.backward()")
        assert nb.run("1 + 1")["cell"]["status"] == "ok"


def test_a_graph_saved_while_hooks_raise_is_left_alone():
    hooks = (
        "def unpack(x):\n    raise ValueError('no')\n"
        "with torch.autograd.graph.saved_tensors_hooks(lambda x: x, unpack):\n    total = (h * h).sum()"
    )
    with Notebook() as nb:
        nb.run(SETTING)

        assert nb.run(hooks)["hazards"] == []
        assert told(nb.run("h.add_(1)")) == [("TW201", "raises")]


def test_a_temporary_that_a_module_overwrote_is_told_before_backward_raises():
    with Notebook() as nb:
        nb.run(
            "import torch\nfrom torch import nn\n"
            "net = nn.Sequential(nn.Linear(3, 4), nn.Sigmoid(), nn.ReLU(inplace=True), nn.Linear(4, 1))\nx = torch.randn(2, 3)"
        )
        [hazard] = nb.run("loss = net(x).sum()")["hazards"]

        assert ("TW201", "raises", "SigmoidBackward0", 2) == (
            hazard["code"], hazard["outcome"], hazard["op"], hazard["saved_cell"]
        )  # fmt: skip
        assert "modified by an inplace operation" in str(nb.cell("loss.backward()").error)


def test_a_sparse_tensor_in_a_graph_costs_the_others_nothing():
    with Notebook() as nb:
        nb.run(
            f"{SETTING}s = torch.eye(3).to_sparse()\ntotal = (torch.sparse.mm(s, h.reshape(3, 1)).reshape(3) * h).sum()"
        )

        assert told(nb.run("h.data.mul_(2)")) == [("TW202", "wrong")]
        assert told(nb.run("h.add_(1)")) == [("TW201", "raises")]


def test_a_list_of_which_one_item_is_under_a_hook_is_not_unpacked():
    """A custom function's tensors are checked together, by one read that would run the hook of each."""
    function = (
        "class Odd(torch.autograd.Function):\n    @staticmethod\n    def forward(ctx, a, b):\n"
        "        ctx.save_for_backward(a, b)\n        return a * b\n    @staticmethod\n    def backward(ctx, g):\n"
        "        return g, g\n"
    )
    with Notebook() as nb:
        nb.run(f"{SETTING}{function}ran = []\nb = w * 3\nh.add_(1)\ntotal = Odd.apply(h, b).sum()")
        nb.run("raw = total.grad_fn.next_functions[0][0]._raw_saved_tensors[1]\n"
               "raw.register_hooks(lambda x: x, lambda x: ran.append(1) or x)")  # fmt: skip

        assert told(nb.run("h.add_(1)"))[-1:] == [("TW201", "raises")]
        assert nb.ns["ran"] == []
