"""One memory that was kept several times while it was filled again: told once, mended by copies, and never elsewhere."""

from __future__ import annotations

import pytest

from tests.support.mending import mend
from tests.support.notebook import Notebook

STREAM = """import asyncio, numpy as np, torch
def stream():
    buf = torch.zeros(2)
    for i in range(5):
        buf.fill_(i)
        yield buf[:]
def collect(n):
    kept, buf = [], torch.zeros(2)
    for i in range(n):
        buf += i
        kept.append(buf)
    return kept
class Env:
    def __init__(self):
        self.obs = np.zeros(3)
    def step(self):
        self.obs[:] = self.obs + 1
        return self.obs
    def reset(self):
        self.obs[:] = 0
        return self.obs
class Rollout:
    def __init__(self):
        self.seen, self.scores = [], []
def play(n):
    seen, s = [], env.reset()
    for _ in range(n):
        seen.append(s)
        s = env.step()
    return seen
def record(n):
    rollout, s = Rollout(), env.reset()
    for _ in range(n):
        rollout.seen.append(s); rollout.scores.append(s.sum())
        s = env.step()
    return rollout
def watch(n):
    seen = []
    for _ in range(n):
        env.step()
        seen.append(env.obs)
    return seen
def copied(n):
    return [env.step().copy() for _ in range(n)]
env, model = Env(), torch.nn.Linear(2, 1)
opt = torch.optim.SGD(model.parameters(), lr=0.1)
"""
IN_FUNCTIONS = """
buf = torch.zeros(2)
def walk(x, n=4):
    chain = []
    for _ in range(n):
        x.data.add_(torch.ones(2))
        chain.append(x.detach())
    return chain
def shares(n=3):
    each = []
    for i in range(n):
        opt.zero_grad(set_to_none=False)
        model(torch.full((1, 2), i + 1.)).sum().backward()
        each.append(model.weight.grad)
    return each
def looks(x, n=3):
    return [x.detach() for _ in range(n)]
def own(n=3):
    each = []
    for i in range(n):
        opt.zero_grad()
        model(torch.full((1, 2), i + 1.)).sum().backward()
        each.append(model.weight.grad)
    return each
grads = []
def note(i):
    opt.zero_grad(set_to_none=False)
    model(torch.full((1, 2), i + 1.)).sum().backward()
    grads.append({name: p.grad for name, p in [("w", model.weight)]})
    return i
def fill(items):
    buf.fill_(items[0])
    return buf
class Collate:
    def __init__(self): self.buf = torch.zeros(2)
    def __call__(self, items):
        self.buf.fill_(items[0])
        return self.buf
class Counting(Collate):
    def __call__(self, items):
        self.buf += 1
        return torch.tensor(items)
filled, collated, counted = (torch.utils.data.DataLoader([*range(4)], collate_fn=f) for f in (fill, Collate(), Counting()))
class Filter:
    def __init__(self): self.x, self.history = torch.zeros(2), []
    def predict(self): self.x.mul_(2)
    def update(self, z):
        self.x += z
        self.history.append(self.x)
kalman = Filter()
def scan(f, carry, xs):
    seen = []
    for x in xs:
        carry, y = f(carry, x)
        seen.append(y)
    return carry, seen
def step(c, x):
    c += x
    return c, c
acts, firsts = [], []
def note_output(module, given, out):
    acts.append(out)
def first(module, given, out):
    put_first(out[:1])
def put_first(t):
    firsts.append(t)
class Collector:
    def __init__(self): self.given = []
    def __call__(self, module, given): self.given.append(given[0])
class Sink:
    def put(self, t): firsts.append(t)
hooked, watched, collected = (torch.nn.Sequential(torch.nn.Identity(), torch.nn.Linear(2, 1)) for _ in range(3))
collector, sink = Collector(), Sink()
_ = hooked[0].register_forward_hook(note_output), watched[0].register_forward_hook(first), collected.register_forward_pre_hook(collector)
def roll(n):
    seen, obs = {"obs": [], "turn": []}, env.reset()
    for i in range(n):
        seen["obs"].append(torch.from_numpy(obs))
        obs = env.step()
        seen["turn"].append(i)
    return seen
"""
KEPT = {
    "what a hook keeps": ("for i in range(3):\n    buf.fill_(i)\n    y = hooked(buf)", "acts", 3),
    "what a function keeps that a hook calls": (
        "for i in range(3):\n    buf.fill_(i)\n    y = watched(buf)",
        "firsts",
        3,
    ),
    "what a hook that is an object keeps": (
        "for i in range(3):\n    buf.fill_(i)\n    y = collected(buf)",
        "collector.given",
        3,
    ),
    "what a method puts into a global list": ("for i in range(3):\n    buf.fill_(i)\n    sink.put(buf)", "firsts", 3),
    "gradients that each call keeps in a dict": ("done = [note(i) for i in range(3)]", "grads", 3),
    "batches of a loader with a buffer": ("seen = [b for b in collated]", "seen", 4),
    "batches of a loader with a function": ("seen = list(filled)", "seen", 4),
    "what two methods write": ("for z in range(3):\n    kalman.predict()\n    kalman.update(z)", "kalman.history", 3),
    "what a function that is handed over writes": ("total, seen = scan(step, torch.zeros(2), range(3))", "seen", 3),
    "one of the lists that a function fills": ("seen = roll(4)", "seen['obs']", 4),
    "data that a function moves": ("chain = walk(torch.zeros(2))", "chain", 4),
    "gradients that a function adds up": ("each = shares()", "each", 3),
    "a generator's views": ("batches = [b for b in stream()]", "batches", 5),
    "a list of a generator": ("batches = list(stream())", "batches", 5),
    "a list that a function gave back": ("got = collect(4)", "got", 4),
    "what an object gives each time": ("frames = [env.step() for _ in range(3)]", "frames", 3),
    "what an object gives a function each time": ("seen = play(4)", "seen", 4),
    "what an object gives in an object": ("rollout = record(4)", "rollout.seen", 4),
    "what a method writes that gives nothing": ("seen = watch(3)", "seen", 3),
    "an appended buffer": (
        "kept, buf = [], torch.zeros(2)\nfor i in range(4):\n    buf += 1\n    kept.append(buf)",
        "kept",
        4,
    ),
    "a buffer under keys": (
        "kept, buf = {}, np.zeros(2)\nfor i in range(3):\n    buf += 1\n    kept[i] = buf",
        "kept",
        3,
    ),
    "a result that is written to": (
        "buf = torch.zeros(2)\nouts = [torch.add(buf, i, out=buf) for i in range(3)]",
        "outs",
        3,
    ),
    "an array under several storages": (
        "frames, a = [], np.zeros(2)\nfor i in range(4):\n    a[:] = i\n    frames.append(torch.from_numpy(a))",
        "frames",
        4,
    ),
    "an array inside tuples": (
        "frames, a = [], np.zeros(2)\nfor i in range(4):\n    a += 1\n    frames.append((torch.from_numpy(a), i))",
        "frames",
        4,
    ),
    "weights that are trained on": (
        "hist = []\nfor e in range(3):\n    model(torch.ones(1, 2)).sum().backward()\n    opt.step()\n"
        "    hist.append(model.weight.detach())",
        "hist",
        3,
    ),
    "arrays of one frame": (
        "kept, frame = [], np.zeros(2)\nfor i in range(3):\n    frame[:] = i + 1\n    kept.append(torch.from_numpy(frame))",
        "kept",
        3,
    ),
    "a buffer in tuples": (
        "kept, s = [], torch.zeros(2)\nfor i in range(4):\n    s += 1\n    kept.append((s, i))",
        "kept",
        4,
    ),
    "one part of tuples": ("pairs = [(b, 1) for b in stream()]", "pairs", 5),
    "a buffer that a function puts into a global list": (
        "cache, s = [], torch.zeros(2)\ndef keep(t):\n    cache.append(t)\n    return len(cache)\n"
        "for i in range(3):\n    s += 1\n    n = keep(s)",
        "cache",
        3,
    ),
    "a repeated item": ("h = [torch.zeros(2)] * 3\nh[0].fill_(1)\nh[2].fill_(3)", "h", 2),
    "a repeated item in a loop": ("h = [torch.zeros(2)] * 3\nfor i, t in enumerate(h):\n    t += i + 1", "h", 3),
    "the values of a dict": ("s = torch.zeros(2)\nd = {i: s.add_(1) for i in range(4)}", "d", 4),
}
QUIET = {
    "batches of their own beside a buffer": "seen = list(counted)",
    "what a hook keeps of new memory": "for i in range(3):\n    y = hooked(buf + i)",
    "copies that coroutines give back": "async def own(i):\n    buf.fill_(i)\n    return buf.clone()\n"
    "seen = await asyncio.gather(*map(own, range(3)))",
    "views that a function only takes": "x = torch.zeros(2)\nseen = looks(x)\nx.data.add_(1)",
    "gradients that each get memory of their own": "each = own()",
    "new memory each time": "kept = []\nfor i in range(4):\n    t = torch.zeros(2); t += i; kept.append(t)",
    "copies": "buf = torch.zeros(2)\nkept = []\nfor i in range(4):\n    buf += 1\n    kept.append(buf.clone())",
    "copies that a function makes": "seen = copied(4)",
    "what is stepped before and kept after": "seen = [env.obs for _ in range(3)] if env.step() is not None else []",
    "a list of one tensor": "h = [torch.zeros(3)] * 3",
    "one that was filled before": (
        "def init(n):\n    h = torch.empty(4)\n    for _ in range(5):\n        h.add_(1)\n    return [h] * n\nhs = init(3)"
    ),
    "transitions that share their states": (
        "kept, s = [], torch.zeros(3)\nfor i in range(4):\n    t = s + 1\n    kept.append((s, t))\n    s = t"
    ),
    "rows of a tensor": "x = torch.zeros(3, 2)\nx += 1\nx *= 2\nrows = [row for row in x]",
    "rows of an expanded tensor": "rows = list(torch.arange(3.).add_(1).mul_(3).sub_(2).expand(4, 3))",
    "rebound before they are written": "h = [torch.zeros(2)] * 2\nh[0] = h[0] + 1\nh[1] = h[1] + 2",
    "what an object gives without writing": "frames = [env.obs for _ in range(3)]",
    "a sum that is kept elsewhere": (
        "def step(): return np.random.rand(4), 1.\nkept, sums = [], []\nfor e in range(400):\n    total = 0\n"
        "    for i in range(3):\n        s, r = step()\n        total += r\n        kept.append((s, s))\n"
        "    sums.append(total)"
    ),
    "a number that is summed up beside them": (
        "kept, s = [], np.zeros(3)\nfor e in range(200):\n    total = 0\n    for i in range(3):\n        total += 1.\n"
        "    kept.append((s, total, s))\n    s = np.ones(3)"
    ),
    "one tensor each in a loop": "pairs = [(torch.zeros(2), k) for k in range(3)]\nfor t, k in pairs:\n    t += k",
    "parameters in two lists": "both = [model.weight, model.weight]\nfor p in both:\n    p.data.mul_(0.5)",
}


