"""Where sharing began, and how, in a real shell: one table of the ways in which two variables become one memory."""

from __future__ import annotations

import pytest

from ipy_tensorwatch.capture.running import born_paths
from ipy_tensorwatch.shell import extension
from tests.support.notebook import Notebook

IMPORTS = "import torch, numpy as np, copy\nfrom torch import nn"
F = "def f(t):\n    v = t.detach()\n    return v"
G = "def g(t):\n    return t.view(-1)\ndef f(t):\n    return g(t)"
KEEPER = "class Stop:\n    def __init__(self): self.kept = None\n    def __call__(self, t):\n        self.kept = {'k': t.view(1)}"
BOX = "class B:\n    def __init__(s, v):\n        s.n = 1\n        s.v = v.detach()\n    def put(s, t):\n        s.items = [t]"
BUFFER = (
    "class Buffer:\n    def __init__(self):\n        self.kept = []\n    def push(self, t):\n        self.kept.append(t)\n"
    "    def sample(self):\n        return self.kept[0]\n"
    "def learn(n):\n    drawn = buffer.sample()\n    return drawn.sum()"
)
KEEP = "cache = []\ndef act(t):\n    cache.append(t)"
LOG = "class Log:\n    def append(self, t):\n        self.last = t[:1]\nlog = Log()"
SHARE = """x = torch.ones(4)
def share(t):
    global buf
    v = t.view(2, 2)
    buf = v.detach()
    return buf.sum()
def use():
    buf.add_(1)
def reset():
    global buf
    buf = torch.zeros(2)
class Keeper:
    def hold(self, t):
        global buf
        buf = t[:2]
keeper = Keeper()"""
"""Functions and a method that bind a global name."""
LINEAR = "net = nn.Linear(2, 2)\nn2 = nn.Linear(2, 2)"

