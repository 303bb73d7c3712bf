"""What a hook keeps without a copy, and what its caller then writes to, is told; what it keeps otherwise is not."""

from __future__ import annotations

import re
import sys

import pytest

from tests.support.mending import apply_fix
from tests.support.notebook import Notebook

SETTING = "import torch\nfrom torch import nn\nkept, acts = [], {}\n"
KEEP = "def keep(module, args, out):\n    kept.append(out.detach())\n"
NAMED = "def keep(name):\n    def hook(module, args, out):\n        acts[name] = out.detach()\n    return hook\n"
WRITING = "net = nn.Sequential(nn.Linear(3, 3), nn.ReLU(inplace=True), nn.Linear(3, 1))\n"
RESIDUAL = "class Block(nn.Module):\n    def __init__(self):\n        super().__init__()\n        self.f = nn.Linear(3, 3)\n    def forward(self, x):\n        h = self.f(x)\n        h += x\n        return h\nnet = Block()\n"
TENSOR = "def keep(g):\n    kept.append(g.detach())\n    g.mul_(0.1)\nw = torch.ones(3, requires_grad=True)\n"
CALL = "y = net(torch.ones(2, 3))"
DATA = KEEP.replace("detach()", "data")
BEFORE = "def keep(module, args):\n    kept.append(args[0].detach())\n"
OWN = "class Block(nn.Module):\n    def __init__(self):\n        super().__init__()\n        self.f, self.act = nn.Linear(3, 3), nn.ReLU(inplace=True)\n    def forward(self, x):\n        h = self.f(x)\n        return self.act(h).sum()\nnet = Block()\n"
SCALE = "class Scale(nn.Module):\n    def forward(self, x):\n        return x.mul_(2)\nnet = nn.Sequential(nn.Linear(3, 3), Scale())\n"
BACK = "h = w * 2\nh.register_hook(keep)\nh.square().sum().backward()"
TOLD = {
    "a function": (KEEP + WRITING + "net[0].register_forward_hook(keep)", CALL, ["kept[0]"]),
    "a lambda": (WRITING + "net[0].register_forward_hook(lambda m, a, out: acts.__setitem__('fc', out.detach()))", CALL, ["acts['fc']"]),
    "a closure": (NAMED + WRITING + "net[0].register_forward_hook(keep('fc'))", CALL, ["acts['fc']"]),
    "a method": (WRITING + "class Seen:\n    outs = []\n    def keep(self, m, a, out):\n        part = out.detach()\n        self.outs.append(part)\nseen = Seen()\nseen.outs = []\nnet[0].register_forward_hook(seen.keep)", CALL, ["seen.outs[0]"]),
    "a residual": (KEEP + RESIDUAL + "net.f.register_forward_hook(keep)", CALL, ["kept[0]"]),
    "all layers": (NAMED + WRITING + "for name, one in net.named_modules(): one.register_forward_hook(keep(name))", CALL, ["acts['0']", "acts['1']"]),
    "a hook that writes itself": (TENSOR, BACK, ["kept[0]"]),
    "data": (DATA + WRITING + "net[0].register_forward_hook(keep)", CALL, ["kept[0]"]),
    "an array": (DATA.replace("data", "detach().numpy()") + WRITING + "net[0].register_forward_hook(keep)", CALL, ["kept[0]"]),
    "data by update": (WRITING + "net[0].register_forward_hook(lambda m, a, out: acts.update(fc=out.data))", CALL, ["acts['fc']"]),
    "data in a residual": (DATA + RESIDUAL + "net.f.register_forward_hook(keep)", CALL, ["kept[0]"]),
    "data before another layer": (DATA + OWN + "net.f.register_forward_hook(keep)", CALL, ["kept[0]"]),
    "data of all layers": (DATA + WRITING + "for one in net: one.register_forward_hook(keep)", CALL, ["kept[0]", "kept[1]"]),
    "an input": (BEFORE + WRITING + "net[1].register_forward_pre_hook(keep)", CALL, ["kept[0]"]),
    "an input that a module of the notebook writes": (BEFORE + SCALE + "net[1].register_forward_pre_hook(keep)", CALL, ["kept[0]"]),
    "a hook before one that writes": (TENSOR.replace("    g.mul_(0.1)\n", "") + "def damp(g): g.mul_(.1)\n", BACK.replace("\nh.sq", "\nh.register_hook(damp)\nh.sq"), ["kept[0]"]),
    "data before a hook that writes": (TENSOR.replace("    g.mul_(0.1)\n", "").replace("detach()", "data") + "def damp(g): g.mul_(.1)\n", BACK.replace("\nh.sq", "\nh.register_hook(damp)\nh.sq"), ["kept[0]"]),
    "gradients of each turn": (
        "w = torch.ones(3, requires_grad=True)\ndef keep(p): kept.append(p.grad.data)\nw.register_post_accumulate_grad_hook(keep)",
        "for i in range(2): (w * i).square().sum().backward()", ["kept[0]", "kept[1]"],
    ),
    "a lambda before a lambda that writes": ("w = torch.ones(3, requires_grad=True)", "h = w * 2\nh.register_hook(lambda g: kept.append(g.detach()))\nh.register_hook(lambda g: g.mul_(.1))\nh.square().sum().backward()", ["kept[0]"]),
    "a partial": ("from functools import partial\ndef keep(name, g):\n    acts[name] = g.detach()\n    g.mul_(.1)\nw = torch.ones(3, requires_grad=True)\n", BACK.replace("(keep)", "(partial(keep, 'h'))"), ["acts['h']"]),
    "a function that a function makes": ("def make(name):\n    def keep(g):\n        acts[name] = g.detach()\n        g.mul_(.1)\n    return keep\nw = torch.ones(3, requires_grad=True)\n", BACK.replace("(keep)", "(make('h'))"), ["acts['h']"]),
    "a method of a tensor's hooks": ("class Seen:\n    def __init__(self): self.outs = []\n    def keep(self, g):\n        self.outs.append(g.detach())\n        g.mul_(.1)\nseen = Seen()\nw = torch.ones(3, requires_grad=True)\n", BACK.replace("(keep)", "(seen.keep)"), ["seen.outs[0]"]),
    "gradients of each turn by a lambda": (
        "w = torch.ones(3, requires_grad=True)\n_ = w.register_post_accumulate_grad_hook(lambda p: kept.append(p.grad.data))",
        "for i in range(2): (w * i).square().sum().backward()", ["kept[0]", "kept[1]"],
    ),
}  # fmt: skip
QUIET = {
    "a copy": (KEEP.replace("detach()", "detach().clone()") + WRITING + "net[0].register_forward_hook(keep)", CALL),
    "nothing writes": (KEEP + WRITING.replace("inplace=True", "") + "net[0].register_forward_hook(keep)", CALL),
    "all layers, none of which writes": (NAMED + WRITING.replace("inplace=True", "") + "for name, one in net.named_modules(): one.register_forward_hook(keep(name))", CALL),
    "the layer that writes": (KEEP + WRITING + "net[1].register_forward_hook(keep)", CALL),
    "the cell writes by name": (KEEP + WRITING + "_ = net[2].register_forward_hook(keep)", CALL + "\nkept[0].mul_(2)"),
    "data that nothing writes": (DATA + WRITING.replace("inplace=True", "") + "net[0].register_forward_hook(keep)", CALL),
    "data of the layer that writes": (DATA + WRITING + "net[1].register_forward_hook(keep)", CALL),
    "data of a name that is bound anew": (DATA + OWN.replace("return self.act(h)", "h = h + 1\n        return self.act(h)") + "net.f.register_forward_hook(keep)", CALL),
    "an input of a layer that writes nothing": (BEFORE + WRITING + "net[2].register_forward_pre_hook(keep)", CALL),
    "data after a hook that writes": (TENSOR.replace("    g.mul_(0.1)\n", "").replace("detach()", "data") + "def damp(g): g.mul_(.1)\n", BACK.replace("h.reg", "h.register_hook(damp)\nh.reg")),
    "the last gradient alone": (
        "w = torch.ones(3, requires_grad=True)\ndef keep(p): acts['w'] = p.grad.data\nw.register_post_accumulate_grad_hook(keep)",
        "for i in range(2): (w * i).square().sum().backward()",
    ),
    "a lambda that keeps what no other writes": ("w = torch.ones(3, requires_grad=True)", "h = w * 2\nh.register_hook(lambda g: kept.append(g.detach()))\nh.square().sum().backward()"),
    "a lambda that keeps a copy": ("w = torch.ones(3, requires_grad=True)", "h = w * 2\nh.register_hook(lambda g: kept.append(g.clone()))\nh.register_hook(lambda g: g.mul_(.1))\nh.square().sum().backward()"),
    "a partial that keeps what it was given before": ("from functools import partial\ndef keep(other, g):\n    kept.append(other)\n    g.mul_(.1)\nw, v = torch.ones(3, requires_grad=True), torch.ones(3)\n", BACK.replace("(keep)", "(partial(keep, v))")),
    "a hook that keeps what it wrote": (TENSOR.replace("    kept.append(g.detach())\n    g.mul_(0.1)", "    g = g * 0.1\n    kept.append(g.detach())"), BACK),
}  # fmt: skip