def of_one_memory(report):
    return [one for one in report["hazards"] if one["code"] == "TW211"]


@pytest.mark.parametrize(("cell", "container", "count"), KEPT.values(), ids=KEPT)
def test_tensors_that_are_one_memory_are_told_once_with_the_lines_that_kept_and_wrote(cell, container, count):
    with Notebook() as nb:
        nb.run(STREAM + IN_FUNCTIONS)
        [hazard] = of_one_memory(nb.run(cell))
        again = of_one_memory(nb.run("print(1)"))

    assert (len(hazard["paths"]), hazard["outcome"]) == (count, "risk")
    assert all(path.startswith(f"{container}[") for path in hazard["paths"])
    assert hazard["saved_at"] is not None
    assert "TW211" in nb.said[1]
    assert [hazard["paths"] for hazard in again] == [hazard["paths"]]


@pytest.mark.parametrize("cell", QUIET.values(), ids=QUIET)
def test_nothing_is_told_of_tensors_that_were_not_filled_one_after_the_other(cell: str):
    with Notebook() as nb:
        nb.run(STREAM + IN_FUNCTIONS)

        assert of_one_memory(nb.run(cell)) == []


@pytest.mark.parametrize("name", KEPT)
def test_the_fix_keeps_a_copy_of_each(name: str):
    cells = [(STREAM + IN_FUNCTIONS).strip(), KEPT[name][0]]
    with Notebook() as nb:
        nb.run(cells[0])
        [hazard] = of_one_memory(nb.run(cells[1]))
    mended = mend(cells, hazard) if hazard["fix"]["edits"] else None

    assert mended is not None or name in (
        "an array inside tuples", "a buffer that a function puts into a global list",
    )  # fmt: skip
    if mended is not None:
        with Notebook() as nb:
            nb.run(mended[0])
            assert of_one_memory(nb.run(mended[1])) == []


