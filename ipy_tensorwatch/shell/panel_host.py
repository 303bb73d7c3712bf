"""The panel's life cycle in a kernel: created for a front end with cells, updated after each cell, closed at unload."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from ..core.runtime.guard import GUARD
from ..core.runtime.record import field, mutable
from .ipython.request import request_cell, request_metadata, request_session
from .ranks.registry import relay_to_rank

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets import Bunch

    from ..panel.feed import Feed
    from ..panel.widget import TensorWatchWidget
    from ..render.preview import Preview
    from ..render.report import Report
    from .previewer import Previewer
    from .watcher import Watcher


@mutable(eq=False)
class PanelHost:
    """Holds the widget of one shell.

    Attributes
    ----------
    hushed
        The keys of the hazards that the user asked not to be told of again.
    """

    shell: InteractiveShell
    watcher: Watcher
    previewer: Previewer
    hushed: set[str] = field(default_factory=set)
    widget: TensorWatchWidget | None = None

    def __post_init__(self) -> None:
        """Observe the setting `enabled`, to tell the panel."""
        self.watcher.settings.observe(self._switch, "enabled")

    def tell(self, report: Report | None) -> None:
        """Send a report to the panel; create the panel when a front end that can show it first runs a cell.

        A command that the panel itself ran takes the place of the last cell only where it changed something.
        """
        asked = request_metadata(self.shell)
        if report is not None and (self.widget or _shows_panels(asked)):
            is_known = self.widget is not None
            self._opened().feed.freeze(self._frozen())
            if not (is_known and "tensorwatch" in asked and not report.changes and not report.turns):
                self._opened().publish(report, request_cell(self.shell))

    def feed(self) -> Feed | None:
        """Return the feed of the panel, if there is one."""
        return self.widget.feed if self.widget is not None else None

    def open(self) -> TensorWatchWidget:
        """Return the widget; if it is new, it shows the last cell already."""
        if self.widget is None and self.watcher.report is not None:
            self._opened().publish(self.watcher.report, None)
        return self._opened()

    def is_visible(self) -> bool:
        """Return whether the page that runs the cell shows the panel, as far as the kernel was told."""
        return self.widget is not None and self.widget.feed.is_seen_by(request_session(self.shell))

    def _opened(self) -> TensorWatchWidget:
        if self.widget is None:
            # Loading the widget's libraries takes half as long as loading this package; a terminal does not need them.
            from ..panel.widget import TensorWatchWidget  # noqa: PLC0415

            self.widget = TensorWatchWidget(self.watcher.values_of, self.hushed, self._choose_block, self._preview)
            self.widget.feed.relay = relay_to_rank
        return self.widget

    def _choose_block(self, shows: str) -> None:
        self.watcher.settings.block = shows

    def _preview(self, source: str) -> Preview | None:
        return self.previewer.preview_if_idle(source) if self.watcher.settings.preview else None

    def _frozen(self) -> tuple[str, ...]:
        return tuple(one.path for one in self.watcher.freezing.freezer.frozen.values())

    def _switch(self, change: Bunch) -> None:
        if self.widget is not None:
            GUARD.run("showing-report", partial(self.widget.feed.watch, on=change["new"]), default=None)

    def close(self) -> None:
        """Close the panel."""
        self.watcher.settings.unobserve(self._switch, "enabled")
        if self.widget is not None:
            self.widget.close()
            self.widget = None


def _shows_panels(asked: dict[str, Any]) -> bool:
    """Return whether the request comes from a notebook or console, not from a program that executes and saves one."""
    return "cellId" in asked or "tensorwatch" in asked
