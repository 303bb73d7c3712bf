"""Optimizers that do not hold what the model trains: told once, mended by what is told; healthy training is quiet."""

from __future__ import annotations

import re

import pytest
import torch

from tests.support.notebook import Notebook

SETUP = """import copy, torch
from torch import nn
torch.manual_seed(0)
def make(out=2): return nn.Sequential(nn.Linear(4, 4), nn.Tanh(), nn.Linear(4, out))
def trainable(net): return [p for p in net.parameters() if p.requires_grad]
x = torch.ones(3, 4)
net = make()"""
MADE = "opt = torch.optim.Adam(net.parameters(), lr=0.1)"
STEP = "opt.zero_grad()\nnet(x).square().sum().backward()\nopt.step()"
FROZEN = (
    "body, head = nn.Linear(4, 4), nn.Linear(4, 2)\nbody.requires_grad_(False)\n"
    "opt = torch.optim.SGD([p for m in (body, head) for p in m.parameters() if p.requires_grad], lr=0.1)"
)
STEP_BOTH = "opt.zero_grad()\nhead(body(x)).square().sum().backward()\nopt.step()"


def the_last_tells(nb: Notebook, *cells: str) -> dict:
    """Run cells of which the last alone tells something: that a parameter trains in no optimizer, which is wrong."""
    for cell in cells[:-1]:
        assert [] == nb.run(cell)["hazards"]
    [hazard] = nb.run(cells[-1])["hazards"]
    assert ("TW212", "wrong") == (hazard["code"], hazard["outcome"])
    return hazard


HOLDING = """class Net(nn.Module):
    def __init__(self):
        super().__init__(); self.out, self.more = nn.Linear(4, 2), {0}
    def forward(self, x): return self.out({1})
net = Net()
"""

