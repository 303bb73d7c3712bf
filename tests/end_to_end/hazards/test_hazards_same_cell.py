"""What a cell saves for a backward and then overwrites, without the version counter seeing it: said when the cell has run."""

from __future__ import annotations

import gc
import weakref

import pytest
import torch

from ipy_tensorwatch.capture.snapshot.snapshotter import Snapshotter
from tests.support.notebook import Notebook

LEAF = "import torch\nw = torch.tensor([1.0, -2.0, 3.0], requires_grad=True)\n"
SAVE = "y = (h * w).exp()\nloss = y.sum()\n"
NEW = f"{LEAF}h = w * 2\n{SAVE}"
POISON = "def poison(t):\n    t.data.add_(1)\n"


def told(nb, *cells):
    """Run cells; give the hazards of the last, each with the line that saved and the line that wrote."""
    for cell in cells:
        report = nb.run(cell)
    return [
        (one["code"], one["paths"][0], one["saved_at"]["text"], one["written_at"]["text"])
        for one in of_what_was_saved(report)
    ]


def right(nb):
    """Compute the gradient of `loss` anew, out of copies that nobody has written to."""
    w = nb.ns["w"].detach().clone().requires_grad_()
    return torch.autograd.grad((w * 2 * w).exp().sum(), w)[0]


WRITES = {
    "h.data.add_(1)": "h.data.add_(1)",
    "d = h.data\nd[0] = 7": "d[0] = 7",
    "a = h.detach().numpy()\na[1] = 9": "a[1] = 9",
    "h.detach().numpy()[:] = 0": "h.detach().numpy()[:] = 0",
    "torch.from_dlpack(h.detach()).zero_()": "torch.from_dlpack(h.detach()).zero_()",
    "import numpy as np\nnp.copyto(h.detach().numpy(), 5)": "np.copyto(h.detach().numpy(), 5)",
    "import ctypes\nctypes.memset(h.data_ptr(), 1, 4)": "ctypes.memset(h.data_ptr(), 1, 4)",
    "m = memoryview(h.detach().numpy())\nm[0] = 2.5": "m[0] = 2.5",
    "h.untyped_storage().fill_(1)": "h.untyped_storage().fill_(1)",
    "with torch.no_grad():\n    h.data.mul_(3)": "h.data.mul_(3)",
    "for _ in range(3):\n    h.data.sub_(1)": "h.data.sub_(1)",
    "if True:\n    h.data.neg_()": "h.data.neg_()",
    "try:\n    h.data.neg_()\nfinally:\n    pass": "h.data.neg_()",
    "torch.add(h.data, 1, out=h.data)": "torch.add(h.data, 1, out=h.data)",
}


def of_what_was_saved(report):
    """Give the hazards of saved tensors alone."""
    return [one for one in report["hazards"] if one["code"] in ("TW201", "TW202")]


@pytest.mark.parametrize("then", ["", "z = torch.ones(3)\nz = z + 1\n"], ids=["last", "more follows"])
@pytest.mark.parametrize("cells", [[NEW], [f"{LEAF}h = w * 2", SAVE]], ids=["made in the cell", "made before"])
def test_other_memory_given_in_the_cell_that_saved(cells: list[str], then: str):
    with Notebook() as nb:
        assert [("TW202", "h", "y = (h * w).exp()", "h.data = torch.zeros(3)")] == told(
            nb, *cells[:-1], f"{cells[-1]}h.data = torch.zeros(3)\n{then}"
        )
        nb.run("loss.backward()")
        assert not torch.equal(right(nb), nb.ns["w"].grad)


@pytest.mark.parametrize("move", ["h.data = h.data.clone()", "h = h.detach().clone()\nh.data = torch.zeros(3)"])
def test_other_memory_with_the_same_bytes_or_of_another_tensor(move: str):
    with Notebook() as nb:
        assert [] == told(nb, NEW + move)
        nb.run("loss.backward()")
        assert torch.equal(right(nb), nb.ns["w"].grad)