def test_writes_by_several_statements_are_not_counted_as_those_of_one():
    with Notebook() as nb:
        nb.run(STREAM + IN_FUNCTIONS)
        [both] = of_one_memory(nb.run(KEPT["what two methods write"][0]))
        [one] = of_one_memory(nb.run("kalman = Filter()\nfor z in range(3): kalman.update(z)"))

    assert "it was written again in cell 2, line" in both["message"]
    assert "it was written 3 times in cell 3, line 2" in one["message"]


CLOSURE = """import torch
xy, trace = torch.tensor([-1.2, 1.0], requires_grad=True), []
opt = torch.optim.LBFGS([xy], max_iter=4)
def closure():
    opt.zero_grad()
    loss = (1 - xy[0]) ** 2 + (xy[1] - xy[0] ** 2) ** 2
    loss.backward()
    trace.append(xy.detach())
    return loss"""
STEPS = "for _ in range(2):\n    opt.step(closure)"


def test_what_the_closure_of_an_optimizer_keeps_is_copied_in_the_closure():
    with Notebook() as nb:
        nb.run(CLOSURE)
        [hazard] = of_one_memory(nb.run(STEPS))
    mended = mend([CLOSURE, STEPS], hazard)
    with Notebook() as nb:
        nb.run(mended[0])
        after = nb.run(mended[1])

    assert "    trace.append(xy.detach().clone())" in mended[0].splitlines()
    assert of_one_memory(after) == []
    assert not [one for one in after["changes"] if one["silent"]]


