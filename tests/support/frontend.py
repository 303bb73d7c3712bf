"""A front end in Python that handles messages as the panel does; tests compare its state with the report."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ipy_tensorwatch.panel.feed import Feed

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

LISTS = ("tensors", "groups", "unverified", "past")


def splice(items: Iterable[Any], edits: Iterable[tuple[int, int, Sequence[Any]]]) -> list[Any]:
    """Apply splices to a list, as the front end does."""
    result = list(items)
    for at, drop, put in edits:
        result[at : at + drop] = put
    return result


@dataclass
class FrontEnd:
    """Stores all messages, and the report that results from them."""

    messages: list[dict[str, Any]] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    known: dict[str, Any] = field(default_factory=dict)
    base: int = 0

    def take(self, head: dict[str, Any], body: bytes) -> None:
        assert json.dumps(head)
        message = head | {"body": json.loads(body) if body else None}
        self.messages.append(message)
        self.sizes.append(len(body))
        if head["kind"] == "report":
            assert head["base"] in (0, self.base), "a report that does not follow the one before"
            self.base = head["number"]
            known = self.known if head["base"] else {}
            lists = {name: splice(known.get(name, []), message["body"][name]) for name in LISTS}
            self.known = message["body"] | lists

    def kinds(self) -> list[str]:
        return [message["kind"] for message in self.messages]

    def tensors(self) -> list[dict[str, Any]]:
        """Return the tensors as dicts, as in a report."""
        return [dict(zip(self.known["fields"], row, strict=True)) for row in self.known["tensors"]]


def watched(wants: str | None = "report") -> tuple[Feed, FrontEnd]:
    """Return a feed and its front end, subscribed to `wants` if it is given."""
    front = FrontEnd()
    feed = Feed(send=front.take, values_of=lambda _: None)
    if wants:
        feed.receive({"kind": "hello", "from": "me", "what": wants})
    return feed, front
