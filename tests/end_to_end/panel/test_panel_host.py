"""In a real kernel: whom the panel is made for, what its messages hold, and that nobody can ask it for more."""

from __future__ import annotations

import json
from queue import Empty

import pytest
from jupyter_client.manager import start_new_kernel

JUNK = [
    None, 3, "hello", [], {}, {"method": "custom"}, {"method": "custom", "content": None},
    {"method": "custom", "content": {"kind": "eval", "code": "1/0"}}, {"method": "custom", "content": {"kind": ["want"]}},
    {"method": "nothing"}, {"method": "update", "state": {"born": "x"}}, {"method": ["custom"]},
]  # fmt: skip


class Client:
    """Asks a kernel for cells as a notebook does, and gathers what comes back."""

    def __init__(self, client):
        self.client = client

    def ask(self, kind, content, metadata=None):
        """Send a request and return the messages that it led to."""
        request = self.client.session.msg(kind, content, metadata=metadata)
        self.client.shell_channel.send(request)
        found = self.until_idle(request["header"]["msg_id"])
        if kind == "execute_request":
            self.client.get_shell_msg(timeout=60)
        return found

    def until_idle(self, request):
        found = []
        while True:
            message = self.client.get_iopub_msg(timeout=60)
            if message["parent_header"].get("msg_id") != request:
                continue
            if message["msg_type"] == "status" and message["content"]["execution_state"] == "idle":
                return found
            found.append(message)

    def cell(self, code, metadata=None):
        content = {"code": code, "silent": False, "store_history": True, "user_expressions": {}, "allow_stdin": False}
        return [
            one
            for one in self.ask("execute_request", content, metadata)
            if one["msg_type"] not in ("status", "execute_input")
        ]

    def comm(self, name, data):
        return self.ask("comm_msg", {"comm_id": name, "data": data})

    def tell(self, name, **content):
        return reports(self.comm(name, {"method": "custom", "content": content}))


def reports(messages):
    """Read what the widget has sent: its head and its body."""
    sent = [
        one for one in messages if one["msg_type"] == "comm_msg" and one["content"]["data"].get("method") == "custom"
    ]
    return [(one["content"]["data"]["content"], json.loads(bytes(one["buffers"][0]) or b"null")) for one in sent]


def state_of(message):
    """Read the widget's state that a message opens or updates, as a saved notebook would keep it."""
    return message["content"].get("data", {}).get("state")


@pytest.fixture(scope="module")
def kernel():
    manager, client = start_new_kernel()
    yield Client(client)
    client.stop_channels()
    manager.shutdown_kernel(now=True)


@pytest.fixture
def client(kernel):
    """Give a kernel in which tensorwatch is not loaded."""
    yield kernel
    kernel.cell("%unload_ext tensorwatch")
    kernel.cell("%reset -f")


