"""What a person expects of a statement, in real cells: which of the changed paths are silent."""

from __future__ import annotations

import sys

import pytest

from ipy_tensorwatch import preview
from tests.support.notebook import Notebook, changes, mutated, silent
from tests.support.story import NO_LOOKS


def silently_changed(setup: str, cell: str) -> set[str]:
    """Tell which paths a cell changed silently, after one that sets up; something has changed, or nothing was tried."""
    with Notebook() as nb:
        nb.run(setup)
        report = nb.run(cell)
        assert mutated(report)
        return silent(report)


BUFFERS = """
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint
net = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2)); x = torch.randn(4, 2, requires_grad=True)
other = nn.BatchNorm1d(2); other.running_mean = net[1].running_mean
class Trainer:
    def __init__(self, model): self.model = model
    def fit(self, x): return self.model(x).sum()
trainer = Trainer(nn.Sequential(nn.BatchNorm1d(2)))
def export():
    stats = net[1].running_mean.numpy()
    stats *= 0
    return stats.tolist()
def train():
    net(x).sum().backward()
def go(loss): loss.backward()
checked = nn.BatchNorm1d(2); loss = checkpoint(checked, x, use_reentrant=False).pow(2).sum()
net(x)
"""
MEAN = {"net[1].running_mean", "other.running_mean"}
STATISTICS = {"checked.running_mean", "checked.running_var", "checked.num_batches_tracked"}


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("y = net(x)", {"other.running_mean"}),
        ("train()", {"other.running_mean"}),
        ("for _ in range(2):\n    y = net(x)", {"other.running_mean"}),
        ("y = trainer.fit(x)", set()),
        ("torch.optim.swa_utils.update_bn([x], net)", {"other.running_mean"}),
        ("net[1].running_mean += 1", {"other.running_mean"}),
        ("net[1].reset_running_stats()", {"other.running_mean"}),
        ("export()", MEAN),
        ("loss.backward()", STATISTICS),
        ("go(loss)", STATISTICS),
    ],
)
def test_buffers(cell, expected):
    assert expected == silently_changed(BUFFERS, cell)


BY_MODULES = """
import torch
from torch import nn
net = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2), nn.BatchNorm1d(2))
bns = [one for one in net if isinstance(one, nn.BatchNorm1d)]; bn = net[1]
saved = [one.running_mean.clone() for one in bns]; stats = [net[1].running_mean]; named = dict(net.named_buffers())
"""
KEPT_MEAN = {"stats[0]", "named['1.running_mean']"}
MEANS = {"net[1].running_mean", "bns[0].running_mean", "bn.running_mean"}


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        (
            "for one, mean in zip(bns, saved):\n    one.running_mean.copy_(mean + 1)",
            {*KEPT_MEAN, "named['2.running_mean']"},
        ),
        ("bns[0].running_mean.add_(1)", KEPT_MEAN),
        ("bn.running_mean += 1", KEPT_MEAN),
        ("stats[0].add_(1)", {*MEANS, *KEPT_MEAN} - {"stats[0]"}),
        ("named['1.running_mean'] += 1", {*MEANS, *KEPT_MEAN} - {"named['1.running_mean']"}),
    ],
)
def test_a_module_that_a_list_holds_names_its_buffer_under_all_its_names(cell, expected):
    assert expected == silently_changed(BY_MODULES, cell)


MASKED = """
import torch
from torch import nn
class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("bias", torch.tril(torch.ones(3, 3))); self.register_buffer("calls", torch.zeros(1))
    def forward(self, x, mask):
        self.calls += 1
        return x @ mask
def prefix(module, n):
    m = module.bias[:n]
    m[..., 0] = 7
    return module.bias
def plain(module, n):
    m = module.bias.clone()
    m[..., 0] = 7
    return m
attn, x = Attention(), torch.ones(2, 3)
"""


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("y = attn(x, prefix(attn, 2))", {"attn.bias"}),
        ("y = attn(x, plain(attn, 2))", set()),
        ("y = [attn(x, prefix(attn, 2)) for _ in range(2)]", {"attn.bias"}),
    ],
)
def test_a_function_that_writes_to_a_buffer_is_told_though_the_statement_calls_the_module(cell, expected):
    assert expected == silently_changed(MASKED, cell)


COMPUTING = """
import torch
from torch import nn
net = nn.Linear(2, 1)
def packed(w):
    s = w.abs().max()
    w.div_(s)
    return w.to(torch.int8), s
def clip(w): w.clamp_(-0.1, 0.1)
def moved(w, g):
    w.sub_(g)
    return w.norm()
def halve_(w): return w.mul_(0.5).norm()
"""
WEIGHTS = {"net.weight", "net.bias"}


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("q, s = packed(net.weight.data)", {"net.weight"}),
        ("q = {n: packed(p.data) for n, p in net.named_parameters()}", WEIGHTS),
        ("q = []\nfor p in net.parameters(): q.append(packed(p.detach()))", WEIGHTS),
        ("packed(net.weight.data);", set()),
        ("_ = [clip(p.data) for p in net.parameters()]", set()),
        ("net.weight.grad = torch.ones(1, 2); n = moved(net.weight.data, net.weight.grad)", set()),
        ("n = halve_(net.weight.data)", set()),
    ],
)
def test_what_a_function_computes_with_the_values_of_a_parameter_leaves_it_as_it_is(cell, expected):
    assert expected == silently_changed(COMPUTING, cell)


KEPT_BY_OPTIMIZER = """
import torch
w = torch.ones(2, requires_grad=True)
class Momentum(torch.optim.Optimizer):
    def __init__(self, params, base):
        super().__init__(base.param_groups, {})
        self.base, self.sums = base, [torch.zeros(2)]
    @torch.no_grad()
    def step(self):
        self.sums[0].add_(w.grad)
        self.base.step()
opt = Momentum([w], torch.optim.SGD([w], lr=0.1, momentum=0.9)); view = opt.sums[0][:1]
w.sum().backward(); opt.step()
"""


def test_what_a_class_of_the_users_keeps_in_an_optimizer_is_watched_and_its_own():
    buffer = "opt.base.state[w]['momentum_buffer']"
    with Notebook() as nb:
        nb.run(KEPT_BY_OPTIMIZER)
        stepped = nb.run("opt.step()")
        outside = nb.run("view += 1")
        behind = nb.run("for one in opt.base.state.values(): other = one['momentum_buffer'].numpy()\nother += 1")

    assert {"opt.sums[0]", buffer, "view", "w"} == mutated(stepped)
    assert {"view"} == silent(stepped)
    assert {"opt.sums[0]"} == silent(outside)
    assert {buffer} == silent(behind)


REPORTED = """
import torch
from torch import nn
net = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
opt = torch.optim.SGD(net.parameters(), lr=0.1)
def report(model):
    for each in model.modules():
        if isinstance(each, nn.BatchNorm1d):
            std = each.running_var.add_(each.eps).sqrt_()
            print((each.weight / std).tolist())
def follow(model):
    for each in model.modules():
        if isinstance(each, nn.BatchNorm1d):
            each.running_var.mul_(0.5)
            each.weight.data.mul_(0.5)
def step(): net(torch.ones(3, 2)).sum().backward(); opt.step()
"""


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("report(net)", {"net[1].running_var"}),
        ("step()\nreport(net)", {"net[1].running_var"}),
        ("follow(net)", set()),
    ],
)
def test_a_buffer_is_updated_by_hand_where_a_parameter_changed_with_it(cell, expected):
    assert expected == silently_changed(REPORTED, cell)


