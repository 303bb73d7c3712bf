"""Whether a front end waits to clear a cell's output: the next output of any kind, ours too, would erase it."""

from __future__ import annotations

import re
import sys
from functools import partial
from threading import get_ident
from typing import TYPE_CHECKING, Any

from ...core.runtime.guard import GUARD
from ...core.runtime.record import field, mutable
from .ipython_private import ends_with_result, goes_to_widget, takes_hooks

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

_THREADS = re.compile(r"Thread|Executor|Timer|to_thread")
_Message = dict[str, Any]


@mutable(eq=False)
class WaitingClears:
    """Listens to what running cells send to the front end, through the hooks that ipykernel offers.

    A `clear_output(wait=True)` waits until the next output of its request: a stream, a display, a result or an error,
    but not the update of a display. Only what the cell's own thread clears is heard: ipykernel keeps hooks by thread.
    Streams are sent by a thread of the kernel, and are listened to from the first clear that waits.
    """

    shell: InteractiveShell
    _requests: set[str] = field(default_factory=set)
    _publishers: dict[int, list[Any]] = field(default_factory=dict)
    _streams: list[Any] = field(default_factory=list)
    _heard: list[Any] = field(default_factory=list)

    def begin(self) -> None:
        """Listen to the cell that begins in this thread."""
        self.end()  # of a cell whose end was cut short
        publishers: tuple[Any, ...] = (self.shell.display_pub, self.shell.displayhook)
        found = [one for one in publishers if takes_hooks(one)]
        for one in found:
            one.register_hook(self._hear)
        self._publishers[get_ident()] = found
        self._streams = [one for one in (sys.stdout, sys.stderr) if found and takes_hooks(one)] or self._streams

    def end(self) -> None:
        """Stop listening to the cell that ends in this thread."""
        for one in self._publishers.pop(get_ident(), ()):
            one.unregister_hook(self._hear)
        if self._requests:
            self._requests.discard(self._request())
        if not self._requests:
            for one in self._heard:
                one.pub_thread.schedule(partial(one.unregister_hook, self._hear))
            self._heard = []

    def is_waiting(self, code: str) -> bool:
        """Return whether output of ours would clear this thread's cell.

        Parameters
        ----------
        code
            The cell and the functions that it names: they tell what cannot be heard.
        """
        if getattr(self.shell, "kernel", None) is None:
            return False
        if "clear_output" in code and (not self._publishers.get(get_ident()) or _THREADS.search(code)):
            return True
        for one in self._heard:
            one.flush()
        is_told = takes_hooks(self.shell.displayhook) or not ends_with_result(self.shell)
        return is_told and self._request() in self._requests

    def _request(self) -> str:
        """Return the id of the request whose output ours would become."""
        return str(getattr(self.shell.display_pub, "parent_header", {}).get("msg_id"))

    def _hear(self, message: _Message) -> _Message:
        GUARD.run_briefly("before-clearing", self._note, message, default=None)
        return message

    def _note(self, message: _Message) -> None:
        kind, request = message["header"]["msg_type"], str(message["parent_header"].get("msg_id"))
        waits = kind == "clear_output" and message["content"]["wait"]
        if kind == "update_display_data" or not (waits or request in self._requests) or goes_to_widget(request):
            return
        if not waits:
            self._requests.discard(request)
            return
        self._requests.add(request)
        if not self._heard:
            self._heard = self._streams
            for one in self._heard:
                one.pub_thread.schedule(partial(one.register_hook, self._hear))
