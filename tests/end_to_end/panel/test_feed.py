"""What is sent to the front ends: all of it, once, and only to those who look."""

from __future__ import annotations

import threading

import pytest
from hypothesis import given

from ipy_tensorwatch.panel import flow_control as flow
from ipy_tensorwatch.panel.feed import Feed
from ipy_tensorwatch.shell import extension
from tests.support.frontend import FrontEnd, watched
from tests.support.notebook import Notebook
from tests.support.programs import Program, programs

JUNK = [
    None, 7, "hello", [], {}, {"kind": None}, {"kind": "eval", "code": "1/0"}, {"kind": []}, {"kind": "want"},
    {"kind": "want", "what": ["report"]}, {"kind": "want", "what": "everything", "from": {}}, {"kind": "cell"},
    {"kind": "cell", "count": "x"}, {"kind": "path", "path": 3}, {"kind": "path"}, {"kind": "answer", "number": "9"},
    {"kind": "hush", "key": 3, "on": True}, {"kind": "hush", "key": "x" * 9999, "on": True}, {"kind": "hush", "key": "x"},
    {"kind": "block", "shows": "everything"}, {"kind": "block"}, {"kind": "_post"}, {"kind": "__init__"},
]  # fmt: skip


def report():
    return extension._loaded[0].watcher.report


@given(programs())
def test_what_a_front_end_has_been_sent_adds_up_to_the_report(program: Program):
    with Notebook() as nb:
        feed, front = watched()
        for number, cell in enumerate(program.cells):
            nb.cell(cell.source)
            feed.publish(report(), f"cell-{number}")
            told = report().to_dict()
            assert told["tensors"] == front.tensors()
            assert sorted(str(one | {"origins": []}) for one in told["groups"]) == sorted(
                str(one | {"pairs_left_out": 0, "origins": []}) for one in front.known["groups"]
            )
            assert told["coverage"]["unverified"] == front.known["unverified"]
            assert [cell.count for cell in (one.cell for one in feed.past.cells)] == [
                one["count"] for one in front.known["past"]
            ]
            assert {one["path"] for one in told["changes"]} == {
                path for line in front.known["lines"] for path in line["paths"]
            }
            assert sorted((one["code"], one["outcome"]) for one in told["hazards"]) == sorted(
                (one["code"], one["outcome"]) for one in front.known["hazards"] if one["turn"] != "over"
            )


def test_members_of_a_group_are_told_in_the_order_of_the_variables_also_when_that_changes():
    with Notebook() as nb:
        feed, front = watched()
        for source in (
            "import torch\nx = torch.zeros(3)\ny = x.view(3)",
            "kept = x\ndel x",
            "x = kept\ndel kept\nx += 1",
        ):
            nb.cell(source)
            feed.publish(report(), None)
        assert [["y", "x"]] == [group["members"] for group in front.known["groups"]]


@pytest.fixture
def nb():
    with Notebook() as opened:
        yield opened


def test_nothing_is_sent_while_nobody_looks(nb):
    feed, front = watched(None)
    nb.cell("import torch\nx = torch.zeros(3)\ny = x.view(3)\ny.add_(1)")
    feed.publish(report(), None)
    assert [] == front.messages


def test_a_shut_panel_is_told_only_of_cells_with_silent_changes_and_of_their_end(nb):
    feed, front = watched("news")
    for source in ("import torch\nx = torch.zeros(3)\ny = x.view(3)", "z = 1", "y.add_(1)", "z = 2", "z = 3"):
        nb.cell(source)
        feed.publish(report(), "id")
    assert ["roll", "news", "news", "news"] == front.kinds()
    assert [0, 1, 0] == [message["body"]["silent"] for message in front.messages[1:]]
    mark = {"count": 3, "cell": "id", "line": 1, "kind": "silent", "text": "also changes x", "source": "y.add_(1)"}
    assert [mark] == front.messages[2]["body"]["marks"]
    assert 1000 > max(front.sizes)


GRAPH = "import torch\nw = torch.ones(3, requires_grad=True)\nh = w * 2\nloss = (h * w).sum()"


