"""Graphs that a backward has freed: foretold, explained, and each fix applied as it is written."""

from __future__ import annotations

import pytest
import torch

from ipy_tensorwatch.capture.autograd import freed_nodes
from ipy_tensorwatch.shell import extension
from tests.support.mending import mend
from tests.support.notebook import Notebook, Report

SETUP = """import torch
from torch import nn
torch.manual_seed(0)
rnn, lstm, head = nn.RNN(2, 3), nn.LSTM(2, 3), nn.Linear(3, 1)
x, h, state = torch.ones(4, 1, 2), torch.zeros(1, 1, 3), (torch.zeros(1, 1, 3), torch.zeros(1, 1, 3))
w = torch.ones(2, requires_grad=True)
encoder, decoder = nn.Linear(2, 3), nn.Linear(3, 1)
class Keeps(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn, self.hidden = nn.RNN(2, 3), None
    def forward(self, x):
        out, self.hidden = self.rnn(x, self.hidden)
        return out
net = Keeps()"""
FAILING = {
    "a state, carried on": (
        "for step in range(3):\n    out, h = rnn(x, h)\n    loss = head(out).sum()\n    loss.backward()",
        "through `h` its graph reaches",
    ),
    "a state that begins with None": (
        "h = None\nfor step in range(3):\n    out, h = rnn(x, h)\n    loss = head(out).sum()\n    loss.backward()",
        "through `h` its graph reaches",
    ),
    "a state of two tensors": (
        "for step in range(3):\n    out, state = lstm(x, state)\n    head(out).sum().backward()",
        "through `state[0]` its graph reaches",
    ),
    "a state that a module keeps": (
        "for step in range(3):\n    loss = net(x).sum()\n    loss.backward()",
        "through `net.hidden` its graph reaches",
    ),
    "a state of a function": (
        "def train(h):\n    for step in range(3):\n        out, h = rnn(x, h)\n        head(out).sum().backward()\ntrain(h)",
        "through `h` its graph reaches",
    ),
    "a backward in a function": (
        "def run(l):\n    l.backward()\nfor step in range(3):\n    out, h = rnn(x, h)\n    run(head(out).sum())",
        "through `h` its graph reaches",
    ),
    "computed once for all rounds": (
        "scale = w.exp()\nfor step in range(3):\n    loss = (scale * step).sin().sum()\n    loss.backward()",
        "its graph leads through that of `scale`",
    ),
    "computed from itself alone, so that nothing would need a gradient without its graph": (
        "o = w.exp()\no.sum().backward()\no = o ** 3\no.sum().backward()",
        "its graph leads through that of `o`",
    ),
    "a running sum, and what is new in each round": (
        "total = 0\nfor step in range(3):\n    loss = (w * step).exp().sum()\n    total = total + loss\n    total.backward()",
        "through `total` its graph reaches",
    ),
    "of a generator, for both losses": (
        "for step in range(2):\n    fake = encoder(torch.ones(4, 2))\n    d = decoder(fake).square().mean()\n"
        "    d.backward()\n    g = (decoder(fake) - 1).square().mean()\n    g.backward()",
        "its graph leads through that of `fake`",
    ),
}
SHOWN = {
    "the same twice": ("loss = w.exp().sum()\nloss.backward()\nloss.backward()", "its graph, computed in", "loss"),
    "two losses of one graph": (
        "f = w.exp()\na, b = (f * 2).sin().sum(), (f * 3).sin().sum()\na.backward()\nb.backward()",
        "its graph leads through that of `f`",
        "a",
    ),
}


@pytest.mark.parametrize("name", FAILING)
def test_a_second_backward_is_explained_and_the_fix_runs(name):
    source, says = FAILING[name]
    with Notebook() as nb:
        nb.run(SETUP)
        [hazard] = nb.run(source, raises=RuntimeError)["hazards"]
        assert ("TW213", "raises", True) == (hazard["code"], hazard["outcome"], hazard["happened"])
        assert says in hazard["message"]
        assert "TW213" in nb.last.told
    cells = mend([SETUP, source], hazard)
    with Notebook() as nb:
        nb.run(cells[0])
        assert nb.run(cells[1])["hazards"] == []


@pytest.mark.parametrize("name", SHOWN)
def test_a_backward_that_keeps_the_graph_is_shown(name):
    source, says, root = SHOWN[name]
    with Notebook() as nb:
        nb.run(SETUP)
        [hazard] = nb.run(source, raises=RuntimeError)["hazards"]
        code = f"{root}.backward(retain_graph=True)"
        assert says in hazard["message"]
        assert f"`{code}`" in hazard["remedy"]
        assert "unsafe" == hazard["fix"]["applicability"]
    cells = mend([SETUP, source], hazard)
    assert cells[1].count(code) == 1
    with Notebook() as nb:
        nb.run(cells[0])
        nb.run(cells[1])
        assert nb.last.told == ""


