"""A result kept from before an update is a risk, which is not printed, unless some of its gradients are still due."""

from __future__ import annotations

import pytest

from tests.support.notebook import Notebook

SETTING = """
import torch
from torch import nn
torch.manual_seed(0)
enc, head = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 3)), nn.Sequential(nn.Linear(3, 2), nn.Tanh(), nn.Linear(2, 1))
both = torch.optim.SGD([*enc.parameters(), *head.parameters()], lr=0.1)
of_enc, of_head = torch.optim.SGD(enc.parameters(), lr=0.1), torch.optim.Adam(head.parameters(), fused=False)
x = torch.randn(4, 2)
def loss_of(x):
    return head(enc(x)).square().mean()
def train(*steps):
    loss_of(x).backward()
    for one in steps:
        one.step()
"""
HAND = "u, v = torch.randn(2, 3, requires_grad=True), torch.randn(3, 1, requires_grad=True)\n"
UPDATE = "loss_of(x).backward()\nfor p in (*enc.parameters(), *head.parameters()): p.data -= 0.1 * p.grad\n"
NORM = "bn = nn.BatchNorm1d(2)\nstate = {k: v.clone() for k, v in bn.state_dict().items()}\n"
HEALTHY = {
    "an output of a batch norm, whose state is loaded then": [NORM + "out = bn(x)", "bn.load_state_dict(state);"],
    "a loss from before training": ["before = loss_of(x)", "loss_of(x).backward()\nboth.step()"],
    "in one cell": ["before = loss_of(x)\nloss_of(x).backward()\nboth.step()"],
    "steps in a function": ["before = loss_of(x)", "train(both)"],
    "two optimizers, each its part": ["before = loss_of(x)", "train(of_enc, of_head)"],
    "losses in a list": ["kept = []\nfor _ in range(3):\n    loss_of(x).backward()\n    both.step()\n    kept.append(loss_of(x))"],
    "updates by hand": [
        "before = loss_of(x)",
        "loss_of(x).backward()\nwith torch.no_grad():\n    for p in (*enc.parameters(), *head.parameters()):\n        p -= 0.1 * p.grad",
    ],
    "gradients of torch.func": [
        "params, feed = dict(head.named_parameters()), enc(x).detach()\n"
        "def f(p): return torch.func.functional_call(head, p, (feed,)).square().mean()",
        "g = torch.func.grad(f)(params)\nwith torch.no_grad():\n    for k in params:\n        params[k] -= 0.1 * g[k]",
    ],
    "its backward ran and kept the graph": ["h = enc(x)\nl = head(h).mean()\nl.backward(retain_graph=True)\nof_head.step()"],
    "a metric of outputs from before training": ["out = enc(x)\nwas = head(out)", "train(both)", "err = (was - 1).abs().max()"],
    "a metric of outputs from before a weight was set": ["was = head(enc(x))", "head[2].weight.data.fill_(1.)\nscore = was.mean()"],
    "a metric of old outputs after leaves were updated by hand": [
        HAND + "out = (x @ u).tanh() @ v\nl = (out - 1).square().mean()\nl.backward(retain_graph=True)",
        "m, n = 0.9 * u.grad, 0.9 * v.grad\nu.data -= 0.1 * m; v.data -= 0.1 * n\nerr = (out - 1).abs().mean()",
    ],
    "a metric of old outputs after an update with numbers computed by hand": [
        HAND + "out = (x @ u).tanh() @ v",
        "v.data -= 0.1 * (x @ u).tanh().detach().sum(0)[:, None]\nerr = (out - 1).abs().mean()",
    ],
    "a score between two updates by hand": [
        "was = loss_of(x)\nfor p in (*enc.parameters(), *head.parameters()): p.data += 1\nnow = loss_of(x)\nfor p in (*enc.parameters(), *head.parameters()): p.data -= 0.5",
    ],
    "a frozen part": ["enc.requires_grad_(False)\nbefore = loss_of(x)", "train(of_head)"],
}  # fmt: skip
DUE = {
    "a loss of a batch norm, whose state is loaded then": [NORM + "loss = bn(x).square().mean()", "bn.load_state_dict(state);"],
    "a graph that leads to another optimizer's parameters": ["fake = enc(x)\nd = head(fake.detach()).mean()\ng = head(fake).mean()", "d.backward()\nof_head.step()"],
    "the other optimizer stepped before the graph was built": ["train(of_enc)\nfake = enc(x)\ng = head(fake).mean()", "head(fake.detach()).mean().backward()\nof_head.step()"],
    "the other optimizer stepped earlier in the same cell": ["train(of_enc)\nfake = enc(x)\ng = head(fake).mean()\nhead(fake.detach()).mean().backward()\nof_head.step()"],
    "an input that wants a gradient": ["x.requires_grad_()\nadv = loss_of(x)", "loss_of(x.detach()).backward()\nboth.step()"],
    "a loss computed after the step from what is old": ["h = enc(x)\nhead(h).mean().backward(retain_graph=True)\nboth.step()", "loss = head(h).mean()"],
    "a loss of old scores that lead to another optimizer's parameters": ["score = head(enc(x))", "train(of_head)", "g = -score.mean()"],
    "computed anew after its backward": ["l = loss_of(x)\nl.backward(retain_graph=True)\nl = loss_of(x)", "loss_of(x).backward()\nof_head.step()"],
    "another result of the kept graph": ["h = enc(x)\nl = head(h).mean()\ng = -head(h).mean()", "l.backward(retain_graph=True)\nof_head.step()"],
    "a write that is no update": ["before = loss_of(x)", "with torch.no_grad():\n    head[2].weight.zero_()"],
}  # fmt: skip


