"""Hazards that lie in how memory is shared: said when they begin, and gone when they are over."""

from __future__ import annotations

import pytest
import torch

from tests.support.mending import mend
from tests.support.notebook import Notebook, silent

MODEL = """
import copy, torch
from torch import nn
torch.manual_seed(0)
model = nn.Linear(2, 1)
opt = torch.optim.Adam(model.parameters(), lr=0.1)
x = torch.randn(4, 2)
"""
STEP = "opt.zero_grad()\nmodel(x).pow(2).mean().backward()\nopt.step()"
TWO_LEAVES = """
import torch
a = torch.ones(3, requires_grad=True)
b = torch.ones(3, requires_grad=True)
"""


def told(report):
    """Give code, outcome and paths of each hazard."""
    return [(one["code"], one["outcome"], one["paths"]) for one in report["hazards"]]


def turns(nb):
    """Give the lines that the history tells of hazards, without the messages."""
    page = nb.cell("%tensorwatch history").stdout.partition("Hazards by cell")[2]
    return [tuple(line.split()[:3]) for line in page.strip("\n").split("\n")[1:] if "over:" in line]


@pytest.mark.parametrize("joined", ["a.view(-1) + b.view(-1)", "a.reshape(3) + b.reshape(3)", "a[None] + b[None]"])
def test_gradients_that_are_one_memory_are_told_before_the_second_backward_doubles_them(joined: str):
    with Notebook() as nb:
        nb.run(TWO_LEAVES)
        report = nb.run(f"loss = (({joined}) ** 2).sum()\nloss.backward()")
        right = nb.ns["a"].grad * 2
        nb.run(f"(({joined}) ** 2).sum().backward()")

        assert [("TW203", "wrong", ["a.grad", "b.grad"])] == told(report)
        assert not torch.equal(right, nb.ns["a"].grad)
        assert report["hazards"][0]["written_at"]["text"] == "loss.backward()"


def test_the_remedy_for_shared_gradients_mends_the_second_backward():
    with Notebook() as nb:
        nb.run(TWO_LEAVES)
        [hazard] = nb.run("((a.view(-1) + b.view(-1)) ** 2).sum().backward()")["hazards"]
        right = nb.ns["a"].grad * 2
        line = hazard["remedy"].split("`")[3]

        assert line == "b.grad = b.grad.clone()"
        assert nb.run(line)["hazards"] == []
        nb.run("((a.view(-1) + b.view(-1)) ** 2).sum().backward()")
        assert torch.equal(right, nb.ns["a"].grad)


@pytest.mark.parametrize(
    "cell",
    [
        "(a + b * 2).pow(2).sum().backward()",
        "torch.cat([a, b]).pow(2).sum().backward()",
        "c = b\n(c * a).sum().backward()",
        "shared = torch.nn.Linear(3, 3)\nboth = torch.nn.Sequential(shared, shared)\nboth(a).sum().backward()",
    ],
)
def test_gradients_of_their_own_are_no_hazard(cell: str):
    with Notebook() as nb:
        nb.run(TWO_LEAVES)

        assert nb.run(cell)["hazards"] == []


TWO_MODULES = """
import torch
from torch import nn
shared, local = nn.Linear(2, 1), nn.Linear(2, 1)
x = torch.ones(3, 2)
class Worker:
    def push(self):
        for mine, theirs in zip(local.parameters(), shared.parameters()):
            theirs._grad = mine.grad
worker = Worker()
def train(n):
    for _ in range(n):
        local.zero_grad()
        shared.zero_grad()
        local(x).sum().backward()
        worker.push()
"""
GIVING = {
    "a loop": ("local(x).sum().backward()\nfor p, q in zip(local.parameters(), shared.parameters()):\n    q.grad = p.grad", "q.grad = p.grad"),
    "a method": ("local(x).sum().backward()\nworker.push()", "theirs._grad = mine.grad"),
    "a view of them": ("local(x).sum().backward()\nfor p, q in zip(local.parameters(), shared.parameters()):\n    q.grad = p.grad.detach()", "q.grad = p.grad.detach()"),
}  # fmt: skip


