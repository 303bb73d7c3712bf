"""Replicas that part, told in the cell in which they do, and programs in which nothing is wrong."""

from __future__ import annotations

import os

import pytest

from tests.end_to_end.ranks.programs import BUGS, HEALTHY

DEEP = os.environ.get("TENSORWATCH_PROFILE") == "deep"


@pytest.fixture
def ranks(request) -> int:
    return getattr(request, "param", 4)


@pytest.mark.parametrize("ranks", [2, 4] if DEEP else [4], indirect=True)
@pytest.mark.parametrize("name", HEALTHY)
def test_a_healthy_training_is_quiet(lab, name):
    assert [lab.px(cell) for cell in HEALTHY[name]] == [""] * len(HEALTHY[name])
    assert lab.parted() == []


@pytest.mark.parametrize("ranks", [2, 4] if DEEP else [2], indirect=True)
@pytest.mark.parametrize("name", BUGS)
def test_a_bug_is_told_in_the_cell_in_which_the_ranks_part(lab, ranks, name):
    cells, (path, line, text) = BUGS[name]
    told = [lab.px(cell) for cell in cells]

    assert told[:-1] == [""] * (len(cells) - 1)
    assert path in told[-1]
    parting = lab.parted()[0]
    assert (parting["path"], parting["line"], parting["text"]) == (path, line, text)
    assert set(parting["ranks"]) <= set(range(ranks))
    assert f"line {line}: {text}" in told[-1]


def test_ranks_that_are_one_again_are_told(lab):
    lab.px("import torch.nn as nn\ntorch.manual_seed(0)\nnet = nn.Linear(2, 2)")
    parted = lab.px("if rank == 1:\n    net.weight.data.add_(1)")
    united = lab.px("for p in net.parameters():\n    dist.broadcast(p.data, 0)")

    assert "net.weight differs" in parted
    assert "net is equal on all" in united
    assert lab.parted() == []


def test_data_and_state_of_each_rank_are_quiet(lab):
    lab.px("total = torch.zeros(3)\ntorch.manual_seed(rank)")

    assert [lab.px("x = torch.randn(3)\ntotal += x\nlosses = {'a': x.mean()}") for _ in range(3)] == [""] * 3
