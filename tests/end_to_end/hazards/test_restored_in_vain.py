"""A state dict that a function kept by reference and loaded again after training is told; a copy mends it."""

from __future__ import annotations

import pytest

from tests.support.mending import apply_fix
from tests.support.notebook import Notebook

SETTING = """import copy, torch
from torch import nn
torch.manual_seed(0)
net, other, x = nn.Linear(3, 1), nn.Linear(3, 1), torch.ones(4, 3)
opt = torch.optim.SGD(net.parameters(), lr=0.1)
def train(model, n=1):
    for _ in range(n):
        opt.zero_grad(); model(x).square().mean().backward(); opt.step()
def score(model): return model(x).square().mean().item()
"""
TRY = "def trial(model):\n    backup = model.state_dict()\n    train(model)\n    model.load_state_dict(backup)\n"
BEST = """def fit(model):
    best, least = None, 1e9
    for e in range(3):
        train(model)
        if score(model) < least:
            best, least = model.state_dict(), score(model)
    model.load_state_dict(best)
"""
LEARNER = """class Learner:
    def __init__(self, model): self.model = model
    def epoch(self): train(self.model)
    def find(self):
        state = self.model.state_dict()
        for _ in range(2): self.epoch()
        self.model.load_state_dict(state)
learner = Learner(net)
"""
FOLDS = """def folds():
    net = nn.Linear(3, 1)
    start = net.state_dict()
    for _ in range(3):
        net.load_state_dict(start)
        opt = torch.optim.SGD(net.parameters(), lr=0.1)
        net(x).square().mean().backward(); opt.step()
    return score(net)
"""
INSIDE = """def search():
    net = nn.Linear(3, 1)
    start = net.state_dict()
    def reset(): net.load_state_dict(start)
    def fit(lr):
        opt = torch.optim.SGD(net.parameters(), lr=lr)
        net(x).square().mean().backward(); opt.step()
    for lr in (0.1, 0.2):
        reset()
        fit(lr)
    return score(net)
"""
OWN = """class Trial:
    def __init__(self):
        self.net = nn.Linear(3, 1)
        self.start = self.net.state_dict()
        self.opt = torch.optim.SGD(self.net.parameters(), lr=0.1)
    def reset(self): self.net.load_state_dict(self.start)
    def fit(self):
        self.opt.zero_grad(); self.net(x).square().mean().backward(); self.opt.step()
def trials():
    one = Trial()
    for _ in range(2):
        one.fit()
        one.reset()
    return score(one.net)
"""
PATIENCE = """def fit(model):
    best, least, bad = model.state_dict(), score(model), 0
    for e in range(3):
        opt.param_groups[0]['lr'] *= 4; train(model)
        if score(model) < least:
            best, least = model.state_dict(), score(model)
        else:
            bad += 1
            if bad > 1: break
    model.load_state_dict(best)
"""
SWAP = """def evaluate(model, state):
    own = model.state_dict()
    model.load_state_dict(state)
    result = score(model)
    model.load_state_dict(own)
    return result
"""
EMA = """class Ema:
    def __init__(self, net): self.mean = {k: v + 1 for k, v in net.state_dict().items()}
    def apply_to(self, net):
        self.backup = net.state_dict()
        net.load_state_dict(self.mean)
    def restore(self, net): net.load_state_dict(self.backup)
ema = Ema(net)
"""
SWAPPED = """class Swapped:
    def __init__(self, net, state): self.net, self.state = net, state
    def __enter__(self):
        self.saved = self.net.state_dict()
        self.net.load_state_dict(self.state)
    def __exit__(self, *error): self.net.load_state_dict(self.saved)
mean = {k: v + 1 for k, v in net.state_dict().items()}
"""
SHADOW = """class Shadow:
    def __init__(self, net): self.net, self.mean, self.old = net, {n: p + 1 for n, p in net.named_parameters()}, {}
    def apply(self):
        for n, p in self.net.named_parameters():
            self.old[n] = p.data
            p.data.copy_(self.mean[n])
    def restore(self):
        for n, p in self.net.named_parameters(): p.data.copy_(self.old[n])
shadow = Shadow(net)
"""
SIGNS = """def with_signs(net):
    old = [p.data for p in net.parameters()]
    for p in net.parameters(): p.data.sign_()
    result = score(net)
    for p, o in zip(net.parameters(), old): p.data.copy_(o)
    return result
"""
SAM = """class Sam(torch.optim.SGD):
    @torch.no_grad()
    def ascend(self):
        for group in self.param_groups:
            for p in group["params"]:
                self.state[p]["old"] = p.data
                p.add_(p.grad)
    def descend(self):
        for group in self.param_groups:
            for p in group["params"]: p.data = self.state[p]["old"]
sam = Sam(net.parameters(), lr=0.1)
"""
REPTILE = "def reptile(model):\n    before = copy.deepcopy(model.state_dict())\n    train(model)\n    after = model.state_dict()\n    model.load_state_dict({k: before[k] + (after[k] - before[k]) * 0.5 for k in before})\n"
FOLLOW = """def follow(model, target):
    mean = target.state_dict()
    for _ in range(2):
        train(model)
        score(target)
        target.load_state_dict({k: 0.9 * mean[k] + 0.1 * v for k, v in model.state_dict().items()})
"""
STORED = """
class Average:
    def __init__(self, parameters): self.mean = [p.detach().clone() * 0 for p in parameters]
    def store(self, parameters): self.kept = [p.detach().cpu() for p in parameters]
    def copy_to(self, parameters):
        for m, p in zip(self.mean, parameters):
            p.data.copy_(m)
    def restore(self, parameters):
        for c, p in zip(self.kept, parameters):
            p.data.copy_(c)
average = Average(net.parameters())
average.store(net.parameters())
"""
KEPT = {
    "data that three methods keep, write over and write back": (STORED, "average.copy_to(net.parameters())"),
    "data that a method writes over": (SHADOW, "shadow.apply()"),
    "data that a method of an optimizer writes over": (SAM, "net(x).sum().backward(); sam.ascend()"),
    "a method": (EMA, "ema.apply_to(net)"),
    "a method, and another loads it again": (EMA, "ema.apply_to(net)\nscore(net)\nema.restore(net)"),
    "a context manager": (SWAPPED, "with Swapped(net, mean):\n    score(net)"),
}
TOLD = {
    "a leaf that a function moves and moves back": ("w = torch.ones(3, requires_grad=True)\ndef probe(w, d):\n    old = w.data\n    w.data += d\n    v = w.sum().item()\n    w.data.copy_(old)\n    return v\n", "v = probe(w, 1.0)"),
    "data that a function writes over and back": (SIGNS, "with_signs(net)"),
    "a trial": (TRY, "trial(net)"),
    "in one statement of a loop": (TRY, "for _ in range(2):\n    trial(net)"),
    "the best of some epochs": (BEST, "fit(net)"),
    "back to the best in each turn": (BEST.replace("    model.load_state_dict(best)\n", "        else:\n            model.load_state_dict(best)\n").replace("3):", "3):\n        opt.param_groups[0]['lr'] *= 4"), "fit(net)"),
    "a method": (LEARNER, "learner.find()"),
    "a shallow copy": (TRY.replace("model.state_dict()\n", "dict(model.state_dict())\n"), "trial(net)"),
    "a dict of the same tensors": (TRY.replace("model.state_dict()\n", "{k: v for k, v in model.state_dict().items()}\n"), "trial(net)"),
    "a dict of the same tensors, each where the host has it": (TRY.replace("model.state_dict()\n", "{k: v.detach().cpu() for k, v in model.state_dict().items()}\n"), "trial(net)"),
    "weights between before and after": (REPTILE.replace("copy.deepcopy(model.state_dict())", "model.state_dict()"), "reptile(net)"),
    "by a function that a function calls": (TRY + "def outer(model): trial(model)\n", "outer(net)"),
    "a reset in each turn": ("def folds(model):\n    start = model.state_dict()\n    for i in range(3):\n        model.load_state_dict(start)\n        train(model)\n", "folds(net)"),
    "a context manager": ("import contextlib\n@contextlib.contextmanager\ndef swapped(net, mean):\n    saved = net.state_dict()\n    net.load_state_dict(mean)\n    try: yield net\n    finally: net.load_state_dict(saved)\n", "with swapped(net, other.state_dict()) as m: score(m)"),
    "an object that is called trains": ("class Trainer:\n    def __call__(self, model): train(model)\ntrainer = Trainer()\n" + TRY.replace("train(model)", "trainer(model)"), "trial(net)"),
    "by a scaler that steps": ("scaler = torch.amp.GradScaler('cpu', enabled=False)\ndef train(model):\n    model(x).mean().backward(); scaler.step(opt)\n" + TRY, "trial(net)"),
    "of a model of its own": (FOLDS, "result = folds()"),
    "by functions inside": (INSIDE, "result = search()"),
    "by the methods of an object of its own": (OWN, "result = trials()"),
    "the best until patience ends": (PATIENCE, "fit(net)"),
    "another state is loaded in between": (SWAP, "evaluate(net, other.state_dict())"),
    "another state is loaded in between, by a method": ("class Ema:\n    def __init__(self, net): self.net, self.mean = net, copy.deepcopy(net.state_dict())\n    def check(self):\n        own = self.net.state_dict()\n        self.net.load_state_dict(self.mean)\n        s = score(self.net)\n        self.net.load_state_dict(own)\n        return s\nema = Ema(net)\ntrain(net)\n", "s = ema.check()"),
    "the state of an optimizer that a function steps": ("opt = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)\ndef step():\n    net(x).square().mean().backward(); opt.step()\nstep()\n" + "def trial():\n    kept = opt.state_dict()\n    step()\n    opt.load_state_dict(kept)\n", "trial()"),
    "the state of an optimizer": ("opt = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)\ndef train(model):\n    model(x).square().mean().backward(); opt.step()\ntrain(net)\n" + "def trial(model):\n    kept = opt.state_dict()\n    for _ in range(2):\n        model(x).square().mean().backward()\n        opt.step()\n    opt.load_state_dict(kept)\n", "trial(net)"),
}  # fmt: skip
QUIET = {
    "clones that a method keeps and others write over and back": (STORED.replace(".cpu()", ".cpu().clone()"), "average.copy_to(net.parameters())"),
    "data that three methods keep, exchange and put back": (STORED.replace("p.data.copy_(m)", "p.data = m"), "average.copy_to(net.parameters())"),
    "data that a method keeps of what may lie on a device": (STORED + "average.store(net.parameters())\n", "device = 'cpu'\naverage.copy_to(net.parameters())"),
    "data that a method keeps beside what lies on a device": (STORED + "meta = nn.Linear(2, 2, device='meta')\n", "average.copy_to(net.parameters())"),
    "clones that a function writes back": (SIGNS.replace("p.data for", "p.data.clone() for"), "with_signs(net)"),
    "data that a method exchanges": (SHADOW.replace("p.data.copy_(self.mean[n])", "p.data = self.mean[n].detach()"), "shadow.apply()"),
    "data that a method writes over, not run": (SHADOW, "y = shadow.net(x)"),
    "data that a method writes back alone": (SHADOW + "shadow.old = {n: p.detach() - 1 for n, p in net.named_parameters()}\n", "shadow.restore()"),
    "a copy that a method keeps": (EMA.replace("net.state_dict()\n", "copy.deepcopy(net.state_dict())\n"), "ema.apply_to(net)"),
    "kept by a method after it loaded": (EMA.replace("        self.backup = net.state_dict()\n", "").replace("(self.mean)", "(self.mean)\n        self.backup = net.state_dict()"), "ema.apply_to(net)"),
    "a context manager that is not entered": (SWAPPED, "swapped = Swapped(net, mean)"),
    "another state is loaded in between, and a copy kept": (SWAP.replace("own = model.state_dict()", "own = copy.deepcopy(model.state_dict())"), "evaluate(net, other.state_dict())"),
    "one reset before the turns": ("def folds(model):\n    start = model.state_dict()\n    model.load_state_dict(start)\n    for i in range(3): train(model)\n", "folds(net)"),
    "the same state is loaded twice": (SWAP.replace("load_state_dict(state)", "load_state_dict(own)"), "evaluate(net, other.state_dict())"),
    "another state is loaded into another": (SWAP.replace("model.load_state_dict(state)", "other.load_state_dict(state)"), "evaluate(net, net.state_dict())"),
    "of a model of its own, a copy": (FOLDS.replace("net.state_dict()", "copy.deepcopy(net.state_dict())"), "result = folds()"),
    "by the methods of an object, a copy": (OWN.replace("self.net.state_dict()", "copy.deepcopy(self.net.state_dict())"), "result = trials()"),
    "by a function inside that does not train": (INSIDE.replace("opt.step()", "return opt"), "result = search(); train(net)"),
    "a function of the same name for its parameter": (TRY.replace("train(model)", "train_other(other)") + "def train_other(model): train(model)\n", "trial(net)"),
    "a deep copy": (TRY.replace("model.state_dict()\n", "copy.deepcopy(model.state_dict())\n"), "trial(net)"),
    "clones": (TRY.replace("model.state_dict()\n", "{k: v.clone() for k, v in model.state_dict().items()}\n"), "trial(net)"),
    "of another model": (TRY.replace("backup = model", "backup = other").replace("model.load", "other.load"), "trial(net)"),
    "into another model": (TRY.replace("model.load", "other.load"), "trial(net)"),
    "nothing trains in between": (TRY.replace("train(model)", "score(model)") + "def both(model):\n    train(model)\n    trial(model)\n", "both(net)"),
    "a copy trains": (TRY.replace("train(model)", "fast = copy.deepcopy(model)\n    inner = torch.optim.SGD(fast.parameters(), lr=0.1)\n    fast(x).sum().backward(); inner.step()"), "trial(net)"),
    "the last of each epoch": (BEST.replace("if score(model) < least", "if True").replace("        if True:\n            best", "        best"), "fit(net)"),
    "training ends with the best": (BEST.replace(", score(model)\n", ", score(model)\n            break\n"), "fit(net)"),
    "a copy is made later": (TRY.replace("    train(model)", "    backup = copy.deepcopy(backup)\n    train(model)"), "trial(net)"),
    "a method that does not run": (LEARNER, "learner.epoch()"),
    "weights between before and after": (REPTILE, "reptile(net)"),
    "what a target follows in each turn": (FOLLOW, "follow(net, other)"),
    "a dict of what a device may have": (TRY.replace("model.state_dict()\n", "{k: v.cpu() for k, v in model.state_dict().items()}\n    model.to(device)\n").replace("def trial", "device = 'cpu'\ndef trial"), "trial(net)"),
}  # fmt: skip


