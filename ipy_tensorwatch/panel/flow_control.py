"""Flow control: messages to a slow or dead front end must not pile up in the server between."""

from __future__ import annotations

from time import monotonic

from ..core.runtime.record import field, mutable

BURST, RATE = 8 << 20, 16 << 20
"""Bytes that may be sent at once, and bytes per second."""

MAX_UNANSWERED = 8 << 20
"""Bytes that may be sent and not yet acknowledged."""

LEAST = 1 << 10
"""Bytes that a message counts at least, for its head and our record of it."""


@mutable
class FlowControl:
    """A token bucket, and the messages not yet acknowledged.

    Both are needed: a busy kernel reads acknowledgements only after its last queued cell.
    """

    tokens: float = BURST
    refilled: float = field(default_factory=monotonic)
    unanswered: dict[int, int] = field(default_factory=dict)
    waiting: int = 0

    def is_open(self) -> bool:
        """Return whether a message may be sent now."""
        now = monotonic()
        self.tokens, self.refilled = min(BURST, self.tokens + (now - self.refilled) * RATE), now
        return self.tokens > 0 and self.waiting < MAX_UNANSWERED

    def note(self, number: int, size: int) -> None:
        """Count a message of `size` bytes as sent."""
        self.spend(size)
        self.unanswered[number] = max(size, LEAST)
        self.waiting += self.unanswered[number]

    def spend(self, size: int) -> None:
        """Count `size` bytes as sent without acknowledgement."""
        self.tokens -= max(size, LEAST)

    def answer(self, number: int) -> None:
        """Acknowledge a message and all earlier ones."""
        while self.unanswered and (first := next(iter(self.unanswered))) <= number:
            self.waiting -= self.unanswered.pop(first)

    def reset(self) -> None:
        """Forget unacknowledged messages: a new front end listens."""
        self.unanswered.clear()
        self.waiting = 0