@pytest.mark.parametrize("name", GIVING)
def test_gradients_given_on_purpose_are_one_risk_which_its_fix_ends(name: str):
    cell, line = GIVING[name]
    with Notebook() as nb:
        nb.run(TWO_MODULES)
        [hazard] = nb.run(cell)["hazards"]
    site = hazard["written_at"]

    assert ("TW203", "risk", line) == (hazard["code"], hazard["outcome"], (site["inner"] or site)["text"])
    assert {f"{owner}.{name}.grad" for owner in ("local", "shared") for name in ("weight", "bias")} == {
        *hazard["paths"]
    }
    with Notebook() as nb:
        mended = mend([TWO_MODULES.lstrip(), cell], hazard)
        assert [] == [nb.run(one)["hazards"] for one in mended][-1]


def test_gradients_given_again_in_each_cell_are_said_once():
    with Notebook() as nb:
        nb.run(TWO_MODULES)
        reports = [nb.run("train(2)"), nb.run("train(2)")]

        assert [["risk"]] * 2 == [[one["outcome"] for one in report["hazards"]] for report in reports]
        assert [True, False] == ["TW203" in one for one in nb.said[1:]]


@pytest.mark.parametrize("over", ["a.grad = b.grad = None", "b.grad = b.grad.clone()", "del a"])
def test_shared_gradients_are_over_when_they_part(over: str):
    with Notebook() as nb:
        nb.run(TWO_LEAVES)
        nb.run("((a.view(-1) + b.view(-1)) ** 2).sum().backward()")

        assert nb.run("1 + 1")["hazards"] != []
        assert nb.run(over)["hazards"] == []
        assert [("[4]", "TW203", "a.grad,")] == turns(nb)


def test_a_state_dict_kept_by_reference_is_told_once_when_training_goes_on():
    with Notebook() as nb:
        nb.run(MODEL)
        nb.run(STEP)
        nb.run("best = model.state_dict()\nsaved = {'model': model.state_dict(), 'opt': opt.state_dict(), 'epoch': 3}")
        [best, saved] = nb.run(STEP)["hazards"]
        nb.run(STEP)

        assert ("TW207", "risk", "best['weight']") == (best["code"], best["outcome"], best["paths"][0])
        assert {"saved['model']['weight']", "saved['opt']['state'][0]['exp_avg']"} <= {*saved["paths"]}
        assert ("opt.step()", 4) == (best["written_at"]["text"], best["written_cell"])
        assert ["TW207" in one for one in nb.said] == [False, False, False, True, False]


def test_the_remedy_for_a_state_dict_copies_it_where_it_was_taken():
    with Notebook() as nb:
        nb.run(MODEL)
        nb.run("best = model.state_dict()")
        [hazard] = nb.run(STEP)["hazards"]
        line = hazard["remedy"].split("`")[1]

        assert line == "best = copy.deepcopy(model.state_dict())"
        assert line in "".join(edit["text"] for edit in hazard["fix"]["edits"])
        assert nb.run(line)["hazards"] == []
        kept = nb.ns["best"]["weight"].clone()
        assert nb.run(STEP)["hazards"] == []
        assert torch.equal(kept, nb.ns["best"]["weight"])
        assert [("[4]", "TW207", "best['weight'],")] == turns(nb)


@pytest.mark.parametrize(
    ("keep", "mended"),
    [
        ("before = model.weight", "before = model.weight.detach().clone()"),
        ("best, n = params, 1", "best, n = copy.deepcopy(params), 1"),
        ("run.best_model = model", "run.best_model = copy.deepcopy(model)"),
        ("ema = list(model.parameters())", "ema = copy.deepcopy(list(model.parameters()))"),
    ],
)
def test_the_very_parameters_under_the_name_of_a_copy_are_copied_where_they_got_it(keep: str, mended: str):
    setting = f"{MODEL}\nparams = dict(model.named_parameters())\nclass Run: pass\nrun = Run()"
    with Notebook() as nb:
        [*_, report] = [nb.run(one) for one in (setting, keep, STEP)]
        [hazard] = report["hazards"]
        [*_, edit] = hazard["fix"]["edits"]
        [later] = nb.run("1 + 1")["hazards"]

    assert (mended, mended) == (edit["text"], hazard["remedy"].split("`")[1])
    assert (hazard["remedy"], hazard["fix"]) == (later["remedy"], later["fix"])
    with Notebook() as nb:
        assert [] == [nb.run(one) for one in mend([setting, keep, STEP], hazard)][-1]["hazards"]


