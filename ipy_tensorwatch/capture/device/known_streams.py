"""The streams that the user's code launches on, as far as they are known: a look is in the order of one alone.

A look is launched on the stream in use. What another one still writes it would show half written, and a stream that the
user's code turns to may write what a look under way has yet to read. Neither is made to wait for the other, as events
could: that would hold up the user's own work. The look is left out, or what it shows is not believed.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from ...core.host.record import field, mutable
from .accelerator_api import PINNED, ask, busy_streams, stream_in_use

if TYPE_CHECKING:
    from collections.abc import Iterable

    import torch

MOST = 64
"""The number of streams that are remembered, the last seen: PyTorch itself makes few, and hands them out in turn."""


@mutable(eq=False)
class KnownStreams:
    """The streams that were seen in use, by device.

    Attributes
    ----------
    turns
        How often another stream than before was found in use.
    """

    turns: Counter[torch.device] = field(default_factory=Counter)
    _last: dict[torch.device, Any] = field(default_factory=dict)
    _seen: dict[Any, None] = field(default_factory=dict)

    def are_ordered(self, device: torch.device, things: Iterable[object] = ()) -> bool:
        """Note which stream is in use; return whether no other one, seen before or among objects, is known to work."""
        current = ask(stream_in_use, device, default=None)
        if current is None:
            return not busy_streams(device, things)
        if current != self._last.setdefault(device, current):
            self.turns[device] += 1
            self._last[device] = current
        if current not in self._seen and _is_lasting(current):
            self._seen[current] = None
            if len(self._seen) > MOST:
                del self._seen[next(iter(self._seen))]
        return not any(one != current for one in busy_streams(device, (*self._seen, *things)))


def _is_lasting(stream: Any) -> bool:  # noqa: ANN401
    """Return whether a stream is one of PyTorch's own; one of another library may be destroyed, and must not be asked.

    The number of such a stream is its address, which is even.
    """
    return stream.device.type not in PINNED or stream.stream_id == 0 or bool(stream.stream_id % 2)
