"""A tensor that was computed counts for backward as what was computed, whatever was written where nobody records."""

from __future__ import annotations

import pytest
import torch

from tests.support.notebook import Notebook

SETTING = "import torch\nimage = torch.ones(2, 2, requires_grad=True)\nx = image * 2\n"


def told(report):
    """Give code, outcome and path of each hazard."""
    return [(one["code"], one["outcome"], one["paths"][0]) for one in report["hazards"]]


@pytest.mark.parametrize(
    "write",
    [
        "with torch.no_grad():\n    for row in x:\n        row.mul_(0.5)",
        "y = x.detach()\ny.mul_(0.5)",
        "with torch.no_grad():\n    y = x.view(4)\n    y *= 0.5",
    ],
)
def test_a_write_through_another_tensor_that_nobody_recorded_makes_gradients_wrong(write: str):
    with Notebook() as nb:
        nb.run(SETTING)
        report = nb.run(write)
        nb.run("x.sum().backward()")

        assert ("TW209", "wrong", "x") in told(report)
        assert torch.equal(torch.full((2, 2), 2.0), nb.ns["image"].grad)


@pytest.mark.parametrize(
    "write",
    [
        "with torch.no_grad():\n    x.mul_(0.5)",
        "x.data.mul_(0.5)",
        "y = x\nwith torch.no_grad():\n    y.mul_(0.5)",
        "y = x.detach().numpy()\ny *= 0.5",
    ],
)
def test_a_write_that_was_meant_is_a_risk_that_is_not_said(write: str):
    with Notebook() as nb:
        nb.run(SETTING)

        assert ("TW209", "risk", "x") in told(nb.run(write))
        assert "TW209" not in "".join(nb.said)


@pytest.mark.parametrize("write", ["for row in x: row.data.zero_()", "rows = [*x]\nfor i in (0, 1): x.data[i] = 0"])
def test_a_row_is_not_told_beside_the_whole(write: str):
    with Notebook() as nb:
        nb.run(SETTING)

        assert [("TW209", "x")] == [(code, path) for code, _, path in told(nb.run(write))]


@pytest.mark.parametrize("before", ["total = x.sum()", "loss = x.mean()\nx = loss"])
def test_what_was_computed_before_is_right_and_so_are_scalars(before: str):
    with Notebook() as nb:
        nb.run(SETTING + before)

        assert ("TW209", "risk", "x") in told(nb.run("y = x.detach()\ny.mul_(0.5)"))


@pytest.mark.parametrize("write", ["x.mul_(0.5)", "x = x * 0.5", "y = x.clone().detach()\ny.mul_(0.5)", "x.relu_()"])
def test_a_write_that_autograd_records_is_no_hazard(write: str):
    with Notebook() as nb:
        nb.run(SETTING)

        assert nb.run(write)["hazards"] == []


def test_the_hazard_is_over_when_the_tensor_is_computed_again():
    with Notebook() as nb:
        nb.run(SETTING)
        counts = [len(nb.run(cell)["hazards"]) for cell in ("y = x.detach()\ny.zero_()", "1", "x = image * 2")]

        assert counts == [1, 1, 0]
