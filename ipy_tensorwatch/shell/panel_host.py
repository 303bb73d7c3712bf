"""The panel's life in a kernel: made for a front end that has cells, told after every cell, closed at the end."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from ..capture.values import values_of
from ..core.host.guard import GUARD

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets import Bunch

    from ..core.model.records import Values
    from ..panel.widget import TensorWatchWidget
    from ..render.report import Report
    from .watcher import Watcher


MAX_NAME = 200
"""Letters of a cell's id: what is longer is none."""


@dataclass(slots=True, eq=False, repr=False)
class Hosting:
    """Keeps the widget of one shell."""

    shell: InteractiveShell
    watcher: Watcher
    widget: TensorWatchWidget | None = None

    def __post_init__(self) -> None:
        """Tell the panel whenever watching is switched off or on."""
        self.watcher.settings.observe(self._switch, "enabled")

    def tell(self, report: Report | None) -> None:
        """Tell the panel what a cell did; the first time a front end that can show one asks for a cell, make it."""
        asked = request_metadata(self.shell)
        if report is not None and (self.widget or _shows_panels(asked)):
            cell_id = asked.get("cellId")
            is_name = isinstance(cell_id, str) and len(cell_id) <= MAX_NAME
            self._opened().publish(report, cell_id if is_name else None)

    def open(self) -> TensorWatchWidget:
        """Return the widget, which shows the last cell from the start."""
        if self.widget is None and self.watcher.report is not None:
            self._opened().publish(self.watcher.report, None)
        return self._opened()

    def _opened(self) -> TensorWatchWidget:
        if self.widget is None:
            # Loading the widget's libraries takes half as long as loading us, and a terminal has no use for them.
            from ..panel.widget import TensorWatchWidget  # noqa: PLC0415

            self.widget = TensorWatchWidget(values_of=self._values_of)
        return self.widget

    def _switch(self, change: Bunch) -> None:
        if self.widget is not None:
            GUARD.run("showing a report", partial(self.widget.feed.watch, on=change["new"]), default=None)

    def _values_of(self, path: str) -> Values | None:
        observed = self.watcher.observed
        return values_of(path, observed, self.watcher.observer.prints) if observed else None

    def close(self) -> None:
        """Take the panel away."""
        self.watcher.settings.unobserve(self._switch, "enabled")
        if self.widget is not None:
            self.widget.close()
            self.widget = None


def request_metadata(shell: InteractiveShell) -> dict[str, Any]:
    """Return what the front end said of the cell that it asked for."""
    kernel = getattr(shell, "kernel", None)
    parent = kernel.get_parent("shell") if kernel is not None else None
    asked = (parent or {}).get("metadata")
    return asked if isinstance(asked, dict) else {}


def _shows_panels(asked: dict[str, Any]) -> bool:
    """Tell a notebook or console from a program that runs a notebook's code, and would save the widget with it."""
    return "cellId" in asked or "tensorwatch" in asked
