"""The fixes of hazards that are tried: the gradients are those of saved copies, and all other values the same."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest
import torch

from ipy_tensorwatch.capture.trial.run_trial import Tried
from ipy_tensorwatch.core.runtime.guard import GUARD
from tests.support.mending import mend
from tests.support.notebook import Notebook

if TYPE_CHECKING:
    from tests.support.notebook import Hazard

START = "import torch\nw = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)\n"
SAVE = START + "h = w * 2; loss = (h * h).sum()"
SAFE = {
    "an in-place method": [SAVE, "h.add_(1)"],
    "an in-place method, and the backward that raised": [SAVE, "h.add_(1)", "loss.backward()"],
    "through another name": [SAVE + "; c = h.data", "c[0] = 0"],
    "one after a write in place": [START + "h = w * 1\nh.sigmoid_(); loss = (h * h).sum()", "with torch.no_grad(): h.add_(1)"],
    "NumPy": [SAVE + "; a = h.detach().numpy()", "a += 1"],
    "a loop that fills memory again": [
        START + "buf = torch.zeros(3)\nloss = 0\nfor k in range(3):\n    buf.fill_(k)\n    loss = loss + (w * buf).sum()"
    ],
    "a function": ["def bump(t):\n    t.add_(1)\n    return t\n" + SAVE, "c = bump(h.detach())"],
    "random data, whose bytes are kept": ["import torch\nw = torch.randn(3, requires_grad=True)", "h = w.exp(); loss = h.sum()", "h -= 1"],
    "another name is read later": [SAVE + "\nv = h.view(-1)", "v.add_(1)\nk = h.view(-1); loss = loss + k.exp().sum()", "loss.backward()"],
    "a temporary that no name leads to": [SAVE + "\nv = h.view(3, 1)[:, 0]", "with torch.no_grad(): v.add_(1)\nh = torch.tanh(h)", "loss.backward()"],
    "rows that one statement reads and writes": [START + "out = torch.zeros(3)", "for t in range(2):\n    out[t + 1] = out[t] * w[t] * 2\nloss = out.sum()"],
    "a value that is computed from what the write changed": [SAVE + "; c = h.detach()", "c[0] = 0\ntotal = h.detach().sum()"],
    "an operator in a block that records nothing": [SAVE, "with torch.no_grad():\n    h *= 2"],
    "an element in such a block": [SAVE, "with torch.no_grad():\n    h[0] = 1"],
    "a block whose recording is switched": [SAVE, "with torch.set_grad_enabled(False):\n    h.add_(1)"],
    "a function that records nothing": ["@torch.no_grad()\ndef bump(t):\n    t.add_(1)", "bump(h)"],
    "a parameter that is updated by hand": [START + "(w ** 2).sum().backward()", "w -= 0.1 * w.grad"],
}  # fmt: skip
SAFE["a function that records nothing"].insert(0, SAVE)
NOT_SAFE = {
    "one of two saved tensors that were overwritten": [
        START + "h = torch.tanh(w); loss = (h * w).sum()", "h.detach().mul_(2); k = h * h; loss = loss + k.sum()\nh[0] = 1", "loss.backward()"
    ],
    "a module": ["from torch import nn\nnet = nn.Linear(3, 3)\n" + SAVE + "; k = net(h)", "h.add_(1)"],
    "a file that was read": [SAVE, "h.add_(1)\nopen('/dev/null').close()\nh.sub_(len(open('/dev/null').read()))"],
    "random numbers": [SAVE, "h.add_(torch.rand(3))"],
    "another reading that was meant": [START, "w *= 2"],
}  # fmt: skip


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let trials take as long as a busy machine needs."""
    monkeypatch.setattr("ipy_tensorwatch.shell.fix_trials.SECONDS", 20.0)
    monkeypatch.setattr("ipy_tensorwatch.shell.ipython.cell_sources.SLOW", 20.0)


def last_hazard(cells: list[str]) -> Hazard:
    """Run cells; return the hazard of saved tensors or of a refused write. No action of ours may fail."""
    with Notebook() as nb:
        for cell in cells:
            nb.cell(cell)
        found = [one for one in nb.report()["hazards"] if one["code"] in ("TW201", "TW202", "TW204")]
        assert [] == [one.text for one in GUARD.faults]
    return found[0]


