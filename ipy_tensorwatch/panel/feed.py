"""The feed: what goes to the front ends of one kernel, and what they may ask."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from ..core.hazards.hazard import Turn
from .compact import can_travel, compact, encode
from .flow import Flow
from .hazards import tell_turn
from .news import is_news, news
from .partly import tell_parts
from .past import PastCells
from .state import State, describe, tell_cell, tell_past
from .telling import tell_change

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ..core.model.records import Change, Values
    from ..render.report import Report

    Message = Mapping[str, Any]
    Send = Callable[[dict[str, Any], bytes], None]

WANTS = ("nothing", "news", "report")
"""What a front end may want: the whole report while a panel is to be seen, or the badge and the marks alone."""

MAX_FRONT_ENDS = 100
MAX_NAME, MAX_PATH = 200, 100_000
"""Letters of a front end's name, and of a path that is asked for."""


@dataclass(slots=True, eq=False, repr=False)
class Feed:
    """Sends the front ends what they have not got yet, and nothing while nobody looks.

    A kernel that runs many cells hears its front ends only after the last one, on any thread and in any order: each
    message stands for itself, and whatever is not one of the known commands is left alone. What a message may cost is
    limited too: what is kept of it, what is sent for it, and how often.

    Parameters
    ----------
    send
        Sends a head and a body to all front ends.
    values_of
        Finds the elements of a small tensor before and after the last cell.
    """

    send: Send
    values_of: Callable[[str], Values | None]
    past: PastCells = field(default_factory=PastCells)
    _wants: dict[str, str] = field(default_factory=dict)
    _report: Report | None = None
    _cell_id: str | None = None
    _state: State = field(default_factory=State)
    _base: int = 0
    _reported: Report | None = None
    _heralded: Report | None = None
    _watching: bool = True
    _closed: bool = False
    _flow: Flow = field(default_factory=Flow)
    _number: int = 0
    _lock: threading.RLock = field(default_factory=threading.RLock)

    @property
    def wants(self) -> str:
        """The most that any front end wants."""
        return max(self._wants.values(), key=WANTS.index, default="nothing")

    def publish(self, report: Report, cell_id: str | None) -> None:
        """Tell what a cell did."""
        with self._lock:
            if not self._closed:
                self._report, self._cell_id = report, cell_id
                self.past.add(report, cell_id)
                self._catch_up()

    def receive(self, message: object) -> None:
        """Do what a front end asks for."""
        kind = message.get("kind") if isinstance(message, dict) else None
        command = _COMMANDS.get(kind) if isinstance(kind, str) else None
        if command is None:
            return
        with self._lock:
            if not self._closed:
                command(self, cast("Message", message))

    def close(self) -> None:
        """Send no more, and let go of all that was kept: the user may hold the widget for longer."""
        with self._lock:
            self._closed = True
            self.past, self._state, self._flow = PastCells(), State(), Flow()
            self._report = self._reported = self._heralded = None
            self._wants.clear()

    def may_send(self, size: int) -> bool:
        """Whether something may be sent that nobody will say has arrived; if so, it counts as sent."""
        with self._lock:
            is_open = not self._closed and self._flow.is_open()
            if is_open:
                self._flow.spend(size)
            return is_open

    def watch(self, *, on: bool) -> None:
        """Tell whether cells are watched from now on."""
        with self._lock:
            self._watching = on
            if not self._closed:
                self._post({"kind": "watching", "watching": on}, None)

    def hello(self, message: Message) -> None:
        """Begin anew with a front end that knows nothing, and ask the others whether they are still there."""
        self._state, self._base, self._reported, self._heralded = State(), 0, None, None
        self._flow.reset()
        self._call_roll()
        self.want(message)

    def want(self, message: Message) -> None:
        """Note what a front end wants from now on."""
        what, name = message.get("what"), message.get("from", "")
        if what not in WANTS or not isinstance(name, str) or len(name) > MAX_NAME:
            return
        if name not in self._wants and len(self._wants) >= MAX_FRONT_ENDS:
            self._call_roll()
        self._wants[name] = what
        self._catch_up()

    def _call_roll(self) -> None:
        """Forget what the front ends want; those that are still there say it again."""
        self._wants.clear()
        self.send({"kind": "roll"}, b"")

    def answer(self, message: Message) -> None:
        """Note what has arrived, and send what was held back."""
        number = message.get("number")
        if isinstance(number, int):
            self._flow.answer(number)
            self._catch_up()

    def tell_cell(self, message: Message) -> None:
        """Tell what a cell of the past did; null where it is not kept."""
        count = message.get("count")
        if isinstance(count, int) and self._flow.is_open():
            self._post({"kind": "cell", "count": count}, tell_past(self.past.find(count)))

    def tell_path(self, message: Message) -> None:
        """Tell what happened to a path, cell by cell, and its elements before and after the last one."""
        path = message.get("path")
        if isinstance(path, str) and len(path) <= MAX_PATH and can_travel(path) and self._flow.is_open():
            happened = [[tell_cell(one.cell, one.id), _tell(event)] for one, event in self.past.of_path(path)]
            self._post({"kind": "path", "path": path}, {"happened": happened, "values": compact(self.values_of(path))})

    def _catch_up(self) -> None:
        if self._report is None or not self._flow.is_open():
            return
        if self.wants == "report" and self._reported is not self._report:
            self._send_report(self._report)
        elif self.wants == "news" and self._heralded is not self._report:
            self._send_news(self._report)

    def _send_report(self, report: Report) -> None:
        self._state, lists = self._state.follow(report, tuple(self.past.cells))
        base, self._base = self._base, self._number + 1
        self._reported = self._heralded = report
        told = describe(report, self._cell_id) | {"news": news(report, self._cell_id)}
        told["parts"] = tell_parts(report, self._state.grouping)
        self._post({"kind": "report", "base": base, "watching": self._watching}, told | lists)

    def _send_news(self, report: Report) -> None:
        before, self._heralded = self._heralded, report
        if before is None or is_news(before) or is_news(report):
            self._post({"kind": "news"}, news(report, self._cell_id))

    def _post(self, head: dict[str, Any], body: Any) -> None:  # noqa: ANN401
        content = encode(body)
        self._number += 1
        self._flow.note(self._number, len(content))
        self.send(head | {"number": self._number}, content)


def _tell(event: Change | Turn) -> dict[str, Any]:
    return tell_turn(event) if isinstance(event, Turn) else tell_change(event)


_COMMANDS: Mapping[str, Callable[[Feed, Message], None]] = {
    "hello": Feed.hello,
    "want": Feed.want,
    "answer": Feed.answer,
    "cell": Feed.tell_cell,
    "path": Feed.tell_path,
}