def outcomes(cells: list[str]) -> tuple[set[str], bool]:
    """Run cells; give the outcomes of the hazards after the last, and whether anything was said of a backward."""
    with Notebook() as nb:
        for cell in (SETTING, *cells):
            hazards = nb.run(cell)["hazards"]
        return {one["outcome"] for one in hazards}, "TW20" in "".join(nb.said)


@pytest.mark.parametrize("name", HEALTHY)
def test_a_kept_result_is_a_risk_where_all_that_it_leads_to_was_updated_since(name: str):
    assert ({"risk"}, False) == outcomes(HEALTHY[name])


@pytest.mark.parametrize("name", DUE)
def test_a_result_whose_gradients_are_still_due_is_told(name: str):
    found, is_said = outcomes(DUE[name])

    assert ({"raises"}, True) == (found - {"risk"}, is_said)


def test_it_is_a_risk_once_the_last_optimizer_has_stepped_and_that_is_no_end():
    with Notebook() as nb:
        nb.run(SETTING + "before = loss_of(x)")
        nb.run("loss_of(x).backward()\nof_head.step()")
        told = nb.said[-1]
        report = nb.run("of_enc.step()")

        assert ("TW201" in told, "") == (True, nb.said[-1])
        assert {"risk"} == {one["outcome"] for one in report["hazards"]}
        assert "over:" not in nb.cell("%tensorwatch history").stdout


def test_a_result_whose_backward_ran_stays_a_risk_when_another_backward_raises():
    with Notebook() as nb:
        nb.run(SETTING + "loss = head(enc(x)).mean()\nloss.backward(retain_graph=True)\nof_head.step()")
        nb.cell("w = torch.ones(3, requires_grad=True)\ny = w.exp()\ny.mul_(2)\ny.sum().backward()")
        told, hazards = nb.said[-1], nb.report()["hazards"]

    assert ("loss.backward" in told, {one["outcome"] for one in hazards}) == (False, {"raises", "risk"})


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        ("p, q = (h * h).sum(), h.sin().sum()", "`q.backward()` and `p.backward()` will raise"),
        ("p, q = (h * h).sum(), h.sin().sum()\ntotal = p + q", "`total.backward()` will raise"),
        ("p, q = (h * h).sum(), h.sin()", "`p.backward()` will raise"),
    ],
)
def test_each_loss_for_which_a_node_saved_the_same_tensor_is_named(made, expected):
    with Notebook() as nb:
        nb.run(f"import torch\nw = torch.ones(3, requires_grad=True)\nh = w.exp()\n{made}")
        [hazard] = nb.run("h.mul_(2);")["hazards"]

    assert hazard["message"].startswith(expected)