@pytest.mark.parametrize("cells", [[NEW], [f"{LEAF}h = w * 2", SAVE]], ids=["made in the cell", "made before"])
@pytest.mark.parametrize("write", WRITES)
def test_a_write_behind_the_save_is_told_with_both_lines(write: str, cells: list[str]):
    with Notebook() as nb:
        *before, last = cells
        found = told(nb, *before, f"{last}{write}")

        assert [("TW202", "h", "y = (h * w).exp()", WRITES[write])] == found
        truth = right(nb)
        nb.run("loss.backward()")
        assert not torch.allclose(truth, nb.ns["w"].grad)


@pytest.mark.parametrize(
    "cell",
    [
        f"{LEAF}h = w * 2\nh.data.add_(1)\n{SAVE}",
        f"{LEAF}h = w * 2\nfor _ in range(3):\n    h.data.add_(1)\n    y = (h * w).exp()\nloss = y.sum()",
        f"{NEW}h.data.add_(1)\nh.data.sub_(1)",
        f"{NEW}kept = h.detach().clone()\nh.data.zero_()\nh.data.copy_(kept)",
        f"{NEW}h.data.copy_(h.data)",
        f"{NEW}loss.data.zero_()",
        f"{NEW}loss.backward()\nh.data.zero_()",
        f"{NEW}z = torch.zeros(3)\nz.data.add_(1)",
        f"{LEAF}h = torch.relu(w)\nloss = h.sum()\nh.data.mul_(2)",
    ],
)
def test_nothing_is_said_where_gradients_come_out_right(cell: str):
    with Notebook() as nb:
        assert of_what_was_saved(nb.run(cell)) == []
        assert "".join(nb.said) == ""


@pytest.mark.parametrize("function", ["before", "in the cell", "a method"])
def test_a_function_of_the_notebook_that_writes_is_named(function: str):
    method = "class Poison:\n    def apply(self, t):\n        t.data.add_(1)\npoison = Poison().apply\n"
    with Notebook() as nb:
        cells = {"before": [POISON, NEW], "in the cell": [POISON + NEW], "a method": [method, NEW]}[function]
        found = told(nb, *cells[:-1], f"{cells[-1]}poison(h)")

        assert [("TW202", "h", "y = (h * w).exp()", "poison(h)")] == found


def test_of_many_writes_the_first_behind_the_save_is_named():
    with Notebook() as nb:
        cell = f"{LEAF}h = w * 2\nh.data.add_(1)\n{SAVE}h.data.mul_(2)\nh.data.sub_(3)"

        assert [("TW202", "h", "y = (h * w).exp()", "h.data.mul_(2)")] == told(nb, cell)


@pytest.mark.parametrize("write", ["h.data.mul_(2)", "h.mul_(2)"])
def test_in_a_loop_the_statements_of_the_last_turn_are_named(write: str):
    loop = f"{LEAF}for turn in range({{turns}}):\n    h = w * 2\n    y = (h * w).exp()\n    k = turn + 1\n    {write}\nloss = y.sum()"
    for turns in (2, 20):
        with Notebook(settings={"probe_floor": 1.0}) as nb:
            [(code, *rest)] = told(nb, loop.format(turns=turns))

            assert ["h", "y = (h * w).exp()", write] == rest
            assert code == ("TW202" if ".data" in write else "TW201")


def test_in_a_loop_of_a_thousand_turns_the_line_that_saved_is_still_the_right_one():
    with Notebook() as nb:
        loop = f"{LEAF}for turn in range(1000):\n    h = w * 2\n    k = turn + 1\n    y = (h * w).exp()\n    m = turn + 2\n    h.mul_(2)"

        assert [("TW201", "h", "y = (h * w).exp()", "h.mul_(2)")] == told(nb, loop)


def test_what_an_earlier_turn_saved_and_a_later_one_overwrote_is_told():
    with Notebook() as nb:
        cell = f"{LEAF}h = w * 2\nkept = []\nfor _ in range(2):\n    h.data.add_(1)\n    kept.append((h * w).sum())"

        assert [("TW202", "h", "kept.append((h * w).sum())", "h.data.add_(1)")] == told(nb, cell)