@pytest.mark.parametrize("name", TOLD)
def test_a_state_dict_that_was_loaded_in_vain_is_told_and_a_copy_mends_it(name):
    made, ran = TOLD[name]
    with Notebook() as nb:
        nb.run(SETTING + made)
        [hazard] = nb.run(ran)["hazards"]
        assert [] == nb.run("1 + 1")["hazards"]

    assert ("TW207", "wrong", True) == (hazard["code"], hazard["outcome"], hazard["happened"])
    assert hazard["message"].endswith("it restored nothing.")
    with Notebook() as nb:
        for cell in apply_fix([SETTING + made, ran], hazard["fix"]):
            assert [] == nb.run(cell)["hazards"]


@pytest.mark.parametrize("name", KEPT)
def test_a_state_dict_that_an_attribute_keeps_while_another_is_loaded_is_told_and_a_copy_mends_it(name):
    made, ran = KEPT[name]
    with Notebook() as nb:
        nb.run(SETTING + made)
        [hazard] = nb.run(ran)["hazards"]
        assert [] == nb.run("1 + 1")["hazards"]

    assert ("TW207", "risk", True) == (hazard["code"], hazard["outcome"], hazard["happened"])
    with Notebook() as nb:
        for cell in apply_fix([SETTING + made, ran], hazard["fix"]):
            assert [] == nb.run(cell)["hazards"]