def test_a_shut_panel_is_told_of_a_cell_that_made_a_hazard_and_not_of_those_in_which_it_stands(nb):
    feed, front = watched("news")
    for source in (GRAPH, "h.add_(1)", "z = 1", "z = 2", "loss = None"):
        nb.cell(source)
        feed.publish(report(), "id")
    assert ["roll", "news", "news", "news"] == front.kinds()
    assert [0, 1, 0] == [message["body"]["hazards"] for message in front.messages[1:]]
    mark = {"count": 2, "cell": "id", "line": 1, "kind": "hazard", "text": "loss.backward() will raise"}
    assert [mark | {"source": "h.add_(1)"}] == front.messages[2]["body"]["marks"]


def test_a_page_without_a_state_is_told_the_marks_of_the_latest_run_of_every_cell(nb):
    feed, front = watched("news")
    runs = (
        ("import torch\nx = torch.zeros(3)\ny = x.view(3)", "a"),
        ("y.add_(1)", "b"),
        ("y.mul_(2)", "c"),
        ("z = 1", "b"),
    )
    for source, name in runs:
        nb.cell(source)
        feed.publish(report(), name)

    feed.receive({"kind": "hello", "from": "another", "what": "news"})

    assert [("c", "also changes x")] == [(one["cell"], one["text"]) for one in front.messages[-1]["body"]["marks"]]
    assert ["b"] == [front.messages[-1]["body"]["cell"]]


def test_a_hazard_that_is_not_to_be_told_again_is_no_news_also_when_its_cells_run_again(nb):
    feed, front = watched()
    for source in (GRAPH, "h.add_(1)"):
        nb.cell(source)
        feed.publish(report(), None)
    key = front.known["hazards"][0]["key"]

    feed.receive({"kind": "hush", "key": key, "on": True})
    assert [True] == [one["hushed"] for one in front.known["hazards"]]
    for source in (GRAPH, "h.add_(1)"):
        nb.cell(source)
        feed.publish(report(), None)

    assert ("new", True) == (front.known["hazards"][0]["turn"], front.known["hazards"][0]["hushed"])
    assert front.known["news"]["hazards"] == 0
    assert [] == [one for one in front.known["news"]["marks"] if one["kind"] == "hazard"]
    feed.receive({"kind": "hush", "key": key, "on": False})
    assert front.known["news"]["hazards"] == 1


def test_what_is_frozen_is_told_with_every_report_and_when_it_changes(nb):
    feed, front = watched()
    nb.cell("import torch\nx = torch.zeros(3)")
    feed.freeze(("x",))
    feed.publish(report(), None)
    assert ["x"] == front.known["frozen"]

    for paths in (("x",), ()):
        feed.freeze(paths)

    assert ["roll", "report", "frozen"] == front.kinds()
    assert [] == front.messages[-1]["body"]


def test_a_line_that_changes_something_silently_and_makes_a_hazard_has_both_marks(nb):
    feed, front = watched()
    for source in (GRAPH, "c = h.detach()\nc[0] = 0"):
        nb.cell(source)
        feed.publish(report(), None)
    told = [(one["line"], one["kind"], one["text"]) for one in front.known["news"]["marks"]]
    assert [(2, "silent", "also changes h"), (2, "hazard", "loss.backward() will raise")] == told


def test_a_mark_lists_no_variables_of_a_container_that_a_hazard_beside_it_names(nb):
    feed, front = watched()
    make = "import torch\nnet = torch.nn.Linear(2, 1)\nopt = torch.optim.SGD(net.parameters(), lr=1.0)"
    train = "net(torch.ones(1, 2)).sum().backward()\nopt.step()"
    for source in (make, "best = net.state_dict()\nown = net.bias.detach()", train):
        nb.cell(source)
        feed.publish(report(), None)
    told = [(one["line"], one["kind"], one["text"]) for one in front.known["news"]["marks"]]
    assert [(2, "silent", "also changes own"), (2, "hazard", "best is not a copy")] == told