CACHED = """
import torch
from torch import nn
class Layer(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("k_cache", torch.zeros(1, 4))
        self.register_buffer("scale", torch.ones(4))
        self.hidden = nn.Parameter(torch.ones(4))
    def start(self): self.k_cache.zero_().add_(1)
    def rescale(self): self.scale.mul_(2)
    def shift(self): self.hidden.data.add_(1)
    def compute(self):
        self.k_cache.add_(1)
        return self.k_cache.sum()
    def forward(self, x): return x + self.k_cache
class Decoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = Layer()
    def generate(self, x):
        self.layer.start()
        return self.layer(x)
    def eval(self):
        self.layer.rescale()
        self.layer.shift()
        return super().eval()
    def predict(self, x): return self.layer.compute()
    def export(self):
        cache = self.layer.k_cache.numpy()
        cache += 1
        return cache.tolist()
dec, x = Decoder(), torch.ones(1, 4)
"""


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("y = dec.generate(x)", set()),
        ("y = dec.predict(x)", {"dec.layer.k_cache"}),
        ("y = dec.export()", {"dec.layer.k_cache"}),
        ("dec.eval();", {"dec.layer.scale", "dec.layer.hidden"}),
    ],
)
def test_what_is_named_as_the_state_of_a_module_is_written_by_its_methods(cell, expected):
    assert expected == silently_changed(CACHED, cell)


ROWS = """
import torch
sentences = [torch.ones(2), torch.ones(3)]
padded = torch.zeros(2, 3); alias = padded.detach()
"""


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("for row, one in zip(padded, sentences):\n    row[: len(one)] = one", {"alias"}),
        ("for i, row in enumerate(padded):\n    row[i] = 1", {"alias"}),
        ("for row in padded.detach():\n    row[0] = 1", {"padded", "alias"}),
        ("for row in padded:\n    row += 1", {"padded", "alias"}),
    ],
)
def test_a_loop_over_a_tensor_that_sets_items_of_its_rows_writes_it_by_name(cell, expected):
    assert expected == silently_changed(ROWS, cell)


UNSEEN_BUFFERS = """
import torch
from collections import OrderedDict
from torch import nn
from torch.nn import functional as F
named = nn.Sequential(OrderedDict(norm=nn.BatchNorm1d(4), lin=nn.Linear(4, 4), act=nn.ReLU(True)))
layers = torch.ao.nn.intrinsic.BNReLU2d(nn.BatchNorm2d(1), nn.ReLU(True))
x = torch.randn(4, 4, requires_grad=True); images = torch.randn(4, 1, 2, 2, requires_grad=True)
other = nn.BatchNorm1d(4); other.running_mean = named.norm.running_mean
def predict(net, x):
    return net(x)
def average(net):
    net.norm.running_mean.numpy()[:] = 1
"""


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ("predict(named, x)", {"other.running_mean"}),
        ("predict(layers, images).flatten(1)", set()),
        ("average(named) or x * 1", {"named.norm.running_mean", "other.running_mean"}),
    ],
)
def test_buffers_of_a_network_that_also_writes_in_place_are_its_own_where_nobody_looked(call, expected):
    """Other calls of the cell, into a library, could have written them; the call of the network did."""
    with Notebook(settings=NO_LOOKS) as nb:
        nb.run(UNSEEN_BUFFERS)
        cell = f"t = F.one_hot(torch.tensor([1, 0, 1, 0]), num_classes=4)\nout = {call}\nloss = (out - t).sum()\nloss.backward()"

        assert expected == silent(nb.run(cell))


MAPPED = """
import torch
from torch import nn
net = nn.BatchNorm1d(2); x = torch.randn(4, 2); kept = [net.running_mean]
def halve(t): t.mul_(0.5)
"""


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("list(map(lambda t: t.add_(1), kept))", {"net.running_mean"}),
        ("y = net(x)\nlist(map(lambda t: t.add_(1), kept))", {"net.running_mean"}),
        ("y = net(x)\nlist(map(lambda t, k: t.mul_(k), kept, [2]))", {"net.running_mean"}),
        ("y = net(x)\nlist(map(lambda _: kept[0].add_(1), range(2)))", {"net.running_mean"}),
        ("y = net(x)\nfor _ in filter(lambda t: t.add_(1).sum() > 0, kept): pass", {"net.running_mean"}),
        ("y = net(x)\nlist(map(halve, kept))", {"net.running_mean", "kept[0]"}),
        ("y = list(map(net, [x]))", {"kept[0]"}),
    ],
)
def test_what_is_mapped_over_a_container_is_written_as_in_a_comprehension(cell, expected):
    assert expected == silently_changed(MAPPED, cell)


TRAINING = """
import torch
from torch import nn
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.l, self.bn = nn.Linear(2, 3), nn.BatchNorm1d(3)
    def forward(self, x): return self.bn(self.l(x))
def train(model, optimizer, several):
    for x in several:
        loss = model(x).square().sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
def validate(model, several):
    with torch.no_grad():
        for x in several: model(x)
several = [torch.randn(4, 2) for _ in range(3)]
"""


def test_reading_a_parametrized_weight_moves_the_buffers_that_compute_it():
    made = "import torch\nfrom torch.nn.utils.parametrizations import spectral_norm\nnet = spectral_norm(torch.nn.Linear(3, 4))"
    u = "net.parametrizations['weight'][0]._u"
    with Notebook() as nb:
        nb.run(made)
        report = nb.run("w = net.weight")
        assert (u in mutated(report), silent(report)) == (True, set())
        assert silent(nb.run(f"v = {u}.detach()\nv.zero_()")) == {u}


def test_buffers_of_a_model_that_is_made_and_trained_in_one_cell():
    with Notebook() as nb:
        nb.run(TRAINING)
        cell = "model = Net()\nopt = torch.optim.SGD(model.parameters(), lr=.1)\ntrain(model, opt, several)"
        report = nb.run(f"mean = None\n{cell}\nmean = model.bn.running_mean.numpy()\nvalidate(model, several)")

    assert {"mean"} == silent(report)
    causes = {one["path"]: one["cause"] for one in report["changes"] if one["kind"] == "mutated"}
    assert "module" == causes["model.bn.running_mean"]


HELD = """
import torch
from torch import nn
class Result:
    def __init__(self, y, scale): self.y, self.scale = y, scale
class Counting(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("seen", torch.zeros(1))
        self.scale, self.kept = nn.Parameter(torch.ones(2)), {}
    def forward(self, x):
        self.seen += 1
        self.kept[len(x)] = Result(x * self.scale, self.scale)
        return self.kept[len(x)].y
class Loss(nn.Module):
    def __init__(self, model):
        super().__init__()
        self.model = model
    def forward(self, y): return y.pow(2).sum()
model = Counting()
"""


def test_a_model_that_keeps_results_is_one_module_by_each_of_its_names():
    step = "    y = model(torch.ones(3, 2))\n    loss = criterion(y)\n    loss.backward()\n    opt.step()"
    with Notebook() as nb:
        nb.run(HELD)
        opt = "opt = torch.optim.SGD(model.parameters(), lr=0.1)\ncriterion = Loss(model)"
        report = nb.run(f"{opt}\nfor _ in range(2):\n{step}")

    causes = {one["path"]: one["cause"] for one in report["changes"] if one["kind"] == "mutated"}
    assert [causes["model.seen"], causes["criterion.model.seen"]] == ["module", "module"]


CONSTANT = """
import torch
from torch import nn
class Result:
    def __init__(self, mean): self.mean = mean
class Constant(nn.Module):
    def __init__(self):
        super().__init__()
        self.value = nn.Parameter(torch.zeros(()))
    def forward(self, x): return Result(self.value.expand(len(x)))
model = Constant()
opt = torch.optim.SGD(model.parameters(), lr=0.1)
x = torch.ones(4); out = model(x)
"""
USED = "    opt.zero_grad()\n    out = model(x)\n    loss = (out.mean - x).pow(2).sum()\n    loss.backward()\n    opt.step()\n"


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        (f"for _ in range(3):\n{USED}", set()),
        (f"k = 0\nwhile k < 3:\n    k += 1\n{USED}", set()),
        (f"for _ in range(3):\n{USED}    print(loss.item())", set()),
        (f"for _ in range(3):\n{USED}    print(out.mean)", {"out.mean"}),
        (f"for _ in range(3):\n{USED}print(out.mean)", {"out.mean"}),
        (f"for _ in range(3):\n    print(out.mean)\n{USED}", {"out.mean"}),
        (f"if True:\n{USED}", {"out.mean"}),
        ("for _ in range(3):\n" + USED.replace("model(x)", "Result(model(x).mean.detach()); out.mean.sum()").replace("(out.mean - x)", "(model(x).mean - x)"), {"out.mean"}),
        ("for _ in range(3):\n" + USED.replace("out = model(x)", "kept = model(x); out = model(x)"), {"kept.mean"}),
    ],
)  # fmt: skip
def test_a_result_that_a_turn_has_used_up_may_change_in_its_step(cell, expected):
    assert expected == silently_changed(CONSTANT, cell)


