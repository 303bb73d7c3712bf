"""What backward will do is said before it runs: that it raises, that it is silently wrong, or nothing where it is right."""

from __future__ import annotations

import gc
import shutil
import weakref

import pytest
import torch

from tests.support.notebook import Notebook
from tests.support.own_process import run_apart

SETTING = """
import torch
w = torch.tensor([1.0, -2.0, 3.0], requires_grad=True)
h = w * 2
y = (h * w).exp()
loss = y.sum()
"""
MODEL = """
import torch
from torch import nn
torch.manual_seed(0)
model = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1))
opt = torch.optim.SGD(model.parameters(), lr=0.1)
x = torch.randn(4, 2)
"""


def told(nb, *cells):
    """Run cells; give code, outcome, the variable that is named first, and the line that wrote, of the last report."""
    for cell in cells:
        report = nb.run(cell)
    return [
        (one["code"], one["outcome"], one["paths"][0] if one["paths"] else None, (one["written_at"] or {}).get("text"))
        for one in report["hazards"]
    ]


def raised(nb, cell="loss.backward()"):
    """Run backward; tell whether it complained about a version."""
    return "modified by an inplace operation" in str(nb.cell(cell).error)


@pytest.mark.parametrize(
    ("write", "path"),
    [
        ("h.add_(1)", "h"),
        ("h.relu_()", "h"),
        ("h[0] = 5", "h"),
        ("h += 1", "h"),
        ("h.detach().zero_()", "h"),
        ("h.view(-1)[1:].mul_(2)", "h"),
        ("h.mul_(1)", "h"),
        ("y.zero_()", "y"),
        ("with torch.no_grad():\n    w.add_(1)", "w"),
        ("torch.add(h.detach(), 1, out=h.detach())", "h"),
        ("torch.nn.init.zeros_(h)", "h"),
    ],
)
def test_backward_will_raise_where_the_version_moved(write: str, path: str):
    with Notebook() as nb:
        found = told(nb, SETTING, write)

        assert [("TW201", "raises", path, write.rsplit("\n", maxsplit=1)[-1].strip())] == found
        assert raised(nb)


@pytest.mark.parametrize(
    ("write", "path"),
    [
        ("h.data.add_(1)", "h"),
        ("h.detach().numpy()[:] = 0", "h"),
        ("y.data[1] = 7", "y"),
        ("w.data.mul_(2)", "w"),
        ("torch.from_dlpack(h.detach()).zero_()", "h"),
    ],
)
def test_gradients_will_be_wrong_where_only_the_bytes_moved(write: str, path: str):
    with Notebook() as nb:
        found = told(nb, SETTING, write)

        assert [("TW202", "wrong", path, write)] == found
        assert not raised(nb)


@pytest.mark.parametrize(
    ("write", "path", "raises"),
    [
        ("h.data = torch.zeros(3)", "h", False),
        ("w.data = w.data * 2", "w", False),
        ("with torch.no_grad(): h.set_(torch.zeros(3))", "h", True),
    ],
)
def test_other_memory_is_told_as_other_bytes_are(write: str, path: str, raises: bool):
    with Notebook() as nb:
        nb.run(SETTING)
        [hazard] = nb.run(write)["hazards"]

        assert ("TW201" if raises else "TW202", path) == (hazard["code"], hazard["paths"][0])
        assert "was given other memory in cell 2, line 1" in hazard["message"]
        assert raised(nb) is raises


@pytest.mark.parametrize(
    "cells",
    [
        ["w.data = w.data.clone()"],
        ["old = w.data\nw.data = torch.zeros(3)\nw.data = old"],
        ["y.data = torch.zeros(3)"],
        ["loss.item()"],
        ["h = h.relu()"],
        ["z = torch.zeros(3)\nz.add_(1)"],
        ["loss.backward()", "h.add_(1)", "w.data.zero_()"],
        ["h.data.add_(1)\nh.data.sub_(1)"],
        ["k = w + 1\ntotal = k.sum()", "k.add_(1)"],
        ["s = torch.relu(w - 1)\nt = s.sum()", "t.add_(1)"],
        ["del h, y, loss", "w.data.add_(1)"],
    ],
)
def test_nothing_is_said_where_gradients_come_out_right(cells: list[str]):
    with Notebook() as nb:
        nb.run(SETTING)

        assert [[]] * len(cells) == [nb.run(cell)["hazards"] for cell in cells]
        assert "".join(nb.said[:1]) == ""


