"""Every fix of a silent change that is offered, applied literally: the change is gone and the program still runs."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, NamedTuple

import pytest
import torch

from ipy_tensorwatch.shell import extension
from tests.support.mending import apply_fix
from tests.support.notebook import Notebook, changes
from tests.support.oracle import copies
from tests.support.story import stories

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.notebook import Change

START = "import copy, numpy as np, torch\nfrom torch import nn\nx = torch.arange(6.)\n"
TRAIN = START + "net = nn.Linear(2, 2)\nopt = torch.optim.SGD(net.parameters(), lr=0.1)\n"
STEP = "net(torch.ones(1, 2)).sum().backward()\nopt.step()"
ENVIRONMENT = """class Env:
    def __init__(self, n): self.n = n
    def reset(self):
        self.state = np.zeros(self.n)
        return self.state
    def step(self, place):
        self.state[place] += 1
        return np.copy(self.state)
class Memory:
    def __init__(self): self.kept = []
    def push(self, *several): self.kept.append(several)
"""
PROGRAMS = {
    "detach": [START, "y = x.detach()", "y.mul_(2)"],
    "a slice": [START, "y = x[:3]", "y /= y.sum()"],
    "a reshaped view": [START, "y = x.reshape(2, 3)\ny[0] = -1"],
    "expand": [START + "y = x.expand(2, 6)", "x.add_(1)"],
    "two names": [START, "y = x", "y += 1"],
    "one assignment": [START + "a = b = torch.zeros(3)", "a += 1"],
    "what a case matches": [START + "d = {'x': x}\ny = x[:3]", "match d:\n    case {'x': t}:\n        t.add_(1)"],
    "what a case of one line matches": [START, "match x.detach():\n    case t: pass", "t.add_(1)"],
    "the rest of what a case matches": [START + "xs = [1, x]", "match xs:\n    case [n, *rest]:\n        rest[0] += n"],
    "a tuple": [START, "a, b = x, x", "a.add_(1)"],
    "chunks": [START, "a, b = x.chunk(2)", "a.zero_()"],
    "rows in a list": [START + "rows = torch.split(x, 2)", "rows[1].mul_(0)"],
    "an array": [START, "n = x.numpy()", "x += 1"],
    "from_numpy": [START + "f = np.zeros(3)", "t = torch.from_numpy(f)", "f[:] = 3"],
    "DLPack": [START + "y = torch.from_dlpack(x)", "y += 1"],
    "frombuffer": [START + "raw = bytearray(8)\nt = torch.frombuffer(raw, dtype=torch.uint8)", "raw[0] = 7"],
    "a memoryview": [START + "m = memoryview(x.numpy())", "m[0] = 3.0"],
    "to, which changes nothing": [START + "y = x.to(torch.float32)", "y += 1"],
    "a shallow list": [START + "xs = [x]", "ys = xs.copy()", "ys[0].add_(5)"],
    "a shallow dict": [START + "d = {'x': x}", "e = dict(d)", "e['x'] *= 3"],
    "an unpacked dict": [START + "d = {'x': x}", "e = {**d, 'n': 1}\ne['x'] *= 3"],
    "a variable named copy": [
        "import torch\nx = torch.ones(2)\ncopy = 3\nd = {'a': [x]}", "e = dict(d)", "e['a'][0].add_(1)\nn = copy + 1",
    ],
    "a nested dict": [START + "d = {'a': {'x': x}}\ne = dict(d)", "e['a']['x'] *= 3"],
    "fromkeys": [START + "d = dict.fromkeys('ab', torch.zeros(2))", "d['a'] += 1"],
    "a list times n": [START + "h = [torch.zeros(2)] * 3", "h[0].add_(1)"],
    "a buffer appended": [START + "out = []", "for i in range(3):\n    x += i\n    out.append(x)"],
    "a buffer in tuples": [START + "out = []", "for i in range(3):\n    out.append((x, i))\n    x += 1"],
    "a buffer under keys": [START + "out = {}", "for i in range(3):\n    x += 1\n    out[i] = x"],
    "a generator": [START + "def stream():\n    b = torch.zeros(2)\n    for i in range(3):\n        b.fill_(i)\n        yield b", "out = []\nfor b in stream():\n    out.append(b)"],
    "a state dict": [TRAIN, "best = net.state_dict()", STEP],
    "parameters in a dict": [TRAIN, "before = {n: p.data for n, p in net.named_parameters()}", STEP],
    "parameters in a list": [TRAIN, "before = [p.detach() for p in net.parameters()]", STEP],
    "a checkpoint": [TRAIN + STEP, "ckpt = {'net': net.state_dict(), 'epoch': 1}", STEP],
    "a keepsake in an attribute": [
        TRAIN + "class Keeper:\n    def note(self, model):\n        self.best = model.state_dict()\nkeeper = Keeper()", "keeper.note(net)", STEP,
    ],
    "an object's buffer": [
        START + "class Sim:\n    def __init__(self): self.p = np.zeros(2)\n    def move(self):\n        self.p += 1\n        return self.p\nsim = Sim()",
        "path = []\nfor _ in range(3):\n    path.append(sim.move())",
    ],
    "what a constructor keeps of its argument": [
        TRAIN + "class Lookahead:\n    def __init__(self, base):\n        self.base, self.k = base, 1\n        self.slow = [p.data for g in base.param_groups for p in g['params']]\n    def pull(self):\n        for s in self.slow: s.mul_(0.5)",
        "look = Lookahead(opt)", "look.pull()",
    ],
    "what a constructor keeps by its name": [
        TRAIN + "class Kept:\n    def __init__(self, model):\n        self.own = {}\n        for n, p in model.named_parameters():\n            self.own[n] = p.detach()\n    def clear(self):\n        for p in self.own.values(): p.zero_()",
        "kept = Kept(net)", "kept.clear()",
    ],
    "a function whose results are kept by name": [
        TRAIN + "def packed(t):\n    return t.mul_(2).round_(), 2\nkept = {}", "for n, p in net.named_parameters():\n    kept[n] = packed(p.detach())",
    ],
    "a dataset in a loader": [
        START + "class Cut:\n    def __init__(self, x): self.x = x\n    def __len__(self): return 2\n    def __getitem__(self, i):\n        row = self.x[i]\n        row[:2] = -1\n        return row\nds = Cut(x.view(2, 3))",
        "from torch.utils.data import DataLoader\ndl = DataLoader(ds)\nfor b in dl: pass",
    ],
    "a moving average that a method keeps by reference": [
        TRAIN + "class Ema:\n    def __init__(self, net): self.net, self.own = net, {}\n    def keep(self):\n        for n, p in self.net.named_parameters():\n            self.own[n] = p.data\n    def update(self):\n        for n, p in self.net.named_parameters(): self.own[n].mul_(0.9).add_(p.data, alpha=0.1)\nema = Ema(net)",
        "ema.keep()", "for _ in range(2):\n    opt.zero_grad(); net(torch.ones(1, 2)).sum().backward(); opt.step()\n    ema.update()",
    ],
    "a dataclass": [START + "from dataclasses import dataclass\n@dataclass\nclass B:\n    x: torch.Tensor", "b = B(x)", "b.x += 1"],
    "load_state_dict that assigns": [TRAIN + "other = nn.Linear(2, 2)", "other.load_state_dict(net.state_dict(), assign=True)", "net.weight.detach().zero_()"],
    ".data": [TRAIN + "other = nn.Linear(2, 2)", "other.weight.data = net.weight.data", "net.weight.data.zero_()"],
    "a parameter over a tensor": [TRAIN + "w = torch.ones(2, 2)", "net.weight = nn.Parameter(w)", "net.weight.data.add_(1)"],
    "a function that binds a global name": [START + "def share(t):\n    global buf\n    buf = t[:3]", "share(x)\nn = 1", "buf.add_(1)"],
    "a function": [START + "def f(t):\n    t -= t.mean()\n    return t", "y = f(x)"],
    "a function that returns what it writes": [START + "def f(t):\n    return t.clamp_(0, 1)", "y = f(x)"],
    "a function that writes a part": [START + "def f(t):\n    t[t < 3] = 0\n    return t", "y = f(x)"],
    "a function that writes a view": [START + "def f(t):\n    v = t.view(-1)\n    v -= 1\n    return v", "y = f(x)"],
    "a function that sorts an array": [START + "def median(t):\n    a = t.numpy()\n    a[::-1].sort()\n    return a[0]", "y = median(x)"],
    "a function in one cell": [START + "def f(t):\n    t -= t.mean()\n    return t\ny = f(x)"],
    "a function that writes two views": [
        START + "def f(t):\n    a, b = t[::2], t[1::2]\n    old = a.clone()\n    a.mul_(2).sub_(b)\n    b.add_(old)\n    return t", "y = f(x)",
    ],
    "a function that writes two views and gives them back": [
        START + "def f(t):\n    a = t[::2]\n    b = t[1::2]\n    a.mul_(2)\n    b.mul_(3)\n    return a + b", "y = f(x)",
    ],
    "a function that writes an argument and a view": [
        START + "def f(t):\n    a = t[::2]\n    a.mul_(2)\n    t += 1\n    return t", "y = f(x)",
    ],
    "an object that is called": [
        TRAIN + "class Stop:\n    def __init__(self): self.kept = None\n    def __call__(self, m):\n        self.kept = {k: v.cpu() for k, v in m.state_dict().items()}\nstop = Stop()",
        "stop(net)", STEP,
    ],
    "a function that trains a leaf over the weights and gives it back": [
        TRAIN + "def adapt(v):\n    w = net.weight.detach().requires_grad_()\n    inner = torch.optim.SGD([w], lr=0.1)\n    (v @ w.t()).sum().backward()\n    inner.step()\n    return w",
        "heads = [adapt(torch.ones(1, 2)) for _ in range(2)]",
    ],
    "weights that are those of another layer, transposed": [TRAIN + "other = nn.Linear(1, 2)", "other.weight.data = net.weight.data.t()", STEP],
    "a function that copies only if it is told to": [
        START + "def erase(t, inplace=True):\n    if len(t) > 1:\n        if not inplace:\n            t = t.clone()\n        t[:2] = 9\n    return t", "y = erase(x)",
    ],
    "a function of a dict": [START + "def f(b):\n    b['x'].div_(255)\n    return b\nd = {'x': x}", "e = f(d)"],
    "a lambda": [START + "act = lambda t: t.clamp_(min=3)", "y = act(x)"],
    "a module that works in place": [START + "act = nn.ReLU(inplace=True)\nx -= 3", "y = act(x)"],
    "a default argument": [START + "def f(v, total=torch.zeros(2)):\n    total += v\n    return total", "a = f(1)", "b = f(2)"],
    "a function whose result is handed on": [
        TRAIN + "def mean_of(states):\n    mean = states[0]\n    for k in mean:\n        for other in states[1:]:\n            mean[k] += other[k]\n        mean[k] = mean[k] / len(states)\n    return mean\nnets = [nn.Linear(2, 2) for _ in range(2)]\nstates = [one.state_dict() for one in nets]\nnet.load_state_dict(mean_of(states))",
    ],
    "an item of a default argument": [
        START + "def f(v, kept={'total': torch.zeros(2)}):\n    kept['total'] += v\n    return kept['total']", "a = f(1)", "b = f(2)",
    ],
    "an item of a default argument, by its method": [
        START + "def f(v, *, kept={'total': torch.zeros(2)}):\n    kept['total'].add_(v)\n    return kept['total']", "a = f(1)", "b = f(2)",
    ],
    "a dataset": [
        START + "class D:\n    def __init__(self, x): self.x = x\n    def __getitem__(self, i):\n        row = self.x[i]\n        row -= 1\n        return row\nds = D(x.view(2, 3))",
        "a = ds[0]",
    ],
    "two names, both written": [START, "a, b = x[:4], x[4:]", "a -= 1\nb -= 2"],
    "two names of two lines, both written": [START, "a = x.detach()\nb = x.numpy()", "a.add_(1)\nb *= 2"],
    "a view of a view, both written": [START, "a = x.detach()\nb = a.view(-1)", "a.add_(1)\nb.mul_(2)"],
    "two names that overlap, both written": [START, "a = x[:4]\nb = x[2:]", "a += 1\nb *= 2"],
    "a parameter over an array and a tensor": [TRAIN, "w = net.weight.data\nn = net.weight.detach().numpy()", "w.mul_(2)\nn += 1"],
    "two in one tuple": [START + "z = torch.ones(2)\nkept = []", "for i in range(3):\n    kept.append((x, i, z))\n    x += 1; z += 1"],
    "a checkpoint of a module and its optimizer": [
        TRAIN.replace("lr=0.1", "lr=0.1, momentum=0.9") + STEP, "ckpt = {'net': net.state_dict(), 'opt': opt.state_dict()}", STEP,
    ],
    "a parameter by the name of a loop": [
        TRAIN + "old = nn.Linear(2, 2)", "for a, b in zip(old.parameters(), net.parameters()):\n    a.data = b.data", STEP,
    ],
    "an object's buffer, carried round by round": [
        START + "class Env:\n    def __init__(self): self.s = np.zeros(2)\n    def reset(self): return self.s\n    def step(self):\n        self.s += 1\n        return self.s, 0\nenv, seen = Env(), []",
        "s = env.reset()\nfor _ in range(3):\n    t, r = env.step()\n    seen.append((s, t))\n    s = t",
    ],
    "two names of one call, both written": [START, "a, b = x.chunk(2)", "a.mul_(2)\nb.add_(1)"],
    "two of three names of one function, both written": [
        START + "def parts(t):\n    return t[:2], t[2:4], t[4:]\na, b, c = parts(x)", "a.mul_(2)\nc.add_(1)",
    ],
    "two parts in a list, both written": [START, "parts = list(x.split(2))", "parts[0].zero_()\nparts[2].add_(1)"],
    "a name and an item of a dict, both written": [START + "d = {'u': [x]}\ny = x.detach()", "y += 1\nd['u'][0].mul_(2)"],
    "a name that was bound anew before the write": [START + "y = x.detach()", "x = y[1:]\ny[...] = 1"],
    "two names that are swapped": [START + "y = x", "y[1] = 7", "x, y = y, x\ny[0] = 1"],
    "two fields of one object": [
        START + "from dataclasses import dataclass\n@dataclass\nclass B:\n    x: torch.Tensor\n    y: torch.Tensor\nb = B(x, x[:1])", "b.x.add_(3)",
    ],
    "an attribute that setattr sets": [START + "class Bag: pass\nbag = Bag()", "setattr(bag, 'x', x)", "bag.x.add_(1)"],
    "an array that becomes a tensor": [START, "n = x.numpy()\nm = n[1:]\nm += 1\nn = torch.ones(2)"],
    "a gradient in a dict, written by a later backward": [
        START + "w = torch.ones(2, requires_grad=True)\nkept = {}",
        "for i in range(2):\n    (w ** 2).sum().backward()\n    if not kept: kept['w'] = w.grad\n    else: kept['w'].mul_(0.9)",
    ],
    "the state of an environment, kept in a loop that binds its name again": [
        "import numpy as np\n" + ENVIRONMENT, "env = Env(4)\nmemory = Memory()",
        "state = env.reset()\nepisode = []\nfor t in range(3):\n    after = env.step(t)\n    episode.append((state, t, after))\n"
        "    memory.push(state, t, after)\n    state = after",
    ],
    "a magic": [START, "%%time\ny = x.view(3, 2)", "y.add_(1)"],
    "several lines": [START, "y = x.view(\n    2,  # rows\n    3,\n)", "y.add_(1)"],
    "a semicolon": [START, "k = 1; y = x.detach(); n = 2  # both", "y.add_(1); k = 2"],
}  # fmt: skip


class Ran(NamedTuple):
    """The silent changes of a program, each with the number of its cell, and the names of the errors of all cells."""

    changes: list[tuple[int, Change]]
    errors: list[str]


@cache
def run(*cells: str) -> Ran:
    """Run cells under the extension, once for all tests."""
    found, errors = [], []
    with Notebook() as nb:
        for number, cell in enumerate(cells):
            error = nb.cell(cell).error
            errors.append("" if error is None else type(error).__name__)
            found += [(number, one) for one in nb.report()["changes"] if one["silent"]]
    return Ran(found, errors)


def faults(cells: list[str]) -> Iterator[str]:
    """Apply each fix and run all cells again; yield what is not mended."""
    before = run(*cells)
    for number, one in before.changes:
        if one["fix"] is None:
            continue
        after = run(*apply_fix(cells, one["fix"]))
        if (number, one["path"]) in [(place, left["path"]) for place, left in after.changes]:
            yield f"{one['path']} still changes silently"
        pairs = enumerate(zip(before.errors, after.errors, strict=True), 1)
        yield from (
            f"cell {place} raises {new}" for place, (old, new) in pairs if new not in (old, "", "AssertionError")
        )


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_fix_ends_the_change(name: str):
    found = run(*PROGRAMS[name]).changes

    assert found
    assert [] == [one["path"] for _, one in found if one["fix"] is None]
    assert [] == [*faults(PROGRAMS[name])]


def test_what_is_bound_and_written_in_one_cell_is_tried_from_where_it_was_bound():
    ran = run(START + "def f(t):\n    t -= t.mean()\n    return t\ny = f(x)")

    assert [one["fix"]["applicability"] for _, one in ran.changes] == ["safe"]


def test_the_copies_are_made_where_each_of_two_paths_began_to_share_the_memory():
    """One path was bound from the other, and a function writes to it by its own name: no copy keeps it from that."""
    cells = [
        START
        + "class Box:\n    def __init__(self, v): self.value = v\ndef bump(t):\n    t += 1\nbox = Box(x)\nrows = [x, box.value]",
        "rows[1].fill_(1)\nbump(box.value)",
    ]
    edits = {
        one["path"]: [edit["text"] for edit in one["fix"]["edits"]] for _, one in run(*cells).changes if one["fix"]
    }

    assert ["box = Box(x.clone())", "rows = [x, box.value.clone()]"] == edits["x"]
    assert "box.value" not in edits
    assert [] == [*faults(cells)]


def test_what_one_edit_mends_has_one_fix_with_all_its_names():
    model = "import torch\nmodel = torch.nn.Linear(2, 2)\nother = {k: v + 1 for k, v in model.state_dict().items()}"
    with Notebook() as nb:
        nb.run(model)
        nb.run("saved = model.state_dict()\nmodel.load_state_dict(other)")
        found = {fix.names for fix in extension._loaded[0].watcher.report.fixes.values()}

    assert {("saved['weight']", "saved['bias']")} == found


@pytest.mark.parametrize("settings", [{}, {"budget_floor": 0.01, "probe_floor": 0.005}])
def test_an_object_that_was_just_made_is_not_copied_for_what_it_came_to_share_later(settings):
    with Notebook(settings=settings) as nb:
        for cell in PROGRAMS["the state of an environment, kept in a loop that binds its name again"]:
            nb.run(cell)
        found = [fix.code for fix in extension._loaded[0].watcher.report.fixes.values()]

    assert [] == [code for code in found if "Env(4)" in code]


def test_most_silent_changes_of_the_stories_have_a_fix_and_nearly_all_of_them_mend():
    told, with_fix, left = 0, 0, []
    for story in (each.values[0] for each in stories("bugs")):
        cells = [one.source for one in story.cells]
        found = run(*cells).changes
        told += len(found)
        with_fix += sum(one["fix"] is not None for _, one in found)
        left += [f"{story.name}: {fault}" for fault in faults(cells)]

    assert with_fix >= 0.8 * told
    assert len(left) <= 0.02 * with_fix, left


@pytest.mark.parametrize(
    "name",
    ["detach", "a slice", "two names", "an array", "from_numpy", "a function", "a buffer appended", "a list times n"],
)
def test_what_is_safe_changes_nothing_but_what_it_mends(name: str):
    cells = PROGRAMS[name]
    found = run(*cells).changes
    paths = {one["path"] for _, one in found}

    assert {"safe"} == {one["fix"]["applicability"] for _, one in found}
    for _, one in found:
        was, now = values(cells), values(apply_fix(cells, one["fix"]))
        assert was.keys() == now.keys()
        assert [] == [path for path in was.keys() - paths if was[path] != now[path]]


def values(cells: list[str]) -> dict[str, bytes]:
    """Run cells unwatched; return the bytes of all tensors by path."""
    with Notebook(watched=False) as nb:
        for cell in cells:
            nb.cell(cell)
        return {path: one.content for path, one in copies(nb.ns).items()}


@pytest.mark.parametrize(
    ("cells", "why"),
    [
        ([START, "y = x.view(6)", "y.add_(1)\ntotal = x.sum()"], "a value is computed from what changed"),
        ([TRAIN, "best = net.weight.data", STEP], "what ran is more than pure computation"),
        ([START, "y = x.detach()", "y.add_(torch.rand(6))"], "random numbers were drawn"),
        ([START, "y = x.detach()", "y.add_(1)\nopen('/dev/null').close()\ny.sub_(len(open('/dev/null').read()))"], "a file was read"),
    ],
)  # fmt: skip
def test_what_is_not_proven_is_not_safe(cells: list[str], why: str):
    found = run(*cells).changes

    assert {"unsafe"} == {one["fix"]["applicability"] for _, one in found}, why


@pytest.mark.parametrize(
    "cells",
    [
        [START + "def fill(t):\n    t.fill_(7)", "fill(x)"],
        [
            START + "class Box:\n    def __init__(self, v): self.value = v\nbox = Box(torch.ones(2, 3))",
            "for row in box.value:\n    row.mul_(2)",
        ],
        [START + "m = x.view(2, 3)", "for row in m:\n    row.mul_(2)"],
        [START + "hits = torch.zeros(3)\ndef note(k):\n    hits[k] += 1", "note(1)"],
        [START + "y = x.detach()", "exec('y.zero_()')"],
        [START + "def bump(t):\n    t += 1\nrows = [x, x.detach()]", "done = [bump(row) for row in rows]"],
        [START + "y = x.detach()\ndef bump():\n    y.add_(1)\n    x.mul_(2)", "bump()"],
        [START + "d = {'u': x, 'v': x}", "d, e = None, d", "assert e['v'].zero_() is not None\nx = None"],
    ],
)
def test_nothing_is_offered_where_the_shared_write_is_what_is_wanted(cells: list[str]):
    assert [] == [one["fix"] for _, one in run(*cells).changes if one["path"] != "x" and one["fix"] is not None]


UNNAMED = [
    ("import weakref\nr = weakref.ref({})", "r().add_(1)"),
    ("def make(t):\n    def f(): t.add_(1)\n    return f\nf = make({})", "f()"),
    ("f = {}.add_", "f(1)"),
    ("import functools\nf = functools.partial(torch.Tensor.add_, {})", "f(1)"),
]


@pytest.mark.parametrize("name", ["x", "y"])
@pytest.mark.parametrize(("kept", "write"), UNNAMED)
def test_no_copy_is_offered_that_may_be_of_what_an_unnamed_write_goes_to(kept: str, write: str, name: str):
    with Notebook() as nb:
        nb.run(START + "y = x.detach()")
        nb.run(kept.format(name))
        report = nb.run(write)

    assert ["x", "y"] == [one["path"] for one in report["changes"] if one["silent"] and one["fix"] is None]
    assert "fix:" not in nb.said[-1]


def test_a_trial_leaves_the_users_objects_and_random_states_alone():
    with Notebook() as nb:
        nb.run("import random, numpy as np, torch\nx = torch.rand(3)")
        nb.run("y = x.detach()")
        nb.run("y.add_(1)")
        before = torch.get_rng_state().clone(), nb.ns["x"]._version, nb.ns["x"].clone()
        [change] = [one for one in nb.report()["changes"] if one["silent"]]

        assert "safe" == change["fix"]["applicability"]
        assert torch.equal(before[0], torch.get_rng_state())
        assert (before[1], True) == (nb.ns["x"]._version, torch.equal(before[2], nb.ns["x"]))
        assert changes(nb.report())["x"]["fix"] == change["fix"]


OWN_STEP = """import torch
class Sam(torch.optim.SGD):
    def ascend(self):
        for p in self.param_groups[0]["params"]:
            self.state[p]["old"] = p.data.clone()
            p.data.add_(1)
    def descend(self):
        for p in self.param_groups[0]["params"]: p.data = self.state[p]["old"]
