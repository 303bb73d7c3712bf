"""Read the error that a cell raised: PyTorch's message, and the frames of the traceback.

The error, its traceback and its frames belong to the user: they are only read, and only plain values are returned.
"""

from __future__ import annotations

import gc
import inspect
import sys
from collections import deque
from itertools import islice
from typing import TYPE_CHECKING, Any

from ...core.explain.error_messages import ErrorMessage, read_error_message
from ...core.records.trace.cell_error import Spot

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from types import CodeType, FrameType, TracebackType


MAX_CHAIN = 16
MAX_MESSAGE = 100_000
"""The maximum length of a message; PyTorch's have hundreds of characters, thousands in anomaly mode."""
MAX_FRAMES = 100
"""The maximum number of innermost frames that are read."""

_members: Any = vars(BaseException)  # a user's exception class may define these names, so its attributes are not used
_arguments, _traceback = _members["args"].__get__, _members["__traceback__"].__get__
_before = [_members[name].__get__ for name in ("__cause__", "__context__")]


def find_error_message(error: BaseException) -> tuple[str, ErrorMessage, BaseException] | None:
    """Return PyTorch's message in an error or its causes: the earliest, which was raised at the fault."""
    found = None
    for one in _chain(error):
        message = _arguments(one)[:1] if type(one) is RuntimeError else ()
        text = message[0] if message and type(message[0]) is str else ""
        error_message = read_error_message(text) if 0 < len(text) <= MAX_MESSAGE else None
        if error_message is not None:
            found = text, error_message, one
    return found


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    waiting = [error]
    while waiting and len(seen) < MAX_CHAIN:
        one = waiting.pop()
        if id(one) not in seen:
            seen.add(id(one))
            yield one
            waiting += [earlier for read in _before if (earlier := read(one)) is not None]


def spots_of(error: BaseException) -> tuple[Spot, ...]:
    """Return the position of each frame, innermost first, in the order of `frames_of`."""
    return tuple(spot_of(one.tb_frame.f_code, one.tb_lineno, one.tb_lasti) for one in _steps(error))


def frames_of(error: BaseException) -> Iterator[FrameType]:
    """Yield the frames of an error's traceback, innermost first."""
    return (one.tb_frame for one in _steps(error))


def locals_of(frame: FrameType) -> Mapping[str, object]:
    """Return a frame's local names without running user code: for a class or cell body only if they are a dict."""
    if not frame.f_code.co_flags & inspect.CO_OPTIMIZED:
        return frame.f_locals if type(frame.f_locals) is dict else {}
    filled = [id(one) for one in gc.get_referents(frame) if type(one) is dict and one]
    kept, found = frame.f_locals, dict(frame.f_locals)
    if type(kept) is dict and id(kept) not in filled:
        kept.clear()  # Python before 3.13 caches it, which would keep alive what the frame releases
    return found


def _steps(error: BaseException) -> list[TracebackType]:
    found: deque[TracebackType] = deque(maxlen=MAX_FRAMES)
    step = _traceback(error)
    while step is not None:
        found.append(step)
        step = step.tb_next
    return [*found][::-1]


def spot_of(code: CodeType, line: int, last: int) -> Spot:
    """Return the position of a frame whose last instruction is at byte `last` of its code."""
    return Spot(file=code.co_filename, line=line, span=_span(code, last // 2), function=code.co_name)


def _span(code: CodeType, place: int) -> tuple[int, int, int, int] | None:
    if sys.version_info < (3, 11):
        return None
    line, end, column, last = next(islice(code.co_positions(), place, None), (None,) * 4)
    return None if line is None or end is None or column is None or last is None else (line, column, end, last)
