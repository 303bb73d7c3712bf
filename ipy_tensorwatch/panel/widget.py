"""The widget: one a kernel, shown by JupyterLab's side panel or in a cell's output."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import anywidget
import traitlets

from .feed import Feed

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..core.records import Values
    from ..core.report import Report

_BUILT = Path(__file__).parent / "static"


class TensorWatchWidget(anywidget.AnyWidget):
    """The panel of one kernel's watcher.

    Nothing that a tensor holds is in its state, which notebooks may save: reports travel as messages.

    Parameters
    ----------
    values_of
        Finds the elements of a small tensor before and after the last cell.
    """

    _esm = _BUILT / "widget.js"
    _css = _BUILT / "widget.css"
    born = traitlets.Float().tag(sync=True)
    name = traitlets.Unicode(help="Tells the front end which of its models are this widget's.").tag(sync=True)

    def __init__(self, values_of: Callable[[str], Values | None]) -> None:
        super().__init__(born=time.time(), name=uuid4().hex)
        self.feed = Feed(send=lambda head, body: self.send(head, buffers=[body]), values_of=values_of)
        self.on_msg(lambda _, content, __: self.feed.receive(content))

    def _handle_msg(self, msg: dict[str, Any]) -> None:
        """Pass on what a front end may say; ipywidgets raises at whatever is no message of a widget."""
        data = msg["content"].get("data")
        if isinstance(data, dict) and data.get("method") in ("custom", "request_state"):
            super()._handle_msg(msg)

    def publish(self, report: Report, cell_id: str | None) -> None:
        """Tell the panel what a cell did."""
        self.feed.publish(report, cell_id)
