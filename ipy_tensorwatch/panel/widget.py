"""The widget: one per kernel, shown in JupyterLab's side panel or in a cell's output."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import anywidget
import traitlets

from ..core.runtime.capability import take
from ..core.runtime.guard import GUARD
from .feed import Feed
from .foretold import Foretold

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..core.records.report_parts import Values
    from ..render.report import Report
    from .foretold import Foresee

_BUILT = Path(__file__).parent / "static"

_HEARING = "hearing-front-end"
STATE_SIZE = 64 << 10
"""Bytes charged for a requested state: the program and the style sheet of the panel."""

_HEARS_ALL = take(
    "anywidget.AnyWidget._handle_msg",
    lost="strangers-raise",
    make=lambda _: True,
    instead=False,
)
"""Whether `_handle_msg` can be overridden, which sees every message of a front end."""


class TensorWatchWidget(anywidget.AnyWidget):
    """The panel of one kernel's watcher.

    Its state, which notebooks may save, holds no values of tensors: reports are sent as messages.

    Parameters
    ----------
    values_of
        Returns the elements of a small tensor before and after the last cell, or None.
    hushed
        The keys of the hazards that the user asked not to be told of again.
    choose_block
        Sets what is shown under a cell.
    preview
        Returns what running a source would change; None while a cell runs, or where that is switched off.
    """

    # As text: anywidget watches a file for as long as the kernel lives, and keeps every widget made from it alive.
    _esm = (_BUILT / "widget.js").read_text("utf-8")
    _css = (_BUILT / "widget.css").read_text("utf-8")
    born = traitlets.Float().tag(sync=True)
    name = traitlets.Unicode(help="Tells the front end which of its models are this widget's.").tag(sync=True)

    def __init__(
        self,
        values_of: Callable[[str], Values | None],
        hushed: set[str],
        choose_block: Callable[[str], None],
        preview: Foresee,
    ) -> None:
        super().__init__(born=time.time(), name=uuid4().hex)
        send = lambda head, body: self.send(head, buffers=[body])  # noqa: E731
        self.feed = Feed(
            send=send, values_of=values_of, hushed=hushed, choose_block=choose_block, foretold=Foretold(preview)
        )
        if not _HEARS_ALL:
            self.on_msg(lambda _, content, __: GUARD.run(_HEARING, self.feed.receive, content, default=None))

    def _handle_msg(self, msg: dict[str, Any]) -> None:
        """Receive every message of a front end."""
        GUARD.run(_HEARING, self._hear, msg, default=None)

    def _hear(self, msg: dict[str, Any]) -> None:
        """Handle custom messages and requests for the state; ignore all others.

        ipywidgets and anywidget raise at unknown messages and show the error below a cell, so they are never called.
        Requests for the state count against the flow control.
        """
        content = msg.get("content")
        data = content.get("data") if isinstance(content, dict) else None
        told = data if isinstance(data, dict) else {}
        if told.get("method") == "custom":
            header = msg.get("header")
            self.feed.receive(told.get("content"), header.get("session") if isinstance(header, dict) else None)
        elif told.get("method") == "request_state" and self.feed.may_send(STATE_SIZE):
            self.send_state()

    def publish(self, report: Report, cell_id: str | None) -> None:
        """Send the panel the report of a cell."""
        self.feed.publish(report, cell_id)

    def close(self) -> None:
        """Close the panel in every view, and drop its state."""
        self.feed.close()
        super().close()
