"""The guard between our code and the user's program: an error of ours never reaches the user's code.

Every callback of IPython, PyTorch, NumPy, a front end or `sys.monitoring` runs through `GUARD.run`. Its errors are
kept for `%tensorwatch status`; signals that arrive while it runs are delivered to the user's code afterwards.
"""

from __future__ import annotations

import gc
import traceback
from collections import deque
from contextlib import AbstractContextManager, nullcontext
from sys import gettrace, settrace
from threading import get_ident
from types import BuiltinFunctionType
from typing import TYPE_CHECKING, Any, TypeVar

from .record import field, mutable
from .signals import HeldSignals

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

KEPT = 16
"""How many different faults are kept, the oldest dropped first."""
_HEAP_TYPE = 1 << 9
"""The flag of a class made by a program, which may have its own `__str__`."""
_flags_of: Callable[[type], int] = vars(type)["__flags__"].__get__
_PLAIN = frozenset({str, bytes, int, float, type(None)})


_CAN_PAUSE = type(settrace) is BuiltinFunctionType
"""False if a debugger replaced `settrace` by its own function, which complains when called."""


def pause_tracing() -> Any:  # noqa: ANN401
    """Stop the user's tracer, whose code must not run in ours; return it, to be passed to `settrace` later."""
    tracer = gettrace() if _CAN_PAUSE else None
    if tracer is not None:
        settrace(None)
    return tracer


@mutable(kw_only=True, eq=False)
class Fault:
    """An error in our code.

    Attributes
    ----------
    where
        The action that failed, as a code such as `after-cell`.
    text
        The traceback.
    times
        How often this same fault occurred.
    """

    where: str
    text: str
    times: int = 1


@mutable(eq=False)
class Guard:
    """Runs our code inside the user's program, and records its errors.

    Attributes
    ----------
    faults
        The recorded errors, latest last.
    count
        The total number of errors.
    signals
        The signals that arrived while our code ran.
    around
        Makes what each action runs in, so that nothing of the user's answers or notices it.
    """

    faults: deque[Fault] = field(default_factory=lambda: deque(maxlen=KEPT))
    count: int = 0
    signals: HeldSignals = field(default_factory=HeldSignals)
    around: Callable[[], AbstractContextManager[Any]] = nullcontext
    _inside: int = 0  # the thread of the outermost action that runs

    def run(self, where: str, action: Callable[..., T], *args: Any, default: T) -> T:  # noqa: ANN401
        """Run an action and return its result; `default` if it raised."""
        if self._inside == get_ident():  # the outer run has done all of what follows
            return self.run_briefly(where, action, *args, default=default)
        tracer, collects = None, gc.isenabled()
        try:
            self.signals.hold()
            # Finalizers and callbacks of the user's wait until its own code runs, and what we make and drop sets off no
            # look at all of the user's objects.
            gc.disable()
            tracer = pause_tracing()
            self._inside = get_ident()
            with self.around():
                return action(*args)
        except BaseException as error:  # noqa: BLE001  (no error of ours may reach the user's program)
            self.note(where, error)
            return default
        finally:
            self._inside = 0
            if collects:
                gc.enable()
            try:
                self.signals.release()
            finally:
                if tracer is not None:
                    settrace(tracer)

    def run_inside(self, where: str, action: Callable[..., T], *args: Any, default: T) -> T:  # noqa: ANN401
        """Run an action in the middle of a user's statement, which gets the signals that arrived a moment later."""
        try:
            return self.run(where, action, *args, default=default)
        except BaseException as error:
            if not self.signals.catch(error):
                raise
            return default
        finally:
            if self.signals.arrived:
                self.signals.send_later()

    def run_briefly(self, where: str, action: Callable[..., T], *args: Any, default: T) -> T:  # noqa: ANN401
        """Run an action too short for holding signals; a signal that interrupts it is not lost either."""
        try:
            return action(*args)
        except BaseException as error:  # noqa: BLE001  (the same)
            self.note(where, error)
            return default

    def note(self, where: str, error: BaseException) -> None:
        """Record an error; a signal that interrupted our code, such as Ctrl-C, is kept for the user's code."""
        try:
            self.signals.catch(error)
            self.count += 1
            text = _describe(error)
            known = next((one for one in self.faults if (one.where, one.text) == (where, text)), None)
            if known is None:
                self.faults.append(Fault(where=where, text=text))
            else:
                known.times += 1
        except BaseException:  # noqa: BLE001  (out of memory, for instance; the error is counted)
            return

    def note_unless_odd(self, where: str, error: BaseException) -> None:
        """Record an error, unless PyTorch raised it for a tensor that does not support the question."""
        if not issubclass(type(error), RuntimeError):
            self.note(where, error)

    def clear(self) -> None:
        """Forget all errors."""
        self.faults.clear()
        self.count = 0


def _describe(error: BaseException) -> str:
    """Format a traceback without calling `__str__` of a user's exception."""
    kind = type(error)
    lines = traceback.format_tb(error.__traceback__)
    is_plain = not _flags_of(kind) & _HEAP_TYPE and _PLAIN.issuperset(map(type, error.args))
    text = f": {error}" if is_plain else ""
    name = type.__getattribute__(kind, "__name__")
    return "".join(["Traceback (most recent call last):\n", *lines, name, text, "\n"])


GUARD = Guard()
"""The guard of this process: weak references, hooks and handlers have no shell to ask for one."""