@pytest.mark.parametrize("size", [100_000, 300_000])
def test_memory_of_a_megabyte_is_looked_at_where_the_cell_may_hide_writes(size: int):
    with Notebook(settings={"probe_floor": 0.1}) as nb:
        cell = f"import torch\nw = torch.ones({size}, requires_grad=True)\nh = w * 2\ny = (h * h).sum()\nh.data.add_(1)"

        assert ([("TW202", "h", "y = (h * h).sum()", "h.data.add_(1)")] if size == 100_000 else []) == told(nb, cell)


def test_large_memory_is_looked_at_under_tensordiff():
    with Notebook() as nb:
        cell = "%%tensordiff\nimport torch\nw = torch.ones(1 << 20, requires_grad=True)\nh = w * 2\ny = (h * h).sum()\nh.data.add_(1)"

        assert [("TW202", "h", "y = (h * h).sum()", "h.data.add_(1)")] == told(nb, cell)


BOTH = "def both(h, w):\n    y = (h * w).exp()\n    {write}\n    return y\n"


@pytest.mark.parametrize("write", ["h.data.add_(1)", "h.data.view(-1)[0] = 7", "torch.from_dlpack(h.detach()).zero_()"])
def test_what_one_call_saves_and_overwrites_is_told_under_tensordiff(write: str):
    with Notebook() as nb:
        found = told(nb, BOTH.format(write=write), f"{LEAF}h = w * 2", "%%tensordiff\nloss = both(h, w).sum()")

        assert [("TW202", "h", "loss = both(h, w).sum()", "loss = both(h, w).sum()")] == found


@pytest.mark.parametrize(
    "body",
    [
        "h.data.add_(1)\n    return h * w",
        "h = h.clone()\n    return h.exp_()",
        "y = h * w\n    h.data.add_(1)\n    h.data.sub_(1)\n    return y",
        "y = (h.clone() * w).exp_()\n    return y * 2",
    ],
)
def test_nothing_is_said_under_tensordiff_of_a_call_that_saves_last_or_puts_back(body: str):
    with Notebook() as nb:
        nb.run(f"def call(h, w):\n    {body}\n{LEAF}h = w * 2")

        assert of_what_was_saved(nb.run("%%tensordiff\nloss = call(h, w).sum()")) == []


def test_an_in_place_operator_does_not_spoil_what_it_saves_itself():
    with Notebook() as nb:
        nb.run(f"def call(h):\n    return h.exp_()\n{LEAF}")
        cells = ("h = w * 2\nh.exp_()", "h = w * 2\ny = call(h)", "g = [w * 2, w * 3]\ntorch._foreach_exp_(g)")

        assert [[]] * 6 == [nb.run(f"{mark}{cell}")["hazards"] for cell in cells for mark in ("", "%%tensordiff\n")]


FUNCTION = """
import torch
class Odd(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, memory):
        first = x.detach() + 1
        memory.data.mul_(2)
        second = x.detach() + memory
        ctx.save_for_backward(memory)
        return first * second
    @staticmethod
    def backward(ctx, g):
        return g * ctx.saved_tensors[0], None
w = torch.ones(3, requires_grad=True)
memory = torch.ones(3)
"""


@pytest.mark.parametrize("mark", ["", "%%tensordiff\n"])
def test_a_custom_function_saves_when_its_forward_has_ended(mark: str):
    with Notebook() as nb:
        nb.run(FUNCTION)

        assert nb.run(f"{mark}out = Odd.apply(w, memory).sum()")["hazards"] == []
        assert [("TW202", "memory")] == [
            one[:2] for one in told(nb, f"{mark}out = Odd.apply(w, memory).sum()\nmemory.data.add_(1)")
        ]


def test_what_the_cell_leaves_open_is_decided_by_a_later_write():
    """One call wrote and saved, in whichever order: what it may have saved is what was there before, or behind."""
    with Notebook() as nb:
        nb.run(f"def call(h, w):\n    h.data.add_(1)\n    return h * w\n{LEAF}h = w * 2")

        assert of_what_was_saved(nb.run("loss = call(h, w).sum()")) == []
        assert ("TW202", "h") in [one[:2] for one in told(nb, "h.data.mul_(5)")]