def gradients(*cells: str) -> list[torch.Tensor]:
    """Run cells without the extension; return the gradients of the networks."""
    with Notebook(watched=False) as nb:
        for cell in cells:
            nb.cell(cell)
        return [p.grad for name in ("rnn", "head") for p in nb.ns[name].parameters()]


BANK = """import torch
from torch import nn
torch.manual_seed(0)
net = nn.Sequential(nn.Linear(4, 3), nn.Tanh(), nn.Linear(3, 3))
x, bank = torch.randn(5, 4), []"""
ROUND = "z = net(x)\nbank.append(z)\nz.square().mean().backward()"
LOSS = "loss = (net(x) @ torch.cat(bank).T).mean()"
ROUNDS = """for step in range(3):
    z = net(x)
    loss = z.square().mean()
    if bank:
        loss = loss + (z @ torch.cat(bank).T).mean()
    loss.backward()
    bank.append(z)"""
METHODS = """
class Bank(nn.Module):
    def __init__(self):
        super().__init__()
        self.kept, self.named, self.pairs = [], {}, []
    def add(self, z):
        self.kept.append(z)
    def name(self, key, z):
        self.named[key] = (z, key)
    def pair(self, z, w):
        self.pairs.append((z, w))
    def every(self):
        return torch.cat([*self.kept, *(z for z, _ in self.named.values())])
    def forward(self, z):
        loss = z.square().mean() + z.exp().mean()
        for old, other in self.pairs:
            loss = loss + (old * other * z).mean()
        self.pairs.append((z, z.exp()))
        return loss
class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.bank, self.net = Bank(), net
    def forward(self, x):
        return self.bank(self.net(x))
def keep(z):
    bank.append(z)
def against(z):
    return (z @ torch.cat(bank).T).mean() if bank else z.mean()
held, model = Bank(), Model()"""
ADDED = "z = net(x)\nheld.add(z)\nz.square().mean().backward()"
HELD = "loss = (net(x) @ held.every().T).mean()"
BANKS = {
    "by a method": ([BANK + METHODS, ADDED, HELD], "        self.kept.append(z.detach())"),
    "by a method, until it raises": (
        [BANK + METHODS, ADDED, f"{HELD}\nloss.backward()"],
        "        self.kept.append(z.detach())",
    ),
    "by a method under a key": (
        [BANK + METHODS, ADDED.replace("add(", "name('a', "), HELD],
        "        self.named[key] = (z.detach(), key)",
    ),
    "by a function": (
        [BANK + METHODS, "for step in range(3):\n    z = net(x)\n    against(z).backward()\n    keep(z)"],
        "    bank.append(z.detach())",
    ),
    "by a module in a module": (
        [
            BANK + METHODS.replace("    def pair(self, z, w):\n        self.pairs.append((z, w))\n", ""),
            "for step in range(3):\n    loss = model(x)\n    loss.backward()",
        ],
        "        self.pairs.append((z.detach(), z.exp().detach()))",
    ),
    "in a loop": ([BANK, ROUNDS], "    bank.append(z.detach())"),
    "in a loop of one cell": ([f"{BANK}\n{ROUNDS}"], "    bank.append(z.detach())"),
    "before its backward": ([BANK, ROUND, LOSS], "bank.append(z.detach())"),
    "in a later cell": ([BANK, ROUND, f"{LOSS}\nloss.backward()"], "bank.append(z.detach())"),
}


@pytest.mark.parametrize(("cells", "code"), BANKS.values(), ids=BANKS)
def test_what_a_memory_bank_keeps_is_detached_where_it_is_put_there(cells: list[str], code: str):
    [hazard] = [one for one in run_all(cells)["hazards"] if (one["code"], one["outcome"]) == ("TW213", "raises")]

    assert [code] == [one["text"] for one in hazard["fix"]["edits"]]
    assert [] == run_all(mend(cells, hazard))["hazards"]


