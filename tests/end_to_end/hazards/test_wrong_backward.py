"""A backward that was wrong because a hook or a Function wrote into what it needed is told, and mended by its fix."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch

from tests.support.mending import mend
from tests.support.notebook import Notebook

if TYPE_CHECKING:
    from collections.abc import Sequence

LAYERS = (
    "import torch\nfrom torch import nn\ntorch.manual_seed(0)\n"
    "l1, l2, x = nn.Linear(3, 3), nn.Linear(3, 3), torch.randn(5, 3)\n"
    "def damp(g): g.mul_(0.1)\n"
    "def damped(g):\n    g *= 0.1\n    return g\n"
    "def cut(g):\n    g[g < 0] = 0\n"
    "class Scale(torch.autograd.Function):\n    @staticmethod\n    def forward(ctx, a): return a * 1\n"
    "    @staticmethod\n    def backward(ctx, g):\n        g.mul_(0.1)\n        return g\n"
    "class Damp:\n    def __call__(self, g):\n        g.mul_(0.1)\n"
    "def damper(by):\n    def hook(g):\n        g.mul_(by)\n    return hook\n"
    "def damp_by(by, g): g.mul_(by)\n"
    "class Block(nn.Module):\n    def __init__(self):\n        super().__init__()\n        self.f = nn.Linear(3, 3)\n"
    "    def forward(self, x):\n        y = self.f(x)\n        if y.requires_grad: y.register_hook(self.half)\n        return x + y\n"
    "    def half(self, g):\n        g.mul_(0.5)\n"
    "def train():\n    a = l1(x)\n    b = torch.relu(l2(x))\n    b.register_hook(damp)\n    sum([a, b]).pow(2).sum().backward()\n"
    "block = nn.Sequential(nn.Linear(3, 3), Block())"
)
SQUARE = (
    "import torch\nclass Square(torch.autograd.Function):\n    @staticmethod\n    def forward(ctx, a):\n"
    "        ctx.save_for_backward(a)\n        return a * a\n    @staticmethod\n    def backward(ctx, g):\n"
    "        a, = ctx.saved_tensors\n        a.data.mul_(2 * g)\n        return a.detach()\n"
    "w = torch.ones(2, requires_grad=True)"
)
ARRAY = SQUARE.replace(
    "a.data.mul_(2 * g)\n        return a.detach()",
    "a = a.detach().numpy()\n        a *= 2\n        return g * torch.from_numpy(a)",
)
B2 = "b1, b2 = l1(x), l2(x)\nb2.register_hook({hook})\n"
WRONG = {
    "a hook of a later branch": ([LAYERS, B2.format(hook="damp") + "(b1 + b2).pow(2).sum().backward()"], "g.mul_(0.1)"),
    "one that returns what it wrote": ([LAYERS, B2.format(hook="damped") + "(b2 + b1).pow(2).sum().backward()"], "g *= 0.1"),
    "one that sets items": ([LAYERS, B2.format(hook="cut") + "torch.add(b1, b2).pow(2).sum().backward()"], "g[g < 0] = 0"),
    "a lambda, in another cell": ([LAYERS, B2.format(hook="lambda g: g.mul_(0.1)") + "loss = (b1 + b2).pow(2).sum()", "loss.backward()"], "b2.register_hook(lambda g: g.mul_(0.1))"),
    "through a view": ([LAYERS, B2.format(hook="damp") + "(b1.view(-1) + b2.view(-1)).pow(2).sum().backward()"], "g.mul_(0.1)"),
    "a method, in a module": ([LAYERS, "block(x).pow(2).sum().backward()"], "g.mul_(0.5)"),
    "in a function": ([LAYERS, "train()"], "g.mul_(0.1)"),
    "a callable object": ([LAYERS + "\nshrink = Damp()", B2.format(hook="shrink") + "(b1 + b2).pow(2).sum().backward()"], "g.mul_(0.1)"),
    "a function made by another": ([LAYERS, B2.format(hook="damper(0.1)") + "(b1 + b2).pow(2).sum().backward()"], "g.mul_(by)"),
    "a partial": ([LAYERS + "\nfrom functools import partial", B2.format(hook="partial(damp_by, 0.1)") + "(b1 + b2).pow(2).sum().backward()"], "g.mul_(by)"),
    "a sum of a stack": ([LAYERS, B2.format(hook="damp") + "torch.stack([b1, b2]).sum(0).pow(2).sum().backward()"], "g.mul_(0.1)"),
    "an item of a list": ([LAYERS, "bs = [one(x) for one in (l1, l2)]\nbs[1].register_hook(damp)\n(bs[0] + bs[1]).pow(2).sum().backward()"], "g.mul_(0.1)"),
    "a hook of a module, of another cell": ([LAYERS + "\nl2.register_full_backward_pre_hook(lambda m, g: (g[0].mul_(0.1), None)[1])", "(l1(x) + l2(x)).pow(2).sum().backward()"], "l2.register_full_backward_pre_hook(lambda m, g: (g[0].mul_(0.1), None)[1])"),
    "a Function": ([LAYERS, "(l1(x) + Scale.apply(l2(x))).pow(2).sum().backward()"], "g.mul_(0.1)"),
    "a Function that writes to what it saved": ([SQUARE + "\nh = w.exp()\nloss = Square.apply(h).sum()", "loss.backward()"], "a.data.mul_(2 * g)"),
    "the same in one cell": ([SQUARE, "h = w.exp()\nloss = Square.apply(h).sum()\nloss.backward()"], "a.data.mul_(2 * g)"),
    "the same of what both saved, as an array": ([ARRAY + "\nh = w * 2\nloss = (h * h + Square.apply(h)).sum()", "loss.backward()"], "a *= 2"),
    "the same where others saved it as an input": ([SQUARE + "\nh = w * 2\nk = h * h\nloss = Square.apply(h).sum() + k.sum()", "loss.backward()"], "a.data.mul_(2 * g)"),
}  # fmt: skip
RIGHT = {
    "a hook of the branch that runs last": [LAYERS, "b1, b2 = l1(x), l2(x)\nb1.register_hook(damp)\n(b1 + b2).pow(2).sum().backward()"],
    "a hook that returns another tensor": [LAYERS, B2.format(hook="lambda g: g * 0.1") + "(b1 + b2).pow(2).sum().backward()"],
    "a branch without a gradient": [LAYERS, "b2 = l2(x)\nb2.register_hook(damp)\n(x + b2).pow(2).sum().backward()"],
    "a gradient that nobody shares": [LAYERS, "b2 = l2(x)\nb2.register_hook(damp)\n(b2 * 2 + 1).sum().backward()"],
    "a weighed addition": [LAYERS, B2.format(hook="damp") + "torch.add(b1, b2, alpha=2).pow(2).sum().backward()"],
    "a summed gradient of a smaller operand": [LAYERS, "b1, b2 = l1(x), l2(x).sum(0)\nb2.register_hook(damp)\n(b1 + b2).pow(2).sum().backward()"],
    "a hook that was removed": [LAYERS, "b1, b2 = l1(x), l2(x)\nhandle = b2.register_hook(damp)\nhandle.remove()\n(b1 + b2).pow(2).sum().backward()"],
    "a gradient of two uses": [LAYERS, B2.format(hook="damp") + "((b1 + b2) * b2).sum().backward()"],
    "hooks of parameters": [LAYERS, "for p in l1.parameters():\n    p.register_hook(lambda g: g.clamp_(-1, 1))\nl1(x).sum().backward()"],
    "a Function alone": [LAYERS, "l1(Scale.apply(l2(x))).sum().backward()"],
    "a Function over what nobody else saved": [SQUARE + "\nh = w + 1\nloss = Square.apply(h).sum()", "loss.backward()"],
    "another backward, later": [LAYERS, "b1, b2 = l1(x), l2(x)\nb2.register_hook(damp)\n", "l1(x).sum().backward()"],
}  # fmt: skip


def told(nb: Notebook, cells: Sequence[str]) -> list[dict]:
    for cell in cells:
        report = nb.run(cell)
    return [one for one in report["hazards"] if one["code"] == "TW210"]


def gradients(nb: Notebook) -> list[torch.Tensor]:
    roots = [one for name in ("l1", "l2", "block") if name in nb.ns for one in nb.ns[name].parameters()]
    leaves = [nb.ns["w"]] if "w" in nb.ns else roots
    return [one.grad.clone() for one in leaves if one.grad is not None]


@pytest.mark.parametrize("name", WRONG)
def test_what_was_wrong_is_told_with_its_line_and_its_fix_makes_it_right(name: str):
    cells, line = WRONG[name]
    with Notebook() as nb:
        [hazard] = told(nb, cells)
        wrong = gradients(nb)
    with Notebook(watched=False) as nb:
        for cell in mend(cells, hazard):
            assert nb.cell(cell).error is None
        right = gradients(nb)

    assert ("wrong", True, line) == (hazard["outcome"], hazard["happened"], hazard["written_at"]["inner"]["text"])
    assert not all(map(torch.equal, wrong, right))
    with Notebook() as nb:
        assert [] == told(nb, mend(cells, hazard))


@pytest.mark.parametrize("name", RIGHT)
def test_of_a_backward_that_was_right_nothing_is_told(name: str):
    with Notebook() as nb:
        assert [] == told(nb, RIGHT[name])


def test_it_is_gone_after_the_next_cell():
    with Notebook() as nb:
        assert told(nb, WRONG["in a function"][0])
        assert [] == told(nb, ["1 + 1"])
        assert "over:" not in nb.cell("%tensorwatch history").stdout