def test_a_fused_step_between_forward_and_the_end_of_the_cell_is_told():
    with Notebook() as nb:
        cell = (
            "import torch\nmodel = torch.nn.Linear(2, 2)\nopt = torch.optim.SGD(model.parameters(), lr=0.1, fused=True)\n"
            "x = torch.ones(1, 2, requires_grad=True)\nreal = model(x).sum()\nfake = model(x).sum()\nreal.backward()\nopt.step()"
        )

        assert [("TW202", "model.weight", "fake = model(x).sum()", "opt.step()")] == told(nb, cell)


def test_a_training_loop_by_hand_is_quiet():
    with Notebook() as nb:
        loop = (
            "import torch\nw = torch.ones(3, requires_grad=True)\nx = torch.randn(8, 3)\nfor _ in range(30):\n"
            "    loss = (x @ w).pow(2).mean()\n    loss.backward()\n    w.data -= 0.1 * w.grad\n    w.grad = None"
        )

        assert [[], []] == [nb.run(loop)["hazards"], nb.run(loop)["hazards"]]
        assert "".join(nb.said) == ""


def test_once_the_time_for_looks_is_spent_nothing_false_is_said():
    with Notebook(settings={"probe_floor": 0.0, "probe_share": 0.0}) as nb:
        loop = f"{LEAF}for _ in range(50):\n    h = w * 2\n    h.data.add_(1)\n    y = (h * w).exp()\nloss = y.sum()"

        assert nb.run(loop)["hazards"] == []
        assert nb.run(f"{NEW}h.data.add_(1)")["hazards"] == []


def test_no_copy_of_bytes_outlives_the_cell():
    with Notebook() as nb:
        nb.run(f"{NEW}h.data.add_(1)\nNone")
        nb.give(probe=[weakref.ref(nb.ns["h"].untyped_storage())])
        nb.run("del h, y, loss")
        gc.collect()

        assert nb.ns["probe"][0]() is None


def test_new_tensors_are_searched_for_only_where_a_write_may_hide(monkeypatch):
    searched = []
    peek = Snapshotter.peek
    monkeypatch.setattr(
        Snapshotter, "peek", lambda snapshotter, names: searched.append(names) or peek(snapshotter, names)
    )
    with Notebook() as nb:
        nb.run(f"{NEW}h.add_(1)\nfor _ in range(3):\n    y = h * w")
        assert searched == []
        nb.run(f"{NEW}k = 1\nh.data.add_(1)\nm = 2\nh.data.add_(1)")
        assert len(searched) == 1


AND_BACKWARD = {
    "a result through .data": f"{LEAF}h = (w * 2).sigmoid()\nd = h.data\nd.zero_()\nh.sum().backward()",
    "an input that is named": f"{LEAF}x = torch.ones(3)\ny = (w * x).sum()\nx.data.zero_()\ny.backward()",
    "a loss in a list": f"{NEW}losses = [loss]\nh.data.mul_(2)\nsum(losses).backward()",
    "by a function": f"def learn():\n    loss.backward()\n{NEW}h.data.mul_(2)\nlearn()",
    "autograd.grad": f"{NEW}h.data.mul_(2)\ng, = torch.autograd.grad(loss, w)",
    "by a method": (
        f"class Learner:\n    def learn(self):\n        self.loss.backward()\n{NEW}one = Learner()\none.loss = loss\n"
        "h.data.mul_(2)\none.learn()"
    ),
    "in a loop": f"{LEAF}for _ in range(3):\n    h = w * 2\n    loss = (h * w).exp().sum()\n    h.data.mul_(2)\n    loss.backward()",
}


@pytest.mark.parametrize("cell", AND_BACKWARD.values(), ids=AND_BACKWARD)
def test_a_backward_of_the_same_cell_that_was_wrong_is_told(cell: str):
    with Notebook() as nb:
        [hazard] = of_what_was_saved(nb.run(cell))
        again = nb.run("k = 1")["hazards"]

    assert (hazard["code"], hazard["outcome"], hazard["happened"]) == ("TW202", "wrong", True)
    assert hazard["written_at"]["text"].endswith(("zero_()", "mul_(2)"))
    assert of_what_was_saved({"hazards": again}) == []