def test_a_write_after_the_save_is_seen_in_the_same_cell():
    with Notebook() as nb:
        [hazard] = nb.run(SETTING + "h.add_(1)")["hazards"]

        assert ("y = (h * w).exp()", "h.add_(1)") == (hazard["saved_at"]["text"], hazard["written_at"]["text"])
        assert raised(nb)


def test_tensordiff_tells_hazards_too():
    with Notebook() as nb:
        nb.run(SETTING)

        assert "TW202  loss.backward() will give wrong gradients" in nb.cell("%%tensordiff\nh.data.zero_()").stdout
        assert "TW202" in nb.cell("%tensorwatch").stdout


def test_the_message_names_variables_cells_and_lines_and_what_to_write_instead():
    with Notebook() as nb:
        [hazard] = (
            nb.run("import torch\nw = torch.ones(3, requires_grad=True)\nh = w * 2\nloss = (h * h).sum()")["hazards"]
            + nb.run("c = h.detach()\nc.zero_()")["hazards"]
        )

    assert (
        "`loss.backward()` will raise: `h`, saved by MulBackward0 in cell 1, line 4, was overwritten through `c` "
        "in cell 2, line 2: `c.zero_()`"
    ) == hazard["message"]
    assert hazard["remedy"] == "Write to a copy: `c = c.clone()` before it."


@pytest.mark.parametrize(
    ("write", "remedy"),
    [
        ("h.relu_()", "h = h.relu()"),
        ("h += 1", "h = h + 1"),
        ("h *= y - 1", "h = h * (y - 1)"),
        ("h[0] = 1", "h = h.clone()\nh[0] = 1"),
        ("c = h.data\nc.zero_()", "c = h.data\nc = c.clone()\nc.zero_()"),
        ("a = h.detach().numpy()\na[0] = 1", "a = h.detach().numpy()\na = a.copy()\na[0] = 1"),
    ],
)
def test_the_remedy_mends_the_backward(write: str, remedy: str):
    with Notebook() as nb:
        nb.run(SETTING)
        [hazard] = nb.run(write)["hazards"]
    told_line = hazard["remedy"].split("`")[1]
    with Notebook() as nb:
        assert told_line in remedy.split("\n")
        nb.run(SETTING)
        assert nb.run(remedy)["hazards"] == []
        nb.run("loss.backward()")


def test_a_hazard_is_said_once_stays_in_the_report_and_goes_with_the_graph():
    with Notebook() as nb:
        nb.run(SETTING)
        counts = [len(nb.run(cell)["hazards"]) for cell in ("h.add_(1)", "1 + 1", "h.add_(1)", "del loss, y", "2")]

        assert counts == [1, 1, 1, 0, 0]
        assert ["tensorwatch", "", "", "", ""] == [one.split()[0] if one else "" for one in nb.said[1:]]


def test_a_hazard_goes_when_backward_ran_on_the_rest_of_the_graph():
    with Notebook() as nb:
        nb.run("import torch\nw = torch.ones(3, requires_grad=True)\nb = torch.ones(3, requires_grad=True)")
        nb.run("left = (w * w).sum()\nright = (b * b).sum()\nloss = left + right")
        before = told(nb, "w.data.add_(1)")

        assert [("TW202", "wrong", "w", "w.data.add_(1)")] == before
        assert told(nb, "loss.backward()") == []


def test_an_ordinary_training_loop_is_quiet():
    with Notebook() as nb:
        nb.run(MODEL)
        loop = "for _ in range(3):\n    opt.zero_grad()\n    loss = model(x).pow(2).mean()\n    loss.backward()\n    opt.step()"

        assert [[], [], []] == [told(nb, loop) for _ in range(3)]
        assert "".join(nb.said) == ""


@pytest.mark.parametrize("fused", [False, True])
def test_a_step_between_forward_and_backward_is_told_with_the_step(fused: bool):
    with Notebook() as nb:
        nb.run(MODEL.replace("lr=0.1", f"lr=0.1, fused={fused}") + "tail = nn.Linear(1, 1)\n")
        nb.run("fake = tail(model(x)).mean()\nreal = model(x + 1).mean()")
        [hazard] = nb.run("real.backward()\nopt.step()")["hazards"]

        assert ("TW202" if fused else "TW201", "model[2].weight") == (hazard["code"], hazard["paths"][0])
        assert "tensorwatch" in nb.said[-1]
        assert hazard["written_at"]["text"] == "opt.step()"
        assert hazard["remedy"] == "Compute `fake` again after `opt.step()`."
        assert raised(nb, "fake.backward()") is not fused


