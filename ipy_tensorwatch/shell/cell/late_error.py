"""Errors that become known only after a cell has run, reported as the cell's own."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from ...core.runtime.guard import GUARD
from ..ipython.ipython_private import set_error

if TYPE_CHECKING:
    from IPython.core.interactiveshell import ExecutionResult, InteractiveShell


def raise_late(shell: InteractiveShell, error: BaseException, result: ExecutionResult | None) -> None:
    """Make it the error of a cell that succeeded; print it to stderr if the cell has an error already."""
    if result is None or not result.success:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return
    set_error(result, error)
    shell.last_execution_succeeded = False
    shell.showtraceback((type(error), error, None))


def deliver_late(shell: InteractiveShell, result: ExecutionResult | None) -> None:
    """Deliver signals that arrived during our hook; a Ctrl-C becomes the error of the cell that has run."""
    try:
        if GUARD.signals.are_waiting:
            GUARD.signals.take()()
    except BaseException as error:  # noqa: BLE001  (whatever a handler of the user's raises)
        if result is not None and result.success:
            GUARD.run("after-cell", raise_late, shell, error.with_traceback(None), result, default=None)