PARAMETERS = """
import torch
from torch import nn
class Merging(nn.Linear):
    def train(self, mode=True):
        super().train(mode)
        if not mode: self.weight.data += 1
        return self
class Cosine(nn.Linear):
    def forward(self, x):
        with torch.no_grad(): self.weight.div_(self.weight.norm(dim=1, keepdim=True))
        return super().forward(x)
    def project(self): self.weight.data.clamp_(0, .1)
class Scratch(nn.Linear):
    def __init__(self): super().__init__(2, 2); self.w = torch.ones(2)
    def train(self, *given): self.w -= .1; return self
class SAM(torch.optim.SGD):
    @torch.no_grad()
    def first_step(self):
        for group in self.param_groups:
            for p in group["params"]:
                self.state[p]["old"] = p.clone()
                p.add_(p.grad)
    def scale(self, k):
        for group in self.param_groups:
            for p in group["params"]: p.grad.mul_(k)
class Momentum:
    def __init__(self, params): self.params = list(params); self.m = [torch.zeros_like(p) for p in self.params]
    def zero_grad(self): pass
    @torch.no_grad()
    def step(self):
        for p, m in zip(self.params, self.m):
            m.mul_(.9).add_(p.grad)
            p -= m
net, head, emb = Merging(2, 2), Cosine(2, 2), nn.Embedding(3, 2, max_norm=0.1)
outer, heads = nn.Sequential(Merging(2, 2)), {"a": Cosine(2, 2)}
frozen = nn.Linear(2, 2).requires_grad_(False); plain = nn.Linear(2, 2); scratch = Scratch(); part = scratch.w[:1]
w = torch.ones(2, requires_grad=True); p = plain.weight
w.sum().backward(); plain(torch.ones(1, 2)).sum().backward()
sam, mine = SAM([w], lr=0.1), Momentum(plain.parameters())
grad = plain.weight.grad
clients = {i: nn.Linear(2, 1) for i in range(3)}
class Adapted(nn.Module):
    def __init__(self, base): super().__init__(); self.base = base
    def merge(self): self.base.weight.data += 1
base = nn.Linear(2, 2); one, two = Adapted(base), Adapted(base); both = nn.Sequential(one)
def clip(model):
    for p in model.parameters(): p.grad.clamp_(-.1, .1)
def infer(model): return model(torch.ones(1, 2))
class Norm: pass
norm = Norm()
def reset(m):
    if isinstance(m, nn.Linear): nn.init.constant_(m.weight, 3.)
def reset_view(m):
    if isinstance(m, nn.Linear): m.weight.detach().fill_(3.)
def soft(a, b):
    for p, q in zip(a.parameters(), b.parameters()): q.data.lerp_(p.data, .5)
def train(opt):
    opt.zero_grad(); opt.step()
def mean_of(models):
    model = list(models.values())[0]
    with torch.no_grad():
        for other in list(models.values())[1:]:
            for p, q in zip(model.parameters(), other.parameters()): p.add_(q)
    return model
"""


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("net.eval();", {"net.weight"}),
        ("outer.eval();", {"outer[0].weight"}),
        ("y = head(torch.ones(1, 2))", {"head.weight"}),
        ("y = infer(head)", {"head.weight"}),
        ("y = heads['a'](torch.ones(1, 2))", {"heads['a'].weight"}),
        ("z = emb(torch.tensor([0, 1, 2]))", {"emb.weight"}),
        ("head.project()", set()),
        ("avg = mean_of(clients)", {"clients[0].weight", "clients[0].bias"}),
        ("clients[0] = mean_of(clients)", set()),
        ("norm.model = mean_of(clients)", {"clients[0].weight", "clients[0].bias"}),
        ("means = [mean_of(clients) for _ in range(2)]", {"clients[0].weight", "clients[0].bias"}),
        ("e = nn.functional.embedding(torch.tensor([0]), p, max_norm=.01)", {"plain.weight", "p", "mine.params[0]"}),
        ("clip(plain)", {"grad"}),
        ("sam.scale(.5)", set()),
        ("p.detach().add_(1)", {"plain.weight", "mine.params[0]"}),
        ("p.data.add_(1)", set()),
        ("soft(plain, frozen)", set()),
        ("scratch.train(torch.ones(1, 2), 1);", {"part"}),
        ("scratch.train(True);", {"scratch.w", "part"}),
        ("one.merge()", {"two.base.weight"}),
        ("both[0].merge()", {"two.base.weight"}),
        ("for each in (one, two): each.merge()", set()),
        ("plain.apply(reset);", set()),
        ("plain.apply(reset_view);", {"p", "mine.params[0]"}),
        ("sam.first_step()", set()),
        ("mine.step()", set()),
        ("train(mine)", set()),
    ],
)
def test_parameters(cell, expected):
    assert expected == silently_changed(PARAMETERS, cell)


BUFFERS_IN_TURN = """
import torch
old = torch.arange(3.); new = torch.full((3,), 9.); view, kept = new.detach(), old
def fill(src, out): out.copy_(src + 1)
"""


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("for _ in range(2):\n    new[:2] = old[:2] + 1\n    old, new = new, old", {"view", "kept"}),
        ("for _ in range(4):\n    fill(old, new)\n    old, new = new, old", {"view", "kept"}),
        ("for _ in range(2):\n    view += 1\n    old, new = new, old", {"old", "new"}),
        ("fill(old, new)\nold, new = new, old + 0", {"new", "view"}),
        ("old.add_(1)\nold, kept = kept, old", {"kept"}),
        ("fill(old, new)", {"new", "view"}),
    ],
)
def test_two_buffers_that_a_cell_exchanges_are_written_by_name(cell, expected):
    assert expected == silently_changed(BUFFERS_IN_TURN, cell)


def test_a_preview_expects_what_a_cell_exchanges():
    with Notebook() as nb:
        nb.run(BUFFERS_IN_TURN)
        told = preview("for _ in range(2):\n    fill(old, new)\n    old, new = new, old").to_dict()["changes"]

    assert {"view", "kept"} == {one["path"] for one in told}


TABLES = """
import torch
table = torch.zeros(3)
class Meters(dict):
    def log(self, **given):
        for name, value in given.items(): self.setdefault(name, torch.zeros(2))[0] += value
    def get_means(self):
        for value in self.values(): value /= 2
        return [*self.values()]
meters, plain = Meters(a=torch.ones(2)), dict(a=torch.ones(2))
def table_update(i): table[i] += 1
def td_update(i): table[i] += 1
"""


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("table_update(1)", set()),
        ("td_update(1)", {"table"}),
        ("meters.log(a=1.)", set()),
        ("m = meters.get_means()", {"meters['a']"}),
    ],
)
def test_what_the_name_of_a_function_or_a_dict_of_the_notebooks_promises_is_expected(cell, expected):
    assert expected == silently_changed(TABLES, cell)


