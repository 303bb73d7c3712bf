"""Track the line of notebook functions at which a running cell is (Python 3.12 or newer)."""

from __future__ import annotations

import sys
from contextlib import suppress
from functools import partial
from threading import get_ident
from time import perf_counter
from traceback import walk_stack
from typing import TYPE_CHECKING, Any

from ...core.runtime.guard import GUARD
from ...core.runtime.python_private import monitoring as _monitoring
from ...core.runtime.record import field, mutable
from ..runtime.torch_private import compiler_callback, is_compiled

if TYPE_CHECKING:
    from collections.abc import Callable, Container
    from types import CodeType, FrameType

    from ...core.records.report_parts import Place

CAN_SEE = _monitoring is not None

TOOLS = (3, 4, 5)
"""The tool ids that we may use; those of debuggers, coverage tools and profilers stay free."""
HOT_LINES = 400
HOT_INTERVAL = 20e-6
"""A function whose lines follow each other faster, in seconds, is tracked as a whole from then on."""
CELL = "<module>"


@mutable(eq=False)
class _Function:
    """A function whose lines are tracked, until they follow too fast: then it is `merged`."""

    code: CodeType
    since: float
    count: int = 0
    merged: bool = False


@mutable(eq=False)
class LineWatch:
    """Tracks the thread that runs a cell through the functions of the notebook.

    Compiled functions have no lines of their own, and while PyTorch's compiler waits for the next
    function, it would trace any code of ours that runs: such code is not tracked (`blind`).

    Attributes
    ----------
    files
        The file names of the notebook's cells.
    on_leave
        Called before the position changes.
    place
        The innermost line inside a function of the notebook; None at the cell's own level.
    blind
        Whether other lines of the notebook may have run since this position was reached.
    """

    files: Container[str]
    on_leave: Callable[[], None]
    place: Place | None = None
    blind: bool = True
    _tool: int | None = None
    _thread: int = 0
    _seen: dict[int, _Function] = field(default_factory=dict)  # by id, because equal code of two cells is equal

    @property
    def is_on(self) -> bool:
        """Whether lines are tracked."""
        return self._tool is not None

    def open(self) -> None:
        """Start; without effect if Python lacks `sys.monitoring` or every tool id is in use."""
        self._tool = next(filter(_take, TOOLS), None) if CAN_SEE else None
        if self._tool is None:
            return
        self._thread = get_ident()
        for event, callback in self._callbacks().items():
            _monitoring.register_callback(self._tool, event, callback)
        events = _monitoring.events
        _monitoring.set_events(self._tool, events.PY_START | events.PY_RESUME | events.PY_THROW | events.PY_UNWIND)

    def close(self) -> None:
        """Stop, and unregister everything."""
        tool, self._tool = self._tool, None
        if tool is None:
            return
        with suppress(ValueError):  # somebody else took our tool id
            _monitoring.set_events(tool, 0)
            for function in self._seen.values():
                _monitoring.set_local_events(tool, function.code, 0)
            for event in self._callbacks():
                _monitoring.register_callback(tool, event, None)
            _monitoring.free_tool_id(tool)
        self._seen.clear()

    def surface(self) -> None:
        """Set the position to the cell's own level."""
        self.place, self.blind = None, self._tool is None

    def _callbacks(self) -> dict[int, Any]:
        events = _monitoring.events
        leaving: dict[int, Any] = dict.fromkeys((events.PY_RETURN, events.PY_YIELD, events.PY_UNWIND), self._leave)
        inside = {events.LINE: self._line, events.PY_THROW: self._throw, **leaving}
        seen: dict[int, Any] = {event: partial(self._see, one) for event, one in inside.items()}
        return {
            **seen,
            events.PY_START: partial(self._meet, self._start),
            events.PY_RESUME: partial(self._meet, self._resume),
        }

    def _meet(self, enter: Callable[[CodeType, int], None], code: CodeType, offset: int) -> object:
        """Enter a function, or a generator again; one outside the notebook is never reported again."""
        if code.co_filename not in self.files or code.co_name == CELL:
            return _monitoring.DISABLE
        return self._see(enter, code, offset)

    def _see(self, callback: Callable[..., object], code: CodeType, *args: object) -> object:
        """Handle an event, unless the compiler waits for the next function: it would trace our guard."""
        if compiler_callback() is not None:
            self.blind = self.blind or code.co_filename in self.files
            return None
        try:
            return GUARD.run_briefly("at-line", self._follow, callback, code, *args, default=None)
        finally:
            if GUARD.signals.arrived:
                GUARD.signals.send_later()

    def _follow(self, callback: Callable[..., object], code: CodeType, *args: object) -> object:
        followed = False
        try:
            answer = callback(code, *args)
            followed = True
        finally:
            if not followed:
                self.close()
                self.blind = True
        return answer

    def _start(self, code: CodeType, _: int) -> None:
        function = self._seen.get(id(code))
        if function is None and is_compiled(code):
            self.blind = True
        elif function is None:
            self._switch_on(code)
        elif function.merged and get_ident() == self._thread:
            self._go((code.co_filename, code.co_firstlineno), blind=True)

    def _line(self, code: CodeType, line: int) -> None:
        if get_ident() == self._thread:
            self._go((code.co_filename, line), blind=False)
        if self._tool is not None:
            self._cool_down(self._seen[id(code)])

    def _resume(self, code: CodeType, offset: int) -> None:
        """Go on in a generator or coroutine, which may have begun in an earlier cell."""
        if id(code) not in self._seen:
            self._start(code, offset)
        if get_ident() == self._thread:
            self._arrive(_frame_of(code))

    def _throw(self, code: CodeType, offset: int, _: object) -> None:
        """Go on in a generator into which an exception was thrown, as `close` does."""
        if code.co_filename in self.files and code.co_name != CELL:
            self._resume(code, offset)

    def _leave(self, code: CodeType, _: int, __: object) -> None:
        """Return to the caller's position."""
        if code.co_filename in self.files and get_ident() == self._thread:
            frame = _frame_of(code)
            self._arrive(frame.f_back if frame else None)

    def _arrive(self, frame: FrameType | None) -> None:
        """Set the position to the innermost notebook frame."""
        outward = walk_stack(frame) if frame is not None else ()
        frame = next((one for one, _ in outward if one.f_code.co_filename in self.files), None)
        if frame is None or frame.f_code.co_name == CELL:
            self._go(None, blind=False)
        else:
            function = self._seen.get(id(frame.f_code))
            self._go((frame.f_code.co_filename, frame.f_lineno), blind=function is None or function.merged)

    def _go(self, place: Place | None, *, blind: bool) -> None:
        self.on_leave()
        self.place, self.blind = place, blind or self._tool is None

    def _switch_on(self, code: CodeType) -> None:
        events = _monitoring.events
        self._seen[id(code)] = _Function(code, perf_counter())
        _monitoring.set_local_events(self._tool, code, events.LINE | _passages(events))

    def _cool_down(self, function: _Function) -> None:
        function.count += 1
        if function.count == HOT_LINES and perf_counter() - function.since < HOT_LINES * HOT_INTERVAL:
            function.merged = True
            _monitoring.set_local_events(self._tool, function.code, _passages(_monitoring.events))
            self.blind = True


def _frame_of(code: CodeType) -> FrameType | None:
    """Return the frame of an event, below our own frames."""
    return next((frame for frame, _ in walk_stack(sys._getframe(1)) if frame.f_code is code), None)


def _passages(events: Any) -> int:  # noqa: ANN401  (its type is known to Python 3.12 only)
    return int(events.PY_RETURN | events.PY_YIELD)


def _take(tool: int) -> bool:
    """Claim a tool id unless it is in use."""
    try:
        _monitoring.use_tool_id(tool, "ipy_tensorwatch")
    except ValueError:
        return False
    return True
