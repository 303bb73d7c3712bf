"""The feed: messages to the front ends of one kernel, and the commands that they may send."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, cast

from ..core.hazards.hazard import MAX_KEY, Turn
from ..core.runtime.record import field, mutable
from ..render.wording.changes.origin_sentences import shared_since
from .badge_and_marks import is_news, news
from .change_lines import linked, tell_change
from .compact import can_travel, compact, encode
from .flow_control import FlowControl
from .foretold import Foretold, read_cells
from .hazards import tell_turn
from .offered_fixes import tell_fixes
from .partly_changed import tell_parts
from .past_cells import PastCell, PastCells
from .state import State, describe, tell_cell, tell_past

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from ..core.records.report_parts import Change, Values
    from ..render.report import Report

    Message = Mapping[str, Any]
    Send = Callable[[dict[str, Any], bytes], None]
    Rows = Sequence[dict[str, Any]]

WANTS = ("nothing", "news", "report")
"""What a front end may subscribe to: nothing, the badge and the marks, or whole reports while a panel is visible."""

BLOCKS = ("whole", "line", "off", "auto")
"""What may be shown under a cell; the values of the setting `block`."""

MAX_ORIGINS = 30
"""Of how many others in a path's group it is told since when they share memory."""
MAX_FRONT_ENDS = 100
MAX_HUSHED = 1000
MAX_NAME, MAX_PATH = 200, 100_000
"""Maximum length of a front end's name and of a requested path, in characters."""