net = torch.nn.Linear(2, 1)
net(torch.ones(1, 2)).sum().backward()
sam = Sam(net.parameters(), lr=0.1)
other = torch.optim.SGD(net.parameters(), lr=0.1)"""


def test_an_optimizer_is_not_copied_for_what_its_state_shares():
    """A copy of it would train copies of the parameters."""
    with Notebook() as nb:
        nb.run(OWN_STEP)
        nb.run("sam.ascend(); sam.descend()")
        report = nb.run("other.step()")

    state = [f"sam.state[net.{name}]['old']" for name in ("weight", "bias")]
    assert state == [one["path"] for one in report["changes"] if one["silent"]]
    assert "deepcopy" not in str(report["changes"])


def test_a_function_that_got_an_array_copies_an_array():
    setting = (
        START + "x = torch.tensor([3., 1., 2.])\nn = x.numpy()\ndef middle(a):\n    a.sort()\n    return float(a[1])"
    )
    with Notebook() as nb:
        nb.run(setting)
        report = nb.run("found = {'middle': middle(np.asarray(x))}")

    fixes = {
        (one["fix"]["applicability"], one["fix"]["edits"][0]["text"]) for one in report["changes"] if one["silent"]
    }
    assert {("safe", "    a = a.copy()")} == fixes
