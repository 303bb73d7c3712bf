"""The streams that the user's code launches on, as far as they are known: a look is in the order of one alone.

A look is launched on the stream in use. What another one still writes it would show half written, and a stream that the
user's code turns to may write what a look under way has yet to read. Neither is made to wait for the other, as events
could: that would hold up the user's own work. The look is left out, or what it shows is not believed.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from ...core.host.record import field, mutable
from .accelerator_api import PINNED, ask, busy_streams, stream_in_use, stream_key, streams_among

if TYPE_CHECKING:
    from collections.abc import Iterable

    import torch

    StreamKey = tuple[torch.device, int]

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
    _last: dict[torch.device, StreamKey] = field(default_factory=dict)
    _seen: dict[StreamKey, Any] = field(default_factory=dict)

    def are_ordered(self, device: torch.device, things: Iterable[object] = ()) -> bool:
        """Note which stream is in use; return whether no other one, seen before or among objects, is known to work."""
        current = ask(stream_in_use, device, default=None)
        own = None if current is None else stream_key(current)
        if own is not None and own != self._last.setdefault(device, own):
            self.turns[device] += 1
            self._last[device] = own
        if own is not None and _is_lasting(current):
            self._seen[own] = current
            if len(self._seen) > MOST:
                del self._seen[next(iter(self._seen))]
        every = {**self._seen, **{stream_key(one): one for one in streams_among(things)}}
        return not busy_streams([one for key, one in every.items() if key != own and key[0] == device])


def _is_lasting(stream: Any) -> bool:  # noqa: ANN401
    """Return whether a stream is one of PyTorch's own; one of another library may be destroyed, and must not be asked.

    The number of such a stream is its address, which is even.
    """
    return stream.device.type not in PINNED or stream.stream_id == 0 or bool(stream.stream_id % 2)
