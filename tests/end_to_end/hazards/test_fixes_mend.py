"""Every edit that is offered, applied literally: the hazard is gone, and the gradients are those of saved copies."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING

import pytest
import torch

from tests.support.mending import mend
from tests.support.notebook import Notebook
from tests.support.story import Story, stories

if TYPE_CHECKING:
    from tests.support.notebook import Hazard

OF_SAVED = ("TW201", "TW202", "TW205")
AGAIN = ("Compute ", "Call backward before ")
"""How a remedy begins that computes anew: the gradients are then those of the new values."""
START = "import torch\nfrom torch import nn\nw = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)\n"
BUMP = START + "def bump(t):\n    t.add_(1)\n    return t\n"
DEFAULT = (
    BUMP
    + "def count(state={}):\n    if 'n' not in state:\n        state['n'] = torch.ones(3)\n    return bump(state['n'])\n"
)
BOX = "class Box:\n    def __init__(self): self.b = torch.ones(3)\n    def put(self, k): self.b.fill_(k)\nbox = Box()\n"
PROGRAMS = {
    "an in-place method": [START + "h = w * 2; loss = (h * h).sum()", "h.add_(1)", "loss.backward()"],
    "in a cell magic": [START + "h = w.exp(); loss = h.sum()", "%%time\nh.add_(1)", "loss.backward()"],
    "through a name for the same memory": [START + "h = w * 2; loss = (h * h).sum(); c = h.data", "c[0] = 0", "loss.backward()"],
    "through NumPy": [START + "h = w * 2; loss = (h * h).sum(); a = h.detach().numpy()", "a += 1", "loss.backward()"],
    "a part, beside the one that is written": [START + "both = (w * 2).sigmoid(); a, b = both[:2], both[1:]; loss = (a * b).sum()", "b.detach()[1:].mul_(2)", "loss.backward()"],
    "an item of a list": [START + "xs = [w * 2, w * 3]; loss = (xs[0] * xs[1]).sum()", "xs[1][0] = 5", "loss.backward()"],
    "items in a loop": [START + "hs = [w * k for k in range(3)]; loss = sum((h * h).sum() for h in hs)", "for h in hs: h.detach().zero_()", "loss.backward()"],
    "a function that is handed it": [BUMP + "h = w * 2; loss = (h * h).sum()", "c = bump(h.detach())", "loss.backward()"],
    "a default argument": [DEFAULT + "n = count(); loss = (w * n).sum()", "m = count()", "loss.backward()"],
    "a function that is handed nothing": [START + "buf = torch.ones(3)\ndef refill(k):\n    buf.fill_(k)\ndef term():\n    return (w * buf).sum()\ntotal = term()", "refill(2)", "total.backward()"],
    "an object that holds it": [START + BOX + "h = box.b; loss = (w * h).sum()", "box.put(3)", "loss.backward()"],
    "a module that works in place": [START + "act = nn.ReLU(inplace=True); h = w.exp(); loss = h.sum()", "y = act(h)", "loss.backward()"],
    "max_norm": [START + "emb = nn.Embedding(3, 3, max_norm=0.5); loss = (emb.weight @ w).sum()", "y = emb(torch.tensor([0]))", "loss.backward()"],
    "two that one statement saved": [START + "a, b = w * 2, w * 3; loss = (a * b).sum()", "for t in (a, b):\n    t.detach().zero_()", "loss.backward()"],
    "two writes in one line": [START + "a, b = w * 2, w * 3; loss = (a * b).sum()", "n = 1; a.detach().zero_(); k = b.numel()", "loss.backward()"],
    "an item that is emptied": [START + "hs = [w.exp(), w.tanh()]; loss = (hs[0] * hs[1]).sum()", "hs[0].zero_()", "loss.backward()"],
    "items under a variable key": [START + "d = {'h': w.exp(), 'g': w.tanh()}; loss = (d['h'] * d['g']).sum()", "for k in d:\n    d[k].mul_(2)", "loss.backward()"],
    "two that one statement saved, each written in place": [START + "h, k = w.exp(), w.tanh(); a = (h * k).sum()", "h.mul_(2)\nk.mul_(2)", "a.backward()"],
    "other memory": [START + "h = w * 2; loss = (h * h).sum()", "h.data = torch.zeros(3)", "loss.backward()"],
}  # fmt: skip


def hazards_of(cells: list[str]) -> list[tuple[int, Hazard]]:
    """Run cells; give the hazards of saved tensors that can be edited away, each with the number of its cell."""
    found: dict[object, tuple[int, Hazard]] = {}
    with Notebook() as nb:
        for number, cell in enumerate(cells):
            nb.cell(cell)
            for one in nb.report()["hazards"]:
                if one["code"] in OF_SAVED and one["fix"]["edits"] and not one["remedy"].startswith(AGAIN):
                    found.setdefault((one["remedy"], one["happened"]), (number, one))
    return [*found.values()]


def gradients(cells: list[str], *, saves_copies: bool = False) -> dict[str, torch.Tensor]:
    """Run cells unwatched; give the gradients of the leaves."""
    copies = torch.autograd.graph.saved_tensors_hooks(lambda one: one.clone(), lambda one: one)
    with Notebook(watched=False) as nb:
        torch.manual_seed(0)
        with copies if saves_copies else nullcontext():
            for cell in cells:
                nb.cell(cell)
        leaves = {name: one for name, one in nb.ns.items() if isinstance(one, torch.Tensor) and one.is_leaf}
        return {name: one.grad.clone() for name, one in leaves.items() if one.grad is not None}


def faults(cells: list[str], number: int, hazard: Hazard) -> list[str]:
    """Apply a fix and run the cells again; tell what it did not mend."""
    mended, found = mend(cells, hazard), []
    with Notebook() as nb:
        for place, cell in enumerate(mended):
            error = nb.cell(cell).error
            if "modified by an inplace operation" in str(error):
                found.append(f"cell {place + 1} raises {error}")
            left = [one for one in nb.report()["hazards"] if one["code"] in OF_SAVED and one["outcome"] != "risk"]
            if place == number and left:
                found.append(f"left: {left[0]['message']}")
    right, now = gradients(cells, saves_copies=True), gradients(mended)
    if right.keys() != now.keys() or not all(torch.allclose(right[name], now[name]) for name in right):
        found.append(f"gradients are {now}, not {right}")
    return found


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_edit_ends_the_hazard_and_gives_the_gradients_of_saved_copies(name: str):
    cells = PROGRAMS[name]
    found = hazards_of(cells)

    assert found
    assert [] == [fault for number, one in found for fault in faults(cells, number, one)]


def test_where_several_statements_saved_it_the_write_has_the_copy():
    cells = [
        START + "def halve(s):\n    s['h'].mul_(0.5)\ns = {'h': w.sigmoid()}; loss = (s['h'] * w).sum()",
        "halve(s)",
    ]
    found = hazards_of(cells)

    assert ["    s['h'] = s['h'].clone()"] == [edit["text"] for _, one in found for edit in one["fix"]["edits"]]
    assert [] == [fault for number, one in found for fault in faults(cells, number, one)]


@pytest.mark.parametrize("story", stories("bugs"))
def test_the_edits_of_the_stories_mend_them(story: Story):
    cells = [one.source for one in story.cells]

    assert [] == [fault for number, one in hazards_of(cells) for fault in faults(cells, number, one)]


STALE = (
    "import torch\nfrom torch import nn\nenc, head = nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 2)), nn.Linear(2, 1)\n"
    "probe = nn.Linear(2, 1)\nopt = torch.optim.SGD(enc.parameters(), lr=0.1)\nx = torch.ones(4, 3)"
)
STEP = "head(features).sum().backward(retain_graph=True)\nopt.step()"


@pytest.mark.parametrize(
    ("cells", "remedy", "mended"),
    [
        (
            [STALE, "features = enc(x)\n" + STEP, "loss = probe(features).sum()"],
            "Compute `features` again after `opt.step()`, and `loss` from that.",
            ["features = enc(x)\nloss = probe(features).sum()"],
        ),
        (
            [STALE, "features = enc(x)\nloss = probe(features).sum()\n" + STEP],
            "Compute `features` and `loss` again after `opt.step()`.",
            ["features = enc(x)", "loss = probe(features).sum()"],
        ),
    ],
)
def test_what_is_to_be_computed_again_is_all_that_is_stale(cells: list[str], remedy: str, mended: list[str]):
    with Notebook() as nb:
        for cell in cells:
            report = nb.run(cell)
        assert [remedy] == [one["remedy"] for one in report["hazards"]]
        assert nb.cell("loss.backward()").error is not None
        assert [remedy] == [one["remedy"] for one in nb.report()["hazards"]]
        for cell in (*mended, "loss.backward()"):
            nb.run(cell)


CARRIED = {
    "a tuple": ("states = (torch.zeros(1, 3), torch.zeros(1, 3))", "states = rnn(x, states)", "states[0]"),
    "a list": ("states = [torch.zeros(1, 3), torch.zeros(1, 3)]", "states = [*rnn(x, states)]", "states[0]"),
}


def mend_second_cell(cells: list[str]) -> None:
    """Check that the second cell raises, and that both run after the edit that is offered."""
    with Notebook() as nb:
        nb.run(cells[0])
        assert nb.cell(cells[1]).error is not None
        [hazard] = [one for one in nb.report()["hazards"] if one["happened"]]
    with Notebook() as nb:
        for cell in mend(cells, hazard):
            nb.run(cell)


FREED = {
    "two names of the round before": "h_prev, c_prev = h, c\n    h, c = rnn(x, (h_prev, c_prev))",
    "two names": "h, c = rnn(x, (h, c))",
    "two names that another statement binds": "both = rnn(x, (h, c))\n    h, c = both",
    "two states in two statements": "h = top(x, h)\n    c = low(h, c)",
}


@pytest.mark.parametrize("name", FREED)
def test_all_states_that_lead_into_a_freed_graph_are_detached(name: str):
    cells = [
        "import torch\nrnn, top, low = torch.nn.LSTMCell(2, 3), torch.nn.GRUCell(2, 3), torch.nn.GRUCell(3, 3)\n"
        "x = torch.ones(1, 2); h, c = torch.zeros(1, 3), torch.zeros(1, 3)",
        f"for t in range(3):\n    {FREED[name]}\n    (h.sum() + c.sum()).backward()",
    ]
    mend_second_cell(cells)


def test_a_state_that_a_module_keeps_from_none_on_is_detached_once():
    cells = [
        "import torch\nfrom torch import nn\nclass Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        "        self.rnn, self.state = nn.LSTM(2, 3, bias=False), None\n    def forward(self, x):\n"
        "        out, self.state = self.rnn(x, self.state)\n        return out\nnet = Net()",
        "for x in torch.ones(3, 4, 1, 2):\n    loss = net(x).sum()\n    loss.backward()",
    ]
    mend_second_cell(cells)


@pytest.mark.parametrize("name", CARRIED)
def test_a_state_of_several_tensors_that_is_carried_over_rounds_is_detached_as_a_whole(name: str):
    first, turn, result = CARRIED[name]
    cells = [
        f"import torch\nrnn = torch.nn.LSTMCell(2, 3)\nopt = torch.optim.SGD(rnn.parameters(), lr=0.1)\nx = torch.ones(1, 2)\n{first}",
        f"for t in range(3):\n    {turn}\n    {result}.sum().backward(retain_graph=True)\n    opt.step()",
    ]
    mend_second_cell(cells)


SUM = "(out * w).sum().backward()"
STREAM = (
    START
    + "def stream():\n    buf = torch.zeros(3)\n    for i in range(1, 4):\n        buf.fill_(i)\n        yield buf"
)
OUT_OF_PLACE = {
    "TW203": (
        [START + "out = w * 2\nq = torch.ones(3, requires_grad=True)\nout.sum().backward()", "q.grad = w.grad", "(q * 3).sum().backward()"],
        "q.grad = w.grad + 0",
    ),
    "TW206 an element": ([START + "out = torch.zeros(3).expand(2, 3)", "out[0, 1] = 1", SUM], "out = torch.tensor([[0., 1., 0.], [0., 0., 0.]])"),
    "TW206 a row": ([START + "out = torch.arange(3.).expand(2, 3)", "out[0] += 1", SUM], "out = torch.stack([out[0] + 1, out[1]])"),
    "TW206 rows in a loop": (
        [START + "out = torch.ones(3).expand(3, 3)", "for i in range(3):\n    out[i] *= i", SUM],
        "out = torch.stack([out[i] * i for i in range(3)])",
    ),
    "TW206 refused": ([START + "out = torch.ones(1, 3).expand(2, 3)", "out[:, 0] = torch.zeros(2)", SUM], "out = torch.cat([torch.zeros(2, 1), out[:, 1:]], 1)"),
    "TW206 an array": (
        [START + "import numpy as np\nout = np.lib.stride_tricks.as_strided(np.zeros(3), (2, 3), (0, 8))", "out[0] = 1", "out = torch.tensor(out)\n" + SUM],
        "out = np.array([[1., 1., 1.], [0., 0., 0.]])",
    ),
    "TW201 one of several lines that write": (
        [
            START + "def block(x):\n    a = x * 2\n    a *= 0.1\n    s = torch.exp(a)\n    y = 3 * s\n    s -= 1\n    return y.sum() + s.sum()",
            "out = block(w)", SUM,
        ],
        "a = (w * 2) * 0.1; s = torch.exp(a); out = (3 * s).sum() + (s - 1).sum()",
    ),
    "TW209 rows": (
        [START + "out = w * torch.ones(2, 3)", "with torch.no_grad():\n    for row in out:\n        row.mul_(3)", SUM],
        "with torch.no_grad():\n    for row in out:\n        row = row.mul(3)",
    ),
    "TW209 a detached name": ([START + "out = w * 2; d = out.detach()", "d.mul_(3)", SUM], "d = d.mul(3)"),
    "TW209 an array": ([START + "out = w * 2; n = out.detach().numpy()", "n *= 3", SUM], "n = n * 3"),
    "TW211 appended": (
        [START + "buf = torch.zeros(3)", "out = []\nfor i in range(3):\n    buf += 1\n    out.append(buf)", "(torch.stack(out) * w).sum().backward()"],
        "out = []\nfor i in range(3):\n    buf = buf + 1\n    out.append(buf)",
    ),
    "TW211 in tuples": (
        [START + "buf = torch.zeros(3)", "out = []\nfor i in range(3):\n    out.append((buf, i))\n    buf += 1", "sum((one * w).sum() for one, _ in out).backward()"],
        "out = []\nfor i in range(3):\n    out.append((buf, i))\n    buf = buf + 1",
    ),
    "TW211 arrays": (
        [START + "import numpy as np\nframe = np.zeros(3)", "out = []\nfor i in range(3):\n    frame[:] = i\n    out.append(torch.from_numpy(frame))", "(torch.stack(out) * w).sum().backward()"],
        "out = []\nfor i in range(3):\n    frame = np.full(3, float(i))\n    out.append(torch.from_numpy(frame))",
    ),
    "TW211 of a generator": ([STREAM, "out = list(stream())", "(torch.stack(out) * w).sum().backward()"], "out = [torch.full((3,), float(i)) for i in range(1, 4)]"),
    "TW213 a sum that is carried on": (
        [START, "total = 0\nfor i in range(3):\n    total = total + (w * i).square().sum()\n    total.backward()"],
        "for i in range(3):\n    total = (w * i).square().sum()\n    total.backward()",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", OUT_OF_PLACE)
def test_the_edit_gives_the_gradients_of_a_version_that_is_written_out_of_place(name: str):
    cells, out_of_place = OUT_OF_PLACE[name]
    with Notebook() as nb:
        for cell in cells[:2]:
            nb.cell(cell)
        hazard, *_ = [one for one in nb.report()["hazards"] if one["code"] == name[:5]]
    mended = mend(cells, hazard)
    with Notebook() as nb:
        for cell in mended:
            nb.run(cell)
            assert [] == [one for one in nb.report()["hazards"] if one["code"] == name[:5]]

    right, now = gradients([cells[0], out_of_place, *cells[2:]]), gradients(mended)

    assert right
    assert right.keys() == now.keys()
    assert all(torch.equal(right[each], now[each]) for each in right)


def test_what_no_edit_of_the_line_can_mend_has_words_only():
    with Notebook() as nb:
        nb.run(START + "out = w * 2")
        [hazard] = nb.run("with torch.no_grad():\n    out.mul_(3)")["hazards"]

    assert ("TW209", "display", []) == (hazard["code"], hazard["fix"]["applicability"], hazard["fix"]["edits"])
    assert "Compute it out of place, where gradients are recorded: `out = out.mul(3)`." == hazard["remedy"]


TWO_LOSSES = [
    START + "critic = nn.Linear(3, 1)\nopt = torch.optim.SGD(critic.parameters(), lr=0.1)\nfake = w * torch.ones(2, 3)",
    "score = critic(fake).square()\nfirst, second = score.mean(), -score.mean()",
    "first.backward(retain_graph=True)\nopt.step()",
    "second.backward()",
]


def test_what_has_run_its_backward_is_not_computed_again():
    cells = [
        TWO_LOSSES[0],
        "score = critic(fake).square()\nfirst = score.mean()\nsecond = -score.mean()",
        *TWO_LOSSES[2:],
    ]
    with Notebook() as nb:
        for cell in cells[:3]:
            nb.run(cell)
        hazards = [one for one in nb.report()["hazards"] if one["code"] == "TW201"]

    expected = [*TWO_LOSSES[2].split("\n"), "score = critic(fake).square()", "second = -score.mean()"]
    assert expected == mend(cells, hazards[0])[2].split("\n")


ROUNDS = [
    START + "cell, head = nn.GRUCell(3, 3), nn.Linear(3, 1)\nh, done = torch.zeros(1, 3), torch.ones(1, 1)",
    "loss = 0.0\nfor t in range(3):\n    h = cell(w[None], h)\n    loss = loss + head(h).sum()\n    h *= done",
    "loss.backward()",
]


def test_the_tensors_of_all_rounds_of_a_loop_have_one_fix():
    """That of the last round has a name; the others are temporaries by then."""
    with Notebook() as nb:
        for cell in ROUNDS[:2]:
            nb.run(cell)
        hazards = [one for one in nb.report()["hazards"] if one["code"] == "TW201"]
    mended = mend(ROUNDS, hazards[0])

    assert [[], ["h"]] == sorted(one["paths"] for one in hazards)
    assert hazards[0]["fix"] == hazards[1]["fix"]
    with Notebook() as nb:
        for cell in mended:
            nb.run(cell)


ROWS = [
    START + "out, step = torch.zeros(4, 3), nn.Linear(3, 3)",
    "for t in range(3):\n    out[t + 1] = step(out[t]) + w",
]


def test_a_statement_that_reads_what_it_writes_reads_a_copy():
    with Notebook() as nb:
        for cell in ROWS:
            nb.run(cell)
        [hazard] = [one for one in nb.report()["hazards"] if one["code"] == "TW201"]
    mended = mend(ROWS, hazard)

    assert "    out[t + 1] = step(out[t].clone()) + w" == mended[1].split("\n")[1]
    with Notebook() as nb:
        for cell in [*mended, "out.sum().backward()"]:
            nb.run(cell)


FILLED = (
    START
    + """A, cell = torch.randn(3, 3, requires_grad=True), nn.RNNCell(2, 3)
