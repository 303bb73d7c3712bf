"""How much may be sent: a front end that is slow, or gone, must not fill the memory of what lies between."""

from __future__ import annotations

from dataclasses import dataclass, field
from time import monotonic

BURST, RATE = 8 << 20, 16 << 20
"""Bytes that may be sent at once, and bytes a second."""

MAX_UNANSWERED = 8 << 20
"""Bytes that may be sent though nobody has said that earlier ones arrived."""

LEAST = 1 << 10
"""What a message counts at least: its head, and the note that is kept of it."""


@dataclass(slots=True)
class Flow:
    """A token bucket, and what has been sent without an answer.

    Answers alone cannot hold back the sender: a kernel that runs many cells reads them only after the last one.
    """

    tokens: float = BURST
    refilled: float = field(default_factory=monotonic)
    unanswered: dict[int, int] = field(default_factory=dict)
    waiting: int = 0

    def is_open(self) -> bool:
        """Whether something may be sent now."""
        now = monotonic()
        self.tokens, self.refilled = min(BURST, self.tokens + (now - self.refilled) * RATE), now
        return self.tokens > 0 and self.waiting < MAX_UNANSWERED

    def note(self, number: int, size: int) -> None:
        """Note that a message of this size was sent."""
        self.spend(size)
        self.unanswered[number] = max(size, LEAST)
        self.waiting += self.unanswered[number]

    def spend(self, size: int) -> None:
        """Note that this much was sent, of which nobody will say that it arrived."""
        self.tokens -= max(size, LEAST)

    def answer(self, number: int) -> None:
        """Note that a message, and so every earlier one, has arrived."""
        while self.unanswered and (first := next(iter(self.unanswered))) <= number:
            self.waiting -= self.unanswered.pop(first)

    def reset(self) -> None:
        """Forget what was sent: somebody new listens."""
        self.unanswered.clear()
        self.waiting = 0