@pytest.mark.parametrize(
    "cell",
    [
        f"{NEW}loss.backward()\nh.data.mul_(2)",
        f"{NEW}d = h.data\nd.mul_(2)\nd.div_(2)\nloss.backward()",
        f"{NEW}z = (w * 3).sum()\nh.data.mul_(2)\nz.backward()",
        f"{LEAF}for _ in range(4):\n    loss = (w * w).sum()\n    loss.backward()\n    w.data -= 0.1 * w.grad\n    w.grad = None",
    ],
)
def test_a_backward_that_came_out_right_is_not(cell: str):
    with Notebook() as nb:
        assert [one for one in of_what_was_saved(nb.run(cell)) if one["happened"]] == []


def test_what_a_checkpoint_computed_with_again_is_told_in_its_cell():
    cell = "h = w * 2\ny = checkpoint(torch.exp, h, use_reentrant=False).sum()\nh.data.mul_(2)\ny.backward()"
    with Notebook() as nb:
        nb.run(f"{LEAF}from torch.utils.checkpoint import checkpoint")
        [hazard] = [one for one in nb.run(cell)["hazards"] if one["code"] == "TW205"]

    assert hazard["happened"]


def test_a_write_that_autograd_did_not_record_is_told_of_what_the_cell_made():
    with Notebook() as nb:
        [hazard] = nb.run(f"{LEAF}h = w * 2\nd = h.detach()\nd.zero_()")["hazards"]
        recorded = nb.run("k = w * 2\nv = k[1:]\nv.mul_(2)\nk[0] = 1")["hazards"]

    assert (hazard["code"], hazard["outcome"], hazard["paths"]) == ("TW209", "wrong", ["h"])
    assert [one for one in recorded if "k" in one["paths"]] == []


IN_FUNCTIONS = {
    "a mask after a softmax": (
        "def attend(t, keep):\n    a = t.softmax(0)\n    a.masked_fill_(~keep, 0.0)\n    return a * t",
        "loss = attend(w, torch.tensor([True, False, True])).sum()",
        "a = a.masked_fill(~keep, 0.0)",
    ),
    "a state that is reset": (
        "def roll(t):\n    total, h = 0, t.tanh()\n    for i in range(2):\n        total = total + (h * t).sum()\n"
        "        h[:1] = 0.0\n        h = (h + t).tanh()\n    return total",
        "loss = roll(w)",
        "h = h.clone()",
    ),
    "a hook": (
        "gate = torch.nn.Sigmoid()\ndef scale(module, args, out):\n    out.mul_(2)\n"
        "hook = gate.register_forward_hook(scale)",
        "loss = (gate(w) * w).sum()",
        "",
    ),
}


@pytest.mark.parametrize(("define", "cell", "code"), IN_FUNCTIONS.values(), ids=IN_FUNCTIONS)
def test_the_likely_line_in_a_function_is_foretold_before_backward_raises(define: str, cell: str, code: str):
    with Notebook() as nb:
        nb.run(LEAF + define)
        [hazard] = [one for one in nb.run(cell)["hazards"] if one["code"] == "TW201"]
        [raised] = [one for one in nb.run("loss.backward()", raises=RuntimeError)["hazards"] if one["code"] == "TW201"]

    assert hazard["written_at"]["inner"] == raised["written_at"]["inner"]
    assert (hazard["remedy"], code in hazard["remedy"]) == (raised["remedy"], True)


FILL = "def fill(t):\n    h = t.clone()\n    h[1:] = h[:1].exp() * h[1:]\n    return h\n"


@pytest.mark.parametrize("call", ["h = fill(w)", "for _ in range(2):\n    h = fill(w)", "h, n = fill(w), 1"])
def test_what_one_call_saves_overwrites_and_gives_was_written_by_no_later_statement(call):
    with Notebook() as nb:
        nb.run(LEAF + FILL)
        [*_, hazard] = of_what_was_saved(nb.run(f"{call}\nk = 2\nloss = (h.square() * k).mean()"))

    assert call.split("\n")[-1].strip() == hazard["written_at"]["text"]
    assert "h[1:] = h[:1].exp() * h[1:]" == hazard["written_at"]["inner"]["text"]
    assert ["    h[1:] = h[:1].clone().exp() * h[1:].clone()"] == [one["text"] for one in hazard["fix"]["edits"]]
