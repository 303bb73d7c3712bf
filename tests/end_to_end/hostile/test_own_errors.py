"""An error of our own, before or after a cell: the cell's outcome stands, the report claims nothing, the status tells."""

from __future__ import annotations

from time import sleep

import pytest

from ipy_tensorwatch.capture.observer import Observer
from ipy_tensorwatch.core.runtime.guard import GUARD
from ipy_tensorwatch.shell import watcher
from ipy_tensorwatch.shell.cell import reporter
from tests.support.notebook import Notebook, silent

ALIASED = "import torch\nx = torch.zeros(4)\ny = x.view(2, 2)"


@pytest.fixture(params=[RuntimeError, MemoryError, KeyboardInterrupt, SystemExit])
def error(request: pytest.FixtureRequest) -> type[BaseException]:
    return request.param


@pytest.fixture(autouse=True)
def no_faults_so_far() -> None:
    GUARD.clear()


@pytest.mark.parametrize(("owner", "name"), [(Observer, "look"), (watcher, "plain_source"), (reporter, "reason")])
def test_the_report_is_of_that_cell_and_claims_nothing(notebook: Notebook, monkeypatch, owner, name, error):
    notebook.run(ALIASED)
    with monkeypatch.context() as patch:
        patch.setattr(owner, name, lambda *_, **__: (_ for _ in ()).throw(error("ours")))
        ran = notebook.cell("y.add_(1)\nprint('done')\n7")

    if error is KeyboardInterrupt:  # is the user's: it ends the cell, before or after what it did
        assert type(ran.error) is KeyboardInterrupt
    else:
        assert (ran.error, ran.result) == (None, 7)
        assert "done" in ran.stdout
    assert "ours" not in ran.stdout + ran.stderr
    report = notebook.report()
    assert report["changes"] == []
    assert [one["why"] for one in report["coverage"]["unverified"]] == ["an error of tensorwatch itself"]
    assert error.__name__ in notebook.status()
    notebook.run("z = 1")
    assert silent(notebook.run("y.add_(1);")) == {"x"}


def test_a_mode_that_could_not_be_closed_does_not_blame_the_next_cell_on_the_last(notebook: Notebook, monkeypatch):
    notebook.run(ALIASED)
    notebook.run("z = torch.ones(2)\n%tensorwatch freeze z")
    with monkeypatch.context() as patch:
        patch.setattr("ipy_tensorwatch.capture.protect.freezer.Freezer.close", lambda _: 1 / 0)
        notebook.cell("y.add_(1);")
    ran = notebook.cell("z.numpy()[0] = 3")

    assert "y.add_(1)" not in str(ran.error)
    assert GUARD.count > 0
    notebook.cell("%tensorwatch thaw")


def test_a_look_that_fails_before_a_cell_and_after_it_leaves_no_report_of_the_cell_before(monkeypatch):
    with Notebook(settings={"idle_share": 1.0}) as notebook:
        notebook.run(ALIASED)
        sleep(1)  # then there is time for a look before the cell
        with monkeypatch.context() as patch:
            patch.setattr(Observer, "look", lambda *_, **__: (_ for _ in ()).throw(RuntimeError("ours")))
            notebook.cell("y.add_(1)")
        report = notebook.report()

    assert report["changes"] == []
    assert [one["why"] for one in report["coverage"]["unverified"]] == ["an error of tensorwatch itself"]


def test_parameters_that_a_cell_gave_a_history_are_read_without_a_warning():
    with Notebook() as nb:
        nb.run("import torch\nfrom torch import nn\nnet = nn.Linear(2, 2)\nema = nn.Linear(2, 2).requires_grad_(False)")
        nb.run("for a, b in zip(ema.parameters(), net.parameters()):\n    a.mul_(0.9).add_(b, alpha=0.1)")
        warned = nb.cell("x = 1").warned

    assert warned == []
