"""A cell that died of a write in place is told which variable, which lines, and the one line that mends it."""

from __future__ import annotations

import gc
import json
import sys
import weakref
from pathlib import Path

import pytest
import torch

from tests.mending import mend
from tests.notebook import Notebook
from tests.story import Story, stories

COMPLAINT = "modified by an inplace operation"

START = "import torch\nfrom torch import nn\nimport torch.nn.functional as F\ntorch.manual_seed(0)\nw = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)\n"


def died_of(nb: Notebook, *cells: str) -> dict:
    """Run cells, the last of which raises; give the hazard that tells why, proven to be told under the traceback."""
    for cell in cells[:-1]:
        nb.run(cell)
    report = nb.run(cells[-1], raises=Exception)
    told = [one for one in report["hazards"] if one["happened"]]
    assert len(told) == 1, report["hazards"]
    assert report["hazards"][0] == told[0]
    said = nb.said[-2] if nb.said[-1] == "" else nb.said[-1]
    for part in (told[0]["message"], told[0]["remedy"]):
        assert part.replace("`", "") in said
    return told[0]


def run_all(cells: list[str], right: str) -> None:
    """Run cells none of which raises, and prove what they come to."""
    with Notebook() as nb:
        for cell in cells:
            nb.run(cell)
        assert bool(eval(right, nb.ns)), right