STOPPER = """class Stopper:
    def __init__(self): self.least, self.bad, self.best_state, self.best_w = 1e9, 0, None, None
    def look(self, loss, net):
        if loss < self.least:
            self.least, self.bad, self.best_state = loss, 0, net.state_dict()
            self.best_w = net.weight
history, averages, old = {"w": []}, None, []
def step():
    global averages
    opt.zero_grad()
    loss = model(x).pow(2).mean()
    loss.backward()
    opt.step()
    if averages is None:
        averages = {k: v.detach() for k, v in model.named_parameters()}
    history["w"].append(model.weight.detach().cpu().numpy())
    return loss.item()
def fit(net, turns=3):
    stopper = Stopper()
    for _ in range(turns):
        stopper.look(step(), net)
    return stopper
"""


@pytest.mark.parametrize(
    ("container", "mended"),
    [
        ("stopper.best_state", "self.least, self.bad, self.best_state = loss, 0, copy.deepcopy(net.state_dict())"),
        ("stopper.best_w", "self.best_w = net.weight.clone()"),
        ("averages", "averages = {k: v.detach().clone() for k, v in model.named_parameters()}"),
        ("history['w']", 'history["w"].append(model.weight.detach().cpu().numpy().copy())'),
    ],
)
def test_what_a_function_keeps_is_copied_in_the_only_line_that_stores_it(container: str, mended: str):
    cells = [MODEL, STOPPER, "stopper = fit(model)"]
    with Notebook() as nb:
        report = [nb.run(one) for one in cells][-1]
        [hazard] = [one for one in report["hazards"] if one["paths"][0].startswith(container)]

    assert ("TW207", mended) == (hazard["code"], hazard["remedy"].split("`")[1])
    with Notebook() as nb:
        report = [nb.run(one) for one in mend(cells, hazard)][-1]
    assert hazard["paths"] not in [one["paths"] for one in report["hazards"]]


@pytest.mark.parametrize(
    ("kept", "is_told"),
    [
        ("model.weight.detach().numpy()", True),
        ("model.weight.data.cpu().numpy()", True),
        ("model.weight.detach().numpy().ravel()", True),
        ("model.weight.detach().numpy().copy()", False),
        ("model.weight.detach().mean().numpy()", False),
    ],
)
def test_arrays_over_parameters_that_a_function_keeps_while_it_trains_are_told(kept: str, is_told: bool):
    turn = "\n        ".join((*STEP.split("\n"), f"seen.append({kept})"))
    cells = [MODEL, f"seen = []\ndef fit():\n    for _ in range(3):\n        {turn}", "fit()"]
    with Notebook() as nb:
        report = [nb.run(one) for one in cells][-1]

    assert [["seen[0]", "seen[1]", "seen[2]"]] * is_told == [one["paths"] for one in report["hazards"]]


def test_a_function_that_keeps_and_trains_is_not_copied_after_it_has_trained():
    with Notebook() as nb:
        nb.run(MODEL)
        nb.run(KEEPER)
        [hazard] = nb.run("best = fit(model)")["hazards"]

    assert [] == [edit for edit in hazard["fix"]["edits"] if edit["cell"] == 3]


KEEPER = """
class Run:
    def __init__(self):
        self.net, self.best = model, None
    def fit(self, turns):
        for turn in range(turns):
            opt.zero_grad()
            self.net(x).pow(2).mean().backward()
            opt.step()
            if turn == 1:
                self.best = self.net.weight
def fit(net, turns=4):
    for turn in range(turns):
        opt.zero_grad()
        net(x).pow(2).mean().backward()
        opt.step()
        if turn == 1:
            kept = best = net.weight
    return best
run, state = Run(), {"n": 0}
"""


@pytest.mark.parametrize(
    ("cells", "paths"),
    [
        (["run.best = model.weight", STEP], ["run.best"]),
        (["state['best'] = list(model.parameters())", STEP], ["state['best'][0]", "state['best'][1]"]),
        (["for turn in range(3):\n    opt.step()\n    state['old'] = model.weight"], ["state['old']"]),
        (["run.best_model = model", STEP], ["run.best_model.weight", "run.best_model.bias"]),
        (["run.fit(4)"], ["run.best"]),
        (["best = fit(model)"], ["best"]),
        (["ema_params = list(model.parameters())", STEP], ["ema_params[0]", "ema_params[1]"]),
        (
            [
                "run.ema = model\ndef go(run):\n    opt.step()\n    for p in run.ema.parameters(): p.data *= .9",
                "go(run)",
            ],
            ["run.ema.weight", "run.ema.bias"],
        ),
    ],
)
def test_a_parameter_kept_under_the_name_of_a_copy_is_told(cells: list[str], paths: list[str]):
    with Notebook() as nb:
        nb.run(MODEL)
        nb.run(KEEPER)
        nb.run(STEP)
        reports = [nb.run(one) for one in cells]

        assert [[], ["TW207"]][-len(cells) :] == [["TW207"] if "TW207" in one else [] for one in nb.said[-len(cells) :]]
        assert [paths] == [one["paths"] for one in reports[-1]["hazards"]]


