"""Which statement of a loop wrote, and through which line of a function: with all looks, and without any."""

from __future__ import annotations

import random

import pytest

from tests.support import oracle
from tests.support.notebook import Notebook, Report, changes, mutated, silent

LOOKS = [{"probe_floor": 2.0}, {"probe_floor": 0.0, "probe_share": 0.0}]
looks = pytest.mark.parametrize("settings", LOOKS, ids=["looks", "no looks"])

MODEL = """\
import torch
from torch import nn
def make():
    return nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
model, target = make(), make()
opt = torch.optim.Adam(model.parameters(), lr=0.1)
def train(x):
    loss = (model(x) - 0.9 * target(x).detach()).pow(2).mean()
    opt.zero_grad()
    loss.backward()
    opt.step()
    return loss
"""


def run(cells: list[str], settings: dict[str, object]) -> Report:
    """Run some cells; return the report on the last."""
    with Notebook(settings=settings) as nb:
        return [nb.run(source) for source in cells][-1]


def sites(report: Report, path: str) -> list[tuple[int, str | None]]:
    """Return the lines told for a path, each with its line inside a function."""
    return [(one["line"], one["inner"] and one["inner"]["text"]) for one in changes(report, "mutated")[path]["sites"]]


@looks
def test_an_optimizers_step_is_no_suspect_for_the_network_that_is_copied_to(settings):
    setting = MODEL + "def copy_to(a, b):\n    b.load_state_dict(a.state_dict())"
    cell = "for i in range(12):\n    if i > 2:\n        loss = train(torch.randn(3, 4))\n    if i % 5 == 0:\n        copy_to(model, target)"
    report = run([setting, cell], settings)

    assert silent(report) == set()
    assert sites(report, "target[0].weight") == [(5, "b.load_state_dict(a.state_dict())")]


@looks
def test_an_average_that_is_no_copy_is_the_unexpected_writer_of_the_model(settings):
    setting = MODEL + (
        "ema = {n: p.detach() for n, p in model.named_parameters()}\n"
        "def update_ema(decay=0.9):\n"
        "    for n, p in model.named_parameters():\n"
        "        ema[n].mul_(decay).add_(p.detach(), alpha=1 - decay)"
    )
    report = run([setting, "for b in range(3):\n    train(torch.randn(3, 4))\n    update_ema()"], settings)

    line = "ema[n].mul_(decay).add_(p.detach(), alpha=1 - decay)"
    change = changes(report, "mutated")["model[0].weight"]
    assert (change["silent"], change["via"]) == (True, ["ema['0.weight']"])
    assert sites(report, "model[0].weight")[0] == (3, line)
    assert {line for line, _ in sites(report, "model[0].weight")} == {2, 3}
    [hazard] = report["hazards"]
    assert (hazard["code"], hazard["written_at"]["line"]) == ("TW207", 2)
    assert "ema['0.weight']" in hazard["paths"]


LOADER = """\
import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset, random_split
images = np.ones((512, 1, 16, 16), "float32")
class Images(Dataset):
    def __init__(self, rows):
        self.rows = rows
    def __len__(self):
        return len(self.rows)
    def __getitem__(self, i):
        x = torch.from_numpy(self.rows[i])
        x += 0.1
        return x
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer, self.act = nn.Linear(256, 1), nn.ReLU(inplace=True)
    def forward(self, x):
        return self.act(self.layer(x.flatten(1)))
model = Net()
opt = torch.optim.SGD(model.parameters(), lr=0.1)
"""


@looks
@pytest.mark.parametrize(
    ("made", "source"),
    [
        ("data = Images(images[:384]); loader = DataLoader(data, batch_size=64)", "loader"),
        ("data, _ = random_split(Images(images), [384, 128]); loader = DataLoader(data, batch_size=64)", "loader"),
        ("loaders = {'train': DataLoader(Images(images), batch_size=64, shuffle=True)}", "loaders['train']"),
    ],
)
def test_all_views_of_a_large_array_have_one_writer_the_line_inside_the_dataset(settings, made, source):
    cell = f"for xb in {source}:\n    loss = model(xb).mean()\n    opt.zero_grad()\n    loss.backward()\n    opt.step()"
    report = run([LOADER + made, cell], settings)

    told = {path: sites(report, path) for path in silent(report)}
    assert "images" in told
    assert {(1, "x += 0.1")} == {one for several in told.values() for one in several}


