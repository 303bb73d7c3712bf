"""A trained parameter that is compared with itself, by another name, is told; a copy of it is not."""

from __future__ import annotations

import pytest

from tests.support.notebook import Notebook

START = """import torch
from torch import nn
torch.manual_seed(0)
net = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 1))
x, y = torch.rand(8, 3), torch.rand(8, 1)
def train(net, n=3):
    opt = torch.optim.SGD(net.parameters(), lr=0.1)
    for _ in range(n):
        opt.zero_grad()
        nn.functional.mse_loss(net(x), y).backward()
        opt.step()"""
FIRST = "a = list(net.parameters())[0]"
EVERY = "ps = list(net.parameters())"
COMPARED = {
    "in a cell of its own": ([FIRST, "train(net)", "print(torch.equal(a, net[0].weight))"], "a"),
    "two variables in one cell": ([f"{FIRST}\ntrain(net)\nb = list(net.parameters())[0]\nprint((a == b).all())"], "a"),
    "all of them": ([EVERY, "train(net)", "print(all(torch.equal(p, q) for p, q in zip(ps, net.parameters())))"], "ps"),
    "all of them in a loop": (
        [EVERY, "train(net)", "for p, q in zip(ps, net.parameters()): print((p - q).abs().max())"],
        "ps",
    ),
}


@pytest.mark.parametrize(("cells", "name"), COMPARED.values(), ids=COMPARED)
def test_a_comparison_of_a_parameter_with_itself_is_told_once(cells: list[str], name: str):
    with Notebook() as nb:
        nb.run(START)
        *_, report = [nb.run(one) for one in cells]
        after = nb.run("1 + 1")

    [hazard] = report["hazards"]
    assert ("TW207", "risk") == (hazard["code"], hazard["outcome"])
    assert hazard["message"].startswith(f"`{name}` is not a copy")
    assert after["hazards"] == []


@pytest.mark.parametrize(("cells", "name"), COMPARED.values(), ids=COMPARED)
def test_with_the_copy_of_the_remedy_nothing_is_told(cells: list[str], name: str):
    taken, *others = [line for one in cells for line in one.split("\n")]
    with Notebook() as nb:
        nb.run(START)
        *_, report = [nb.run(one) for one in cells]
    [code] = [part for part in report["hazards"][0]["remedy"].split("`") if part.startswith(f"{name} = ")]

    with Notebook() as nb:
        nb.run(START)
        *_, report = [nb.run(one) for one in (f"{taken}\n{code}", *others)]

    assert report["hazards"] == []


def test_parameters_that_two_modules_share_are_compared_on_purpose():
    tied = "head = nn.Linear(3, 4)\nhead.weight = net[0].weight\ntrain(net)"
    with Notebook() as nb:
        nb.run(START)
        nb.run(tied)

        assert nb.run("print(torch.equal(head.weight, net[0].weight))")["hazards"] == []