@pytest.mark.parametrize(
    "keep",
    [
        "run.weight = model.weight",
        "state['params'] = list(model.parameters())",
        "run.best = copy.deepcopy(model.weight)",
        "model = nn.utils.parametrizations.weight_norm(model)\n"
        "params = list(model.parameters())\nopt = torch.optim.SGD(params, lr=.1)",
        "model.prev = nn.Linear(2, 2)\nlast = model.prev",
        "ckpt, ema = Run(), Run()",
        "ema = torch.optim.swa_utils.AveragedModel(model)",
    ],
)
def test_a_parameter_under_another_name_is_no_copy_that_was_meant(keep: str):
    with Notebook() as nb:
        nb.run(MODEL)
        nb.run(KEEPER)
        nb.run(STEP)
        nb.run(keep)

        assert nb.run(STEP)["hazards"] == []


FUNCTIONAL = """
from torch.func import functional_call, grad
def loss_of(params, x): return functional_call(model, params, (x,)).sum()
params = {n: p.detach() for n, p in model.named_parameters()}
target_params = {n: p.detach() for n, p in model.named_parameters()}
def target_of(x): return functional_call(model, target_params, (x,))
given = grad(loss_of)(params, torch.ones(1, 2))
"""


def test_what_a_module_is_called_with_follows_its_parameters():
    with Notebook() as nb:
        nb.run(MODEL)
        nb.run(FUNCTIONAL)
        stepped = nb.run(STEP)
        written = nb.run("params['weight'].sub_(given['weight'])")

    assert {one.split("[")[0] for one in silent(stepped)} == {"target_params"}
    assert "model.weight" in silent(written)


AVERAGED = """
import torch
nets = [torch.nn.Linear(2, 1) for _ in range(2)]
for net in nets:
    opt = torch.optim.SGD(net.parameters(), lr=.1)
    net(torch.ones(1, 2)).sum().backward()
    opt.step()
states = [net.state_dict() for net in nets]
mean = states[0]
"""


@pytest.mark.parametrize(
    ("then", "codes"),
    [
        ("mean['weight'] += 1", []),
        ("opt.step()", ["TW207"]),
        ("for p in net.parameters(): p.data *= 2", ["TW207"]),
    ],
)
def test_a_state_dict_taken_after_the_last_step_of_a_cell_is_not_trained_on(then: str, codes: list[str]):
    with Notebook() as nb:
        report = nb.run(AVERAGED + then)

    assert codes == [one["code"] for one in report["hazards"]]


@pytest.mark.parametrize(
    "keep",
    [
        "best = copy.deepcopy(model.state_dict())",
        "best = {k: v.clone() for k, v in model.state_dict().items()}",
        "twin = copy.deepcopy(model)",
        "params = dict(model.named_parameters())",
        "weight = model.weight",
    ],
)
def test_copies_and_other_names_are_no_state_dict_kept_by_reference(keep: str):
    with Notebook() as nb:
        nb.run(MODEL)
        nb.run(keep)

        assert nb.run(STEP)["hazards"] == []


@pytest.mark.parametrize(
    ("make", "write"),
    [
        ("u = torch.zeros(1).expand(3)", "u[0] = 5"),
        ("u = torch.arange(5.0).unfold(0, 3, 1)", "u.mul_(2)"),
        ("u = torch.zeros(3).as_strided((2, 2), (1, 1))", "u[0] += 1"),
        (
            "import numpy as np\nu = np.lib.stride_tricks.sliding_window_view(np.zeros(4), 2, writeable=True)",
            "u[0] = 5",
        ),
        ("u = torch.zeros(7).as_strided((4, 4), (1, 1))", "u[1, 0] = 5"),
        ("u = torch.zeros(70).as_strided((40, 30), (1, 1))", "u[0, 0] = u[20, 10] = 5"),
    ],
)
def test_a_write_to_a_tensor_whose_elements_share_memory_is_told(make: str, write: str):
    with Notebook() as nb:
        nb.run("import torch\n" + make)
        report = nb.run(write)

        assert [("TW206", "risk", ["u"])] == told(report)
        assert write in report["hazards"][0]["message"]
        assert told(nb.run("1 + 1")) == told(report)
        assert nb.run("u = u.copy() if hasattr(u, 'copy') else u.clone()")["hazards"] == []