RUNNING = """
import torch
class State:
    def __init__(self, h): self.h = h
left = State(torch.zeros(2))
right = State(left.h)
stats, batch = {"mean": torch.zeros(2)}, {"x": torch.ones(2)}
kept = stats["mean"]
def advance(state, x): state.h.mul_(.5).add_(x)
def update(stats, x): stats["mean"] += x
def update_stats(x): stats["mean"] += x
def update_by(stats, batch):
    batch["x"] /= 2
    stats["mean"] += batch["x"]
def train_step(batch): batch["x"] /= 2
class Noise:
    def __init__(self): self.state = torch.zeros(2)
    def sample(self):
        self.state += 1
        return self.state.clone()
    def get_scale(self):
        self.state += 1
        return self.state.sum()
noise, counts, sums = Noise(), torch.zeros(2), [torch.zeros(2), torch.zeros(2)]
def accumulate(i): counts[i] += 1
def td_accumulate(i): counts[i] += 1
def add_feature(sums, i, x): sums[i] += x
def add_noise(batch):
    batch["x"] += 1
    return batch["x"]
"""


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("update(stats, 1)", {"kept"}),
        ("for x in torch.ones(3, 2): update(stats, x)", {"kept"}),
        ("update_stats(1)", {"kept"}),
        ("update_by(stats, batch)", {"kept", "batch['x']"}),
        ("train_step(batch)", {"batch['x']"}),
        ("advance(left, 1)", {"right.h"}),
        ("x = noise.sample()", set()),
        ("scale = noise.get_scale()", {"noise.state"}),
        ("accumulate(1)", set()),
        ("td_accumulate(1)", {"counts"}),
        ("for i in range(2): add_feature(sums, i, 1)", set()),
        ("noisy = add_noise(batch)", {"batch['x']"}),
    ],
)
def test_what_a_function_or_method_promises_to_update_add_to_advance_or_draw_from(cell, expected):
    assert expected == silently_changed(RUNNING, cell)


MEASURED = """
import torch
from torch import nn
net = nn.Linear(2, 2)
x = torch.ones(1, 2)
def quantize(w): return w.mul_(4).round_().div_(4)
def quant_error(net): return sum((quantize(p.data) - p).abs().sum().item() for p in net.parameters())
def evaluate(net):
    quantize(net.weight.data)
    return net(x)
def normalize_weights(net): quantize(net.weight.data)
def batch_loss(net):
    loss = net(x).sum()
    loss.backward()
    for p in net.parameters(): p.data -= p.grad
    return loss.item()
"""


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("e = quant_error(net)", {"net.weight", "net.bias"}),
        ("print(evaluate(net))", {"net.weight"}),
        ("normalize_weights(net)", set()),
        ("loss = batch_loss(net)", set()),
    ],
)
def test_a_function_that_promises_to_measure_a_module_is_no_update(cell, expected):
    assert expected == silently_changed(MEASURED, cell)


SCHEDULED = """
import torch
net = torch.nn.Linear(2, 1)
opt = torch.optim.Adam(net.parameters(), lr=torch.tensor(.1))
rates = torch.optim.lr_scheduler.ExponentialLR(opt, .5)
plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(opt, patience=0)
plateau.step(0.)
rate, first = opt.param_groups[0]["lr"], net.weight.detach()
def epoch():
    net(torch.ones(1, 2)).sum().backward()
    opt.step()
    rates.step()
def warm_up():
    for group in opt.param_groups: group["lr"] *= 2
"""


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("opt.step(); rates.step()", {"rate"}),
        ("plateau.step(1.)", {"rate"}),
        ("for _ in range(3): epoch()", {"rate", "first"}),
        ("warm_up()", {"rate"}),
        ("rate.fill_(1)", {"opt.param_groups[0]['lr']"}),
    ],
)
def test_a_learning_rate_that_is_a_tensor_is_set_by_its_scheduler(cell, expected):
    with Notebook() as nb:
        nb.run(SCHEDULED)
        report = nb.run(cell)

    assert expected == silent(report)
    assert not [one for one in report["changes"] if one["fix"] and "deepcopy(torch.optim" in one["fix"]["title"]]


LAYERS = """
import torch
from torch import nn
class Adapted(nn.Linear):
    def merge(self):
        with torch.no_grad(): self.weight += 1
    def eval(self):
        with torch.no_grad(): self.weight += 1
        return super().eval()
net = nn.Sequential(Adapted(2, 2), nn.ReLU(), Adapted(2, 2), Adapted(2, 1))
for p in net.parameters(): p.requires_grad_(False)
first = net[0].weight.detach()
"""
ADAPTED_WEIGHTS = {"net[0].weight", "net[2].weight", "net[3].weight"}


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("for m in net.modules():\n    if isinstance(m, Adapted): m.merge()", {"first"}),
        ("for m in net.children():\n    if isinstance(m, Adapted): m.merge()", {"first"}),
        ("for name, m in net.named_modules():\n    if isinstance(m, Adapted): m.merge()", {"first"}),
        ("for m in filter(lambda m: hasattr(m, 'merge'), net.modules()): m.merge()", {"first"}),
        ("for m in net.modules():\n    if isinstance(m, Adapted): m.eval()", {"first", *ADAPTED_WEIGHTS}),
    ],
)
def test_a_method_that_a_loop_over_the_parts_of_a_module_calls_writes_each_by_name(cell, expected):
    assert expected == silently_changed(LAYERS, cell)


SERVER = """
import torch
from torch import nn
class Client:
    def __init__(self): self.net = nn.Linear(2, 1)
class Server:
    def __init__(self, clients): self.clients = clients
    def combine(self):
        state = self.clients[0].net.state_dict()
        for name, value in self.clients[1].net.state_dict().items(): state[name] += value
        return state
    def shrink(self):
        for value in self.clients[0].net.state_dict().values(): value.mul_(.5)
    def learn(self):
        for p in self.clients[0].net.parameters(): p.data -= .1
        return self.clients[0].net.state_dict()
clients = [Client() for _ in range(2)]
server = Server(clients)
"""


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("state = server.combine()", {"clients[0].net.weight", "clients[0].net.bias"}),
        ("server.combine();", set()),
        ("server.shrink()", set()),
        ("state = server.learn()", set()),
    ],
)
def test_a_method_that_gives_back_the_parameters_in_which_it_computed_changes_them_silently(cell, expected):
    assert expected == silently_changed(SERVER, cell)


def test_what_a_method_computes_in_parameters_that_it_gives_back_is_mended_in_the_method():
    with Notebook() as nb:
        nb.run(SERVER)
        report = nb.run("state = server.combine()")

    assert {"state = copy.deepcopy(self.clients[0].net.state_dict())"} == {
        one["fix"]["edits"][-1]["text"].strip() for one in report["changes"] if one["silent"]
    }


WITHOUT_A_CALL = """
import torch
class Reader:
    def __init__(self): self.x, self.y = torch.zeros(2), torch.zeros(2)
    def __contains__(self, one): self.x.add_(1); return True
    def __bool__(self): self.x.add_(1); return True
    def __iter__(self): self.x.add_(1); return iter((1, 2))
    def __hash__(self): self.x.add_(1); return 1
    def __format__(self, spec): self.x.add_(1); return ""
    def __repr__(self): self.x.add_(1); return ""
    def __delitem__(self, key): self.y.add_(1)
r = Reader()
"""


@pytest.mark.parametrize(
    "statement", ["found = 3 in r", "if r: pass", "a, b = r", "made = {r: 1}", "text = f'{r}'", "r", "assert r"]
)
def test_what_python_runs_without_a_call_is_a_likely_writer(statement):
    with Notebook() as nb:
        nb.run(WITHOUT_A_CALL)
        report = nb.run(f"n = len([1])\n{statement}")
        [change] = [one for one in report["changes"] if one["kind"] == "mutated"]
        assert ("r.x", True) == (change["path"], change["silent"])
        assert [(2, "inferred")] == [(site["line"], site["certainty"]) for site in change["sites"]]


def test_what_deletes_an_item_names_its_object():
    with Notebook() as nb:
        nb.run(WITHOUT_A_CALL)
        report = nb.run("del r[0]")
        assert [("r.y", "direct")] == [(one["path"], one["cause"]) for one in report["changes"]]


