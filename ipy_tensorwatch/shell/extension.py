"""Load, unload, and the one watcher of this shell."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..render.text import summarize
from .config import TensorWatch
from .watcher import Watcher

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from ..core.report import Report

_watchers: list[Watcher] = []


def load_ipython_extension(shell: InteractiveShell) -> None:
    """Begin to watch a shell; loading twice is the same as loading once."""
    if _watchers:
        unload_ipython_extension(_watchers[0].shell)
    watcher = Watcher(shell=shell, settings=TensorWatch(parent=shell), on_report=_show)
    watcher.start()
    _watchers.append(watcher)


def unload_ipython_extension(shell: InteractiveShell) -> None:
    """Stop watching and leave nothing behind."""
    while _watchers:
        _watchers.pop().stop()


def report() -> Report:
    """Return the last cell's report."""
    if not _watchers or _watchers[0].report is None:
        message = "no cell has been watched yet: run %load_ext tensorwatch, then a cell"
        raise RuntimeError(message)
    return _watchers[0].report


def _show(report: Report) -> None:
    text = summarize(report)
    if text:
        print(text)