def test_a_line_that_makes_many_hazards_is_marked_with_the_first_and_the_number_of_the_others(nb):
    feed, front = watched()
    make = "import torch\na, b, c, d, e = (torch.zeros(3).as_strided((2, 2), (1, 1)) for _ in range(5))"
    for source in (make, "x = 1\na[0], b[0], c[0], d[0], e[0] = range(1, 6)"):
        nb.cell(source)
        feed.publish(report(), None)
    [hazard] = [one for one in front.known["news"]["marks"] if one["kind"] == "hazard"]
    assert (2, 5) == (hazard["line"], front.known["news"]["hazards"])
    assert "elements of a share memory; elements of b share memory; 3 more hazards" == hazard["text"]


def test_a_risk_that_is_not_worth_saying_is_no_news(nb):
    feed, front = watched("news")
    model = "import torch\nv = torch.ones(2, requires_grad=True)\nopt = torch.optim.SGD([v], lr=0.1)"
    for source in (model, "kept = v * v\nv.sum().backward()\nopt.step()"):
        nb.cell(source)
        feed.publish(report(), None)
    assert ["risk"] == [one.outcome for one in report().hazards]
    assert ["roll", "news"] == front.kinds()


def test_a_panel_that_opens_gets_what_it_missed_at_once(nb):
    feed, front = watched("nothing")
    nb.cell("import torch\nx = torch.zeros(3)")
    feed.publish(report(), None)
    nb.cell("x.add_(1)")
    feed.publish(report(), None)
    feed.receive({"kind": "want", "from": "me", "what": "report"})
    assert ["roll", "report"] == front.kinds()
    assert [1, 2] == [one["count"] for one in front.known["past"]]


def test_a_front_end_that_says_hello_gets_everything_and_the_others_are_asked_whether_they_are_there(nb):
    feed, front = watched()
    nb.cell("import torch\nx = torch.zeros(3)")
    feed.publish(report(), None)
    feed.receive({"kind": "hello", "from": "another", "what": "nothing"})
    assert "nothing" == feed.wants
    feed.receive({"kind": "want", "from": "me", "what": "report"})
    assert ["roll", "report", "roll", "report"] == front.kinds()
    assert 0 == front.messages[-1]["base"]


@pytest.mark.parametrize("message", JUNK, ids=repr)
def test_whatever_is_no_command_is_left_alone(nb, message):
    feed, _ = watched()
    nb.cell("import torch\nx = torch.zeros(3)")
    feed.publish(report(), None)
    feed.receive(message)
    assert "report" == feed.wants


def test_an_earlier_cell_is_told_again_as_long_as_it_is_kept(nb):
    feed, front = watched()
    for source in ("import torch\nx = torch.zeros(3)\ny = x.view(3)", "y.add_(1)", "z = 1"):
        nb.cell(source)
        feed.publish(report(), None)
    feed.receive({"kind": "cell", "count": 2})
    feed.receive({"kind": "cell", "count": 99})
    told, unknown = (message["body"] for message in front.messages[-2:])
    assert ["x", "y"] == [line["label"] for line in told["lines"]]
    assert unknown is None


def test_a_path_is_told_cell_by_cell(nb):
    feed, front = watched()
    for source in ("import torch\nx = torch.zeros(3)\ny = x.view(3)", "y.add_(1)", "x.mul_(2)"):
        nb.cell(source)
        feed.publish(report(), None)
    feed.receive({"kind": "path", "path": "x"})
    happened = front.messages[-1]["body"]["happened"]
    assert [(1, "bound", False), (2, "mutated", True), (3, "mutated", False)] == [
        (cell["count"], line["kind"], line["silent"]) for cell, line in happened
    ]


def test_a_path_is_told_since_when_it_shares_memory_with_others(nb):
    feed, front = watched()
    for source in ("import torch\nx = torch.zeros(3)\nz = x[1:]", "q = 1\ny = x.detach()", "y.add_(1)"):
        nb.cell(source)
        feed.publish(report(), None)
    feed.receive({"kind": "path", "path": "y"})
    origins = front.messages[-1]["body"]["origins"]
    since = ["shared since ", ["cell 2, line 2", 2, 2], ": ", ["y = x.detach()"]]
    assert origins == {"x": since, "z": since}
    assert [line["since"] for line in front.known["lines"] if line["silent"]] == [since, since]