OLD = "out = head(enc(x))"
CAME_TRUE = {
    "a loss of old outputs alone": [OLD, UPDATE, "loss = (out - 1).square().mean()", "loss.backward()"],
    "all in the next cell, with a step": [OLD, UPDATE, "both.zero_grad()\n(out - 1).square().mean().backward()\nboth.step()"],
    "by a function": [OLD + "\ndef learn(out): (out - 1).square().mean().backward()", UPDATE, "learn(out)"],
}  # fmt: skip
CAME_TO_NOTHING = {
    "the parameters were put back": ["kept = copy.deepcopy([*head.parameters(), *enc.parameters()])\n" + OLD, UPDATE, "for p, k in zip((*head.parameters(), *enc.parameters()), kept): p.data.copy_(k)\n(out - 1).square().mean().backward()"],
    "computed again": [OLD, UPDATE, OLD + "\n(out - 1).square().mean().backward()"],
    "only read": [OLD, UPDATE, "err = (out - 1).abs().mean().item()", "del out"],
}  # fmt: skip


@pytest.mark.parametrize("name", CAME_TRUE)
def test_a_risk_is_told_once_a_backward_has_computed_with_what_was_overwritten(name):
    *cells, last = CAME_TRUE[name]
    with Notebook() as nb:
        for cell in (SETTING, *cells):
            assert "TW20" not in nb.cell(cell).told
        found = nb.run(last)["hazards"]
        again = nb.run("1 + 1")["hazards"]

    assert [("TW202", "wrong", True)] == [(one["code"], one["outcome"], one["happened"]) for one in found]
    assert [] == again


@pytest.mark.parametrize("name", CAME_TO_NOTHING)
def test_a_risk_through_which_no_backward_ran_is_never_told(name):
    with Notebook() as nb:
        for cell in ("import copy\n" + SETTING, *CAME_TO_NOTHING[name]):
            assert "TW20" not in nb.cell(cell).told


def test_the_result_whose_backward_raised_is_to_be_computed_again_not_another_of_its_graph():
    both = "fake = enc(x)\nscore = head(fake)\nd, g = score.square().mean(), score.exp().mean()\n"
    with Notebook() as nb:
        nb.run(SETTING)
        nb.cell(both + "d.backward(retain_graph=True)\nof_head.step()\ng.backward()")
        [hazard] = [one for one in nb.report()["hazards"] if one["happened"]]

    assert hazard["remedy"] == "Compute `score` and `g` again after `of_head.step()`."


def test_only_what_the_result_whose_backward_raised_was_computed_from_is_to_be_computed_again():
    losses = "real, fake = head(enc(x) + 1), head(enc(x))\nd = real.exp().mean() + fake.exp().mean()\ng = fake.mean()\n"
    with Notebook() as nb:
        nb.run(SETTING)
        nb.cell(losses + "d.backward(retain_graph=True)\nof_head.step()\ng.backward()")
        [hazard] = [one for one in nb.report()["hazards"] if one["happened"]]

    assert hazard["remedy"] == "Compute `fake` and `g` again after `of_head.step()`."


def test_an_output_of_a_batch_norm_that_runs_again_is_told_once_a_loss_is_computed_from_it():
    with Notebook() as nb:
        nb.run("import torch\nnorm = torch.nn.BatchNorm1d(2)\nx = torch.randn(4, 2)\nnorm.eval()\nout = norm(x)")
        again = nb.run("norm.train()\nother = norm(x)")["hazards"]
        due = nb.run("loss = out.sum()")["hazards"]

    assert [["risk"], ["wrong"]] == [[one["outcome"] for one in several] for several in (again, due)]