@pytest.mark.parametrize("name", TOLD)
def test_what_was_written_after_a_hook_kept_it_is_told_and_a_copy_mends_it(name):
    made, ran, paths = TOLD[name]
    if "lambda" in made and sys.version_info < (3, 11):
        pytest.skip("Python 3.10 does not keep where in its line an expression of a lambda stands")
    with Notebook() as nb:
        nb.run(SETTING + made)
        [hazard] = [one for one in nb.run(ran)["hazards"] if one["code"] == "TW211"]

    assert ("risk", paths) == (hazard["outcome"], hazard["paths"])
    [edit] = hazard["fix"]["edits"]
    assert re.search(r"\.(clone|copy)\(\)", edit["text"])
    with Notebook() as nb:
        assert [[], []] == [nb.run(cell)["hazards"] for cell in apply_fix([SETTING + made, ran], hazard["fix"])]


@pytest.mark.parametrize("name", QUIET)
def test_what_a_hook_keeps_for_itself_is_quiet(name):
    with Notebook() as nb:
        nb.run(SETTING + QUIET[name][0])
        assert [] == [one for one in nb.run(QUIET[name][1])["hazards"] if one["code"] == "TW211"]


@pytest.mark.parametrize(
    ("made", "ran", "text"),
    [
        (KEEP + WRITING + "net[0].register_forward_hook(keep)", CALL, CALL),
        (KEEP + WRITING + "net[0].register_forward_hook(keep)\ndef run(x): return net(x)", "y = run(torch.ones(2, 3))", "y = run(torch.ones(2, 3))"),
        (TENSOR, BACK, "h.square().sum().backward()"),
        (
            "w = torch.ones(3, requires_grad=True)\n_ = w.register_post_accumulate_grad_hook(lambda p: kept.append(p.grad))",
            "for i in range(3):\n    if i: w.grad.zero_()\n    (w * i).square().sum().backward()",
            "(w * i).square().sum().backward()",
        ),
    ],
)  # fmt: skip
def test_what_ran_the_hook_is_told_though_a_later_statement_names_what_it_kept(made, ran, text):
    with Notebook() as nb:
        nb.run(SETTING + made)
        [hazard] = [one for one in nb.run(ran + "\n\nprint(kept)")["hazards"] if one["code"] == "TW211"]

    assert text == hazard["written_at"]["text"]
