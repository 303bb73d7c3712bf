"""How many questions the client asks the engines after a cell: none, where they tell all with its output."""

from __future__ import annotations

import pytest


@pytest.fixture
def ranks() -> int:
    return 2


def messages(lab, source: str) -> tuple[int, str]:
    """Run a cell; return how many messages were sent to the engines, and what was said under it."""
    before = len(lab.client.history)
    ran = lab.cell(source)
    return len(lab.client.history) - before, ran.told


def test_a_cell_on_all_ranks_is_told_without_a_question(lab):
    quiet, _ = messages(lab, "%%px\nx = torch.zeros(4)\ny = x[:2]")
    writing, told = messages(lab, "%%px\ny.add_(1)")

    assert (quiet, writing) == (2, 2)
    assert "on all 2" in told


def test_only_ranks_that_ran_no_cell_are_asked(lab):
    lab.px("x = torch.zeros(4)\ny = x[:2]")
    some, told = messages(lab, "%%px --targets 0\ny.add_(1)")

    assert some == 1 + 1
    assert "on 1 of 2: 0" in told


def test_cells_whose_output_is_late_are_asked_for_and_told_once(lab):
    lab.px("x = torch.zeros(4)\ny = x[:2]")
    sending = "several = [view.execute('y.add_(1)', silent=False, block=False) for _ in range(3)]\nfor one in several: one.get()"
    told = lab.cell(sending).told

    assert told.count("changed through y") == 3
    assert lab.px("1") == ""


def test_a_client_that_is_left_is_as_it_was(lab):
    maker = lab.client.metadata.default_factory
    lab.notebook.run("other = ipy_tensorwatch.Ranks(view)")
    lab.notebook.run("other.leave()")
    beside = lab.client.metadata.default_factory
    lab.notebook.run("joined.leave()")

    assert beside is maker
    assert lab.client.metadata.default_factory is not maker