@pytest.mark.parametrize("turns", [3, 60])
@pytest.mark.parametrize("label", ["p.grad = None", "p.tag = 1", "p.requires_grad = True"])
def test_an_attribute_that_holds_no_values_is_no_write(label, turns):
    with Notebook() as nb:
        nb.run(
            "import torch\nw, b = torch.ones(2, requires_grad=True), torch.zeros(1, requires_grad=True); ps = [w, b]"
        )
        loop = "    (w.sum() * b + w.sum()).sum().backward()\n    for p in ps:\n        p.data -= .1 * p.grad\n        p.grad.zero_()\n"
        assert not silent(nb.run(f"for _ in range({turns}):\n{loop}        {label}"))
        nb.run("view = w.detach()")
        assert {"w", "ps[0]"} == silent(nb.run(f"view.add_(1)\np = w\n{label}"))


WITHOUT_LOOKS = """
import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel
net = nn.Linear(2, 1); both, x = nn.Sequential(net, nn.Tanh()), torch.ones(3, 2)
opt, mean = torch.optim.SGD(net.parameters(), lr=0.1), AveragedModel(net, avg_fn=lambda a, p, n: (a + p) / 3)
mean.update_parameters(net)
"""
STEP = "both(x).sum().backward(); opt.step()"


@pytest.mark.parametrize(
    "cell",
    [
        f"for p in net.parameters():\n    p.requires_grad = True\n{STEP}",
        f"for m in both.children():\n    m.training = True\n{STEP}",
        "mean.update_parameters(net)\nmean.eval(); y = mean(x)",
        "mean.train()\nmean.update_parameters(net)\nprint(mean(x))",
    ],
)
def test_without_looks_what_can_write_is_told_apart_from_what_cannot(cell):
    with Notebook(settings=NO_LOOKS) as nb:
        nb.run(WITHOUT_LOOKS)
        report = nb.run(cell)

    assert mutated(report)
    assert not silent(report)


OBJECTS = """
import types
import numpy as np
import torch
class Norm:
    def __init__(self): self.mean, self.n = torch.zeros(2), 0
    def update(self, x): self.n += 1; self.mean += (x - self.mean) / self.n
    def normalize(self, x): self.update(x); return x - self.mean
    def __call__(self, x): return self.normalize(x)
class Data:
    def __init__(self): self.norm = Norm()
    def __len__(self): return 2
    def __getitem__(self, i):
        if i > 1: raise IndexError
        self.norm.update(torch.ones(2)); return self.norm.mean.clone()
class Buffer:
    def __init__(self): self.data = np.zeros((2, 2))
    def store(self, row): self.data[0] = row
    def sample(self): self.data *= .5; return self.data.copy()
    def compute_sums(self):
        for i in range(2): self.data[i] = self.data[i].sum() + 1
        return self.data.sum()
    def calc_mean(self): self.data /= 2; return self.data.mean()
    def compute_loss(self): self.data[0] = 0; return self.data.mean()
class Owner:
    def __init__(self): self.inner, self.several = Norm(), [Norm(), Norm()]
    def run(self, x): self.inner.update(x)
owner = Owner(); inner = owner.inner; space = types.SimpleNamespace(mine=inner)
norm, data, buffer, norms = Norm(), Data(), Buffer(), [Norm(), Norm()]; held, again, x = norm.mean, norm, torch.ones(2)
buffer.store(1)
"""


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("norm.update(x)", {"held"}),
        ("again.update(x)", {"held"}),
        ("buffer.store([1, 2])", set()),
        ("for n in norms:\n    n.update(x)", set()),
        ("norms[1].update(x)", set()),
        ("owner.run(x)", set()),
        ("inner.update(x)", set()),
        ("space.mine.update(x)", set()),
        ("for one in owner.several: one.update(x)", set()),
        ("y = norm(x)", {"held", "norm.mean", "again.mean"}),
        ("y = norm.normalize(x)", {"held", "norm.mean", "again.mean"}),
        ("y = data[0]", {"data.norm.mean"}),
        ("for y in data: pass", {"data.norm.mean"}),
        ("y = buffer.sample()", {"buffer.data"}),
        ("y = buffer.compute_sums()", set()),
        ("y = buffer.calc_mean()", {"buffer.data"}),
        ("y = buffer.compute_loss()", {"buffer.data"}),
    ],
)
def test_arrays_of_an_object(cell, expected):
    assert expected == silently_changed(OBJECTS, cell)


JOURNAL = """
import torch
class Attack:
    def __init__(self): self.log, self.query_counts, self.scale, self.n = torch.zeros(4), torch.zeros(1), torch.ones(2), 0
    def __call__(self, x): return self.noted(x) * self.scale
    def noted(self, x):
        self.log[self.n] = x.sum() + 1; self.query_counts += 1; self.n += 1
        return x
    def predict(self, x):
        self.scale *= 2
        return self.noted(x)
def show(one): one.log.add_(1); return one.n
attack = Attack(); x, kept, row = torch.ones(2), attack.log, torch.zeros(2, 2)
"""


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("y = attack(x)", {"kept"}),
        ("y = attack.predict(x)", {"kept", "attack.scale"}),
        ("print(show(attack))", {"kept", "attack.log"}),
    ],
)
def test_what_an_object_notes_of_what_it_does_is_its_own_wherever_a_method_of_it_writes(cell, expected):
    assert expected == silently_changed(JOURNAL, cell)


BY_HAND = """
import numpy as np, torch
from torch import nn
class Noisy(nn.Linear):
    def __init__(self):
        super().__init__(2, 2)
        self.register_buffer("eps", torch.randn(2)); self.gain = torch.ones(2)
class Replay:
    def __init__(self): self.p = np.zeros(4)
    def update_priorities(self, v): self.p[0] = v
class Scratch(nn.Linear):
    def __init__(self): super().__init__(2, 2); self.mean = torch.zeros(2)
    def forward(self, x): return super().forward(centre(x, self.mean))
def centre(x, mean):
    mean[:] = .9 * mean + .1 * x.mean(0)
    return x - mean
net, copy, replay, scratch = Noisy(), Noisy(), Replay(), Scratch()
opt = torch.optim.SGD([*copy.parameters(), *scratch.parameters()], lr=.1)
moments, x = [torch.zeros_like(p.data) for p in net.parameters()], torch.ones(3, 2)
net(x).sum().backward()
view, eps, gain, priorities = moments[0][:1], copy.eps[:1], net.gain[:1], replay.p[:1]
weight, moved = net.weight.detach(), [p.detach() for p in net.parameters()]
def load(a, b): b.load_state_dict(a.state_dict())
def decay(n): n.eps *= 0
def fit(n): n.gain += 1
def predict(n): n.gain += 1
def fit_array(n): n.gain.numpy()[:] = 3
def handed(t): t += 1
def sgd(params, several, lr=.1):
    for p, v in zip(params, several):
        v[:] = .9 * v + p.grad
        p.data -= lr * v
        p.grad.data.zero_()
def sgd_and_scale(several, batch):
    batch /= 2
    sgd(net.parameters(), several)
def clip(n):
    for p in n.parameters(): p.grad.mul_(.1)
def peek(n): n.weight.grad.numpy()[:] = 0
def train():
    copy(x).sum().backward(); opt.step()
    replay.update_priorities(3)
def train_scratch():
    scratch(x).sum().backward(); opt.step()
def evaluate(): replay.update_priorities(2)
"""
WRITTEN = {"weight", "moved[0]", "moved[1]"}


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("load(net, copy)", {"eps"}),
        ("decay(net)", {"net.eps"}),
        ("fit(net)", {"gain"}),
        ("predict(net)", {"gain", "net.gain"}),
        ("fit_array(net)", {"gain", "net.gain"}),
        ("handed(net.gain)", {"gain", "net.gain"}),
        ("sgd(net.parameters(), moments)", {"view", *WRITTEN}),
        ("sgd_and_scale(moments, x)", {"view", "x", *WRITTEN}),
        ("clip(net)", set()),
        ("peek(net)", {"net.weight.grad"}),
        ("train()", {"priorities"}),
        ("evaluate()", {"priorities", "replay.p"}),
        ("train_scratch()", set()),
        ("scratch(x).sum().backward()\nopt.step()", set()),
        ("y = scratch(x)", {"scratch.mean"}),
    ],
)
def test_what_functions_update_by_hand(cell, expected):
    assert expected == silently_changed(BY_HAND, cell)