HOLDER = """class Box:
    def __init__(self, t): self.t = t
    def __iter__(self): return iter([self.box.t])
    def hold(self, box): self.box = box
x = torch.ones(4)
box = Box(x)
second = Box(None)
second.hold(box)"""
"""An object that a second variable leads to as well: the tensors behind it are walked under the first alone."""
WAYS = [
    (["x = torch.ones(4)", "y = x"], "x", "y", "3:1 same object"),
    (["x = torch.ones(4)", "y = x\nz = torch.relu_(y - 1)"], "x", "y", "3:1 same object"),
    (["x = torch.ones(4)", "y = x.contiguous()"], "x", "y", "3:1 contiguous"),
    (["x = torch.ones(4)", "q = 1\na, b = x.split(2)"], "x", "b", "3:2 split"),
    (["x = torch.ones(2, 2)", "for row in x:\n    pass"], "x", "row", "3:1 slice"),
    (["xs = [torch.ones(2) for _ in range(3)]", "kept = []\nfor t in xs:\n    kept.append(t[:1])"], "xs[1]", "kept[1]", "3:3 slice"),
    ([LINEAR, "best = net.state_dict()"], "net.weight", "best['weight']", "3:1 state_dict"),
    ([LINEAR, "best = {k: v for k, v in net.state_dict().items()}"], "net.weight", "best['weight']", "3:1 state_dict"),
    ([LINEAR, "n2.weight = net.weight"], "net.weight", "n2.weight", "3:1 same object"),
    ([LINEAR, "n2.load_state_dict(net.state_dict(), assign=True)"], "net.bias", "n2.bias", "3:1 load_state_dict"),
    ([LINEAR + "\nv = torch.ones(6)", "q = 1\nnn.utils.vector_to_parameters(v, net.parameters())\nq = v + 1\nnn.utils.vector_to_parameters(v, net.parameters())"], "v", "net.bias", "3:2 same object"),
    ([LINEAR, "ps = list(net.parameters())"], "net.bias", "ps[1]", "3:1 same object"),
    ([F, "x = torch.ones(4)", "y = f(x)"], "x", "y", "4:1 call → 2:2"),
    ([G, "x = torch.ones(4)", "y = f(x)"], "x", "y", "4:1 call → 2:2"),
    ([BOX, "x = torch.ones(4)", "b = B(x)", "b.put(x)"], "x", "b.v", "4:1 call → 2:4"),
    ([BOX, "x = torch.ones(4)", "b = B(x)", "b.put(x)"], "x", "b.items[0]", "5:1 call → 2:6"),
    ([KEEP, "x = torch.ones(4)", "act(x)\nq = 1\nprint(len(cache))"], "x", "cache[0]", "4:1 call → 2:3"),
    ([LOG, "x = torch.ones(4)\nkept = []", "kept.append(x.detach())"], "x", "kept[0]", "4:1 detach"),
    ([LOG, "x = torch.ones(4)", "log.append(x)"], "x", "log.last", "4:1 call → 2:3"),
    (["w = torch.ones(3, requires_grad=True)\nkept = []", "(w * 2).sum().backward()", "kept.append(w.grad)"], "w.grad", "kept[0]", "4:1 same object"),
    (["w = torch.ones(3, requires_grad=True)\nkept = []", "for i in range(3):\n    w.grad = None\n    w.sum().backward()\n    kept = [w.grad]"], "w.grad", "kept[0]", "3:4 same object"),
    ([LINEAR, "for i in range(2):\n    net(torch.ones(1, 2)).sum().backward()\n    total = net.weight.grad if i else net.weight.grad"], "net.weight.grad", "total", "3:3 same object"),
    (["x = torch.ones(4)", "y = torch.from_dlpack(x)"], "x", "y", "3:1 DLPack"),
    (["x = torch.ones(4)", "y = torch.from_numpy(x.numpy())"], "x", "y", "3:1 from_numpy"),
    (["d = {'k': torch.ones(2)}", "t = d['k']"], "t", "d['k']", "3:1 same object"),
    (["x = torch.ones(2)", "with torch.no_grad():\n    y = x.T if True else None"], "x", "y", "3:2 T"),
    (["x = torch.ones(2)\ny = torch.ones(2)", "y.set_(x)"], "x", "y", "3:1 set_"),
    (["x = torch.ones(2)\ny = torch.ones(2)", "q = 1\ny.data = x.data"], "x", "y", "3:2 data"),
    (["x = torch.ones(2)\ny = torch.zeros(2)\nz = x.view(-1)", "x, y = y, x"], "y", "z", "3:1 same object"),
    (["x = torch.ones(1)", "y = x.expand(3)"], "x", "y", "3:1 expand"),
    (["x = torch.ones(1)\ndef mk():\n    global y\n    y = x[:]", "mk()\nz = 1"], "x", "y", "3:1 call → 2:4, likely"),
    ([SHARE, "share(x)\nuse()"], "x", "buf", "3:1 call → 2:5, likely"),
    ([SHARE, "reset()\nshare(x)\nbuf.sum()"], "x", "buf", "3:2 call → 2:5, likely"),
    ([SHARE, "total = share(x)\nprint(total, x, buf)"], "x", "buf", "3:1 call → 2:5, likely"),
    ([SHARE, "def main():\n    share(x)", "main()\nx.sum()"], "x", "buf", "4:1 call → 2:5, likely"),
    ([SHARE, "keeper.hold(x)\nuse()"], "x", "buf", "3:1 call → 2:15, likely"),
    ([SHARE, "share(x)\nbuf = x.view(2, 2)\nuse()"], "x", "buf", "3:2 view"),
    (["x = torch.ones(4)", "%%time\nq = 1\nz = x[2:]"], "x", "z", "3:3 slice, likely"),
    (["x = torch.ones(4)", "y = x[1:]\n1 / 0"], "x", "y", "3:1 slice"),
    (["x = torch.ones(4)", "y = x.clone()\ny = x[1:]\ny = y.view(-1)"], "x", "y", "3:2 slice"),
    (["x = torch.ones(4)", "y = x[1:]", "y = y.view(-1)", "x.data = x.data.clone()", "y = x"], "x", "y", "6:1 same object"),
    (["x = torch.ones(4)", "y = x.detach()", "del y", "y = x.view(2, 2)"], "x", "y", "5:1 view"),
    (["x = torch.ones(4)\ny = x.view(2, 2)", "%tensorwatch off", "q = 1", "%tensorwatch on", "q = 2"], "x", "y", "2:2 view"),
    (["x = torch.ones(4)", "%tensorwatch off", "y = x[1:]", "%tensorwatch on", "q = 2"], "x", "y", None),
    ([HOLDER, "for o in second:\n    o.add_(1)\n    q = 1"], "x", "second.box.t", "2:6 call → 2:2"),
    ([KEEPER, "x = torch.ones(1)\nstop = Stop()", "q = stop(x)"], "x", "stop.kept['k']", "4:1 call → 2:4"),
    ([KEEPER, "x, f = torch.ones(1), {}\ndef stop(t): f['k'] = t.view(1)", "q = stop(x)"], "x", "f['k']", "4:1 call → 3:2"),
    ([HOLDER, "for o in second:\n    o.add_(1)\n    q = 1"], "box.t", "second.box.t", None),
]  # fmt: skip