def test_results_kept_while_training_goes_on_are_a_risk_and_nothing_is_said():
    with Notebook() as nb:
        nb.run(MODEL)
        nb.run("kept = model(x)")
        report = nb.run("model(x).mean().backward()\nopt.step()")

        assert [("TW201", "risk")] == [(one["code"], one["outcome"]) for one in report["hazards"]]
        assert "".join(nb.said) == ""


def test_batch_norm_in_training_does_not_need_its_running_statistics():
    with Notebook() as nb:
        nb.run("import torch\nbn = torch.nn.BatchNorm1d(2)\nx = torch.randn(4, 2)\nloss = bn(x).pow(2).sum()")

        assert told(nb, "out = bn(x + 1).detach()") == []


def test_weight_decay_written_into_the_gradient_is_no_hazard():
    with Notebook() as nb:
        nb.run(MODEL + "model(x).mean().backward()")

        assert told(nb, "for p in model.parameters():\n    p.grad.add_(p.detach(), alpha=0.1)") == []


def test_what_a_custom_function_keeps_by_hand_is_watched_too():
    function = (
        "import torch\nclass Square(torch.autograd.Function):\n    @staticmethod\n    def forward(ctx, x):\n"
        "        ctx.x = x\n        return x * x\n    @staticmethod\n    def backward(ctx, g):\n        return 2 * ctx.x * g\n"
        "w = torch.ones(3, requires_grad=True)\nh = w * 2\nloss = Square.apply(h).sum()"
    )
    with Notebook() as nb:
        assert [("TW202", "wrong", "h", "h.add_(1)")] == told(nb, function, "h.add_(1)")


@pytest.mark.parametrize("name", ["next_functions", "name", "_raw_saved_tensors", "saved_tensors", "__getattribute__"])
def test_a_custom_function_with_hostile_attributes_is_read_without_running_them(name: str):
    function = (
        "import torch\nran = []\nclass Odd(torch.autograd.Function):\n    @staticmethod\n    def forward(ctx, x):\n"
        "        ctx.save_for_backward(x)\n        return x * x\n    @staticmethod\n    def backward(ctx, g):\n"
        "        return g\nclass Hostile:\n    def __get__(self, one, kind):\n        ran.append(1)\n"
        "        raise ValueError('no')\n    def __call__(self, *a):\n        ran.append(2)\n        raise ValueError('no')\n"
        "w = torch.ones(3, requires_grad=True)\nh = w * 2\n"
    )
    with Notebook() as nb:
        nb.run(function)
        if name != "__getattribute__":
            nb.run(f"setattr(Odd._backward_cls, '{name}', Hostile())")
        nb.run("loss = Odd.apply(h).sum()\nran.clear()")

        assert [("TW201", "h")] == [one[::2] for one in told(nb, "h.add_(1)")]
        assert nb.ns["ran"] == []


def test_hooks_and_checkpoints_are_not_run():
    with Notebook() as nb:
        nb.run(SETTING + "from torch.utils.checkpoint import checkpoint\nran = []")
        nb.run(
            "def body(x):\n    ran.append(1)\n    return (x * x).exp()\n"
            "out = checkpoint(body, h, use_reentrant=False)\n"
            "with torch.autograd.graph.saved_tensors_hooks(lambda x: x, lambda x: ran.append(2) or x):\n    more = h * h"
        )
        nb.run("h.data.add_(0)")

        assert nb.ns["ran"] == [1]


def test_no_graph_outlives_what_the_user_holds():
    with Notebook() as nb:
        nb.run(SETTING)
        nb.give(probe=[weakref.ref(nb.ns["h"].untyped_storage()), weakref.ref(nb.ns["y"].untyped_storage())])
        nb.run("h.add_(1)\nNone")
        nb.run("del h, y, loss")
        gc.collect()

        assert [None, None] == [one() for one in nb.ns["probe"]]