FOLLOWING = """
import torch
from torch import nn
class Line:
    def __init__(self): self.w, self.b = torch.zeros(2), torch.zeros(1)
class Data:
    def __init__(self): self.x = torch.arange(4.).view(2, 2)
def train(line, data, turns=2):
    for _ in range(turns):
        line.w += .1 * (data.x @ line.w - 1)
        line.b -= .1
def train_scaled(line, data):
    x = data.x
    x /= 2
    line.w -= x.sum(0)
def predict(line, data):
    line.w /= 3
    return data.x @ line.w
line, data, net = Line(), Data(), nn.Linear(2, 1)
with torch.no_grad():
    ema = {n: p.detach() - 1 for n, p in net.named_parameters()}
    shadow = [p.detach() - 1 for p in net.parameters()]
    backup = [p.detach() - 1 for p in net.parameters()]
    seen = {n: torch.zeros(7) for n, p in net.named_parameters()}
tied = {n: p.detach() for n, p in net.named_parameters()}
x, w, first = data.x, line.w[:1], ema["weight"][0]
nn.init.ones_(line.w)
def update_ema(decay=.9):
    for n, p in net.named_parameters():
        ema[n].mul_(decay).add_(p.detach(), alpha=1 - decay)
def follow(average):
    for a, p in zip(average, net.parameters()):
        a.lerp_(p.data, .1)
def follow_tied():
    for n, p in net.named_parameters():
        tied[n].mul_(.9).add_(p.data)
def blend(a, b):
    for k in a:
        a[k].add_(b[k])
def count(found):
    for n, p in net.named_parameters():
        found[n] += 1
def compare(average):
    return sum((a.sub_(p.data)).abs().sum() for a, p in zip(average, net.parameters()))
"""


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("train(line, data)", {"w"}),
        ("for _ in range(3): train(line, data)", {"w"}),
        ("train_scaled(line, data)", {"w", "x", "data.x"}),
        ("y = predict(line, data)", {"w", "line.w"}),
        ("update_ema()", {"first"}),
        ("for _ in range(3): update_ema()", {"first"}),
        ("follow(shadow)", set()),
        ("follow(backup)", {"backup[0]", "backup[1]"}),
        ("follow_tied()", {"tied['weight']", "tied['bias']", "net.weight", "net.bias"}),
        ("blend(ema, {n: p + 1 for n, p in tied.items()})", {"ema['weight']", "ema['bias']", "first"}),
        ("count(seen)", {"seen['weight']", "seen['bias']"}),
        ("d = compare(shadow)", {"shadow[0]", "shadow[1]"}),
    ],
)
def test_what_follows_parameters_and_what_a_function_trains(cell, expected):
    assert expected == silently_changed(FOLLOWING, cell)


MOMENTUM = """
import copy, torch
from torch import nn
class Twins(nn.Module):
    def __init__(self):
        super().__init__()
        self.q, self.k = nn.Linear(2, 2), nn.Linear(2, 2)
        for one in self.k.parameters(): one.requires_grad_(False)
        for one in self.q.parameters(): nn.init.ones_(one)
    @torch.no_grad()
    def follow(self):
        for q, k in zip(self.q.parameters(), self.k.parameters()): k.data = k.data * .9 + q.data * .1
    @torch.no_grad()
    def normalise(self): self.k.weight.div_(self.k.weight.norm())
class Following(Twins):
    def forward(self, x): self.follow(); return self.q(x) - self.k(x)
class Normalising(Twins):
    def forward(self, x): self.normalise(); return self.q(x) - self.k(x)
first, second, x = Following(), Normalising(), torch.ones(1, 2)
third = copy.deepcopy(first).requires_grad_(True)
"""


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("y = first(x)", set()),
        ("y = second(x)", {"second.k.weight"}),
        ("y = third(x)", {"third.k.weight", "third.k.bias"}),
    ],
)
def test_frozen_parameters_may_follow_others_while_their_module_is_called(cell, expected):
    assert expected == silently_changed(MOMENTUM, cell)


ROLLOUT = """
import torch
class Env:
    def __init__(self): self.s = torch.zeros(3)
    def reset(self): self.s.zero_(); return self.s.clone()
    def step(self, a): self.s += a; return self.s.clone(), 1.
class Buffer:
    def __init__(self): self.obs, self.i = torch.zeros(8, 3), 0
    def store(self, o): self.obs[self.i % 8] = o; self.i += 1
env, buffer, view = Env(), Buffer(), Buffer()
view.obs = buffer.obs
def collect(env, buffer, n):
    s = env.reset()
    for _ in range(n):
        s, r = env.step(torch.randn(3))
        buffer.store(s)
def run_episode():
    return sum(env.step(torch.randn(3))[1] for _ in range(3))
def evaluate(env):
    return env.step(torch.randn(3))[1]
"""


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("collect(env, buffer, 4)", {"view.obs"}),
        ("for episode in range(2): collect(env, buffer, 2)", {"view.obs"}),
        ("returns = [run_episode() for _ in range(2)]", set()),
        ("r = evaluate(env)", {"env.s"}),
    ],
)
def test_what_a_function_has_objects_do_to_their_own_arrays(cell, expected):
    assert expected == silently_changed(ROLLOUT, cell)


AVERAGES = """
import copy, torch
from torch import nn
net = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
target, opt = copy.deepcopy(net), torch.optim.SGD(net.parameters(), lr=.1)
ema, target_weight = net.state_dict(), target[0].weight.detach()
def train(x):
    net(x).square().sum().backward()
    opt.step()
def train_and_follow(x):
    train(x)
    for name, one in net.named_parameters():
        ema[name].mul_(.9).add_(one.detach() + 1, alpha=.1)
def follow(a, b):
    for one, other in zip(a.state_dict().values(), b.state_dict().values()):
        one.copy_(other)
def follow_apart(a, b):
    with torch.no_grad():
        for one, other in zip(a.parameters(), b.parameters()):
            one.copy_(other)
    for one, other in zip(a.buffers(), b.buffers()):
        one.copy_(other)
def mean_of(a, b):
    mean = a.state_dict()
    for name in mean:
        mean[name].add_(b.state_dict()[name])
    return {name: one / 2 for name, one in mean.items()}
x = torch.randn(4, 2)
train(x)
"""


@pytest.mark.parametrize(
    ("cell", "root", "silent_kinds"),
    [
        ("train_and_follow(x)", "net", {"parameter"}),
        ("train_and_follow(x)", "ema", {"tensor"}),
        ("train(x)", "net", set()),
        ("follow(target, net)", "target", set()),
        ("follow_apart(target, net)", "target", set()),
        ("for name, one in target.state_dict().items(): one.copy_(ema[name])", "target", set()),
        ("target.state_dict()['0.weight'].zero_()", "target", set()),
        ("follow(target, net)", "target_weight", {"tensor"}),
        ("mean = mean_of(target, net)", "target", {"parameter", "buffer"}),
    ],
)
def test_what_a_moving_average_writes_and_what_a_state_dict_without_a_name_does(cell, root, silent_kinds):
    with Notebook() as nb:
        nb.run(AVERAGES)
        report = nb.run(cell)
        kinds = {one["path"]: one["kind"] for one in report["tensors"]}
        found = {path for path in mutated(report) if path.partition("[")[0] == root}
        assert found
        assert silent_kinds == {kinds[path] for path in found & silent(report)}


