"""What mends the silent changes and hazards of a cell, as the panel and the editor are told."""

from __future__ import annotations

import pytest

from ipy_tensorwatch.shell import extension
from tests.support.frontend import watched
from tests.support.notebook import Notebook

HAZARD = "h = (w * 2).exp()\nh.add_(1)\nloss = h.sum()"
BEFORE, BEHIND = "import torch\nw = torch.ones(3, requires_grad=True)", "k = loss + 1"


@pytest.fixture
def told():
    """Run cells, and give what the front end is told of the fixes of the one with this number."""
    with Notebook() as nb:
        feed, front = watched()

        def run(*sources, ask):
            for number, source in enumerate(sources):
                nb.cell(source)
                feed.publish(extension.report(), f"cell-{number}")
            counts = [one["count"] for one in front.known["past"]]
            feed.receive({"kind": "fixes", "count": counts[ask] if ask is not None else 999})
            message = front.messages[-1]
            assert message["kind"] == "fixes"
            return message["body"], counts

        yield run


def test_the_fix_of_a_hazard_has_its_edits_the_source_that_ran_and_the_cells_that_must_run_again(told):
    body, (_, count, last) = told(BEFORE, HAZARD, BEHIND, ask=1)

    [fix] = body["fixes"]
    assert fix["lines"] == [2]
    assert fix["edits"] == [{"count": count, "line": 2, "end_line": 2, "text": "h = h.add(1)"}]
    assert body["cells"] == {str(count): {"cell": "cell-1", "source": HAZARD}}
    assert [(mark["count"], mark["cell"], mark["kind"], mark["text"]) for mark in fix["again"]] == [
        (count, "cell-1", "again", "edited: run it again"),
        (last, "cell-2", "again", "run again: it uses what was edited"),
    ]


def test_the_fix_of_a_silent_change_edits_the_cell_in_which_sharing_began_also_of_an_earlier_cell(told):
    body, (first, *_) = told("import torch\nx = torch.zeros(3)\ny = x.detach()", "y.add_(1)", "a = 1", ask=1)

    [fix] = body["fixes"]
    assert fix["of"] == ["x"]
    assert fix["edits"] == [{"count": first, "line": 3, "end_line": 3, "text": "y = x.detach().clone()"}]
    assert ["cell-0", "cell-1"] == [mark["cell"] for mark in fix["again"]]


def test_what_one_edit_mends_is_told_once(told):
    body, _ = told(
        "import torch\nnet = torch.nn.Linear(2, 1)\nopt = torch.optim.SGD(net.parameters(), lr=1.0)",
        "best = net.state_dict()",
        "net(torch.ones(1, 2)).sum().backward()\nopt.step()",
        ask=2,
    )

    edits = [str(fix["edits"]) for fix in body["fixes"]]
    assert len(set(edits)) == len(edits)
    assert {"best['weight']", "best['bias']"} <= {name for fix in body["fixes"] for name in fix["of"]}


def test_a_quiet_cell_has_no_fixes_and_a_cell_that_is_not_kept_is_told_so(told):
    body, _ = told(BEFORE, "a = 1", ask=1)
    assert body == {"fixes": [], "cells": {}}

    assert told(ask=None)[0] is None


def test_a_kept_state_dict_is_copied_where_it_was_taken(told):
    made = "import torch\nnet = torch.nn.Linear(2, 1)\nopt = torch.optim.SGD(net.parameters(), lr=0.1)"
    step = "net(torch.ones(3, 2)).sum().backward()\nopt.step()"
    body, (_, count, _) = told(made, "best = net.state_dict()", step, ask=2)

    [fix] = body["fixes"]
    assert fix["of"][0].startswith("TW207")
    assert {"best['weight']", "best['bias']"} == {*fix["of"][1:]}
    assert [(count, "import copy\nbest = copy.deepcopy(net.state_dict())")] == [
        (one["count"], one["text"]) for one in fix["edits"]
    ]