def rollout():
    h = torch.zeros(4, 1, 3)
    for t in range(3):
        h[t + 1] = cell(torch.ones(1, 2), h[t])
    return h
def orthonormal():
    V = A.clone()
    for i in range(V.shape[1]):
        for j in range(i):
            V[:, i] -= (V[:, j] @ V[:, i]) * V[:, j]
        V[:, i] = V[:, i] / V[:, i].norm()
    return V
def scaled():
    h = A * 1
    h[0] = h[1] * h[2].exp()
    return h"""
)
FILLING = {
    "rollout()": ["        h[t + 1] = cell(torch.ones(1, 2), h[t].clone())"],
    "orthonormal()": [
        "            V[:, i] -= (V[:, j].clone() @ V[:, i].clone()) * V[:, j].clone()",
        "        V[:, i] = V[:, i].clone() / V[:, i].clone().norm()",
    ],
    "scaled()": ["    h[0] = h[1].clone() * h[2].clone().exp()"],
}


@pytest.mark.parametrize("call", FILLING)
def test_a_function_that_fills_a_tensor_from_its_own_parts_reads_copies(call: str):
    cells = [FILLED, f"{call}.square().sum().backward()"]
    with Notebook() as nb:
        for cell in cells:
            nb.cell(cell)
        [hazard] = nb.report()["hazards"]

    assert FILLING[call] == [one["text"] for one in hazard["fix"]["edits"]]
    with Notebook() as nb:
        for cell in mend(cells, hazard):
            nb.run(cell)


def test_what_is_stale_is_computed_again_after_the_step():
    with Notebook() as nb:
        for cell in TWO_LOSSES[:3]:
            nb.run(cell)
        hazards = [one for one in nb.report()["hazards"] if one["code"] == "TW201"]
    mended = mend(TWO_LOSSES, hazards[0])

    assert ["first.backward(retain_graph=True)", "opt.step()", *TWO_LOSSES[1].split("\n")] == mended[2].split("\n")
    with Notebook() as nb:
        for cell in mended:
            nb.run(cell)


WORDS_ONLY = {
    "TW201": [
        START + "net = nn.Sequential(nn.Linear(3, 3), nn.Sigmoid())\n@torch.no_grad()\ndef scale(module, args, out):\n    out.mul_(2)\nnet[1].register_forward_hook(scale)",
        "out = net(w)",
        "out.sum().backward()",
    ],
    "TW209": [START + "out = w * 2\nd, e = out.detach(), out.detach()", "d.add_(1)\ne.mul_(3)"],
    "TW213": [START + "h = w * w\nloss = h.sum(); v = torch.tanh(h)\nv.detach().mul_(2)", "loss.backward()"],
}  # fmt: skip


@pytest.mark.parametrize("code", WORDS_ONLY)
def test_no_edit_is_offered_that_loses_what_is_written_or_leaves_another_fault(code: str):
    """The hook records no gradient; another line writes too; what is wrong in the graph shows once it is kept."""
    with Notebook() as nb:
        for cell in WORDS_ONLY[code]:
            nb.cell(cell)
        [hazard] = [one for one in nb.report()["hazards"] if one["code"] == code]

    assert [] == hazard["fix"]["edits"]


def test_a_graph_is_kept_where_the_later_backward_is_right():
    cells = [START + "h = w * w\nloss = h.sum(); v = torch.tanh(h)", "loss.backward()"]
    with Notebook() as nb:
        for cell in cells:
            nb.cell(cell)
        [hazard] = nb.report()["hazards"]
    mended = mend(cells, hazard)

    assert "loss.backward(retain_graph=True)" == mended[1]
    with Notebook() as nb:
        for cell in [*mended, "v.sum().backward()"]:
            nb.run(cell)


def test_what_is_stale_is_computed_again_behind_the_last_statement_of_a_line():
    losses = "score = critic(fake).square()\nfirst = score.mean()\nthird = score.sum(); second = -score.mean()"
    cells = [TWO_LOSSES[0], losses, TWO_LOSSES[2].replace("\n", "; "), TWO_LOSSES[3]]
    with Notebook() as nb:
        for cell in cells[:3]:
            nb.run(cell)
        [hazard] = [one for one in nb.report()["hazards"] if one["code"] == "TW201"]
    with Notebook() as nb:
        for cell in mend(cells, hazard):
            nb.run(cell)


def test_a_group_is_added_behind_the_optimizer_that_lacks_it():
    cells = [
        START + "body = nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3), nn.Linear(3, 1)); x = torch.ones(4, 3)",
        "fine = torch.optim.SGD([*body[0].parameters(), *body[2].parameters()], lr=0.1)",
        "fine.zero_grad()\nbody(x).sum().backward()\nfine.step()",
    ]
    with Notebook() as nb:
        for cell in cells:
            nb.run(cell)
        [hazard] = [one for one in nb.report()["hazards"] if one["code"] == "TW212"]
    with Notebook() as nb:
        for cell in mend(cells, hazard):
            assert [] == [one for one in nb.run(cell)["hazards"] if one["code"] == "TW212"]
