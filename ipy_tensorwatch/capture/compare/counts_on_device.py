"""The numbers of changed elements that a device counts, once it has counted them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...core.records.report_parts import Elements
from ...core.runtime.record import field, mutable
from ..device.accelerator_api import ask, is_idle, is_untouchable
from ..device.device_counts import CopyPair, CountsUnderWay, launch_counts

if TYPE_CHECKING:
    from collections.abc import Mapping

COUNTING_WAIT = 0.05
"""The longest that a device which did nothing is waited for while it counts, in seconds."""


@mutable(eq=False)
class CountsOnDevice:
    """The counts of some rows, launched together when the first of them is asked for."""

    is_launched: bool = False
    _under_way: list[CountsUnderWay] = field(default_factory=list)
    _known: dict[int, tuple[int, float | None]] = field(default_factory=dict)

    def launch(self, pairs: Mapping[int, CopyPair]) -> None:
        """Launch the counts of rows by their number; again later if a device's stream is being captured."""
        by_device: dict[str, dict[int, CopyPair]] = {}
        for number, one in pairs.items():
            by_device.setdefault(one.before.device, {})[number] = one
        self.is_launched = ask(self._launch, by_device, default=True)

    def _launch(self, by_device: Mapping[str, dict[int, CopyPair]]) -> bool:
        devices = {name: next(iter(some.values())).old.rows.device for name, some in by_device.items()}
        if any(map(is_untouchable, devices.values())):
            return False
        for name, some in by_device.items():
            was_idle = is_idle(devices[name])
            under_way = launch_counts(some)
            if under_way is not None:
                self._under_way.append(under_way)
                if was_idle:
                    ask(under_way.sent.lands_within, COUNTING_WAIT, default=False)
        return True

    def is_landed(self) -> bool:
        """Return whether all counts have arrived; does not wait."""
        waiting: list[CountsUnderWay] = []
        for one in self._under_way:
            known = ask(one.known, default=None)
            self._known.update(known or {})
            if known is None:
                waiting.append(one)
        self._under_way = waiting
        return self.is_launched and not waiting

    def elements(self, number: int, total: int) -> Elements:
        """Return what was counted of a row."""
        changed, step = self._known.get(number, (None, None))
        return Elements(changed=changed, total=total, max_abs=step)