@pytest.mark.parametrize(
    "cells",
    [
        [BANK, ROUND, "loss = torch.cat(bank).mean()\nloss.backward()"],  # nothing else would need a gradient
        [BANK, ROUND, "loss = torch.cat(bank).square().mean()"],
        [BANK, ROUND, "bank.append(net(x))", f"{LOSS}\nloss.backward()"],  # two statements put something there
        [BANK, ROUND, "loss = (net(x) @ z.T).mean()\nloss.backward()"],  # it is not read from there
        [BANK + METHODS + "\nheld.score = lambda z: z.mean()", ADDED, "loss = (held.score(z) + net(x)).mean()"],
        [BANK + METHODS.replace("def every", "def too(self, z): self.kept.append(z)\n    def every"), ADDED, HELD],
    ],
)
def test_what_no_single_statement_keeps_beside_a_new_pass_is_not_detached(cells: list[str]):
    [hazard] = run_all(cells)["hazards"]

    assert ("TW213", True) == (hazard["code"], "detach" not in hazard["remedy"])


def run_all(cells: list[str]) -> Report:
    """Run cells, the last of which may raise; return its report."""
    with Notebook() as nb:
        for cell in cells:
            nb.cell(cell)
        return nb.report()


class TestSurvey:
    """A large graph is looked through for freed nodes only after a cell in which a backward may have met it."""

    BUILD = (
        "import torch\nw = torch.ones(2, requires_grad=True)\nother = torch.zeros(2)\nh = w.exp()",
        "first = h.sin()\nfor _ in range(50):\n    first = first.sin()\nfirst = first.sum()\nlast = (h * 2).cos().sum()",
    )

    @pytest.fixture
    def surveyed(self, monkeypatch: pytest.MonkeyPatch):
        seen, survey = [], freed_nodes.survey_graph
        monkeypatch.setattr(freed_nodes, "survey_graph", lambda *given: seen.append(survey(*given)) or seen[-1])
        with Notebook() as nb:
            for cell in self.BUILD:
                nb.run(cell)
            yield nb, seen

    @pytest.mark.parametrize("cell", ["other.add_(1)", "w.grad = torch.ones(2)", "last.backward(retain_graph=True)"])
    def test_not_where_none_freed_a_thing(self, surveyed, cell):
        nb, seen = surveyed
        seen.clear()
        nb.run(cell)

        assert [0] == [len(one.below) + len(one.freed) for one in seen]

    @pytest.mark.parametrize("cell", ["last.backward()", "last.backward()\ndel last", "torch.autograd.grad(last, w)"])
    def test_where_one_ran_through_another_variable(self, surveyed, cell):
        nb, seen = surveyed
        seen.clear()
        nb.run(f"{cell}\nother.add_(1)")

        assert any(one.is_half_freed for one in seen)


class TestForetold:
    BUILD, RUN = "out, h = rnn(x, h)\nloss = head(out).sum()", "loss.backward()"

    def test_where_a_new_loss_leads_into_freed_nodes(self):
        cells = [SETUP, self.BUILD, self.RUN, self.BUILD]
        with Notebook() as nb:
            for cell in cells[:-1]:
                assert nb.run(cell)["hazards"] == []
            [hazard] = nb.run(self.BUILD)["hazards"]
            assert ("TW213", "raises", "loss", False) == (
                hazard["code"], hazard["outcome"], hazard["paths"][0], hazard["happened"],
            )  # fmt: skip
            assert "leads through that of `h`, computed in cell 2, line 1: `out, h = rnn(x, h)`" in hazard["message"]
            assert nb.run("1 + 1")["hazards"] == [hazard]
            assert "TW213" not in nb.last.told
            [happened] = nb.run(self.RUN, raises=RuntimeError)["hazards"]
            assert (happened["happened"], happened["saved_at"]) == (True, hazard["saved_at"])
            assert nb.run("del loss, out, h")["hazards"] == []
        mended = mend(cells, hazard)
        by_hand = [SETUP, self.BUILD, self.RUN, "h = h.detach()\n" + self.BUILD]
        assert all(map(torch.equal, gradients(*mended, self.RUN), gradients(*by_hand, self.RUN)))

    def test_a_result_that_reaches_leaves_through_freed_nodes_alone_is_a_risk(self):
        cells = [
            "logits = encoder(torch.ones(4, 2)) @ torch.ones(3, 2) + w\nlogits.square().sum().backward()",
            "loss = logits.exp().sum()",
            "probs = logits.softmax(1)\nprobs[0] -= 1",
        ]
        with Notebook() as nb:
            nb.run(SETUP)
            reports = [nb.run(one) for one in cells]
            assert [""] * 4 == nb.said

        found = {(one["code"], one["outcome"]) for one in reports[-1]["hazards"]}
        assert {("TW201", "risk"), ("TW213", "risk")} == found

    def test_a_state_of_two_variables_is_detached_as_a_whole(self):
        build = "h, c = cell(x[0], (h, c))\nloss = h.sum()"
        cells = [
            f"{SETUP}\ncell, h, c = nn.LSTMCell(2, 3), x.new_zeros(1, 3), x.new_zeros(1, 3)",
            build,
            self.RUN,
            build,
        ]
        with Notebook() as nb:
            [hazard] = [nb.run(cell)["hazards"] for cell in cells][-1]
        with Notebook() as nb:
            for cell in [*mend(cells, hazard), self.RUN]:
                assert nb.run(cell)["hazards"] == []

    def test_where_a_backward_frees_what_another_loss_shares(self):
        with Notebook() as nb:
            nb.run(SETUP)
            nb.run("f = encoder(torch.ones(4, 2)).tanh()\na, b = f.sum(), decoder(f).square().sum()")
            [hazard] = nb.run("a.backward()")["hazards"]
            assert ("TW213", "raises", ["b"]) == (hazard["code"], hazard["outcome"], hazard["paths"])
            assert ("a.backward()", 3) == (hazard["written_at"]["text"], hazard["written_cell"])
            assert "`a.backward(retain_graph=True)`" in hazard["remedy"]
            nb.cell("b.backward()")
            assert isinstance(nb.last.error, RuntimeError)

    def test_a_generator_that_the_other_loss_went_through(self):
        build = "fake = encoder(torch.ones(4, 2))\nd = decoder(fake).square().mean()\nd.backward()"
        cells = [SETUP, build, "g = (decoder(fake) - 1).square().mean()"]
        with Notebook() as nb:
            for cell in cells[:-1]:
                assert nb.run(cell)["hazards"] == []
            [hazard] = nb.run(cells[-1])["hazards"]
        with Notebook() as nb:
            for cell in mend(cells, hazard):
                assert nb.run(cell)["hazards"] == []
            assert nb.run("g.backward()")["cell"]["status"] == "ok"


