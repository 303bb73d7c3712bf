"""Whatever a front end sends, nothing grows, nothing raises, and nothing is sent but the panel's own answers."""

from __future__ import annotations

import gc
import sys
import time
import weakref

import pytest

from ipy_tensorwatch.panel import feed as feed_module
from ipy_tensorwatch.panel.feed import Feed
from ipy_tensorwatch.panel.widget import TensorWatchWidget
from ipy_tensorwatch.shell import extension
from tests.support.frontend import watched
from tests.support.notebook import Notebook

DEEP = []
for _ in range(900):
    DEEP = [DEEP]

HALF = "x['\ud800']"

MESSAGES = [
    *({"kind": kind, name: value}
      for kind in ("hello", "want", "answer", "cell", "path", "roll", "__class__", "")
      for name in ("from", "what", "number", "count", "path")
      for value in (None, True, -1, 10**400, 1.5, float("nan"), "", HALF, "y" * 1_000_000, [], {}, DEEP)),
    *({"kind": value} for value in (DEEP, HALF, {}, 7)),
    *({"kind": "want", "what": "report", "from": value} for value in (DEEP, HALF, "y" * 1_000_000, {}, None, 7)),
]  # fmt: skip


@pytest.fixture
def panel():
    with Notebook() as nb:
        feed, front = watched()
        for source in ("import torch\nx = {'a': torch.zeros(3)}\ny = x['a'].view(3)", "y += 1"):
            nb.cell(source)
            feed.publish(extension._loaded[0].watcher.report, None)
        yield feed, front


def kept(thing, seen=None):
    """Count the bytes of all that hangs on an object."""
    seen = {id(thing)} if seen is None else seen
    total = sys.getsizeof(thing)
    for one in gc.get_referents(thing):
        if id(one) not in seen and not isinstance(one, type):
            seen.add(id(one))
            total += kept(one, seen)
    return total


def test_ten_thousand_names_of_front_ends_are_not_kept(panel):
    feed, _ = panel
    for number in range(10_000):
        feed.receive({"kind": "want", "what": "nothing", "from": f"one {number}"})
    assert len(feed._wants) <= feed_module.MAX_FRONT_ENDS


def test_a_front_end_that_was_pushed_out_is_asked_again(panel):
    feed, front = panel
    for number in range(feed_module.MAX_FRONT_ENDS):
        feed.receive({"kind": "want", "what": "nothing", "from": f"one {number}"})
    assert "roll" == front.kinds()[-1]


def test_a_name_that_is_long_or_no_text_is_not_kept(panel):
    feed, _ = panel
    before = set(feed._wants)
    for name in ("y" * 1_000_000, DEEP, {}, 7):
        feed.receive({"kind": "want", "what": "nothing", "from": name})
    assert before == set(feed._wants)


@pytest.mark.parametrize("number", range(0, len(MESSAGES), 10))
def test_a_hostile_message_raises_nothing_and_answers_can_travel(panel, number):
    feed, front = panel
    for message in MESSAGES[number : number + 10]:
        front.messages.clear()
        feed.receive(message)
        for answer in front.messages:
            str(answer["body"]).encode()
            str({key: value for key, value in answer.items() if key != "body"}).encode()


def test_a_path_with_half_a_surrogate_pair_is_left_alone(panel):
    feed, front = panel
    front.messages.clear()
    feed.receive({"kind": "path", "path": HALF})
    assert [] == front.messages


def test_questions_that_nobody_waits_for_are_not_answered_without_end(panel):
    feed, front = panel
    front.messages.clear()
    for _ in range(20_000):
        feed.receive({"kind": "path", "path": "x['a']"})
    assert 0 < len(front.messages) < 10_000
    assert len(feed._flow.unanswered) < 10_000


def test_answers_that_say_nothing_new_cost_nothing(panel):
    feed, _ = panel
    for _ in range(5_000):
        feed.receive({"kind": "cell", "count": 2})
    began = time.thread_time()
    for _ in range(5_000):
        feed.receive({"kind": "answer", "number": -1})
    assert time.thread_time() - began < 0.5


def test_a_closed_feed_keeps_nothing_and_sends_nothing(panel):
    feed, front = panel
    report = weakref.ref(feed._report)
    assert kept(feed.past.cells) > 1000
    feed.close()
    front.messages.clear()
    for message in MESSAGES[:100]:
        feed.receive(message)
    feed.publish(report(), None)
    feed.watch(on=False)
    assert [] == front.messages
    assert (0, None, None, {}) == (len(feed.past.cells), feed._report, feed._reported, feed._wants)


class TestWidget:
    @pytest.fixture
    def widget(self, monkeypatch):
        made = TensorWatchWidget(lambda _: None, set(), lambda _: None, lambda _: None)
        self.sent = []
        monkeypatch.setattr(TensorWatchWidget, "send_state", lambda one, *_: self.sent.append(one))
        yield made
        made.close()

    @pytest.mark.parametrize(
        "message",
        [
            {},
            {"content": None},
            {"content": {"data": DEEP}},
            {"content": {"data": {"method": "custom", "content": {"kind": "anywidget-command"}}}},
            {"content": {"data": {"method": "update", "state": {"_esm": "alert(1)"}}}},
            {"content": {"data": {"method": "echo_update"}}},
        ],
    )
    def test_what_is_no_message_of_a_panel_leads_to_nothing(self, widget, message, capsys):
        program = widget._esm
        widget._handle_msg(message)
        assert ("", "") == capsys.readouterr()
        assert program is widget._esm
        assert [] == self.sent

    def test_the_state_is_sent_again_but_not_without_end(self, widget):
        for _ in range(1000):
            widget._handle_msg({"content": {"data": {"method": "request_state"}}})
        assert 0 < len(self.sent) < 300

    def test_a_widget_that_is_held_after_its_end_holds_no_cell(self, widget):
        with Notebook() as nb:
            nb.cell("import torch\nx = torch.zeros(3)")
            widget.publish(extension._loaded[0].watcher.report, None)
        widget.close()
        assert isinstance(widget.feed, Feed)
        assert 0 == len(widget.feed.past.cells)