UNWIRED = {
    "a new head": ([MADE, STEP, "net[2] = nn.Linear(4, 3)"], {"net[2].weight", "net[2].bias"}, "holds what was there before"),
    "a new model": ([MADE, "net = make()"], None, "holds what was there before"),
    "a new model, the old one kept": ([MADE, "first = net\nnet = make()"], None, "holds what was there before"),
    "weights loaded by assignment": (
        [MADE, STEP, "net.load_state_dict(make().state_dict(), assign=True)"], None, "holds what was there before"
    ),
    "a module of other parameters": (
        [MADE, "torch.__future__.set_overwrite_module_params_on_conversion(True)\nnet = net.double().float()\n"
         "torch.__future__.set_overwrite_module_params_on_conversion(False)"], None, "holds what was there before"
    ),
    "a layer more": ([MADE, STEP, "net.append(nn.Linear(2, 2))"], {"net[3].weight", "net[3].bias"}, "made before they were added"),
    "unfrozen later": (
        ["net[0].requires_grad_(False)\nopt = torch.optim.Adam(trainable(net), lr=0.1)", STEP, "net[0].requires_grad_(True)"],
        {"net[0].weight", "net[0].bias"}, "made while they were frozen",
    ),
    "made again before they are unfrozen": (
        ["net[0].requires_grad_(False)\nopt = torch.optim.Adam(trainable(net), lr=0.1)", "opt=torch.optim.Adam(trainable(net), lr=0.2)",
         STEP, "net[0].requires_grad_(True)"],
        {"net[0].weight", "net[0].bias"}, "made in cell 3, line 1, was made while they were frozen",
    ),
    "all of one module unfrozen later": (
        [FROZEN, STEP_BOTH, "body.requires_grad_(True)", STEP_BOTH], {"body.weight", "body.bias"}, "made while they were frozen",
    ),
    "all of one module unfrozen in one cell": (
        [FROZEN + "\nbody.requires_grad_(True)\n" + STEP_BOTH], {"body.weight", "body.bias"}, "made while they were frozen",
    ),
    "in one cell": ([MADE + "\nnet[2] = nn.Linear(4, 3)\n" + STEP], {"net[2].weight", "net[2].bias"}, "holds what was there before"),
    "a new head in the cell that made the optimizer": ([MADE + "\nnet[2] = nn.Linear(4, 3)"], {"net[2].weight", "net[2].bias"}, "holds what was there before"),
    "layers in a plain list": ([HOLDING.format("[nn.Linear(4, 4)]", "self.more[0](x)") + MADE],
        {"net.more[0].weight", "net.more[0].bias"}, "passes over plain lists"),
    "layers in a plain dict, chosen by what requires grad": (
        [HOLDING.format("{'a': nn.Linear(4, 4)}", "self.more['a'](x)"), "opt = torch.optim.Adam([p for p in net.parameters() if p.requires_grad])"],
        {"net.more['a'].weight", "net.more['a'].bias"}, "passes over plain lists",
    ),
    "many parameters in a plain list": ([HOLDING.format("[nn.Parameter(torch.eye(4)) for _ in range(6)]", "x @ sum(self.more)") + MADE],
        {f"net.more[{place}]" for place in range(6)}, "passes over plain lists"),
    "frozen layers in a module list": (
        [HOLDING.format("nn.ModuleList([nn.Linear(4, 4)])", "self.more[0](x)") + "net.more.requires_grad_(False)\n"
         "opt = torch.optim.Adam([p for p in net.parameters() if p.requires_grad])\nnet.more.requires_grad_(True)\n" + STEP],
        {"net.more[0].weight", "net.more[0].bias"}, "made while they were frozen",
    ),
    "another model in one cell": ([MADE + "\nnet = make()\n" + STEP], None, "holds what was there before"),
    "a layer more, in one cell": ([MADE + "\nnet.append(nn.Linear(2, 2))\n" + STEP], {"net[3].weight", "net[3].bias"}, "made before they were added"),
    "unfrozen in one cell": (
        ["net[0].requires_grad_(False)\nopt = torch.optim.Adam([p for p in net.parameters() if p.requires_grad], lr=0.1)\n"
         "net.requires_grad_(True)\n" + STEP], {"net[0].weight", "net[0].bias"}, "made while they were frozen",
    ),
    "a second layer": (
        ["net = nn.Sequential(nn.Linear(4, 4))\n" + MADE, STEP, "net.add_module('head', nn.Linear(4, 2))"],
        {"net.head.weight", "net.head.bias"}, "made before they were added",
    ),
    "a copy that is trained in its place": (
        [MADE, STEP + "\nopt.zero_grad()", "twin = copy.deepcopy(net)", "opt.zero_grad()\ntwin(x).square().sum().backward()\nopt.step()"],
        {f"twin[{layer}].{name}" for layer in (0, 2) for name in ("weight", "bias")}, "holds what was there before",
    ),
    "in an object": (
        ["class Run: pass\nrun = Run()\nrun.net = net\nrun.opt = torch.optim.Adam(run.net.parameters(), lr=0.1)\ndel net",
         "run.net[2] = nn.Linear(4, 3)", "run.opt.zero_grad()\nrun.net(x).square().sum().backward()\nrun.opt.step()"],
        {"run.net[2].weight", "run.net[2].bias"}, "holds what was there before",
    ),
    "a leaf by hand": (
        ["w = torch.ones(2, requires_grad=True)\nopt = torch.optim.Adam([w], lr=0.1)", "w = torch.ones(2, requires_grad=True)",
         "opt.zero_grad()\nw.square().sum().backward()\nopt.step()"], {"w"}, "holds what was there before",
    ),
}  # fmt: skip
EVERY = {f"net[{layer}].{name}" for layer in (0, 2) for name in ("weight", "bias")}


