"""The panel of the client: a row for all ranks while they are alike, one for each while they differ, and each rank's own report."""

from __future__ import annotations

import pytest

from ipy_tensorwatch.shell.ranks.registry import FEEDS, relay_to_rank
from tests.support.frontend import FrontEnd, watched


@pytest.fixture
def ranks() -> int:
    return 2


@pytest.fixture
def front(lab) -> FrontEnd:
    """A page that shows the panel of the client."""
    feed, front = watched()
    feed.relay = relay_to_rank
    FEEDS[:] = [lambda: feed]
    lab.feed = feed
    return front


def rows(front: FrontEnd) -> list[tuple[str, str]]:
    """Return the rows of the ranks as the page has them."""
    told = [one["body"] for one in front.messages if one["kind"] == "ranks"][-1]
    return [(one["label"], "".join(part if isinstance(part, str) else part[0] for part in one["what"])) for one in told]


def of_rank(front: FrontEnd, rank: int) -> FrontEnd:
    """Return a page that has heard what a rank told."""
    page = FrontEnd()
    for one in front.messages:
        if one.get("rank") == rank and one["kind"] == "report":
            page.known = {**page.known, **one["body"]}
            page.messages.append(one)
    return page


def test_ranks_that_are_alike_have_one_row_and_others_one_each(lab, front):
    lab.px("x = torch.zeros(4)\ny = x[:2]")
    alike = rows(front)
    lab.px("y.add_(1)")
    both = rows(front)
    lab.px("if rank == 1:\n    y.add_(1)")

    assert (alike, both) == ([("all 2 ranks", "nothing silent")], [("all 2 ranks", "1 silent change")])
    assert rows(front) == [("rank 0", "nothing silent"), ("rank 1", "1 silent change")]


def test_a_page_that_shows_a_rank_gets_its_reports_cell_by_cell(lab, front):
    lab.px("x = torch.zeros(4)\ny = x[:2]")
    lab.feed.receive({"kind": "rank", "rank": 1, "message": {"kind": "hello", "from": "me", "what": "report"}})
    lab.px("if rank == 1:\n    y.add_(1)")
    page = of_rank(front, 1)

    assert [one["kind"] for one in page.messages] == ["report", "report"]
    assert [one["paths"] for one in page.known["lines"] if one["silent"]] == [["x"]]
    assert page.known["cell"]["count"] > 0
    assert of_rank(front, 0).messages == []

    lab.feed.receive({"kind": "rank", "rank": 1, "message": {"kind": "path", "path": "x"}})
    assert [one["path"] for one in front.messages if one.get("rank") == 1 and one["kind"] == "path"] == ["x"]

    lab.feed.receive({"kind": "rank", "rank": 1, "message": {"kind": "want", "from": "me", "what": "nothing"}})
    sent = len(lab.client.history)
    lab.px("y.add_(1)")
    assert len(lab.client.history) - sent == len(lab.view)  # a rank that no page shows is not asked
    assert [one["kind"] for one in of_rank(front, 1).messages] == ["report", "report"]


def test_the_reports_of_a_rank_say_where_its_cells_are_in_the_notebook(lab, front):
    lab.px("x = torch.zeros(4)\ny = x[:2]")
    lab.feed.receive({"kind": "rank", "rank": 1, "message": {"kind": "hello", "from": "me", "what": "report"}})
    lab.px("y.add_(1)")
    lab.notebook.run("n = 1\nview.execute('y.add_(1)', silent=False, block=True);")
    last = [one for one in front.messages if one.get("rank") == 1 and one["kind"] == "report"][-1]
    count = last["body"]["cell"]["count"]

    assert last["places"][str(count)] == {"cell": None, "offset": 0, "line": 2}
    assert last["places"][str(count - 1)] == {"cell": None, "offset": 1, "line": 0}


def test_a_rank_that_is_busy_is_asked_when_its_cell_has_ended(lab, front):
    lab.px("x = torch.zeros(4)\nimport time")
    lab.notebook.run("view.execute('time.sleep(1.5)', silent=False, block=False)")
    lab.feed.receive({"kind": "rank", "rank": 0, "message": {"kind": "hello", "from": "me", "what": "report"}})
    before = of_rank(front, 0).messages
    lab.px("1")

    assert before == []
    assert [one["kind"] for one in of_rank(front, 0).messages] == ["report"]


def test_ranks_that_are_left_have_no_rows(lab, front):
    lab.px("x = torch.zeros(4)")
    lab.notebook.run("joined.leave()")

    assert rows(front) == []