QUIET = {
    "detached": "out, h = rnn(x, h.detach())\nloss = head(out).sum()\nloss.backward()",
    "computed anew": "loss = head(rnn(x)[0]).sum()\nloss.backward()",
    "kept": "loss = head(rnn(x)[0]).sum()\nloss.backward(retain_graph=True)\nloss.backward()",
    "a generator's graph, kept for its own loss": "fake = encoder(torch.ones(4, 2))\nd = decoder(fake).square().mean()\n"
    "d.backward(retain_graph=True)\ng = (decoder(fake) - 1).square().mean()\ng.backward()",
    "accumulated": "total = 0\nfor step in range(3):\n    loss = head(rnn(x)[0]).sum() / 3\n    loss.backward()\n    total += loss.item()",
    "one of two networks": "with torch.no_grad():\n    f = encoder(torch.ones(4, 2))\nloss = decoder(f).sum()\nloss.backward()",
    "a gradient of a gradient": "g, = torch.autograd.grad(w.exp().sum(), w, create_graph=True)\n(g ** 2).sum().backward()",
}


@pytest.mark.parametrize("name", QUIET)
def test_healthy_cells_are_quiet_run_after_run(name):
    with Notebook() as nb:
        nb.run(SETUP)
        for _ in range(3):
            nb.run(QUIET[name])
            assert nb.last.told == ""


def test_metrics_of_old_outputs_are_risks_that_are_not_printed():
    with Notebook() as nb:
        nb.run(SETUP)
        nb.run("out, h = rnn(x, h)\nloss = head(out).sum()\nloss.backward()")
        found = nb.run("perplexity = loss.exp()\nerror = (out - 1).abs().mean()\nstep2, h2 = rnn(x, h)")["hazards"]

        assert {(one["code"], one["outcome"]) for one in found} == {("TW213", "risk")}
        assert nb.last.told == ""


DEEP = "import torch\nw = torch.ones(3, requires_grad=True)\ndef deep(t):\n    for _ in range(50):\n        t = t * 1.5\n    return t"


def read_nodes() -> int:
    return len(extension._loaded[0].watcher.observer.graphs.inputs)


@pytest.mark.parametrize("keeps", [False, True])
def test_only_the_nodes_that_a_backward_can_reach_are_read(keeps: bool):
    with Notebook() as nb:
        nb.run(DEEP)
        nb.run(f"loss = (deep(w) ** 2).sum()\nloss.backward(retain_graph={keeps})")
        assert (read_nodes() > 50) is keeps


def test_a_graph_that_another_result_leads_to_is_read_and_its_hazard_is_told():
    with Notebook() as nb:
        nb.run(DEEP)
        nb.run("h = w * 2\nfirst = (h ** 2).sum()\nother = (deep(w) ** 2).sum()\nfirst.backward()")
        assert read_nodes() > 50
        found = nb.run("more = (other * h).sum()\nh.detach().add_(1);")["hazards"]
        assert "TW201" in {one["code"] for one in found}