@pytest.mark.parametrize("name", UNWIRED)
def test_what_no_optimizer_holds_is_told_once_and_what_is_told_mends_it(name):
    cells, paths, says = UNWIRED[name]
    step = cells.pop() if "step()" in cells[-1] else STEP
    with Notebook() as nb:
        hazard = the_last_tells(nb, SETUP, *cells, step)
        assert (paths or EVERY) == {*hazard["paths"]}
        assert says in hazard["message"]
        assert "TW212" in nb.last.told
        step = step.partition("\n")[2] if len(cells) == 1 and "opt = " in step else step
        loop = "\n".join(step.split("\n")[-3:])
        assert nb.run(loop)["hazards"] == [hazard]
        assert nb.last.told == ""
        codes = re.findall(r"`([^`]+)`", hazard["remedy"])
        assert nb.run("\n".join(codes))["hazards"] == []
        before = {path: eval(path, nb.ns).detach().clone() for path in hazard["paths"]}
        assert nb.run(loop)["hazards"] == []
        assert not any(torch.equal(one, eval(path, nb.ns)) for path, one in before.items())


def test_it_is_told_although_the_gradients_are_cleared_at_the_end():
    with Notebook() as nb:
        cleared = "net(x).square().sum().backward()\nopt.step()\nnet.zero_grad()"
        hazard = the_last_tells(nb, SETUP, MADE, "net[2] = nn.Linear(4, 3)", cleared)
        assert {"net[2].weight", "net[2].bias"} == {*hazard["paths"]}


HIDDEN = """
def fit(net, head=None):
    opt = torch.optim.SGD(net.parameters(), lr=0.1)
    if head is not None: net[2] = head
    for _ in range(2):
        opt.zero_grad(); net(x).square().sum().backward(); opt.step()
def stepper(net):
    inner = torch.optim.SGD(net.parameters(), lr=0.1)
    def step(net):
        inner.zero_grad(); net(x).square().sum().backward(); inner.step()
    return step
def attack(net):
    delta = torch.zeros_like(x, requires_grad=True)
    opt = torch.optim.SGD([delta], lr=0.1)
    net(x + delta).sum().backward(); opt.step()
step = stepper(net)
step(net)
"""


@pytest.mark.parametrize(
    ("cells", "made"),
    [
        (["fit(net, nn.Linear(4, 3))"], "opt = torch.optim.SGD(net.parameters(), lr=0.1)"),
        (["net[2] = nn.Linear(4, 3)", "step(net)"], "inner = torch.optim.SGD(net.parameters(), lr=0.1)"),
    ],
)
def test_an_optimizer_that_no_variable_leads_to(cells, made):
    with Notebook() as nb:
        hazard = the_last_tells(nb, SETUP, HIDDEN, *cells)
        assert ["net[2].weight", "net[2].bias"] == hazard["paths"]
        assert f"`{made}`" in hazard["remedy"]
        assert [hazard] == nb.run("1 + 1")["hazards"]


@pytest.mark.parametrize("set_to_none", [True, False])
def test_a_whole_model_that_was_replaced_under_a_hidden_optimizer(set_to_none):
    learner = (
        "class Learner:\n    def __init__(self, model):\n        self.model = model\n"
        "        hidden = torch.optim.SGD(model.parameters(), lr=.1)\n        def fit(x):\n"
        f"            hidden.zero_grad(set_to_none={set_to_none})\n            self.model(x).square().sum().backward()\n            hidden.step()\n"
        "        self.fit = fit\nlearner = Learner(nn.Linear(3, 2))"
    )
    with Notebook() as nb:
        fit = "learner.fit(torch.ones(1, 3))"
        hazard = the_last_tells(nb, SETUP, learner, fit, "learner.model = nn.Linear(3, 1)", fit)
        assert ["learner.model.weight", "learner.model.bias"] == hazard["paths"]
        assert "hidden = torch.optim.SGD(model.parameters(), lr=0.1)" in hazard["remedy"]


@pytest.mark.parametrize(
    "clear", ["model.zero_grad(set_to_none=False)", "[p.grad.zero_() for p in net.parameters() if p.grad is not None]"]
)
def test_gradients_that_were_only_cleared_in_place_are_old(clear):
    made = (
        "def make_step(net):\n    inner = torch.optim.SGD(net.parameters(), lr=.1)\n    def step(x):\n"
        f"        {clear}\n        model(x).square().sum().backward()\n        inner.step()\n    return step\n"
        "model = nn.Linear(4, 2)\nstep = make_step(model)"
    )
    with Notebook() as nb:
        hazard = the_last_tells(nb, SETUP, made, "step(x)\nstep(x)", "model = nn.Linear(4, 2)", "step(x)\nstep(x)")
        assert ["model.weight", "model.bias"] == hazard["paths"]