HELPERS = """\
import copy
import torch
def bump(t):
    t.add_(1)
def halve(t):
    part = t[:1]
    part.mul_(0.5)
def deep(t):
    bump(t.view(-1))
def second(a, b):
    b.sub_(a.mean() + 0.1)
def spare(t):
    u = t.clone()
    u.add_(1)
    return u
def store(d, k, t):
    d[k] = t
def at(d, k):
    d[k].add_(2)
def each(ts):
    for t in ts:
        t.add_(1)
def memo(n, known={}):
    if n not in known:
        known[n] = x0[:2]
    bump(known[n])
class Pair:
    def __init__(self, a, b):
        self.a, self.b = a, b
    def left(self):
        self.a.add_(1)
    def right(self):
        self.b.mul_(0.5)
    def both(self):
        self.left()
        self.right()
class Bank:
    def __init__(self, *ts):
        self.keys, self.values, self.n = list(ts), [t.clone() for t in ts], 0
    def update(self, i):
        self.keys[i].add_(1)
        self.values[i].add_(2)
    def reset(self, i):
        self.values[i] = torch.ones(4)
def use(bank, i):
    bank.update(i)
"""
SETTING = """\
x0, x1, x2, x3 = torch.arange(4.), torch.arange(4.) + 5, torch.ones(4), torch.ones(4) * 3
v, w, n = x0[1:3], x1.detach(), x2.numpy()
ts, d, kept = [x2, v], {'k': x0[:2], 'm': x3}, {'a': torch.ones(2)}
p, r = Pair(x0, x1), Pair(torch.ones(3), torch.ones(3))
q, bank = copy.copy(p), Bank(x3[:3], torch.ones(2))
bank2 = copy.copy(bank)
"""
CALLS = (
    "bump(x0)", "bump(v)", "halve(x1)", "halve(w)", "deep(x3)", "second(x0, x1)", "second(w, x2)", "y = spare(x0)",
    "store(kept, 'a', torch.ones(2))", "store(kept, 'b', x2)", "at(d, 'k')", "at(d, 'm')", "each(ts)", "memo('s')",
    "p.left()", "q.right()", "p.both()", "r.left()", "bank.update(0)", "use(bank2, 1)", "bank.reset(1)", "x0.add_(1)",
    "v.mul_(0.5)", "n += 1", "d['k'][0] += 1", "ts[1].add_(1)", "y = x0.sum()", "z = [spare(t) for t in ts]",
    "y = bump(p.b)", "x2.data.add_(1)", "torch.add(x3, 1, out=x3)", "y = [bump(t) for t in ts]", "p.b.add_(1)",
)  # fmt: skip


def program(seed: int) -> list[str]:
    """Return three cells: functions, tensors, and a loop that calls the ones with the others, some not in each turn."""
    draw, body = random.Random(seed), []
    turns = draw.choice([1, 3, 30])
    for call in draw.sample(CALLS, draw.randint(2, 5)):
        every = draw.choice([1, 1, 2, 7])
        body += [f"    if i % {every} == 0:", f"        {call}"] if every > 1 else [f"    {call}"]
    return [HELPERS, SETTING, "\n".join([f"for i in range({turns}):", *body])]


@looks
@pytest.mark.parametrize("seed", range(12))
def test_no_line_of_a_random_loop_is_wrong_and_not_marked_likely(settings, seed):
    cells = program(seed)
    truth, report = oracle.run_inside(cells), run(cells, settings)

    wrong, guesses, total = [], 0, 0
    assert mutated(report) <= truth.keys()
    for path, change in changes(report, "mutated").items():
        for one in change["sites"]:
            place = one["line"], one["inner"] and (one["inner"]["cell"], one["inner"]["line"])
            known = {(line, inner if place[1] else None) for line, inner in truth[path]}
            total += 1
            if place not in known:
                guesses += 1
                wrong += [(path, place)] if one["certainty"] == "observed" else []
    assert wrong == [], cells[-1]
    assert guesses <= total // 5 + 1, cells[-1]


@looks
@pytest.mark.parametrize("header", ["for name, layer in net.named_children():", "for layer in net:"])
def test_a_layer_that_a_loop_calls_changes_its_own_statistics(settings, header):
    setting = """\
import torch
from torch import nn
class Residual(nn.Linear):
    def __init__(self): super().__init__(2, 2); self.norm = nn.BatchNorm1d(2)
    def forward(self, x): return self.norm(super().forward(x)) + x
net, x = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2), nn.Sequential(Residual(), Residual())), torch.rand(3, 2)
"""
    report = run([setting, f"{header}\n    x = layer(x)\n    print(x.shape)"], settings)

    assert silent(report) == set()
    assert sites(report, "net[1].running_mean") == [(2, None)]


@looks
@pytest.mark.parametrize(
    ("made", "cell", "items"),
    [
        ("slots = [torch.zeros(3) for _ in range(2)]", "slot = slots[i % 2]\n    slot.copy_(torch.ones(3) + i)", "slots[0] slots[1]"),
        ("slots = {'a': torch.zeros(3), 'b': torch.zeros(3)}", "slot = slots['ab'[i % 2]]\n    slot += 1", "slots['a'] slots['b']"),
    ],
)  # fmt: skip
def test_an_item_that_a_name_led_to_in_an_earlier_turn_changed_through_that_name(settings, made, cell, items):
    report = run([f"import torch\n{made}", f"for i in range(4):\n    {cell}"], settings)
    through = {path: one["via"] for path, one in changes(report, "mutated").items() if one["silent"]}

    assert dict.fromkeys(items.split(), ["slot"]) == through