@pytest.mark.parametrize("name", SAFE)
def test_what_gives_the_gradients_of_saved_copies_is_safe(name: str):
    hazard = last_hazard(SAFE[name])

    assert "safe" == hazard["fix"]["applicability"], hazard["fix"]
    with Notebook() as nb:
        for cell in mend(SAFE[name], hazard):
            nb.run(cell)


@pytest.mark.parametrize("name", NOT_SAFE)
def test_what_is_not_proven_is_not_safe(name: str):
    assert "unsafe" == last_hazard(NOT_SAFE[name])["fix"]["applicability"]


def test_a_fix_that_does_not_mend_is_words_only(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("ipy_tensorwatch.shell.fix_trials.run_trial", lambda *_: Tried("useless"))
    fix = last_hazard(SAFE["an in-place method"])["fix"]

    assert ("display", []) == (fix["applicability"], fix["edits"])


@pytest.mark.parametrize(("name", "expected"), [("through another name", "display"), ("an in-place method", "unsafe")])
def test_what_was_not_tried_to_the_end_is_offered_where_it_cannot_be_wrong(name, expected, monkeypatch):
    monkeypatch.setattr("ipy_tensorwatch.shell.fix_trials.SECONDS", 0.0)

    assert expected == last_hazard(SAFE[name])["fix"]["applicability"]


def test_without_time_no_other_fix_is_looked_for(monkeypatch: pytest.MonkeyPatch):
    asked: list[Hazard] = []
    monkeypatch.setattr("ipy_tensorwatch.core.hazards.find_hazards.MAX_EDITED", 0)
    monkeypatch.setattr(
        "ipy_tensorwatch.shell.fix_trials.alternative_fixes", lambda one, *_: iter(asked.append(one) or ())
    )
    last_hazard(SAFE["an in-place method"])
    assert asked

    asked.clear()
    monkeypatch.setattr("ipy_tensorwatch.shell.fix_trials.SECONDS", 0.0)
    last_hazard(SAFE["an in-place method"])
    assert [] == asked


@pytest.mark.parametrize("name", ["an operator in a block that records nothing", "an element in such a block"])
def test_the_copy_is_made_before_a_block_that_records_nothing(name: str):
    """Inside, it would have no graph."""
    assert [(2, 1, 0, "h = h.clone()")] == [tuple(one.values()) for one in last_hazard(SAFE[name])["fix"]["edits"]]


def test_a_trial_leaves_graphs_gradients_and_random_states_alone():
    with Notebook() as nb:
        nb.run("import torch\nw = torch.randn(3, requires_grad=True)\n(w * 2).sum().backward()\ncalls = []")
        nb.run("hook = w.register_hook(calls.append)\nh = w.exp(); loss = h.sum()")
        before = torch.get_rng_state().clone(), nb.ns["w"].grad, nb.ns["w"].grad.clone(), nb.ns["h"]._version
        nb.run("h -= 1")
        nb.report()

        assert (before[1] is nb.ns["w"].grad, []) == (True, nb.ns["calls"])
        assert torch.equal(before[2], nb.ns["w"].grad)
        assert torch.equal(before[0], torch.get_rng_state())
        assert (before[3] + 1, True, False) == (
            nb.ns["h"]._version,
            torch.is_grad_enabled(),
            torch.is_autocast_enabled(),
        )


def test_nothing_is_tried_while_another_thread_runs_code_of_the_users():
    with Notebook() as nb:
        nb.run(SAVE + "\nimport threading\nstop = threading.Event()")
        nb.run(
            "def draw():\n    while not stop.wait(0.001):\n        torch.rand(1)\nthread = threading.Thread(target=draw)\nthread.start()"
        )
        nb.run("h.add_(1)")
        [hazard] = nb.report()["hazards"]
        nb.run("stop.set(); thread.join()")

    assert "unsafe" == hazard["fix"]["applicability"]
    assert 1 <= threading.active_count()


def test_the_statements_of_a_slow_cell_are_not_tried(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("ipy_tensorwatch.shell.ipython.cell_sources.SLOW", 0.0)

    assert "unsafe" == last_hazard(SAFE["an in-place method"])["fix"]["applicability"]