def test_gradients_that_no_backward_has_written_since_the_last_step_are_old():
    stepper = (
        "def stepper(net):\n    inner = torch.optim.SGD(net.parameters(), lr=.1)\n    def step(net):\n"
        "        net.zero_grad()\n        net(x).square().sum().backward()\n        inner.step()\n    return step\n"
        "small = nn.Linear(4, 2)\nstep = stepper(small)"
    )
    with Notebook() as nb:
        for cell in (SETUP, stepper, "step(small)", "step(small)", "small = nn.Linear(4, 2)"):
            assert [] == nb.run(cell)["hazards"]
        told = [one["paths"] for cell in ("step(small)", "step(small)") for one in nb.run(cell)["hazards"]]
        assert [["small.weight", "small.bias"]] * 2 == told


def test_a_hidden_optimizer_of_something_else_is_quiet():
    with Notebook() as nb:
        nb.run(SETUP)
        nb.run(HIDDEN)
        assert [[]] * 3 == [nb.run(one)["hazards"] for one in ("attack(net)", "fit(net)", "attack(net)")]


def test_a_head_trained_alone_on_purpose_is_a_risk_that_is_not_printed():
    with Notebook() as nb:
        nb.run(SETUP)
        nb.run("opt = torch.optim.Adam(net[2].parameters(), lr=0.1)")
        [hazard] = nb.run(STEP)["hazards"]
        assert ("TW212", "risk") == (hazard["code"], hazard["outcome"])
        assert nb.last.told == ""


