"""How much may be sent: a front end that is slow, or gone, must not fill the memory of what lies between."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

BURST, RATE = 8 << 20, 16 << 20
"""Bytes that may be sent at once, and bytes a second."""

MAX_UNANSWERED = 8 << 20
"""Bytes that may be sent though nobody has said that earlier ones arrived."""


@dataclass(slots=True)
class Flow:
    """A token bucket, and what has been sent without an answer.

    Answers alone cannot hold back the sender: a kernel that runs many cells reads them only after the last one.
    """

    tokens: float = BURST
    refilled: float = field(default_factory=time.monotonic)
    unanswered: dict[int, int] = field(default_factory=dict)

    def is_open(self) -> bool:
        """Whether something may be sent now."""
        now = time.monotonic()
        self.tokens, self.refilled = min(BURST, self.tokens + (now - self.refilled) * RATE), now
        return self.tokens > 0 and sum(self.unanswered.values()) < MAX_UNANSWERED

    def note(self, number: int, size: int) -> None:
        """Note that a message of this size was sent."""
        self.tokens -= size
        self.unanswered[number] = size

    def answer(self, number: int) -> None:
        """Note that a message, and so every earlier one, has arrived."""
        self.unanswered = {one: size for one, size in self.unanswered.items() if one > number}

    def reset(self) -> None:
        """Forget what was sent: somebody new listens."""
        self.unanswered.clear()