def test_memory_that_a_graph_saved_is_free_at_once():
    with Notebook() as nb:
        nb.run("import torch\nw = torch.ones(1 << 20, requires_grad=True)")
        nb.run("h = w * 2\nloss = (h * h).sum()\nstored = h.untyped_storage()")
        nb.give(probe=weakref.ref(nb.ns["stored"]))
        nb.run("del stored")
        nb.run("loss.backward()\ngone = []\ndel h")

        assert nb.ns["probe"]() is None


def test_a_custom_functions_class_is_not_kept_alive():
    with Notebook() as nb:
        nb.run(
            "import torch\nclass F(torch.autograd.Function):\n    @staticmethod\n    def forward(ctx, x):\n"
            "        return x.clone()\n    @staticmethod\n    def backward(ctx, g):\n        return g\n"
            "out = F.apply(torch.ones(2, requires_grad=True))"
        )
        nb.give(probe=weakref.ref(nb.ns["F"]))
        nb.run("del F, out")
        gc.collect()

        assert nb.ns["probe"]() is None


TRAINING = """
import torch
from torch import nn
torch.manual_seed(0)
model = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Dropout(0.2), nn.ReLU(inplace=True), nn.Linear(8, 1))
opt = torch.optim.AdamW(model.parameters())
x = torch.randn(16, 4)
{make}
# %%
out = call(x)
loss = out.pow(2).mean()
# %%
loss.backward(retain_graph=True)
first = [p.grad.clone() for p in model.parameters()]
# %%
loss.backward()
opt.step()
# %%
p = torch.ones(3, requires_grad=True)
g, = torch.autograd.grad((p ** 3).sum(), p, create_graph=True)
# %%
g.sum().backward()
jac = torch.func.jacrev(lambda v: (v ** 2).sin())(torch.ones(3))
hess = torch.func.vmap(torch.func.grad(lambda v: (v ** 3).sum()))(torch.ones(2, 3))
result = [*first, *(p.detach().clone() for p in model.parameters()), p.grad, jac, hess, torch.rand(2)]
"""


IN_PARALLEL = """
import torch.distributed as dist
from torch.distributed.algorithms.ddp_comm_hooks.default_hooks import fp16_compress_hook
if not dist.is_initialized():
    dist.init_process_group("gloo", rank=0, world_size=1, store=dist.HashStore())
seen = []
def hook(state, bucket):
    seen.append(bucket.index())
    return fp16_compress_hook(dist.group.WORLD, bucket)
call = nn.parallel.DistributedDataParallel(model)
call.register_comm_hook(None, hook)
"""


WAYS = (
    "call = model",
    "from torch.utils.checkpoint import checkpoint\ndef call(x):\n    return checkpoint(model, x, use_reentrant=False)",
    "def call(x):\n    model.register_full_backward_hook(lambda *_: None)\n    return model(x)",
    "def call(x):\n    with torch.autograd.graph.saved_tensors_hooks(lambda t: t.clone(), lambda t: t):\n        return model(x)",
    IN_PARALLEL,
    "call = torch.compile(model, backend='eager')",
    "call = torch.compile(model, backend='aot_eager')",
    *(["call = torch.compile(model, backend='inductor')"] if shutil.which("g++") else []),
)
"""Inductor needs a C++ compiler."""


def test_results_are_bit_for_bit_the_same_as_without_us():
    """In a process of its own: what other tests have done to PyTorch must not decide what functorch can do."""
    ran = run_apart(
        "from tests.end_to_end.hazards.test_hazards import WAYS, compare\nfor way in WAYS:\n    compare(way)"
    )

    assert ("", 0) == (ran.stderr[-2000:] if ran.returncode else "", ran.returncode)


def compare(way: str) -> None:
    """Run the training with us and without us, and compare what came out."""
    results = []
    for watched in (False, True):
        with Notebook(watched=watched, check_leaks=False) as nb:
            for cell in TRAINING.replace("{make}", way).split("# %%\n"):
                assert nb.cell(cell).error is None, way
            results.append(nb.ns["result"])
        torch._dynamo.reset()
    assert all(torch.equal(plain, ours) for plain, ours in zip(*results, strict=True)), way


def test_a_graph_too_large_for_the_budget_is_stated():
    with Notebook(settings={"budget_floor": 0.0, "budget_share": 0.0, "budget_limit": 1e-4}) as nb:
        report = nb.run(
            "import torch\ny = w = torch.ones(2, requires_grad=True)\nfor _ in range(50_000):\n    y = y.sin()"
        )

        assert "its graph was not read to the end" in {one["why"] for one in report["coverage"]["unverified"]}