def test_the_copies_of_all_statements_that_took_it_restore_what_was_best():
    values = []
    with Notebook() as nb:
        nb.run(SETTING + PATIENCE)
        [hazard] = nb.run("fit(net)")["hazards"]
    for cells in ([SETTING + PATIENCE, "fit(net)"], apply_fix([SETTING + PATIENCE, "fit(net)"], hazard["fix"])):
        with Notebook() as nb:
            for cell in cells:
                nb.run(cell)
            values.append(nb.ns["score"](nb.ns["net"]))

    assert values[1] < values[0]


def test_a_fix_imports_what_it_copies_with():
    cells = ["import torch\nw = torch.ones(2, requires_grad=True)\nopt = torch.optim.SGD([w], lr=0.1, momentum=0.9)", "def step(): w.sum().backward(); opt.step()", "step()\ndef trial():\n    kept = opt.state_dict()\n    step()\n    opt.load_state_dict(kept)\ntrial()"]  # fmt: skip
    with Notebook() as nb:
        *_, report = [nb.run(cell) for cell in cells]
        [hazard] = report["hazards"]
    with Notebook() as nb:
        assert [[], [], []] == [nb.run(cell)["hazards"] for cell in apply_fix(cells, hazard["fix"])]


def test_it_is_told_in_one_cell():
    with Notebook() as nb:
        [hazard] = nb.run(SETTING + TRY + "trial(net)")["hazards"]

    assert (1, "trial(net)") == (hazard["saved_cell"], hazard["written_at"]["text"])


@pytest.mark.parametrize("name", QUIET)
def test_a_state_dict_that_restores_something_or_is_not_trained_on_is_quiet(name):
    made, ran = QUIET[name]
    with Notebook() as nb:
        nb.run(SETTING + made)
        assert [] == [one for one in nb.run(ran)["hazards"] if one["code"] == "TW207"]