def told(origin):
    if origin is None:
        return None
    inner = f" → {origin.inner.cell}:{origin.inner.line}" if origin.inner else ""
    likely = ", likely" if origin.certainty == "inferred" else ""
    return f"{origin.cell}:{origin.line} {origin.how}{inner}{likely}"


@pytest.mark.parametrize(("cells", "a", "b", "expected"), WAYS)
def test_an_origin_is_the_statement_that_made_two_variables_one_memory(cells, a, b, expected):
    with Notebook(settings={"probe_floor": 2.0}) as nb:
        for cell in (IMPORTS, *cells):
            nb.cell(cell)
        told_now = told(extension._loaded[0].watcher.report.origins.of_pair(a, b))

    assert told_now == expected


@pytest.mark.parametrize(("cells", "a", "b", "expected"), WAYS)
def test_without_time_to_look_an_origin_is_the_same_or_marked_as_likely(cells, a, b, expected):
    with Notebook(settings={"probe_floor": 0.0, "budget_share": 0.0}) as nb:
        for cell in (IMPORTS, *cells):
            nb.cell(cell)
        told_now = told(extension._loaded[0].watcher.report.origins.of_pair(a, b))

    assert told_now == expected or told_now.endswith(", likely")


def test_a_change_through_a_name_that_is_gone_has_its_origin():
    with Notebook(settings={"probe_floor": 2.0}) as nb:
        for cell in ("import torch\nx = torch.ones(4)", "q = 1\ny = x.detach()", "y.add_(1)\ndel y"):
            nb.cell(cell)
        change = next(one for one in nb.report()["changes"] if one["silent"])

    assert change["path"] == "x"
    assert (change["shared_since"]["cell"], change["shared_since"]["line"]) == (2, 2)


@pytest.mark.parametrize("later", ["loss = learn(3)", "n = len(buffer.kept)\nr = 1"], ids=["at the end", "in the cell"])
def test_what_one_look_had_no_time_to_read_may_come_from_before_it(monkeypatch, later):
    def no_time(lasts: bool) -> None:
        monkeypatch.setattr(born_paths, "READING_NEW", 1e9 if lasts else 1e-9)

    with Notebook(settings={"probe_floor": 2.0}) as nb:
        nb.give(no_time=no_time)
        for cell in (IMPORTS, BUFFER, "x = torch.ones(4)\nbuffer = Buffer()"):
            nb.cell(cell)
        nb.cell("no_time(True)\nbuffer.push(x)\nq = 1\nno_time(False)\n" + later)
        told_now = told(extension._loaded[0].watcher.report.origins.of_pair("x", "buffer.kept[0]"))

    assert told_now == "4:2 call → 2:5, likely"