HEALTHY = {
    "a head alone, beside a body that collects gradients": [
        "body, head = nn.Linear(4, 4), nn.Linear(4, 2)\nbody.requires_grad_(False)\nopt = torch.optim.SGD(head.parameters(), lr=0.1)",
        STEP_BOTH, "body.requires_grad_(True)", STEP_BOTH.replace("opt.zero_grad()", "opt.zero_grad(); body.zero_grad()"),
    ],
    "all of one module unfrozen into a group of its own": [
        FROZEN, STEP_BOTH, "body.requires_grad_(True)\nopt.add_param_group({'params': body.parameters()})", STEP_BOTH,
    ],
    "a new model beside one of the same shape that is not used": [
        "dummy = make()",
        "net = make()\nopt = torch.optim.SGD(net.parameters(), lr=.1)\n"
        "for _ in range(3):\n    net(x).square().sum().backward()\n    opt.step()\n    opt.zero_grad()",
    ],
    "transfer learning": [
        "net.requires_grad_(False)\nnet[2] = nn.Linear(4, 3)\nopt = torch.optim.Adam(trainable(net))", STEP, STEP,
        "net[0].requires_grad_(True)\nopt.add_param_group({'params': net[0].parameters(), 'lr': 1e-4})", STEP,
    ],
    "the notebook run again": [MADE, STEP, "net = make()\n" + MADE, STEP, STEP],
    "another model under its name": [MADE, STEP, "net = make(5)", "optimizer = torch.optim.SGD(net.parameters(), lr=0.1)",
        "optimizer.zero_grad()\nnet(x).sum().backward()\noptimizer.step()"],
    "a gan": [
        "G, D = make(4), make(1)\nog, od = (torch.optim.Adam(m.parameters()) for m in (G, D))",
        "od.zero_grad()\nD(G(x).detach()).mean().backward()\nod.step()", "og.zero_grad()\nD(G(x)).mean().backward()\nog.step()",
    ],
    "one optimizer of a gan at a time": [
        "G, D = make(4), make(1)\nod = torch.optim.Adam(D.parameters())", "D(G(x)).mean().backward()\nod.step()",
    ],
    "a target network": [
        MADE + "\ntarget = copy.deepcopy(net)", "opt.zero_grad()\n(net(x) - target(x)).square().sum().backward()\nopt.step()",
        "target.load_state_dict(net.state_dict())",
    ],
    "low rank": [
        "net.requires_grad_(False)\nA, B = nn.Parameter(torch.randn(4, 1)), nn.Parameter(torch.zeros(1, 2))\n"
        "opt = torch.optim.Adam([A, B])", "opt.zero_grad()\n(net(x) + x @ A @ B).square().sum().backward()\nopt.step()",
    ],
    "accumulation": [MADE, "for i in range(4):\n    (net(x).square().sum() / 2).backward()\n    if i % 2: opt.step(); opt.zero_grad()"],
    "lbfgs": [
        "opt = torch.optim.LBFGS(net.parameters(), max_iter=3)",
        "def closure():\n    opt.zero_grad()\n    l = net(x).square().sum()\n    l.backward()\n    return l\nopt.step(closure);",
    ],
    "a scheduler": [MADE + "\nplan = torch.optim.lr_scheduler.StepLR(opt, 1)", STEP + "\nplan.step()", STEP + "\nplan.step()"],
    "an average": [MADE + "\nema = torch.optim.swa_utils.AveragedModel(net)", STEP + "\nema.update_parameters(net)", STEP],
    "an optimizer for each part": [
        "opts = [torch.optim.Adam(net[i].parameters()) for i in (0, 2)]",
        "net(x).square().sum().backward()\nfor o in opts: o.step(); o.zero_grad()",
    ],
    "groups": ["opt = torch.optim.Adam([{'params': net[0].parameters()}, {'params': net[2].parameters(), 'lr': 0.1}])", STEP],
    "a checkpoint": [
        MADE, STEP, "saved = copy.deepcopy({'net': net.state_dict(), 'opt': opt.state_dict()})", STEP,
        "net.load_state_dict(saved['net']); opt.load_state_dict(saved['opt'])", STEP,
    ],
    "an optimizer of a function": [
        "def fit(net, steps=2):\n    o = torch.optim.SGD(net.parameters(), lr=0.1)\n    for _ in range(steps):\n"
        "        o.zero_grad(); net(x).square().sum().backward(); o.step()",
        "fit(net)", "net[2] = nn.Linear(4, 3)", "fit(net)", MADE, STEP, "net = make()", "fit(net)",
    ],
    "the rest by hand": [
        "opt = torch.optim.SGD(net[0].parameters(), lr=0.1)", "opt.zero_grad()\nnet[2].zero_grad()\nnet(x).square().sum().backward()\n"
        "opt.step()\nwith torch.no_grad():\n    for p in net[2].parameters(): p -= 0.1 * p.grad",
    ],
    "tied": [MADE, "net[2].bias = net[0].bias = nn.Parameter(torch.zeros(4))\nopt = torch.optim.SGD(net.parameters(), lr=0.1)"
        "\nnet[2] = nn.Linear(4, 4)\nnet[2].weight = net[0].weight\nnet[2].bias = net[0].bias", STEP],
    "two models": [MADE + "\nother = make()", "net(x).sum().backward()\nother(x).sum().backward()\nopt.step()"],
    "a saliency map": [MADE, STEP, "image = torch.ones(1, 4, requires_grad=True)\nnet(image).sum().backward()", STEP],
    "weights pruned": [MADE, "from torch.nn.utils import prune\nprune.l1_unstructured(net[0], 'weight', amount=0.5)", STEP],
    "parametrized": [MADE, "nn.utils.parametrizations.spectral_norm(net[0])", STEP],
    "compiled anew": [MADE, "twice = nn.Sequential(net, nn.Linear(2, 1))", STEP],
}  # fmt: skip


@pytest.mark.parametrize("name", HEALTHY)
def test_healthy_training_is_quiet(name):
    with Notebook() as nb:
        nb.run(SETUP)
        for cell in HEALTHY[name]:
            nb.run(cell)
            assert "TW212" not in nb.last.told
            assert "TW213" not in nb.last.told
