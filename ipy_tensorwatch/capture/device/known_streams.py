"""The streams that the user's code launches on, as far as they are known: a look is in the order of one alone.

A look is launched on the stream in use. What another one still writes it would show half written, and a stream that the
user's code turns to may write what a look under way has yet to read. Neither is made to wait for the other, as events
could: that would hold up the user's own work. The look is left out, or what it shows is not believed.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from ...core.runtime.record import field, mutable
from .accelerator_api import ask, busy_streams, is_lasting, stream_in_use, stream_key, streams_among

if TYPE_CHECKING:
    from collections.abc import Iterable

    import torch

    StreamKey = tuple[torch.device, int]

MOST = 64
"""The number of streams that are remembered, the last seen: PyTorch itself makes few, and hands them out in turn."""

_seen: dict[StreamKey, Any] = {}
"""The streams that were in use, or held by a variable, at a look; they are the process's, and outlast notebooks."""


def others_work(device: torch.device, things: Iterable[object] = ()) -> bool:
    """Note the stream in use and those among objects; return whether another one that is known works or is captured."""
    current = ask(stream_in_use, device, default=None)
    own = None if current is None else stream_key(current)
    held = {stream_key(one): one for one in streams_among(things)}
    for key, one in (held if own is None else {own: current, **held}).items():
        _seen.pop(key, None)
        if is_lasting(one):
            _seen[key] = one
    for key in [*_seen][:-MOST]:
        del _seen[key]
    every = {**_seen, **held}
    return bool(busy_streams([one for key, one in every.items() if key != own and key[0] == device]))


@mutable(eq=False)
class KnownStreams:
    """The turns that the user's code takes between streams, as one notebook's looks see them.

    Attributes
    ----------
    turns
        By device: how often another stream than before was found in use.
    """

    turns: Counter[torch.device] = field(default_factory=Counter)
    _last: dict[torch.device, StreamKey] = field(default_factory=dict)

    def are_ordered(self, device: torch.device, things: Iterable[object] = ()) -> bool:
        """Note which stream is in use; return whether no other one, seen before or among objects, is known to work."""
        current = ask(stream_in_use, device, default=None)
        if current is not None and stream_key(current) != self._last.setdefault(device, stream_key(current)):
            self.turns[device] += 1
            self._last[device] = stream_key(current)
        return not others_work(device, things)