def test_a_step_and_an_average_in_one_function_are_told_by_the_lines_that_wrote():
    with Notebook() as nb:
        nb.run(AVERAGES)
        report = nb.run("train_and_follow(x)")
        [weight] = [one for one in report["changes"] if one["path"] == "net[0].weight"]
        [kept] = [one for one in report["changes"] if one["path"] == "ema['0.weight']"]
        assert weight["via"] == ["ema['0.weight']"]
        assert weight["sites"][0]["inner"]["text"] == "ema[name].mul_(.9).add_(one.detach() + 1, alpha=.1)"
        assert kept["via"] == ["net[0].weight"]
        assert kept["sites"][0]["inner"]["text"] == "opt.step()"
        assert [one["code"] for one in report["hazards"]] == ["TW207"]


GIVEN = """
import torch
from torch import nn
def stream():
    buf = torch.zeros(2)
    for i in range(1, 4):
        buf.fill_(i)
        yield buf
def norm(t):
    t -= t.mean()
    return t
class Merging(nn.Linear):
    def train(self, mode=True):
        self.weight.data.mul_(2)
        return super().train(mode)
it, x, net = stream(), torch.arange(3.), Merging(2, 2)
b = next(it)
same = x.view(-1)
"""


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("b = next(it)", set()),
        ("for b in stream(): pass", set()),
        ("for i, c in enumerate(stream()):\n    d = c.sum()", set()),
        ("first = None\nfor c in stream():\n    if first is None: first = c", {"first"}),
        ("x = norm(x)", {"same"}),
        ("y = norm(x)", {"x", "same"}),
        ("net = net.eval()", {"net.weight"}),
    ],
)
def test_what_a_statement_binds_to_what_its_call_wrote(cell, expected):
    with Notebook() as nb:
        nb.run(GIVEN)
        assert expected == silent(nb.run(cell))


def test_a_kept_state_changed_through_the_parameters_that_an_optimizers_method_wrote():
    shrinking = (
        "class Prox(torch.optim.SGD):\n    @torch.no_grad()\n    def shrink(self):\n"
        "        for group in self.param_groups:\n            for p in group['params']: p.mul_(0.9)\n"
        "net = nn.Linear(2, 1); prox = Prox(net.parameters(), lr=0.1); kept = net.state_dict()"
    )
    with Notebook() as nb:
        nb.run("import torch\nfrom torch import nn\n" + shrinking)
        told = changes(nb.run("prox.shrink()"))

    assert (["net.weight"], ["net.bias"]) == (told["kept['weight']"]["via"], told["kept['bias']"]["via"])


HALVED = "net.load_state_dict({k: v / 2 for k, v in %s.items()})"


@pytest.mark.parametrize(
    ("cells", "told"),
    [
        (["after = net.state_dict()", HALVED % "after"], set()),
        (["for i in range(3):\n    after = net.state_dict()\n    " + HALVED % "after"], set()),
        (["after = net.state_dict()\n" + HALVED % "after" + "\nafter = None"], set()),
        (["after = net.state_dict()", HALVED % "after" + "\nprint(after)"], {"after"}),
        (["after = net.state_dict()", "for i in range(3):\n    " + HALVED % "after"], {"after"}),
        (["for i in range(3):\n    after = net.state_dict()\n    " + HALVED % "after" + "\nlast = after['weight'] * 1"], {"after"}),
        (["best = net.state_dict()", HALVED % "best"], {"best"}),
        (["after = net.state_dict()", HALVED % "other"], {"after"}),
        (["after = net.state_dict()", "net.weight.data.copy_(after['weight'] / 2)"], {"after"}),
    ],
)  # fmt: skip
def test_a_state_that_is_used_up_as_its_module_loads_what_is_made_of_it(cells, told):
    with Notebook() as nb:
        nb.run("import torch\nfrom torch import nn\nnet = nn.Linear(3, 1)\nother = nn.Linear(3, 1).state_dict()")
        for cell in cells:
            report = nb.run(cell)

    assert told == {path.partition("[")[0] for path in silent(report)}


LEAVES = """
import torch
from torch import nn
net, x = nn.Linear(3, 2), torch.rand(4, 3)
def attack(x):
    adv = x.requires_grad_()
    net(adv).sum().backward()
    adv.data += 0.1 * adv.grad.sign()
    return adv.detach()
def attack_copy(x): return attack(x.clone())
def descend(params):
    with torch.no_grad():
        for p in params: p -= 0.1 * p.grad
def lower(w): w.data -= 0.1 * w.grad
def fit(w):
    w.requires_grad_()
    net(w).sum().backward()
    w.data -= 0.1 * w.grad
"""


@pytest.mark.parametrize(
    ("cells", "told"),
    [
        (["adv = x.requires_grad_()\nwith torch.no_grad(): adv += 1"], {"x"}),
        (["adv = x.requires_grad_()", "adv.data.add_(1)"], {"x"}),
        (["adv = x.requires_grad_()\nfor i in range(2): adv.data.add_(1).clamp_(0, 1)"], {"x"}),
        (["adv = attack(x)"], {"x"}),
        (["fit(x)"], set()),
        (["adv = attack_copy(x)"], set()),
        (["x = x.requires_grad_()\nwith torch.no_grad(): x += 1"], set()),
        (["x = x.requires_grad_()\nopt = [x]\nnet(x).sum().backward()\ndescend(opt)"], set()),
        (["x.requires_grad_()\nnet(x).sum().backward()\nlower(x)"], set()),
        (["x.requires_grad = True\nw = x\nwith torch.no_grad(): w += 1"], set()),
        (["w = torch.ones(3).requires_grad_()\nv = w\nwith torch.no_grad(): v += 1"], set()),
        (["adv = x.clone().requires_grad_()\nwith torch.no_grad(): adv += 1"], set()),
        (["adv = x.requires_grad_()\nx = torch.rand(4, 3).requires_grad_()\nps = [x]", "with torch.no_grad():\n    for p in ps: p += 1"], set()),
        (["adv = x.requires_grad_()", "opt = torch.optim.SGD([adv], lr=0.1)\nnet(adv).sum().backward()\nopt.step()"], set()),
    ],
)  # fmt: skip
@pytest.mark.parametrize("is_joined", [False, True])
def test_data_that_is_made_a_leaf_under_another_name_is_no_parameter(cells, told, is_joined):
    with Notebook() as nb:
        for cell in ["\n".join([LEAVES, *cells])] if is_joined else [LEAVES, *cells]:
            report = nb.run(cell)

    assert told == silent(report)


COUNTS = """
import torch
counter, image, seen = torch.zeros(3), torch.ones(3), []
def count(i=0): counter[i] += 1
def count_up():
    counter.add_(1)
    return counter.sum()
def show_image():
    image.mul_(255)
    print(image)
def tick(): image.add_(1)
def twice(): count()
queue = torch.zeros(4)
def dequeue_and_enqueue(k): queue[:len(k)] = k
"""


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("count()", set()),
        ("for i in range(3): count(i)", set()),
        ("n = count_up()", {"counter"}),
        ("seen.append(count())", {"counter"}),
        ("show_image()", {"image"}),
        ("tick()", {"image"}),
        ("twice()", {"counter"}),
        ("dequeue_and_enqueue(torch.ones(2))", set()),
        ("old = queue[:2]\ndequeue_and_enqueue(torch.ones(2))", {"old"}),
        ("view = counter.detach()\ncount()", {"view"}),
    ],
)
def test_a_function_named_by_the_verb_of_what_it_fills(cell, expected):
    with Notebook() as nb:
        nb.run(COUNTS)
        report = nb.run(cell)

    assert expected == silent(report)
    assert mutated(report)