@mutable(eq=False)
class Feed:
    """Sends front ends the difference from what they have, as far as they subscribed to it.

    A busy kernel receives messages only after its last queued cell, on any thread and in any order, so each message
    is complete in itself. Unknown commands are ignored. The memory, the bytes and the rate that one message can cause
    are limited.

    Parameters
    ----------
    send
        Sends a head and a body to all front ends.
    values_of
        Returns the elements of a small tensor before and after the last cell, or None.
    hushed
        The keys of the hazards that the user asked not to be told of again; shared with what else tells hazards.
    choose_block
        Sets what is shown under a cell.
    foretold
        What the cells that are being typed would change.
    relay
        Leads a message of a front end to the feed of a rank.
    """

    send: Send
    values_of: Callable[[str], Values | None]
    hushed: set[str] = field(default_factory=set)
    choose_block: Callable[[str], None] = lambda _: None
    foretold: Foretold = field(default_factory=lambda: Foretold(lambda _: None))
    relay: Callable[[int, Message], None] = lambda _, __: None
    past: PastCells = field(default_factory=PastCells)
    _wants: dict[str, str] = field(default_factory=dict)
    _sessions: dict[str, str] = field(default_factory=dict)
    _report: Report | None = None
    _cell_id: str | None = None
    _frozen: tuple[str, ...] = ()
    _state: State = field(default_factory=State)
    _base: int = 0
    _reported: Report | None = None
    _heralded: PastCell | None = None
    _ranks: Rows = ()
    _ranks_told: Rows = ()
    _watching: bool = True
    _closed: bool = False
    _flow: FlowControl = field(default_factory=FlowControl)
    _number: int = 0
    _lock: threading.RLock = field(default_factory=threading.RLock)

    @property
    def wants(self) -> str:
        """The most that any front end wants."""
        return max(self._wants.values(), key=WANTS.index, default="nothing")

    def publish(self, report: Report, cell_id: str | None) -> None:
        """Send the report of a cell, or keep it until a front end is ready."""
        with self._lock:
            if not self._closed:
                self._report, self._cell_id = report, cell_id
                self.past.add(report, cell_id)
                self._catch_up()

    def is_seen_by(self, session: str | None) -> bool:
        """Return whether a front end of this session shows the panel; of any where a session is not known."""
        seeing = [self._sessions.get(name) for name, what in self._wants.items() if what == "report"]
        return any(one is None or session in (None, one) for one in seeing)

    def receive(self, message: object, session: object = None) -> None:
        """Run the command of a front end, which a session of Jupyter sent; ignore anything else."""
        kind = message.get("kind") if isinstance(message, dict) else None
        command = _COMMANDS.get(kind) if isinstance(kind, str) else None
        if command is None:
            return
        with self._lock:
            if not self._closed:
                command(self, cast("Message", message))
                self._note_session(cast("Message", message), session)

    def close(self) -> None:
        """Stop sending and drop all reports: the user may hold the widget for longer."""
        with self._lock:
            self._closed = True
            self.past, self._state, self._flow = PastCells(), State(), FlowControl()
            self.foretold.forget()
            self._report = self._reported = self._heralded = None
            self._wants.clear()

    def may_send(self, size: int) -> bool:
        """Return whether `size` bytes may be sent without acknowledgement; if so, count them as sent."""
        with self._lock:
            is_open = not self._closed and self._flow.is_open()
            if is_open:
                self._flow.spend(size)
            return is_open

    def freeze(self, paths: tuple[str, ...]) -> None:
        """Tell the front ends which tensors are frozen from now on; a report tells it too."""
        with self._lock:
            was, self._frozen = self._frozen, paths
            if was != paths and self._reported is not None and self._flow.is_open():
                self._post({"kind": "frozen"}, [*paths])

    def show_ranks(self, rows: Rows) -> None:
        """Tell the front ends of the ranks of a cluster; nothing if none is joined any more."""
        with self._lock:
            self._ranks = rows
            if not self._closed:
                self._catch_up()

    def pass_on(self, rank: int, messages: Iterable[tuple[dict[str, Any], bytes]]) -> None:
        """Send the front ends what the feed of a rank sent."""
        with self._lock:
            for head, body in messages if not self._closed else ():
                self._flow.spend(len(body))
                self.send(head | {"rank": rank}, body)

    def tell_rank(self, message: Message) -> None:
        """Lead a message to the feed of a rank."""
        rank, inner = message.get("rank"), message.get("message")
        if isinstance(rank, int) and isinstance(inner, dict) and self._ranks and self._flow.is_open():
            self.relay(rank, inner)

    def hush(self, message: Message) -> None:
        """Keep quiet about a hazard from now on, or tell it again."""
        key, on = message.get("key"), message.get("on")
        if not isinstance(key, str) or len(key) > MAX_KEY or not isinstance(on, bool):
            return
        if (key in self.hushed) is on:
            return
        if on and len(self.hushed) < MAX_HUSHED:
            self.hushed.add(key)
        elif not on:
            self.hushed.discard(key)
        self._reported = None
        self._catch_up()

    def block(self, message: Message) -> None:
        """Show under a cell from now on what the user chose in the front end's settings."""
        if message.get("shows") in BLOCKS:
            self.choose_block(message["shows"])

    def watch(self, *, on: bool) -> None:
        """Tell the front ends whether cells are watched from now on."""
        with self._lock:
            self._watching = on
            if not self._closed:
                self._post({"kind": "watching", "watching": on}, None)

    def hello(self, message: Message) -> None:
        """Start over for a front end that has no state, and ask the others to report again."""
        self._state, self._base, self._reported, self._heralded = State(), 0, None, None
        self._ranks_told = ()
        self._flow.reset()
        self.foretold.forget()
        self._call_roll()
        self.want(message)

    def want(self, message: Message) -> None:
        """Store what a front end subscribes to."""
        what, name = message.get("what"), message.get("from", "")
        if what not in WANTS or not isinstance(name, str) or len(name) > MAX_NAME:
            return
        if name not in self._wants and len(self._wants) >= MAX_FRONT_ENDS:
            self._call_roll()
        self._wants[name] = what
        self._catch_up()

    def _note_session(self, message: Message, session: object) -> None:
        """Store which session a front end is of, for those that want something."""
        name = message.get("from")
        if isinstance(session, str) and name in self._wants:
            self._sessions[cast("str", name)] = session[:MAX_NAME]

    def _call_roll(self) -> None:
        """Drop all subscriptions; front ends that still exist repeat theirs."""
        self._wants.clear()
        self._sessions.clear()
        self.send({"kind": "roll"}, b"")

    def answer(self, message: Message) -> None:
        """Store which message has arrived, and send what was held back."""
        number = message.get("number")
        if isinstance(number, int):
            self._flow.answer(number)
            self._catch_up()

    def tell_cell(self, message: Message) -> None:
        """Send what an earlier cell did; null if it is not kept any more."""
        count = message.get("count")
        if isinstance(count, int) and self._flow.is_open():
            self._post({"kind": "cell", "count": count}, tell_past(self.past.find(count), self.hushed))

    def tell_path(self, message: Message) -> None:
        """Send the history of a path, cell by cell, and its elements before and after the last cell."""
        path = message.get("path")
        if isinstance(path, str) and len(path) <= MAX_PATH and can_travel(path) and self._flow.is_open():
            happened = [[tell_cell(one.cell, one.id), _tell(event)] for one, event in self.past.of_path(path)]
            told = {"happened": happened, "values": compact(self.values_of(path)), "origins": self._origins_of(path)}
            self._post({"kind": "path", "path": path}, told)

    def _origins_of(self, path: str) -> dict[str, Any]:
        """Return since when a path shares memory with the others in its group."""
        groups = (one.members for one in self._state.grouping.groups if path in one.members)
        others = [one for one in next(groups, ()) if one != path][:MAX_ORIGINS]
        found = {one: self._report.origins.of_pair(path, one) for one in others if self._report is not None}
        return {one: linked(shared_since(origin)) for one, origin in found.items() if origin is not None}

    def preview(self, message: Message) -> None:
        """Send what the cells that a person is typing would change; the newest request of each front end counts."""
        name, request, cells = message.get("from"), message.get("request"), read_cells(message.get("cells"))
        is_read = isinstance(name, str) and len(name) <= MAX_NAME and isinstance(request, int) and cells is not None
        if not is_read or self._report is None or not self._flow.is_open():
            return
        if self.foretold.is_newest(cast("str", name), cast("int", request)):
            marks, is_all = self.foretold.marks(self._report, self.past, cells or ())
            self._post({"kind": "preview", "to": name, "request": request}, {"marks": marks, "all": is_all})

    def tell_fixes(self, message: Message) -> None:
        """Send what mends the silent changes and the hazards of a cell; null if it is not kept any more."""
        count = message.get("count")
        if isinstance(count, int) and self._flow.is_open():
            one, report = self.past.find(count), self._report
            is_last = report is not None and report.cell.count == count
            hazards = report.hazards if report is not None and is_last else ()
            told = one and tell_fixes(one, self.past, hazards)
            self._post({"kind": "fixes", "count": count}, told)

    def _catch_up(self) -> None:
        if not self._flow.is_open():
            return
        if self.wants == "report" and self._ranks_told is not self._ranks:
            self._ranks_told = self._ranks
            self._post({"kind": "ranks"}, [*self._ranks])
        if self._report is None:
            return
        if self.wants == "report" and self._reported is not self._report:
            self._send_report(self._report)
        elif self.wants == "news" and self.past.since(self._heralded):
            self._send_news()

    def _send_report(self, report: Report) -> None:
        self._state, lists = self._state.follow(report, tuple(self.past.cells))
        base, self._base = self._base, self._number + 1
        untold = self.past.since(self._heralded) or [self.past.cells[-1]]
        self._reported, self._heralded = report, self.past.cells[-1]
        told = describe(report, self._cell_id, self.hushed)
        told |= {"news": news(untold, self.hushed), "frozen": [*self._frozen]}
        told["parts"] = tell_parts(report, self._state.grouping)
        self._post({"kind": "report", "base": base, "watching": self._watching}, told | lists)

    def _send_news(self) -> None:
        before, untold = self._heralded, self.past.since(self._heralded)
        self._heralded = untold[-1]
        if before is None or any(is_news(one, self.hushed) for one in (before, *untold)):
            self._post({"kind": "news"}, news(untold, self.hushed))

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
    "hush": Feed.hush,
    "block": Feed.block,
    "fixes": Feed.tell_fixes,
    "preview": Feed.preview,
    "rank": Feed.tell_rank,
}