FILL = """import asyncio, torch
from concurrent.futures import ThreadPoolExecutor
buf = torch.zeros(2)
async def fill(i):
    buf.fill_(i)
    return buf
async def fill_and_wait(i):
    buf.fill_(i)
    await asyncio.sleep(0)
    return buf
def work(i):
    buf.fill_(i)
    return buf
def reset(i):
    buf.fill_(i)
    return buf
class Env:
    def __init__(self): self.state = torch.zeros(2)
    async def reset(self, i):
        self.state.fill_(i)
        return self.state
    async def step(self, i):
        self.state += i
        return self.state
env = Env()"""
GATHERED = {
    "one after the other": (
        "out = [await fill(i) for i in range(3)]",
        ["out = [(await fill(i)).clone() for i in range(3)]"],
    ),
    "together": ("out = await asyncio.gather(*[fill(i) for i in range(3)])", ["return buf.clone()"]),
    "by a method": ("out = await asyncio.gather(*[env.step(i) for i in range(3)])", ["return self.state.clone()"]),
    "by a pool": ("with ThreadPoolExecutor(1) as ex:\n    out = list(ex.map(work, range(3)))", ["return buf.clone()"]),
    "by a method whose name a function has too": ("out = await asyncio.gather(*[env.reset(i) for i in range(3)])", []),
    "where each waits after it wrote": ("out = await asyncio.gather(*map(fill_and_wait, range(3)))", []),
}


@pytest.mark.parametrize(("cell", "codes"), GATHERED.values(), ids=GATHERED)
def test_what_coroutines_or_a_pool_give_is_copied_where_it_is_not_too_late(cell: str, codes: list[str]):
    with Notebook() as nb:
        nb.run(FILL)
        [hazard] = of_one_memory(nb.run(cell))
        [again] = of_one_memory(nb.run("print(1)"))

    assert ["out[0]", "out[1]", "out[2]"] == hazard["paths"] == again["paths"]
    assert ("risk", True, True) == (hazard["outcome"], hazard["saved_at"] is not None, "TW211" in nb.said[1])
    assert codes == [one["text"].strip() for one in hazard["fix"]["edits"]]
    if codes:
        mended = mend([FILL, cell], hazard)
        with Notebook() as nb:
            nb.run(mended[0])
            assert of_one_memory(nb.run(mended[1])) == []


def test_several_memories_that_one_container_holds_are_one_hazard():
    with Notebook() as nb:
        nb.run("import torch\nfrom torch import nn\nnet, kept = nn.Linear(3, 1), []")
        [hazard] = nb.run(
            "for i in range(3):\n    net.zero_grad(set_to_none=False)\n    net(torch.ones(1, 3)).sum().backward()\n"
            "    kept.append([p.grad for p in net.parameters()])"
        )["hazards"]

    assert "6 tensors of `kept` are 2 memories" in hazard["message"]
    assert {f"kept[{turn}][{place}]" for turn in range(3) for place in range(2)} == {*hazard["paths"]}