def test_an_earlier_cell_is_told_with_the_hazards_that_it_began_and_ended(nb):
    feed, front = watched()
    for source in (GRAPH, "h.add_(1)", "z = 1", "loss = None"):
        nb.cell(source)
        feed.publish(report(), None)
    for count in (2, 3, 4):
        feed.receive({"kind": "cell", "count": count})
    told = [[(one["code"], one["turn"]) for one in message["body"]["hazards"]] for message in front.messages[-3:]]
    assert [[("TW201", "new")], [], [("TW201", "over")]] == told


def test_a_path_is_told_with_the_hazards_that_it_was_part_of(nb):
    feed, front = watched()
    for source in (GRAPH, "h.add_(1)", "z = 1", "loss = None"):
        nb.cell(source)
        feed.publish(report(), None)
    feed.receive({"kind": "path", "path": "h"})
    happened = front.messages[-1]["body"]["happened"]
    assert [(1, "bound"), (2, "mutated"), (2, "TW201 new"), (4, "TW201 over")] == [
        (cell["count"], one.get("kind") or f"{one['code']} {one['turn']}") for cell, one in happened
    ]


def test_a_front_end_that_never_answers_is_sent_no_more_than_a_little(nb, monkeypatch):
    monkeypatch.setattr(flow, "MAX_UNANSWERED", 20_000)
    feed, front = watched()
    nb.cell("import torch\nxs = [torch.zeros(2) for _ in range(100)]")
    for _ in range(40):
        nb.cell("_ = [x.add_(1) for x in xs]")
        feed.publish(report(), None)
    assert 20_000 <= sum(front.sizes) < 100_000
    feed.receive({"kind": "answer", "number": front.messages[-1]["number"]})
    assert report().to_dict()["tensors"] == front.tensors()


def test_a_hundred_changes_among_ten_thousand_tensors_take_less_than_64_kilobytes(nb):
    feed, front = watched()
    nb.cell("import torch\nxs = [torch.zeros(4) for _ in range(10_000)]")
    feed.publish(report(), None)
    for source in ("for x in xs[:100]:\n    x.add_(1)", "xs[-50:] = [x + 1 for x in xs[-50:]]", "x = xs[0]"):
        nb.cell(source)
        feed.publish(report(), None)
    assert 64 * 1024 > max(front.sizes[2:])


def test_messages_may_come_on_any_thread_while_cells_run(nb):
    feed, front = watched()
    stop = threading.Event()

    def ask():
        while not stop.is_set():
            for message in (
                {"kind": "path", "path": "x"},
                {"kind": "cell", "count": 1},
                {"kind": "hello", "what": "report"},
            ):
                feed.receive(message)

    thread = threading.Thread(target=ask)
    thread.start()
    nb.cell("import torch\nx = torch.zeros(3)")
    for _ in range(50):
        nb.cell("x.add_(1)")
        feed.publish(report(), None)
    stop.set()
    thread.join()
    assert report().to_dict()["tensors"] == front.tensors()


def test_names_of_any_kind_travel_as_text():
    with Notebook() as nb:
        feed, front = watched()
        nb.cell(
            "import torch\nd = {name: torch.zeros(1) for name in ('<b>', '\\ud800', '\"', '\\u202e', 'x' * 10_000)}"
        )
        feed.publish(report(), None)
        assert [one["path"] for one in report().to_dict()["tensors"]] == [one["path"] for one in front.tensors()]


def test_a_feed_is_sent_nothing_before_the_first_report():
    feed, front = Feed(send=FrontEnd().take, values_of=lambda _: None), FrontEnd()
    feed.receive({"kind": "want", "from": "me", "what": "report"})
    assert [] == front.messages


def test_the_panel_is_visible_to_the_sessions_that_show_it_and_to_all_where_none_is_known():
    feed = Feed(send=FrontEnd().take, values_of=lambda _: None)
    assert not feed.is_seen_by(None)
    for name, what, session in (("a", "report", "one"), ("b", "news", "two")):
        feed.receive({"kind": "want", "from": name, "what": what}, session)
    assert [True, False, True] == [feed.is_seen_by(session) for session in ("one", "two", None)]

    feed.receive({"kind": "want", "from": "c", "what": "report"})

    assert feed.is_seen_by("two")