@pytest.mark.parametrize(
    ("make", "write"),
    [
        ("x = torch.zeros(1)\nu = x.expand(3)", "x.add_(1)"),
        ("u = torch.arange(6.0).unfold(0, 2, 2)", "u.mul_(2)"),
        ("u = torch.zeros(4, 4)[::2, 1:].t()", "u.mul_(2).add_(1)"),
        ("u = torch.zeros(6).as_strided((2, 2), (3, 1))", "u += 1"),
        ("u = torch.zeros(1).expand(1)", "u += 1"),
        ("u = torch.zeros(7).as_strided((4, 4), (1, 1))", "u[0, 0] = 5"),
        ("u = torch.zeros(7).as_strided((4, 4), (1, 1))", "u[0, 0] = 5\nu[3, 3] = 6"),
        ("u = torch.arange(5.0).unfold(0, 3, 1)", "u[0, 0] += 2"),
    ],
)
def test_a_write_where_no_elements_share_memory_is_no_hazard(make: str, write: str):
    with Notebook() as nb:
        nb.run("import torch\n" + make)

        assert nb.run(write)["hazards"] == []


@pytest.mark.parametrize("make", ["torch.empty(0, 3)[:, 1:]", "torch.empty(0).as_strided((0, 2), (9, 1), 5)"])
def test_a_tensor_of_no_elements_needs_no_memory(make: str):
    with Notebook() as nb:
        report = nb.run(f"import torch\nx = {make}\ny = x.view_as(x)")
        assert ([], []) == (report["hazards"], report["coverage"]["unverified"])

        assert {"x": False, "y": False} == {
            one["path"]: one["silent"] for one in nb.run("x.add_(1)")["changes"] if one["kind"] == "touched"
        }


def test_freed_memory_is_told_without_being_read():
    with Notebook() as nb:
        nb.run("import torch\nx = torch.ones(3)")
        report = nb.run("x.untyped_storage().resize_(0)\nNone")
        line = report["hazards"][0]["remedy"].split("`")[1]

        assert [("TW208", "risk", ["x"])] == told(report)
        assert nb.run(line + "\nNone")["hazards"] == []
        assert [("[3]", "TW208", "x")] == turns(nb)


@pytest.mark.parametrize("borrow", ["torch.from_dlpack(x)", "__import__('numpy').from_dlpack(x)"])
@pytest.mark.parametrize("size", [3, 1 << 20])
def test_memory_whose_lender_has_let_go_of_it_is_told_and_not_read(borrow: str, size: int):
    with Notebook() as nb:
        nb.run(f"import torch\nx = torch.ones({size})\ny = {borrow}")
        report = nb.run("x.data = torch.zeros(3)")

        assert [("TW208", "risk", ["y"])] == told(report)
        assert "y" not in {one["path"] for one in report["changes"]}
        assert {"path": "y", "why": "its memory is gone"} in report["coverage"]["unverified"]
        assert told(nb.run("fill = [torch.ones(3) for _ in range(100)]")) == told(report)
        assert nb.run("del y")["hazards"] == []


@pytest.mark.parametrize(
    ("setting", "cell"),
    [
        ("x = torch.ones(3)\ny = torch.from_dlpack(x)", "del x"),
        ("x = torch.ones(3)\ny = torch.from_dlpack(x)", "x.add_(1)"),
        ("x = torch.ones(3)\ny = x.numpy()", "x.data = torch.zeros(3)"),
        ("import numpy as np\na = np.ones(3)\ny = torch.from_numpy(a)", "del a"),
        ("x = torch.ones(3)\ny = x.view(3)", "x.data = torch.zeros(3)"),
    ],
)
def test_memory_that_is_held_is_no_hazard(setting: str, cell: str):
    with Notebook() as nb:
        nb.run("import torch\n" + setting)

        assert nb.run(cell)["hazards"] == []