STOPPED = {
    "through an alias, in another cell": (
        [START + "h = w * 2\nloss = (h * h).sum()", "c = h.detach()\nc[0] = 0", "loss.backward()"],
        "`loss.backward()` raised: `h`, saved by MulBackward0 in cell 1, line 7, was overwritten through `c` in cell 2, line 2: `c[0] = 0`",
        "Write to a copy: `c = c.clone()` before it.",
        "w.grad.tolist() == [8, 16, 24]",
    ),
    "in the cell that saved it": (
        [START + "h = w * 2\nloss = (h * h).sum()\nh.add_(1)\nloss.backward()"],
        "`loss.backward()` raised: `h`, saved by MulBackward0 in cell 1, line 7, was overwritten in cell 1, line 8: `h.add_(1)`",
        "Write out of place: `h = h.add(1)`.",
        "w.grad.tolist() == [8, 16, 24] and h.tolist() == [3, 5, 7]",
    ),
    "not the write before the save": (
        [START + "h = w * 2\nh.add_(1)\nloss = (h * h).sum()\nh *= 2\nloss.backward()"],
        "`loss.backward()` raised: `h`, saved by MulBackward0 in cell 1, line 8, was overwritten in cell 1, line 9: `h *= 2`",
        "Write out of place: `h = h * 2`.",
        "w.grad.tolist() == [12, 20, 28]",
    ),
    "not the write before the save, unseen by autograd": (
        [START + "h = w * 2\nwith torch.no_grad():\n    h.add_(1)\nloss = (h * h).sum()\nwith torch.no_grad():\n    h.zero_()\nloss.backward()"],
        "`loss.backward()` raised: `h`, saved by MulBackward0 in cell 1, line 9, was overwritten in cell 1, line 11: `h.zero_()`",
        "Write to a copy: `h = h.clone()` before it.",
        "w.grad.tolist() == [12, 20, 28]",
    ),
    "the result of an operator": (
        [START + "h = w.exp()\nloss = h.sum()\nh -= 1", "loss.backward()"],
        "`loss.backward()` raised: `h`, saved by ExpBackward0 in cell 1, line 6, was overwritten in cell 1, line 8: `h -= 1`",
        "Write out of place: `h = h - 1`.",
        "torch.equal(w.grad, w.exp())",
    ),
    "another part of the same memory": (
        [START + "h = w * 2\nloss = (h[:2] * h[:2]).sum()\nlast = h[2:]\nlast.zero_()\nloss.backward()"],
        "`loss.backward()` raised: `h`, saved by MulBackward0 in cell 1, line 7, was overwritten through `last` in cell 1, line 9: `last.zero_()`",
        "Write to a copy: `last = last.clone()` before it.",
        "w.grad.tolist() == [8, 16, 0]",
    ),
    "in a loop, a buffer that is filled again": (
        [START + "x = torch.zeros(3)\nloss = 0\nfor i in range(3):\n    x.detach_()\n    x.copy_(w * i)\n    loss = loss + (x * x).sum()\nloss.backward()"],
        "`loss.backward()` raised: `x`, saved by MulBackward0 in cell 1, line 11, was overwritten in cell 1, line 10: `x.copy_(w * i)`",
        "Let it save a copy, in cell 1, line 11: `loss = loss + (x.clone() * x.clone()).sum()`.",
        "w.grad.tolist() == [10, 20, 30]",
    ),
    "in a dict": (
        [START + "state = {'h': w * 2}\nloss = (state['h'] ** 2).sum()", "state['h'] += 1", "loss.backward()"],
        "`loss.backward()` raised: `state['h']`, saved by PowBackward0 in cell 1, line 7, was overwritten in cell 2, line 1: `state['h'] += 1`",
        "Write out of place: `state['h'] = state['h'] + 1`.",
        "w.grad.tolist() == [8, 16, 24]",
    ),
    "in a list, where an item cannot be told from a row": (
        [START + "xs = [w * 2, w * 3]\nloss = (xs[0] * xs[1]).sum()\nxs[1][0] = 5\nloss.backward()"],
        "`loss.backward()` raised: `xs[1]`, saved by MulBackward0 in cell 1, line 7, was overwritten in cell 1, line 8: `xs[1][0] = 5`",
        "Let it save a copy, in cell 1, line 7: `loss = (xs[0] * xs[1].clone()).sum()`.",
        "w.grad.tolist() == [12, 24, 36] and xs[1][0] == 5",
    ),
    "a temporary, bound to another name since": (
        [START + "y = torch.sigmoid(w)\ny += 1\ny = y * 3\ny.sum().backward()"],
        "`y.sum().backward()` raised: a temporary of shape [3], saved by SigmoidBackward0 as its result in cell 1, line 6, was overwritten, likely in cell 1, line 7: `y += 1`",
        "Write out of place: `y = y + 1`.",
        "torch.allclose(w.grad, 3 * w.sigmoid() * (1 - w.sigmoid()))",
    ),
    "in the very statement that saved it": (
        [START + "y = torch.sigmoid(w).add_(1)\ny.sum().backward()"],
        "`y.sum().backward()` raised: `y`, saved by SigmoidBackward0 in cell 1, line 6, was overwritten in cell 1, line 6: `y = torch.sigmoid(w).add_(1)`",
        "Write out of place: `y = torch.sigmoid(w).add(1)`.",
        "torch.allclose(w.grad, w.sigmoid() * (1 - w.sigmoid()))",
    ),
    "local to a function of the notebook": (
        [START + "def train():\n    h = w * 2\n    loss = (h * h).sum()\n    h.add_(1)\n    loss.backward()", "train()"],
        "`loss.backward()` in cell 1, line 10 raised: `h`, local to `train`, saved by MulBackward0 in cell 2, line 1, was overwritten in cell 2, line 1: `train()` → likely cell 1, line 9: `h.add_(1)`",
        "Write out of place in cell 1, line 9: `h = h.add(1)`.",
        "w.grad.tolist() == [8, 16, 24]",
    ),
    "in the forward of a module": (
        [
            START + "class Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n        self.lin = nn.Linear(3, 3)\n    def forward(self, x):\n        y = torch.sigmoid(self.lin(x))\n        y += x\n        return y\nnet = Net()\nx = torch.randn(4, 3)",
            "net(x).sum().backward()",
        ],
        "`net(x).sum().backward()` raised: a temporary of shape [4, 3], saved by SigmoidBackward0 as its result in cell 2, line 1 (likely cell 1, line 11: `y = torch.sigmoid(self.lin(x))`), was overwritten in cell 2, line 1: `net(x).sum().backward()` → likely cell 1, line 12: `y += x`",
        "Write out of place in cell 1, line 12: `y = y + x`.",
        "torch.allclose(net.lin.bias.grad, (lambda s: (s * (1 - s)).sum(0))(torch.sigmoid(net.lin(x))))",
    ),
    "by a module that works in place": (
        [START + "net = nn.Sequential(nn.Linear(3, 3), nn.ReLU(inplace=True), nn.Linear(3, 3), nn.Tanh(), nn.ReLU(inplace=True))\nx = torch.randn(4, 3)\nloss = net(x).sum()\nloss.backward()"],
        "`loss.backward()` raised: a temporary of shape [4, 3], saved by TanhBackward0 as its result in cell 1, line 8, was overwritten after that, likely by `net[4]`, a ReLU with `inplace=True`",
        "Let it leave its input alone: `net[4].inplace = False`.",
        "torch.allclose(net[2].bias.grad, ((lambda t: (1 - t * t) * (t > 0))(torch.tanh(net[2](F.relu(net[0](x)))))).sum(0))",
    ),
    "by a module that works in place, on a variable": (
        [START + "act = nn.ReLU(inplace=True)\ngate = torch.sigmoid(w - 2)\nout = act(gate) + gate\nout.sum().backward()"],
        "`out.sum().backward()` raised: `gate`, saved by SigmoidBackward0 in cell 1, line 7, was overwritten in cell 1, line 8: `out = act(gate) + gate`, likely by `act`, a ReLU with `inplace=True`",
        "Let it leave its input alone: `act.inplace = False`.",
        "torch.allclose(w.grad, 2 * torch.sigmoid(w - 2) * (1 - torch.sigmoid(w - 2)))",
    ),
    "by dropout that works in place": (
        [START + "net = nn.Sequential(nn.Softmax(-1), nn.Dropout(0.5, inplace=True))\nout = net(w)\nout.sum().backward()"],
        "`out.sum().backward()` raised: `out`, saved by SoftmaxBackward0 in cell 1, line 7, was overwritten in cell 1, line 7: `out = net(w)`, likely by `net[1]`, a Dropout with `inplace=True`",
        "Let it leave its input alone: `net[1].inplace = False`.",
        "torch.allclose(w.grad, (lambda s, m: s * (m - (s * m).sum()))(torch.softmax(w, -1), 2.0 * (out != 0)))",
    ),
    "a hidden state that reaches back beyond a step": (
        [START + "cell = nn.RNNCell(2, 3)\nopt = torch.optim.SGD(cell.parameters(), lr=0.1)\nh = torch.zeros(1, 3)\nfor t in range(3):\n    h = cell(torch.ones(1, 2), h)\n    loss = h.sum()\n    opt.zero_grad()\n    loss.backward(retain_graph=True)\n    opt.step()"],
        "`loss.backward(retain_graph=True)` raised: `cell.weight_hh`, saved by AddmmBackward0 in cell 1, line 10, was overwritten in cell 1, line 14: `opt.step()`",
        "Let no round reach back into the one before: `h = h.detach()` before `h = cell(torch.ones(1, 2), h)`.",
        "torch.isfinite(loss) and cell.weight_hh.grad.abs().sum() > 0",
    ),
    "with double backward": (
        [START + "h = w * w\ng, = torch.autograd.grad((h ** 3).sum(), w, create_graph=True)", "h.mul_(2)", "torch.autograd.grad(g.sum(), w)"],
        "`torch.autograd.grad(g.sum(), w)` raised: `h`, saved by PowBackward0 in cell 1, line 7, was overwritten in cell 2, line 1: `h.mul_(2)`",
        "Write out of place: `h = h.mul(2)`.",
        "torch.allclose(torch.autograd.grad((6 * w ** 5).sum(), w)[0], 30 * w ** 4)",
    ),
    "what a custom Function saved": (
        [
            START + "class Square(torch.autograd.Function):\n    @staticmethod\n    def forward(ctx, x):\n        ctx.save_for_backward(x)\n        return x * x\n    @staticmethod\n    def backward(ctx, g):\n        x, = ctx.saved_tensors\n        return 2 * x * g\nh = w * 2\nloss = Square.apply(h).sum()",
            "h += 1\nloss.backward()",
        ],
        "`loss.backward()` raised: `h`, saved by SquareBackward in cell 1, line 16, was overwritten in cell 2, line 1: `h += 1`",
        "Write out of place: `h = h + 1`.",
        "w.grad.tolist() == [8, 16, 24]",
    ),
    "what a checkpoint will compute from again": (
        [START + "from torch.utils.checkpoint import checkpoint\nh = w * 2\nout = checkpoint(lambda x: x * x, h, use_reentrant=False)", "h.add_(1)", "out.sum().backward()"],
        "`out.sum().backward()` raised: `h`, saved by checkpoint, was overwritten in cell 2, line 1: `h.add_(1)`",
        "Write out of place: `h = h.add(1)`.",
        "w.grad.tolist() == [8, 16, 24]",
    ),
    "history taken away in place": (
        [START + "h = w * 2\nloss = (h * h).sum()\nh.detach_()\nloss.backward()"],
        "`loss.backward()` raised: `h`, saved by MulBackward0 in cell 1, line 7, was detached by `detach_` in cell 1, line 8: `h.detach_()`",
        "Bind it anew: `h = h.detach()` for `h.detach_()`.",
        "w.grad.tolist() == [8, 16, 24]",
    ),
    "under %%time": (
        [START, "%%time\nh = w * 2\nloss = (h * h).sum()\nh.add_(1)\nloss.backward()"],
        "`loss.backward()` raised: `h`, saved by MulBackward0 in cell 2, was overwritten in cell 2, line 4: `h.add_(1)`",
        "Write out of place: `h = h.add(1)`.",
        "w.grad.tolist() == [8, 16, 24]",
    ),
    "raised anew as another error": (
        [START + "h = w * 2\nloss = (h * h).sum()\nh.add_(1)", "try:\n    loss.backward()\nexcept RuntimeError as error:\n    raise ValueError('no luck') from error"],
        "`loss.backward()` raised: `h`, saved by MulBackward0 in cell 1, line 7, was overwritten in cell 1, line 8: `h.add_(1)`",
        "Write out of place: `h = h.add(1)`.",
        "w.grad.tolist() == [8, 16, 24]",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", STOPPED)
def test_a_backward_that_stopped_is_explained(name: str):
    cells, message, remedy, _ = STOPPED[name]
    with Notebook() as nb:
        hazard = died_of(nb, *cells)

    assert message == hazard["message"]
    assert remedy == hazard["remedy"]
    assert ("TW201", "raises") == (hazard["code"], hazard["outcome"])


@pytest.mark.parametrize("name", STOPPED)
def test_the_remedy_of_a_backward_that_stopped_mends_it(name: str):
    cells, _, _, right = STOPPED[name]
    with Notebook() as nb:
        hazard = died_of(nb, *cells)

    run_all(mend(cells, hazard), right)