def opened(messages):
    """Find the widget's name among what a cell has led to."""
    models = [one for one in messages if one["msg_type"] == "comm_open" and "born" in one["content"]["data"]["state"]]
    return [one["content"]["comm_id"] for one in models]


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
class TestPanelHost:
    def test_a_program_that_runs_the_cells_of_a_notebook_gets_no_widget_that_it_would_save(self, client):
        assert [] == client.cell("%load_ext tensorwatch")
        assert [] == client.cell("import torch; x = torch.zeros(3)")

    def test_the_first_cell_of_a_front_end_makes_one(self, client):
        client.cell("%load_ext tensorwatch")
        assert 1 == len(opened(client.cell("x = 1", {"cellId": "a"})))
        assert [] == opened(client.cell("x = 1", {"cellId": "b"}))

    def test_nothing_of_it_is_in_the_users_namespace(self, client):
        client.cell("before = set(globals()); before = set(globals())")
        client.cell("%load_ext tensorwatch", {"cellId": "a"})
        shown = client.cell("print(sorted(n for n in set(globals()) - before if not n.startswith('_')))")
        assert "[]\n" == shown[0]["content"]["text"]

    def test_a_panel_is_told_at_once_and_after_every_cell_and_its_state_holds_no_values(self, client):
        load = client.cell("%load_ext tensorwatch", {"cellId": "a"})
        (name,) = opened(load)
        bound = client.cell("import torch\nx = torch.full((3,), 4321.0625)\ny = x.view(3)", {"cellId": "b"})
        first = client.tell(name, kind="hello", **{"from": "me", "what": "report"})
        wrote = client.cell("y.add_(1000)\nNone", {"cellId": "c"})
        later = reports(wrote)
        asked = client.tell(name, kind="path", path="x")
        assert ["roll", "report"] == [head["kind"] for head, _ in first]
        assert [("report", 1, "c")] == [
            (head["kind"], body["news"]["silent"], body["cell"]["id"]) for head, body in later
        ]
        assert {"shape": [3], "before": [4321.0625] * 3, "after": [5321.0625] * 3} == asked[0][1]["values"]
        states = json.dumps([state_of(one) for one in (*load, *bound, *wrote)])
        assert "_model_module" in states
        assert "321.0625" not in states

    def test_messages_that_nobody_sent_properly_lead_to_nothing(self, client):
        (name,) = opened(client.cell("%load_ext tensorwatch", {"cellId": "a"}))
        for data in JUNK:
            answers = client.comm(name, data)
            assert [] == [one for one in answers if one["msg_type"] not in ("status", "comm_msg")], data
        assert ["roll"] == [head["kind"] for head, _ in client.tell(name, kind="hello", what="nothing")]

    def test_unloading_takes_it_away_and_loading_again_makes_another(self, client):
        (name,) = opened(client.cell("%load_ext tensorwatch", {"cellId": "a"}))
        closed = [
            one["content"]["comm_id"]
            for one in client.cell("%unload_ext tensorwatch")
            if one["msg_type"] == "comm_close"
        ]
        (other,) = opened(client.cell("%load_ext tensorwatch", {"cellId": "a"}))
        assert name in closed
        assert other not in closed

    def test_a_cell_that_asks_for_the_widget_gets_it_anywhere(self, client):
        client.cell("%load_ext tensorwatch")
        shown = client.cell("import ipy_tensorwatch\nipy_tensorwatch.widget()")
        kinds = [one["msg_type"] for one in shown]
        assert "execute_result" in kinds
        assert "application/vnd.jupyter.widget-view+json" in shown[kinds.index("execute_result")]["content"]["data"]

    def test_the_panel_is_told_that_cells_are_no_longer_watched(self, client):
        (name,) = opened(client.cell("%load_ext tensorwatch", {"cellId": "a"}))
        client.tell(name, kind="hello", what="report")
        off = reports(client.cell("%tensorwatch off", {"cellId": "b"}))
        unwatched = reports(client.cell("x = 1", {"cellId": "c"}))
        on = reports(client.cell("%tensorwatch on", {"cellId": "d"}))
        watched = reports(client.cell("x = 2", {"cellId": "e"}))
        assert [("watching", False), ("report", False)] == [(head["kind"], head["watching"]) for head, _ in off]
        assert [] == unwatched
        assert [("watching", True)] == [(head["kind"], head["watching"]) for head, _ in on]
        assert [("report", True)] == [(head["kind"], head["watching"]) for head, _ in watched]

    def test_a_command_of_the_panel_takes_the_place_of_the_last_cell_only_where_it_changed_something(self, client):
        (name,) = opened(client.cell("%load_ext tensorwatch", {"cellId": "a"}))
        client.tell(name, kind="hello", what="report")
        client.cell("import torch\nx = torch.zeros(3)\ny = x.view(3)", {"cellId": "b"})
        client.cell("y.add_(1);", {"cellId": "c"})

        frozen = reports(client.cell("%tensorwatch freeze x", {"tensorwatch": True}))
        thawed = reports(client.cell("%tensorwatch thaw x", {"tensorwatch": True}))
        restored = reports(client.cell("%tensorwatch restore x", {"tensorwatch": True}))

        assert [("frozen", ["x"])] == [(head["kind"], body) for head, body in frozen]
        assert [("frozen", [])] == [(head["kind"], body) for head, body in thawed]
        assert ["report"] == [head["kind"] for head, _ in restored]

    def test_a_front_end_chooses_what_is_shown_under_a_cell(self, client):
        (name,) = opened(client.cell("%load_ext tensorwatch", {"cellId": "a"}))
        client.tell(name, kind="block", shows="off")
        client.cell("import torch\nx = torch.zeros(3)\ny = x.view(3)", {"cellId": "b"})

        assert [] == [one for one in client.cell("y.add_(1);", {"cellId": "c"}) if one["msg_type"] == "display_data"]

    def test_no_message_is_left_when_all_is_said(self, client):
        client.cell("%load_ext tensorwatch", {"cellId": "a"})
        with pytest.raises(Empty):
            client.client.get_iopub_msg(timeout=0.3)
