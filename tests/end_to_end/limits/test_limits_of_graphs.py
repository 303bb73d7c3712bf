"""Graphs are read as far as time and stack go, further at each look, and what was left out is listed."""

from __future__ import annotations

import pytest

from ipy_tensorwatch.capture.autograd import graph, note_saved
from ipy_tensorwatch.capture.runtime import node_limit
from ipy_tensorwatch.capture.tensors import plain_reads, serials
from tests.support.notebook import Notebook, Report

NO_TIME = {"budget_floor": 0.0, "budget_share": 0.0, "budget_limit": 0.0}
CHAIN = "import torch\nx = torch.ones(3, requires_grad=True)\nh = x.exp()\ny = h\nfor i in range(200): y = y * 1.0"
MANY = """
import torch
class Keep(torch.autograd.Function):
    @staticmethod
    def forward(ctx, a, *rest):
        ctx.save_for_backward(*rest)
        return a * 2
    @staticmethod
    def backward(ctx, g):
        return (g,) + (None,) * len(ctx.saved_tensors)
x = torch.ones(3, requires_grad=True)
ts = [torch.ones(2) for _ in range(300)]
y = Keep.apply(x, *ts)
"""


def left_out(report: Report) -> set[str]:
    return {one["path"] for one in report["coverage"]["unverified"] if "graph" in one["why"]}


def test_without_time_the_graph_is_listed_and_read_when_there_is_time():
    with Notebook(settings=NO_TIME) as nb:
        assert {"y", "h"} <= left_out(nb.run(CHAIN))
        nb.cell("%tensorwatch config budget_limit=5.0")
        nb.cell("%tensorwatch config budget_floor=5.0")
        nb.run("a = 1")
        assert left_out(nb.run("a = 2")) == set()
        [hazard] = nb.run("h.add_(1)")["hazards"]
        assert (hazard["code"], hazard["op"]) == ("TW201", "ExpBackward0")


def test_each_look_goes_further_than_the_one_before(monkeypatch):
    monkeypatch.setattr(graph, "is_late", lambda turn, deadline: False)
    monkeypatch.setattr(graph, "is_enough", lambda count, deadline: count in stops)
    stops = {40, 80, 120, 160}
    with Notebook(settings={"budget_floor": 5.0, "budget_limit": 5.0}) as nb:
        report = nb.run(CHAIN)
        for stop in sorted(stops):
            assert "y" in left_out(report), stop
            stops.discard(stop)
            report = nb.run("a = 1")
        assert left_out(report) == set()


def test_a_whole_graph_beside_an_unread_one_is_not_listed(monkeypatch):
    monkeypatch.setattr(graph, "is_enough", lambda count, deadline: count >= 50)
    with Notebook() as nb:
        nb.run("import torch\nx = torch.ones(3, requires_grad=True)\nz = x.exp()")
        assert left_out(nb.run("y = x\nfor i in range(200): y = y * 1.0")) == {"y"}


def test_what_the_stack_does_not_allow_is_not_tried_again(monkeypatch):
    monkeypatch.setattr(graph, "MAX_NODES", 50)
    monkeypatch.setattr(node_limit, "MAX_NODES", 50)
    walks = []
    real = graph.walk_nodes
    monkeypatch.setattr(graph, "walk_nodes", lambda *a, **k: walks.append(1) or real(*a, **k))
    with Notebook() as nb:
        assert "y" in left_out(nb.run(CHAIN))
        walks.clear()
        report = nb.run("a = 1")
        assert (walks, "y" in left_out(report)) == ([], True)
        nb.run("y = x * 2; h = y")
        assert left_out(nb.run("a = 2")) == set(), "there is room for another graph"


REORDERS = ("kept.reverse()", "kept = kept[400:] + kept[:400]", "rest = kept[::3]", "a = 1")


def test_no_more_results_are_asked_for_their_nodes_than_the_stack_allows(monkeypatch):
    monkeypatch.setattr(serials, "MAX_NODES", 300)
    real, seen = plain_reads.node_of, set()
    monkeypatch.setattr(plain_reads, "node_of", lambda one: seen.add(real(one)._sequence_nr()) or real(one))
    with Notebook() as nb:
        nb.run("import torch\ny = x = torch.ones(3, requires_grad=True)\nkept = []")
        nb.run("for _ in range(700):\n    y = y.exp()\n    kept.append(y)")
        for cell in REORDERS:
            nb.run(cell)

    assert len(seen) == 300


@pytest.mark.parametrize(
    ("cells", "place"),
    [
        (("kept = [x.exp() for _ in range(40)]", "a = 1"), 39),  # there is room again
        (("kept.reverse()", "a = 1"), 59),  # it was asked at its last place
    ],
)
def test_where_there_are_too_many_results_those_that_were_asked_for_their_nodes_are_followed(
    monkeypatch, cells: tuple[str, ...], place: int
):
    monkeypatch.setattr(serials, "MAX_NODES", 50)
    with Notebook() as nb:
        nb.run("import torch\nx = torch.ones(3, requires_grad=True)\nkept = [x.exp() for _ in range(60)]")
        for cell in cells:
            nb.run(cell)
        [hazard] = nb.run(f"kept[{place}].data.add_(1)")["hazards"]

    assert hazard["code"] == "TW202"


def test_of_one_node_no_more_is_followed_than_there_is_room_for(monkeypatch):
    monkeypatch.setattr(note_saved, "MAX_ITEMS", 20)
    with Notebook() as nb:
        assert "y" in left_out(nb.run(MANY))
        [hazard] = nb.run("ts[3].add_(1)")["hazards"]
        assert hazard["code"] == "TW201"
        assert nb.run("ts[25].add_(1)")["hazards"] == [hazard], "that one is not followed, and y is listed"


def test_what_one_node_saved_is_noted_over_several_looks(monkeypatch):
    monkeypatch.setattr(note_saved, "is_late", lambda place, deadline: place % note_saved.CLOCK_EVERY == 0)
    with Notebook(settings={"budget_floor": 5.0, "budget_limit": 5.0}) as nb:
        reports = [nb.run(MANY), *(nb.run("a = 1") for _ in range(6))]
        assert [bool(left_out(one)) for one in reports] == [True] * 4 + [False] * 3
        [hazard] = nb.run("ts[299].add_(1)")["hazards"]
        assert hazard["code"] == "TW201"