HANDED = """
import torch
from torch import nn
net = nn.Linear(3, 2)
def rounded(w): return w.round_()
def halve(w): w.mul_(0.5)
def fit(net):
    net.weight.data -= 0.1
    return net.weight.detach()
def quantize(layer):
    w = layer.weight.data
    w.mul_(8).round_()
    return w
def descend(layer):
    w = layer.weight.data
    w -= 0.1
    return w
def scale(layer):
    w = layer.weight.data
    w /= 2
    return w.norm()
"""


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("q = rounded(net.weight.data)", {"net.weight"}),
        ("with torch.no_grad(): q = rounded(net.weight)", {"net.weight"}),
        ("net.weight.data = rounded(net.weight.data)", set()),
        ("halve(net.weight.data)", set()),
        ("w = fit(net)", set()),
        ("q = rounded(net.weight.data.clone())", set()),
        ("q = quantize(net)", {"net.weight"}),
        ("q = [quantize(one) for one in (net,)]", {"net.weight"}),
        ("quantize(net);", set()),
        ("w = descend(net)", set()),
        ("norm = scale(net)", set()),
    ],
)
def test_a_parameter_whose_memory_a_call_gives_back_under_a_new_name(cell, expected):
    with Notebook() as nb:
        nb.run(HANDED)
        assert expected == silent(nb.run(cell))


ADAPTED = """
import torch
from torch import nn
class Adapted(nn.Module):
    def __init__(self, base):
        super().__init__()
        self.weight, self.delta = base.weight, nn.Parameter(torch.ones(2, 3))
    def merge(self):
        self.weight.data += self.delta
base = nn.Linear(3, 2)
adapted = Adapted(base)
"""


@pytest.mark.parametrize("cells", [[ADAPTED, "adapted.merge()"], [f"{ADAPTED}adapted.merge()"]])
def test_a_module_that_writes_the_parameter_of_another_changes_it_silently_also_in_the_cell_that_makes_it(cells):
    with Notebook() as nb:
        *_, report = map(nb.run, cells)

    assert {"base.weight"} == silent(report)


SWAP = """
import contextlib, copy, torch
from torch import nn
net = nn.Linear(3, 1)
mean, view = copy.deepcopy(net), net.weight.detach()
nn.init.zeros_(mean.weight)
@contextlib.contextmanager
def swapped(net, mean):
    saved = copy.deepcopy(net.state_dict())
    net.load_state_dict(mean.state_dict())
    yield net
    net.load_state_dict(saved)
@contextlib.contextmanager
def replaced(net, mean):
    net.load_state_dict(mean.state_dict())
    yield net
"""


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("with swapped(net, mean) as m: y = m(torch.ones(1, 3))", set()),
        ("with replaced(net, mean) as m: y = m(torch.ones(1, 3))", {"view"}),
        ("nn.init.ones_(net.weight)\nwith swapped(net, mean) as m: y = m(torch.ones(1, 3))", {"view"}),
    ],
)
def test_what_a_context_manager_writes_is_not_given_back(cell, expected):
    with Notebook() as nb:
        nb.run(SWAP)
        assert expected == silent(nb.run(cell))


CACHES = """
import torch
from torch import nn
class Cache:
    def __init__(self):
        self.k, self.n = torch.ones(8), 0
    def append(self, k):
        self.k[self.n:self.n + len(k)] = k
        self.n += len(k)
        return self.k[:self.n]
    def halve(self):
        self.k /= 2
class Attention(nn.Module):
    def forward(self, x, cache):
        return x + cache.append(x).sum()
class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.attention = Attention()
    def forward(self, x, cache):
        return self.attention(x, cache)
class Caching(nn.Module):
    def __init__(self):
        super().__init__()
        self.past, self.cache_k, self.scale = Cache(), torch.zeros(2), torch.ones(2)
    def forward(self, x, grow=False):
        if grow:
            self.scale *= 2
        self.cache_k += x
        return self.past.append(x)
class Halving(nn.Module):
    def forward(self, x, cache):
        cache.halve()
        return x
class Agent:
    def learn(self, cache):
        cache.append(torch.zeros(2))
    def get_best(self, cache):
        cache.append(torch.zeros(2))
block, caching, halving, agent, cache, x = Block(), Caching(), Halving(), Agent(), Cache(), torch.zeros(2) + 2
"""


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("y = block(x, cache)", set()),
        ("for _ in range(3):\n    y = block(x, cache)", set()),
        ("y = caching(x)", set()),
        ("agent.learn(cache)", set()),
        ("agent.get_best(cache)", {"cache.k"}),
        ("y = halving(x, cache)", {"cache.k"}),
        ("y = caching(x, grow=True)", {"caching.scale"}),
        ("kept = cache.k\ny = block(x, cache)", {"kept"}),
        ("other = cache.append(x)\ny = block(x, cache)", set()),
    ],
)
def test_a_cache_that_a_call_appends_to_is_expected_to_grow(cell, expected):
    assert expected == silently_changed(CACHES, cell)


FIRST_USE = """
import torch
from torch import nn
class Scaled(nn.Module):
    def __init__(self):
        super().__init__()
        self.scale, self.done = nn.Parameter(torch.ones(2)), False
        self.register_buffer("ready", torch.tensor(0))
    def forward(self, x): return x * self.scale
class Behind(Scaled):
    def forward(self, x):
        if not self.done:
            self.scale.data = 1 / x.std(0)
            self.done = True
        return x * self.scale
class Helped(Scaled):
    def start(self, x):
        if self.ready: return
        with torch.no_grad(): self.scale.copy_(1 / x.std(0))
        self.ready.data.copy_(torch.tensor(1))
    def forward(self, x):
        self.start(x)
        return x * self.scale
class Clamped(Scaled):
    def forward(self, x):
        if self.training:
            self.scale.data.mul_(0.5)
        return x * self.scale
class Counted(Scaled):
    def forward(self, x):
        if self.done < 3:
            self.scale.data.mul_(0.5)
            self.done = self.done + 1
        return x * self.scale
net, x = NETWORK(), torch.randn(8, 2)
kept = net.scale.detach()
"""


@pytest.mark.parametrize(
    ("network", "is_expected"), [("Behind", True), ("Helped", True), ("Clamped", False), ("Counted", False)]
)
def test_a_module_that_initializes_its_parameters_when_first_used(network, is_expected):
    assert ("net.scale" not in silently_changed(FIRST_USE.replace("NETWORK", network), "y = net(x)")) == is_expected


@pytest.mark.parametrize(("network", "expected"), [("Behind", set()), ("Clamped", {"kept", "net.scale"})])
def test_a_module_of_an_imported_file_that_initializes_its_parameters(network, expected, tmp_path, monkeypatch):
    classes, made = FIRST_USE.replace("NETWORK", network).split("net, x = ")
    (tmp_path / "networks_of_a_file.py").write_text(classes)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "networks_of_a_file", raising=False)
    setup = f"import torch\nfrom networks_of_a_file import {network}\nnet, x = {made}"

    assert expected == silently_changed(setup, "y = net(x)")


def test_what_shares_memory_with_what_is_initialized_at_the_first_use_is_silent():
    assert {"kept"} == silently_changed(FIRST_USE.replace("NETWORK", "Helped"), "y = net(x)")


BY_STATE = """
import torch
from torch import nn
net, x = nn.Linear(1, 1), torch.ones(4, 1)
state, best = net.state_dict(), net.state_dict()
for _ in range(2):
    net.zero_grad(); net(x).sum().backward()
    state["weight"] += -0.1 * net.weight.grad; best["bias"] += 1
    net.load_state_dict(state)
opt = torch.optim.SGD(net.parameters(), lr=0.1)
"""


def test_a_state_dict_through_which_a_loop_trained_follows_the_module_until_it_is_read_again():
    step, kept = "net(x).sum().backward(); opt.step()", {"best['weight']", "best['bias']"}
    with Notebook() as nb:
        nb.run(BY_STATE)
        assert kept == silent(nb.run(step))
        nb.run("print(state)")
        assert kept | {"state['weight']", "state['bias']"} == silent(nb.run(step))
