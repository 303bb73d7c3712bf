"""A cell that died of a write in place is told which variable, which lines, and the one line that mends it."""

from __future__ import annotations

import gc
import re
import sys
from functools import cache
from time import thread_time
from typing import TYPE_CHECKING, Any

import IPython
import pytest
import torch
from IPython.core.interactiveshell import InteractiveShell

from ipy_tensorwatch.shell.ipython.cell_sources import SLOW
from tests.support.mending import mend, type_instead
from tests.support.notebook import Notebook
from tests.support.story import Story, stories

if TYPE_CHECKING:
    from pathlib import Path

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
        assert "".join(part.replace("`", "").split()) in "".join(said.split())  # wherever lines are broken
    return told[0]


@cache
def hazard_of(*cells: str) -> dict:
    """Run cells in a notebook of their own, once for all tests."""
    with Notebook() as nb:
        return died_of(nb, *cells)


def run_all(cells: list[str], right: str) -> None:
    """Run cells none of which raises, and prove what they come to."""
    with Notebook() as nb:
        for cell in cells:
            nb.run(cell)
        assert bool(eval(right, nb.ns)), right


SEEN = "" if sys.version_info >= (3, 12) else "likely "
"""What is said of a line inside a function: Python tells the lines that run since 3.12."""
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
    "a buffer that its batch norm updates before it saves it": (
        [START + "norm = nn.BatchNorm1d(1)\nloss = norm(w[:, None]).pow(3).sum()\nnorm.running_var.fill_(2)\nloss.backward()"],
        "`loss.backward()` raised: `norm.running_var`, saved by NativeBatchNormBackward0 in cell 1, line 7, was overwritten in cell 1, line 8: `norm.running_var.fill_(2)`",
        "Write to a copy: `norm.running_var = norm.running_var.clone()` before it.",
        "norm.running_var.tolist() == [2]",
    ),
    "a buffer in a loop, through another name": (
        [START + "norm = nn.BatchNorm1d(1)\nmean = norm.running_mean", "for turn in range(2):\n    loss = norm(w[:, None]).pow(3).sum()\n    mean.fill_(2)\n    loss.backward()"],
        "`loss.backward()` raised: `mean`, saved by NativeBatchNormBackward0 in cell 2, line 2, was overwritten in cell 2, line 3: `mean.fill_(2)`",
        "Write to a copy: `mean = mean.clone()` before it.",
        "mean.tolist() == [2] and norm.running_mean.tolist() != [2]",
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
        "Let autograd save a copy in cell 1, line 11: `loss = loss + (x.clone() * x.clone()).sum()`.",
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
        "Let autograd save a copy in cell 1, line 7: `loss = (xs[0] * xs[1].clone()).sum()`.",
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
    "the result of one operator that another saved too, where no fix can be tried": (
        [START + "def show(t):\n    t = t.detach()\n    t.add_(1)\n    return t.tolist()\nnoise = torch.randn(3)\nlin, h = nn.Linear(3, 1), torch.tanh(w + noise)\nloss = lin(h).sum()\nrows = show(h)\nloss.backward()"],
        "`loss.backward()` raised: `h`, saved by AddmmBackward0 in cell 1, line 12, was overwritten in cell 1, line 13: `rows = show(h)` → " + SEEN + "cell 1, line 8: `t.add_(1)`",
        "Write out of place in cell 1, line 8: `t = t.add(1)`.",
        "torch.allclose(w.grad, lin.weight[0] * (1 - torch.tanh(w + noise) ** 2))",
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
        "Let the module leave its input unchanged: `net[4].inplace = False`.",
        "torch.allclose(net[2].bias.grad, ((lambda t: (1 - t * t) * (t > 0))(torch.tanh(net[2](F.relu(net[0](x)))))).sum(0))",
    ),
    "by a module that works in place, on a variable": (
        [START + "act = nn.ReLU(inplace=True)\ngate = torch.sigmoid(w - 2)\nout = act(gate) + gate\nout.sum().backward()"],
        "`out.sum().backward()` raised: `gate`, saved by SigmoidBackward0 in cell 1, line 7, was overwritten in cell 1, line 8: `out = act(gate) + gate`, likely by `act`, a ReLU with `inplace=True`",
        "Let the module leave its input unchanged: `act.inplace = False`.",
        "torch.allclose(w.grad, 2 * torch.sigmoid(w - 2) * (1 - torch.sigmoid(w - 2)))",
    ),
    "by dropout that works in place": (
        [START + "net = nn.Sequential(nn.Softmax(-1), nn.Dropout(0.5, inplace=True))\nout = net(w)\nout.sum().backward()"],
        "`out.sum().backward()` raised: `out`, saved by SoftmaxBackward0 in cell 1, line 7, was overwritten in cell 1, line 7: `out = net(w)`, likely by `net[1]`, a Dropout with `inplace=True`",
        "Let the module leave its input unchanged: `net[1].inplace = False`.",
        "torch.allclose(w.grad, (lambda s, m: s * (m - (s * m).sum()))(torch.softmax(w, -1), 2.0 * (out != 0)))",
    ),
    "a hidden state that reaches back beyond a step": (
        [START + "cell = nn.RNNCell(2, 3)\nopt = torch.optim.SGD(cell.parameters(), lr=0.1)\nh = torch.zeros(1, 3)\nfor t in range(3):\n    h = cell(torch.ones(1, 2), h)\n    loss = h.sum()\n    opt.zero_grad()\n    loss.backward(retain_graph=True)\n    opt.step()"],
        "`loss.backward(retain_graph=True)` raised: `cell.weight_hh`, saved by AddmmBackward0 in cell 1, line 10, was overwritten in cell 1, line 14: `opt.step()`",
        "Cut the graph between two rounds: `h = h.detach()` before `h = cell(torch.ones(1, 2), h)`.",
        "torch.isfinite(loss) and cell.weight_hh.grad.abs().sum() > 0",
    ),
    "hidden states that reach back, each of them": (
        [START + "lstm = nn.LSTM(3, 3)\nopt = torch.optim.SGD(lstm.parameters(), lr=0.1)\nh = c = torch.zeros(1, 1, 3)\nfor t in range(3):\n    out, (h, c) = lstm(torch.ones(1, 1, 3), (h, c))\n    loss = out.sum()\n    opt.zero_grad()\n    loss.backward(retain_graph=True)\n    opt.step()"],
        "`loss.backward(retain_graph=True)` raised: `lstm.weight_ih_l0`, saved by MkldnnRnnLayerBackward0 in cell 1, line 10, was overwritten in cell 1, line 14: `opt.step()`",
        "Cut the graph between two rounds: `h, c = h.detach(), c.detach()` before `out, (h, c) = lstm(torch.ones(1, 1, 3), (h, c))`.",
        "torch.isfinite(loss)",
    ),
    "a hidden state in a list": (
        [START + "cell = nn.GRUCell(2, 3)\nopt = torch.optim.SGD(cell.parameters(), lr=0.1)\nstate = [torch.zeros(1, 3)]\nfor t in range(3):\n    state[0] = cell(torch.ones(1, 2), state[0])\n    loss = state[0].sum()\n    loss.backward(retain_graph=True)\n    opt.step()"],
        "`loss.backward(retain_graph=True)` raised: `cell.weight_hh`, saved by AddmmBackward0 in cell 1, line 10, was overwritten in cell 1, line 13: `opt.step()`",
        "Cut the graph between two rounds: `state[0] = state[0].detach()` before `state[0] = cell(torch.ones(1, 2), state[0])`.",
        "torch.isfinite(loss)",
    ),
    "what a function gives back": (
        [START + "def double(x):\n    y = x.exp()\n    return y.mul_(2)", "loss = double(w).sum()\nloss.backward()"],
        "`loss.backward()` raised: a temporary of shape [3], saved by ExpBackward0 as its result in cell 2, line 1 (likely cell 1, line 7: `y = x.exp()`), was overwritten in cell 2, line 1: `loss = double(w).sum()` → likely cell 1, line 8: `return y.mul_(2)`",
        "Write out of place in cell 1, line 8: `return y.mul(2)`.",
        "torch.allclose(w.grad, 2 * w.exp())",
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
        "Assign a new tensor: `h = h.detach()` instead of `h.detach_()`.",
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


if IPython.version_info < (9,):  # there `%%time` shows an error itself, and the cell ends as if there were none
    del STOPPED["under %%time"]
if not hasattr(torch._C._autograd.SavedTensor, "unpack"):  # before PyTorch 2.12, only the engine tells that it was
    del STOPPED["history taken away in place"]


@pytest.mark.parametrize("name", STOPPED)
def test_a_backward_that_stopped_is_explained(name: str):
    cells, message, remedy, _ = STOPPED[name]
    hazard = hazard_of(*cells)

    assert message == hazard["message"]
    assert remedy == hazard["remedy"]
    assert ("TW201", "raises") == (hazard["code"], hazard["outcome"])


def test_a_slow_traceback_does_not_cost_a_fix_its_trial(monkeypatch: pytest.MonkeyPatch):
    """IPython looks once at the file of every module, and there may be thousands."""
    show = InteractiveShell.showtraceback

    def show_slowly(*given: Any, **more: Any) -> None:
        began = thread_time()
        while thread_time() - began < 1.2 * SLOW:
            pass
        show(*given, **more)

    monkeypatch.setattr(InteractiveShell, "showtraceback", show_slowly)
    with Notebook() as nb:
        assert died_of(nb, *STOPPED["through an alias, in another cell"][0])["fix"]["edits"]


@pytest.mark.parametrize("name", STOPPED)
def test_the_remedy_of_a_backward_that_stopped_mends_it(name: str):
    cells, _, _, right = STOPPED[name]
    hazard = hazard_of(*cells)

    run_all(mend(cells, hazard), right)


REFUSED = {
    "a leaf, out of place or unrecorded": (
        "TW204",
        [START + "loss = 0", "w *= 2\nloss = w.sum()\nloss.backward()"],
        "`w *= 2` raised: `w` is a leaf that requires grad: if autograd recorded the write, it would be no leaf any more and get no gradient",
        "Write out of place: `w = w * 2`, so that gradients flow to the old one; or, to change only the values, `with torch.no_grad(): w *= 2`.",
        {"": "not w.is_leaf and w.tolist() == [2, 4, 6]", "with torch.no_grad(): w *= 2": "w.is_leaf and w.tolist() == [2, 4, 6] and w.grad.tolist() == [1, 1, 1]"},
    ),
    "an item of a leaf": (
        "TW204",
        [START, "w[0] = 5\nw.sum().backward()"],
        "`w[0] = 5` raised: `w` is a leaf that requires grad: if autograd recorded the write, it would be no leaf any more and get no gradient",
        "Write to a copy: `w = w.clone()` before it, so that gradients flow to the old one; or, to change only the values, `with torch.no_grad(): w[0] = 5`.",
        {"": "not w.is_leaf and w.tolist() == [5, 2, 3]", "with torch.no_grad(): w[0] = 5": "w.is_leaf and w.tolist() == [5, 2, 3] and w.grad.tolist() == [1, 1, 1]"},
    ),
    "a view of a leaf": (
        "TW204",
        [START + "first = w[:2]", "first.zero_()"],
        "`first.zero_()` raised: `first` is a view of `w`, a leaf that requires grad: if autograd recorded the write, it would be no leaf any more and get no gradient",
        "Write to a copy: `first = first.clone()` before it, so that gradients flow to the old one; or, to change only the values, `with torch.no_grad(): first.zero_()`.",
        {"": "first.tolist() == [0, 0] and w.tolist() == [1, 2, 3]", "with torch.no_grad(): first.zero_()": "w.tolist() == [0, 0, 3]"},
    ),
    "parameters that are updated by hand": (
        "TW204",
        [START + "model = nn.Linear(2, 1)\nmodel(torch.ones(4, 2)).sum().backward()\nold = model.weight.detach().clone()", "for p in model.parameters():\n    p -= 0.1 * p.grad"],
        "`p -= 0.1 * p.grad` raised: `p` (`model.weight`) is a leaf that requires grad: if autograd recorded the write, it would be no leaf any more and get no gradient",
        "Do not let autograd record it: `with torch.no_grad(): p -= 0.1 * p.grad`.",
        {"": "torch.allclose(model.weight, old - 0.1 * 4)"},
    ),
    "parameters that a function updates": (
        "TW204",
        [START + "model = nn.Linear(2, 1)\nmodel(torch.ones(4, 2)).sum().backward()\nold = model.weight.detach().clone()", "def step(parameters, rate):\n    for one in parameters:\n        one.sub_(rate * one.grad)", "step(model.parameters(), 0.1)"],
        "`one.sub_(rate * one.grad)` in cell 2, line 3 raised: `one` (`model.weight`) is a leaf that requires grad: if autograd recorded the write, it would be no leaf any more and get no gradient",
        "Do not let autograd record it in cell 2, line 3: `with torch.no_grad(): one.sub_(rate * one.grad)`.",
        {"": "torch.allclose(model.weight, old - 0.1 * 4)"},
    ),
    "a parameter that forward writes to": (
        "TW204",
        [START + "class Adds(nn.Module):\n    def __init__(self):\n        super().__init__()\n        self.weight = nn.Parameter(torch.zeros(2))\n    def forward(self, x):\n        self.weight.add_(x)\n        return self.weight\nmodel = Adds()", "out = model(torch.ones(2))"],
        "`self.weight.add_(x)` in cell 1, line 11 raised: `self.weight` is a leaf that requires grad: if autograd recorded the write, it would be no leaf any more and get no gradient",
        "Do not let autograd record it in cell 1, line 11: `with torch.no_grad(): self.weight.add_(x)`.",
        {"": "model.weight.tolist() == [1, 1]"},
    ),
    "a leaf under a module that works in place": (
        "TW204",
        [START + "act = nn.ReLU(inplace=True)", "y = act(w)\ny.sum().backward()"],
        "`y = act(w)` raised: `w` is a leaf that requires grad, and a ReLU with `inplace=True` writes to it: if autograd recorded the write, it would be no leaf any more and get no gradient",
        "Make the ReLU without `inplace=True`, or pass it a copy: `y = act(w.clone())`.",
        {"": "w.grad.tolist() == [1, 1, 1]"},
    ),
    "a leaf under a function that works in place": (
        "TW204",
        [START, "y = F.relu(w, inplace=True)\ny.sum().backward()"],
        "`y = F.relu(w, inplace=True)` raised: `w` is a leaf that requires grad: if autograd recorded the write, it would be no leaf any more and get no gradient",
        "Write out of place: `y = F.relu(w)`.",
        {"": "w.grad.tolist() == [1, 1, 1]"},
    ),
    "a leaf that a function has another name for": (
        "TW204",
        [START + "def clear(x):\n    x.zero_()", "clear(w)"],
        "`x.zero_()` in cell 1, line 7 raised: `x` (`w`) is a leaf that requires grad: if autograd recorded the write, it would be no leaf any more and get no gradient",
        "Write to a copy: `x = x.clone()` before it in cell 1, line 7, so that gradients flow to the old one; or, to change only the values, `with torch.no_grad(): x.zero_()`.",
        {"with torch.no_grad(): x.zero_()": "w.tolist() == [0, 0, 0]"},
    ),
    "rows in a comprehension": (
        "TW204",
        [START + "x = torch.stack([w, w]) * 1", "total = [row.mul_(2).sum() for row in x]\nx.sum().backward()"],
        "`total = [row.mul_(2).sum() for row in x]` raised: `row` is one of several views of `x` that `unbind` returned together, and autograd does not allow a write to one of them",
        "Take the rows by their index: `total = [x[i].mul_(2).sum() for i in range(len(x))]`.",
        {"": "w.grad.tolist() == [4, 4, 4]"},
    ),
    "rows in a comprehension of a function": (
        "TW204",
        [START + "x = torch.stack([w, w]) * 1", "def f(x):\n    return [row.mul_(k) for row, k in zip(x, [2, 3])]\nf(x)\nx.sum().backward()"],
        "`return [row.mul_(k) for row, k in zip(x, [2, 3])]` in cell 2, line 2 raised: `row` is one of several views of `x` that `unbind` returned together, and autograd does not allow a write to one of them",
        "Take the rows by their index: `return [x[i].mul_(k) for i, k in zip(range(len(x)), [2, 3])]`.",
        {},
    ),
    "rows of a leaf": (
        "TW204",
        [START + "m = nn.Linear(3, 2)\nold = m.weight.detach().clone()", "for row in m.weight:\n    row.mul_(2)"],
        "`row.mul_(2)` raised: `row` is one of several views of `m.weight` that `unbind` returned together, and autograd does not allow a write to one of them",
        "Do not let autograd record it: `with torch.no_grad(): row.mul_(2)`.",
        {"": "torch.equal(m.weight, 2 * old)"},
    ),
    "a leaf that a custom Function marks as written": (
        "TW204",
        [START + "class Double(torch.autograd.Function):\n    @staticmethod\n    def forward(ctx, x):\n        x.mul_(2)\n        ctx.mark_dirty(x)\n        return x\n    @staticmethod\n    def backward(ctx, g):\n        return 2 * g", "y = Double.apply(w)\ny.sum().backward()"],
        "`y = Double.apply(w)` raised: `w` is a leaf that requires grad: if autograd recorded the write, it would be no leaf any more and get no gradient",
        "Pass it a copy: `y = Double.apply(w.clone())`.",
        {"": "w.grad.tolist() == [2, 2, 2] and y.tolist() == [2, 4, 6]"},
    ),
    "a row that a loop takes": (
        "TW204",
        [START + "x = torch.stack([w, w]) * 1", "for row, s in zip(x, (2, 3)):\n    row.mul_(s)\nx.sum().backward()"],
        "`row.mul_(s)` raised: `row` is one of several views of `x` that `unbind` returned together, and autograd does not allow a write to one of them",
        "Take the rows by their index: `for i, s in zip(range(len(x)), (2, 3)):`, and `x[i]` for `row`.",
        {"": "x.tolist() == [[2, 4, 6], [3, 6, 9]] and w.grad.tolist() == [5, 5, 5]"},
    ),
    "a row that a loop in a function takes": (
        "TW204",
        [START + "x = torch.stack([w, w]) * 1\ndef scale(rows):\n    for row in rows:\n        row.mul_(2)", "scale(x)\nx.sum().backward()"],
        "`row.mul_(2)` in cell 1, line 9 raised: `row` is one of several views of `rows` that `unbind` returned together, and autograd does not allow a write to one of them",
        "Take the rows by their index: `for i in range(len(rows)):`, and `rows[i]` for `row`.",
        {"": "w.grad.tolist() == [4, 4, 4]"},
    ),
    "one of two halves": (
        "TW204",
        [START + "h = torch.cat([w, w])\na, b = h.chunk(2)", "a.mul_(2)\ntotal = a.sum() + b.sum()\ntotal.backward()"],
        "`a.mul_(2)` raised: `a` is one of several views of `h` that `split` returned together, and autograd does not allow a write to one of them",
        "Write out of place: `a = a.mul(2)`; to change `h` too, `a = h[0:3]` before it.",
        {"": "total == 18 and w.grad.tolist() == [3, 3, 3]"},
    ),
    "one of two halves, and the whole with it": (
        "TW204",
        [START + "h = torch.cat([w, w])\na, b = h.chunk(2)", "a.mul_(2)\nh.sum().backward()"],
        "`a.mul_(2)` raised: `a` is one of several views of `h` that `split` returned together, and autograd does not allow a write to one of them",
        "Write out of place: `a = a.mul(2)`; to change `h` too, `a = h[0:3]` before it.",
        {"a = h[0:3]": "h.tolist() == [2, 4, 6, 1, 2, 3] and w.grad.tolist() == [3, 3, 3]"},
    ),
    "one of several pieces in a tuple": (
        "TW204",
        [START + "h = torch.stack([w, w]) * 1\nparts = h.split(1, dim=1)", "parts[1].mul_(2)\nh.sum().backward()"],
        "`parts[1].mul_(2)` raised: `parts[1]` is one of several views of `h` that `split` returned together, and autograd does not allow a write to one of them",
        "Write through `h` itself, and take the views again after it: `h[:, 1:2].mul_(2)`.",
        {"": "h.tolist() == [[1, 4, 3], [1, 4, 3]] and w.grad.tolist() == [2, 4, 2]"},
    ),
    "a row that cannot be used since the whole was written": (
        "TW204",
        [START + "h = torch.stack([w, w]) * 1\na, b = h.unbind(0)", "h.add_(1)", "y = (a * 2).sum()\ny.backward()"],
        "`y = (a * 2).sum()` raised: `a`, one of several views of `h` that `unbind` returned together, cannot be used any more: its memory was written to in cell 2, line 1: `h.add_(1)`",
        "Take it again after the write: `a = h[0]` before it.",
        {"": "y == 18 and w.grad.tolist() == [2, 2, 2]"},
    ),
    "a view made under no_grad": (
        "TW204",
        [START + "h = w * 2\nwith torch.no_grad():\n    v = h.view(-1)", "v.add_(1)"],
        "`v.add_(1)` raised: `v` is a view of `h` made under no_grad, so autograd cannot tell whether to record the write",
        "Write out of place: `v = v.add(1)`; to record it, make the view with grad mode on.",
        {"": "v.tolist() == [3, 5, 7] and h.tolist() == [2, 4, 6]"},
    ),
    "a view of a leaf made under no_grad": (
        "TW204",
        [START + "with torch.no_grad():\n    v = w[:2]", "v.add_(1)\nw.sum().backward()"],
        "`v.add_(1)` raised: `v` is a view of `w` made under no_grad, so autograd cannot tell whether to record the write",
        "As for its view, do not let autograd record it: `with torch.no_grad(): v.add_(1)`.",
        {"": "w.tolist() == [2, 3, 3] and w.grad.tolist() == [1, 1, 1]"},
    ),
    "a view made under no_grad that cannot be used any more": (
        "TW204",
        [START + "h = w * 2\nwith torch.no_grad():\n    v = h.view(-1)\nh.add_(1)", "y = v + 1"],
        "`y = v + 1` raised: `v`, a view of `h` made under no_grad, cannot be used any more: its memory was written to in cell 1, line 9: `h.add_(1)`",
        "Use it without its graph, as when it was made: `v = v.detach()` before it.",
        {"": "y.tolist() == [4, 6, 8] and not y.requires_grad"},
    ),
    "a view made in inference mode": (
        "TW204",
        [START + "h = w * 2\nwith torch.inference_mode():\n    v = h.view(-1)", "v.add_(1)"],
        "`v.add_(1)` raised: `v` is a view of `h` made in inference mode, and cannot be written to outside of that mode",
        "Write out of place: `v = v.add(1)`; to record it, make the view with grad mode on.",
        {"": "v.tolist() == [3, 5, 7] and h.tolist() == [2, 4, 6]"},
    ),
    "a tensor made in inference mode, which is written all the same": (
        "TW204",
        [START, "with torch.inference_mode():\n    y = torch.ones(3)", "y.add_(1)"],
        "`y.add_(1)` raised: `y` was made in inference mode, and may be written to only in that mode; its values have changed nevertheless",
        "Write out of place: `y = y.add(1)`, and compute `y` again first.",
        {"": "y.tolist() == [2, 2, 2]"},
    ),
    "a view that a full backward hook gave": (
        "TW204",
        [START + "net = nn.Sequential(nn.Linear(3, 3), nn.ReLU(inplace=True))\nnet[0].register_full_backward_hook(lambda *_: None)", "net(w).sum().backward()"],
        "`net(w).sum().backward()` raised: what it writes to is a view that a module with a full backward hook gave, and a ReLU with `inplace=True` writes to it, and the write would bypass the hook",
        "Make the ReLU without `inplace=True`.",
        {},
    ),
    "a view that a custom Function returned": (
        "TW204",
        [START + "class Flat(torch.autograd.Function):\n    @staticmethod\n    def forward(ctx, x):\n        return x.view(-1)\n    @staticmethod\n    def backward(ctx, g):\n        return g\nh = w * 2", "v = Flat.apply(h)\nv.add_(1)\nv.sum().backward()"],
        "`v.add_(1)` raised: `v` is a view of `h` that a custom Function returned, and the write would bypass the Function's backward",
        "Write out of place: `v = v.add(1)`.",
        {"": "v.tolist() == [3, 5, 7] and w.grad.tolist() == [2, 2, 2]"},
    ),
    "a view that is to lose its history": (
        "TW204",
        [START + "h = w * 2\nv = h[0]", "v.detach_()"],
        "`v.detach_()` raised: `v` is a view of `h`, which has the history of its base",
        "Assign a new tensor: `v = v.detach()`.",
        {"": "not v.requires_grad and v == 2"},
    ),
    "out= under autograd": (
        "TW204",
        [START + "h = w * 2", "torch.add(h, 1, out=h)\nh.sum().backward()"],
        "`torch.add(h, 1, out=h)` raised: autograd does not record what is written by `out=`, and one of the tensors requires grad",
        "Assign its result: `h = torch.add(h, 1)`.",
        {"": "h.tolist() == [3, 5, 7] and w.grad.tolist() == [2, 2, 2]"},
    ),
    "an expanded tensor": (
        "TW206",
        [START + "eye = torch.eye(4)\nshift = torch.ones(2, 3)", "a0 = eye.view(1, 4, 4).expand(2, 4, 4)", "a0[:, 0:3, 3] = shift"],
        "`a0[:, 0:3, 3] = shift` raised: `a0` was expanded from `eye`, so its 2 slices along dimension 0 are the same memory",
        "Write to a copy: `a0 = a0.clone()` before it.",
        {"": "a0[:, :3, 3].eq(1).all() and a0[:, :, :3].eq(torch.eye(4)[:, :3]).all() and eye.equal(torch.eye(4))"},
    ),
    "an expanded tensor in a function": (
        "TW206",
        [START + "def shifted(rows):\n    grid = torch.zeros(3).expand(rows, 3)\n    grid += 1\n    return grid", "out = shifted(2)"],
        "`grid += 1` in cell 1, line 8 raised: `grid` was expanded, so its 2 slices along dimension 0 are the same memory",
        "Write to a copy: `grid = grid.clone()` before it in cell 1, line 8.",
        {"": "out.tolist() == [[1, 1, 1], [1, 1, 1]]"},
    ),
    "a shift onto itself": (
        "TW206",
        [START + "x = torch.arange(5.0)", "x[1:] = x[:-1]"],
        "`x[1:] = x[:-1]` raised: it would read elements of `x` after it has overwritten them",
        "Read from a copy: `x[1:] = x[:-1].clone()`.",
        {"": "x.tolist() == [0, 0, 1, 2, 3]"},
    ),
    "a shift through an alias": (
        "TW206",
        [START + "x = torch.arange(5.0)\nold = x[:-1]", "x[1:].add_(old)"],
        "`x[1:].add_(old)` raised: it would read elements of `x` after it has overwritten them",
        "Read from a copy: `old = old.clone()` before it.",
        {"": "x.tolist() == [0, 1, 3, 5, 7]"},
    ),
    "a shift by out=": (
        "TW206",
        [START + "x = torch.arange(5.0)", "torch.mul(x[1:], 2, out=x[:-1])"],
        "`torch.mul(x[1:], 2, out=x[:-1])` raised: it would read elements of `x` after it has overwritten them",
        "Read from a copy: `torch.mul(x[1:].clone(), 2, out=x[:-1])`.",
        {"": "x.tolist() == [2, 4, 6, 8, 4]"},
    ),
}  # fmt: skip


if sys.version_info < (3, 11):  # which part of a line was running is not known there
    del REFUSED["rows in a comprehension"], REFUSED["rows in a comprehension of a function"]


@pytest.mark.parametrize("name", REFUSED)
def test_a_write_that_was_refused_is_explained(name: str):
    code, cells, message, remedy, _ = REFUSED[name]
    hazard = hazard_of(*cells)

    assert message == hazard["message"]
    assert remedy == hazard["remedy"]
    assert (code, "raises") == (hazard["code"], hazard["outcome"])


@pytest.mark.parametrize(("name", "choice"), [(name, choice) for name, case in REFUSED.items() for choice in case[4]])
def test_the_remedy_of_a_write_that_was_refused_mends_it(name: str, choice: str):
    _, cells, _, _, right = REFUSED[name]
    hazard = hazard_of(*cells)

    is_before = f"`{choice}` before it" in hazard["remedy"]
    mended = type_instead(cells, hazard, choice, is_before=is_before) if choice else mend(cells, hazard)
    run_all(mended, right[choice])


BUGS = {
    "detached_copy_is_zeroed": ("plain.zero_()", "`act`", "SigmoidBackward0"),
    "critic_steps_between_two_backwards": ("step_critic.step()", "`critic[2].weight`", "AddmmBackward0"),
    "embedding_max_norm_writes_in_forward": ("some = table(picks) @ mix.t()", "`table.weight`", "MmBackward0"),
    "buffer_refilled_in_a_function": ("total = accumulate(total * 1)", "`slot`", "MulBackward0"),
    "encoder_column_overwritten_while_decoding": ("memory[0][:, :, column] = memory[0][:, :, column] * 0.5", "`memory[0]`", "BmmBackward0"),
    "expanded_matrix_refuses_a_write": ("batch[:, :2, 2] = shift", "`batch`", None),
    "unbind_rows_scaled_in_place": ("plane.mul_(factor)", "`plane`", "UnbindBackward0"),
}  # fmt: skip


@pytest.mark.parametrize("story", [one for one in stories("bugs") if one.id in BUGS])
def test_bugs_that_people_met_are_explained_and_mended(story: Story):
    line, name, op = BUGS[story.name]
    cells: list[str] = []
    with Notebook() as nb:
        for cell in story.cells:
            cells.append(cell.source)
            if cell.raises:
                hazard = died_of(nb, *cells[-1:])
                break
            nb.run(cell.source)

    assert (line, op) == (hazard["written_at"]["text"], hazard["op"])
    assert f"raised: {name}" in hazard["message"]
    if line != "step_critic.step()":
        run_all(mend(cells, hazard), "True")


def test_the_remedy_of_a_step_between_two_backwards_mends_it():
    setting = (
        START
        + "net = nn.Sequential(nn.Linear(3, 2), nn.Tanh(), nn.Linear(2, 1))\nopt = torch.optim.SGD(net.parameters(), lr=0.1)"
    )
    losses = "first = net(w).sum()\nsecond = net(2 * w).sum()"
    with Notebook() as nb:
        hazard = died_of(nb, setting, losses, "first.backward()\nopt.step()", "second.backward()")

    assert (
        "`net[2].weight`, saved by AddmmBackward0 in cell 2, line 2, was overwritten in cell 3, line 2"
        in hazard["message"]
    )
    assert hazard["remedy"] == "Compute `second` again after `opt.step()`."
    run_all([setting, losses, "first.backward()\nsecond.backward()\nopt.step()"], "w.grad is not None")
    run_all(
        [setting, losses, "first.backward()\nopt.step()", "second = net(2 * w).sum()\nsecond.backward()"],
        "w.grad is not None",
    )


@pytest.mark.parametrize(
    "cell",
    [
        "w @ torch.ones(5)",
        "1 / 0",
        "raise RuntimeError('no')",
        "raise RuntimeError(7)",
        "torch.ones(3).backward()",
        "w.numpy()",
        "raise KeyboardInterrupt",
        "def",
    ],
)
def test_other_errors_are_not_explained(cell: str):
    with Notebook() as nb:
        nb.run(START)
        nb.cell(cell)

        assert nb.report()["hazards"] == []
        assert "TW2" not in "".join(nb.said)


def test_an_error_that_the_cell_caught_is_not_explained():
    with Notebook() as nb:
        report = nb.run(START + "try:\n    w.add_(1)\nexcept RuntimeError:\n    pass")

        assert report["hazards"] == []


def test_it_is_over_with_the_cell_where_nothing_is_left_to_fail():
    with Notebook() as nb:
        died_of(nb, START, "w.add_(1)")

        assert nb.run("1 + 1")["hazards"] == []
        assert nb.said[-1] == ""


def test_what_was_foretold_is_told_once_more_when_it_happens_and_not_after():
    with Notebook() as nb:
        nb.run(START + "h = w * 2\nloss = (h * h).sum()")
        counts = [len(nb.run(cell)["hazards"]) for cell in ("h.add_(1)", "1")]
        counts += [len(nb.run("loss.backward()", raises=RuntimeError)["hazards"]), len(nb.run("2")["hazards"])]
        said = ["will raise" in one or "raised" in one for one in nb.said]

        assert counts == [1, 1, 1, 1]
        assert said == [False, True, False, True, False]
        assert ("will raise" in nb.said[1], "loss.backward() raised" in nb.said[3]) == (True, True)


def test_it_is_said_each_time_that_it_happens():
    with Notebook() as nb:
        died_of(nb, START + "h = w * 2\nloss = (h * h).sum()\nh.add_(1)", "loss.backward()")
        died_of(nb, "loss.backward()")


def test_a_failure_in_the_cell_that_saved_is_not_said_again_after_the_next():
    with Notebook() as nb:
        died_of(nb, START + "h = w * 2\nloss = (h * h).sum()\nh.add_(1)\nloss.backward()")

        assert ["raises"] == [one["outcome"] for one in nb.run("1")["hazards"] if not one["happened"]]
        assert nb.said[-1] == ""


def test_tensordiff_tells_the_line_that_wrote_where_no_variable_leads():
    net = (
        START
        + "class Net(nn.Module):\n    def forward(self, x):\n        y = torch.sigmoid(x * 2)\n        v = y.view(-1)\n"
        "        u = v.detach()\n        u.mul_(2)\n        k = torch.zeros(3)\n        k.add_(u)\n        v.data.add_(1)\n        return y.sum()\nnet = Net()"
    )
    with Notebook() as nb:
        blind = died_of(nb, net, "net(w).backward()")
        nb.cell("%%tensordiff\nnet(w).backward()")
        [seen] = nb.report()["hazards"]
        nb.run("%%tensordiff\nloss = net(w)")
        later = died_of(nb, "loss.backward()")

    assert "under `%%tensordiff`" in blind["remedy"]
    for hazard in (seen, later):
        assert {"cell": 1, "line": 11, "text": "u.mul_(2)"} == hazard["written_at"]["inner"]
        assert hazard["remedy"] == "Write out of place in cell 1, line 11: `u = u.mul(2)`."


def test_a_trainer_in_a_file_is_told_by_file_and_line(tmp_path: Path):
    (tmp_path / "our_trainer.py").write_text(
        "class Trainer:\n    def fit(self, w):\n        h = w * 2\n        loss = (h * h).sum()\n        h.add_(1)\n"
        "        loss.backward()\n\n    def step(self, parameters):\n        for p in parameters:\n            p.add_(p.grad, alpha=-1)\n"
    )
    with Notebook() as nb:
        setting = (
            START
            + f"import sys; sys.path.insert(0, {str(tmp_path)!r})\nfrom our_trainer import Trainer; del sys.path[0]\nmodel = nn.Linear(2, 1)"
        )
        fit = died_of(nb, setting, "Trainer().fit(w)")
        step = died_of(nb, "model(torch.ones(2)).backward()\nTrainer().step(model.parameters())")
    del sys.modules["our_trainer"]

    assert (
        "`loss.backward()` in our_trainer.py, line 6 raised: `h`, local to `fit`, saved by MulBackward0 in cell 2, line 1, was overwritten "
        "in cell 2, line 1: `Trainer().fit(w)` → likely our_trainer.py, line 5: `h.add_(1)`"
    ) == fit["message"]
    assert fit["remedy"] == "Write out of place in our_trainer.py, line 5: `h = h.add(1)`."
    assert step["message"].startswith(
        "`p.add_(p.grad, alpha=-1)` in our_trainer.py, line 10 raised: `p` (`model.weight`) is a leaf"
    )
    assert (
        step["remedy"]
        == "Do not let autograd record it in our_trainer.py, line 10: `with torch.no_grad(): p.add_(p.grad, alpha=-1)`."
    )


def test_another_threads_numbers_are_not_taken_for_ours():
    with Notebook() as nb:
        hazard = died_of(
            nb,
            START + "from concurrent.futures import ThreadPoolExecutor",
            "def work():\n    h = w * 2\n    loss = (h * h).sum()\n    h.add_(1)\n    loss.backward()",
            "with ThreadPoolExecutor(1) as pool:\n    pool.submit(work).result()",
        )

    assert (
        "`loss.backward()` in cell 2, line 5 raised: `h`, local to `work`, saved by MulBackward0, was overwritten, likely in cell 2, line 4: `h.add_(1)`"
        == hazard["message"]
    )


def test_hooks_and_checkpoints_are_not_run():
    with Notebook() as nb:
        nb.run(
            START
            + "from torch.utils.checkpoint import checkpoint\nran = []\ndef body(x):\n    ran.append(1)\n    return (x * x).exp()\n"
            "h = w * 2\nout = checkpoint(body, h, use_reentrant=False)\n"
            "with torch.autograd.graph.saved_tensors_hooks(lambda x: x, lambda x: ran.append(2) or x):\n    more = h * h\n"
            "h.register_hook(lambda g: ran.append(3))\nk = w * 3\nloss = out.sum() + more.sum() + (k * k).sum()\nk.add_(1)"
        )
        with_us, ran = died_of(nb, "ran.clear()\nloss.backward()"), list(nb.ns["ran"])

    assert "`k`, saved by MulBackward0" in with_us["message"]
    assert ran == []


DYING = {
    "in the cell": "h = w * 2\nloss = (h * h).sum()\nh.add_(1)\nloss.backward()",
    "in a function": "def train():\n    h = w * 2\n    loss = (h * h).sum()\n    h.add_(1)\n    loss.backward()\ntrain()",
    "in a module": "nn.Sequential(nn.Sigmoid(), nn.ReLU(inplace=True))(w).sum().backward()",
    "refused": "w.add_(1)",
    "refused in a function": "def scale(x):\n    for row in x:\n        row.mul_(2)\nscale(torch.stack([w, w]))",
    "raised anew": "try:\n    w.add_(1)\nexcept RuntimeError as error:\n    raise ValueError('no') from error",
}


@pytest.mark.parametrize("name", DYING)
def test_the_traceback_stays_as_it_is(name: str):
    shown = []
    for watched in (False, True):
        with Notebook(watched=watched, tracebacks="Context") as nb:
            nb.cell(START)
            shown.append(nb.cell(DYING[name]).stdout)
    if sys.version_info < (3, 11):  # where a line's part is guessed from its bytecode, and its colour with it
        shown = [re.sub(r"\x1b\[[\d;]*m", "", one) for one in shown]

    assert shown[1].startswith(shown[0].rstrip("\n"))
    assert shown[1][len(shown[0].rstrip("\n")) :].lstrip().startswith("tensorwatch  [2]  1 hazard")


def forget_error(nb: Notebook) -> None:
    """Let go of the last error wherever Python and IPython keep it, as the next one would."""
    for name in ("last_type", "last_value", "last_traceback", "last_exc"):
        vars(sys).pop(name, None)
    nb.shell.last_execution_result = None
    nb.last = None
    for one in (nb.shell.InteractiveTB, nb.shell.SyntaxTB):
        for name in ("tb", "etype", "evalue"):
            if hasattr(one, name):
                setattr(one, name, None)
    gc.collect()


@pytest.mark.parametrize("watched", [False, True])
@pytest.mark.parametrize("under", ["", "%%tensordiff\n"])
def test_nothing_of_a_failure_is_kept_alive(watched: bool, under: str):
    cell = (
        "import weakref\nprobe = []\nclass Net(nn.Module):\n    def forward(self, x):\n        y = torch.sigmoid(x)\n"
        "        probe.append(weakref.ref(y.untyped_storage()))\n        y.add_(1)\n        return y.sum()\n"
        "def train():\n    h = w * 2\n    net = Net()\n    probe.extend([weakref.ref(h.untyped_storage()), weakref.ref(net)])\n    loss = net(h)\n    loss.backward()\n"
        "def refuse():\n    big = torch.ones(3).expand(2, 3)\n    probe.append(weakref.ref(big.untyped_storage()))\n    big.add_(1)"
    )
    with Notebook(watched=watched, tracebacks="Context") as nb:
        nb.cell(START + cell)
        for call in ("train()", "refuse()"):
            error = nb.cell(under * watched + call).error
            assert isinstance(error, RuntimeError)
            del error
            forget_error(nb)

        assert [None] * 4 == [one() for one in nb.ns["probe"]]


@pytest.mark.parametrize("watched", [False, True])
def test_frames_that_the_user_clears_let_go(watched: bool):
    with Notebook(watched=watched) as nb:
        nb.shell.run_line_magic("xmode", "Minimal")  # the others read the names of frames themselves
        nb.cell(
            START
            + "import weakref, sys, traceback\nprobe = []\ndef train():\n    h = w * 2\n    probe.append(weakref.ref(h.untyped_storage()))\n    loss = (h * h).sum()\n    h.add_(1)\n    loss.backward()"
        )
        assert isinstance(nb.cell("train()").error, RuntimeError)
        nb.cell("traceback.clear_frames(sys.last_value.__traceback__)")
        gc.collect()

        assert nb.ns["probe"][0]() is None


def test_the_names_that_a_function_has_handed_out_stay():
    with Notebook() as nb:
        nb.run(
            START
            + "kept = []\ndef train():\n    h = w * 2\n    kept.append(locals())\n    loss = (h * h).sum()\n    h.add_(1)\n    loss.backward()"
        )
        died_of(nb, "train()")

        assert "h" in nb.ns["kept"][0]


def test_a_write_and_an_error_in_a_generator():
    with Notebook() as nb:
        hazard = died_of(
            nb,
            START
            + "def steps():\n    h = w * 2\n    loss = (h * h).sum()\n    yield 1\n    h.add_(1)\n    yield 2\n    loss.backward()",
            "for _ in steps():\n    pass",
        )

    assert "`h`, local to `steps`, saved by MulBackward0 in cell 2, line 1, was overwritten" in hazard["message"]
    assert hazard["remedy"] == "Write out of place in cell 1, line 10: `h = h.add(1)`."


def test_a_backward_from_an_edge_of_the_graph():
    with Notebook() as nb:
        nb.run(
            START
            + "from torch.autograd.graph import GradientEdge\nh = w * 2\ny = h * h\nedge = GradientEdge(y.grad_fn, 0)\ndel y"
        )
        hazard = died_of(nb, "h.add_(1)", "torch.autograd.backward(edge, torch.ones(3))")

    assert (
        "`h`, saved by MulBackward0 in cell 1, line 8, was overwritten in cell 2, line 1: `h.add_(1)`"
        in hazard["message"]
    )


HOSTILE = """
class Shout(RuntimeError):
    def __str__(self): ran.append("str"); raise SystemExit
    def __repr__(self): ran.append("repr"); raise SystemExit
    __cause__ = property(lambda self: ran.append("cause"))
    __context__ = property(lambda self: ran.append("context"))
    args = property(lambda self: ran.append("args"))
    __traceback__ = property(lambda self: ran.append("traceback"))
class Names(dict):
    def __getitem__(self, key):
        if key == "odd": ran.append("item")
        return dict.__getitem__(self, key)
class Meta(type):
    @classmethod
    def __prepare__(cls, name, bases): return Names()
class Row(list):
    def __iter__(self): ran.append("iter"); return list.__iter__(self)
    def __getattr__(self, name): ran.append(name); raise ValueError
ran = []
"""


@pytest.mark.parametrize(
    "cell",
    [
        "try:\n    w.add_(1)\nexcept RuntimeError as error:\n    raise KeyError(1) from error",
        "def body():\n    class Inner(metaclass=Meta):\n        odd = Row([w])\n        w.add_(1)\nbody()",
        "def f(row):\n    row[0].add_(1)\nf(Row([w]))",
        "error = RuntimeError('a leaf Variable that requires grad is being used in an in-place operation.')\nerror.__cause__ = error\nraise error",
        "exec('w.add_(1)')",
        "exec('def g(): w.add_(1)\\ng()')",
        "(lambda x: [one.add_(1) for one in [x]])(w)",
        "eval('w.add_(1)')",
    ],
)
def test_hostile_frames_and_errors_are_read_without_running_them(cell: str):
    with Notebook(tracebacks="Context") as nb:
        nb.run(START + HOSTILE)
        outcome = nb.cell(cell)
        ran = list(nb.ns["ran"])

        assert outcome.error is not None
        assert ran == []
        assert [one["code"] for one in nb.report()["hazards"] if one["happened"]] == ["TW204"]
        assert "went wrong" not in nb.status()


def test_an_error_of_the_users_own_class_is_asked_for_nothing_more():
    asked = []
    for watched in (False, True):
        with Notebook(watched=watched) as nb:
            nb.cell(START + HOSTILE)
            nb.cell("raise Shout('a leaf Variable that requires grad is being used in an in-place operation.')")
            asked.append(nb.ns["ran"])

    assert asked[0] == asked[1]


def test_a_large_graph_is_searched_in_a_moment():
    with Notebook() as nb:
        hazard = died_of(
            nb,
            START
            + "y = w\nfor _ in range(20_000):\n    y = y.sin()\nh = w * 2\nloss = (h * h).sum() + y.sum()\nh.add_(1)",
            "loss.backward()",
        )
        cell = nb.report()["cell"]

    assert "`h`, saved by MulBackward0 in cell 1, line 10" in hazard["message"]
    assert cell["overhead"] < 2


def test_anomaly_mode_says_other_words_and_is_understood():
    with Notebook() as nb:
        nb.run(START + "h = w * 2\nloss = (h * h).sum()\nh.add_(1)")
        with torch.autograd.set_detect_anomaly(True):
            nb.cell("loss.backward()")
        [hazard] = nb.report()["hazards"]

    assert hazard["message"].startswith("`loss.backward()` raised: `h`, saved by MulBackward0 in cell 1, line 7")


def test_results_stay_the_same_and_no_number_of_a_node_is_used_up():
    numbers = []
    for watched in (False, True):
        with Notebook(watched=watched) as nb:
            nb.cell(
                START
                + "h = torch.stack([w, w]) * 1\nv = h[0]\na, b = h.unbind(0)\nloss = (v * v).sum()\nh.add_(1)\nstart = torch.autograd._get_sequence_nr()"
            )
            for cell in ("loss.backward()", "a + 1", "v.detach_()", "w.add_(1)"):
                assert nb.cell(cell).error is not None
            nb.cell("used = torch.autograd._get_sequence_nr() - start")
            numbers.append(nb.ns["used"])

    assert numbers[0] == numbers[1]
