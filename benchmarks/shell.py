"""A shell without a history file, in which a benchmark runs cells with and without watching."""

from __future__ import annotations

from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config


def open_shell(*, watch: bool) -> InteractiveShell:
    """Open a shell in the place of the last one."""
    config = Config()
    config.HistoryManager.enabled = False
    InteractiveShell.clear_instance()
    shell = InteractiveShell.instance(config=config)
    if watch:
        shell.run_line_magic("load_ext", "ipy_tensorwatch")
    return shell
