"""The sessions of the pages: cells as IPython prints them, run again, with what is shown under them."""

from __future__ import annotations

import re
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from traitlets.config import Config

from ipy_tensorwatch import unload_ipython_extension

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    Run = Callable[[Sequence[str]], Sequence[str]]

SESSION = re.compile(r"^```text\n(In \[1\]: .*?)^```$", re.MULTILINE | re.DOTALL)
PROMPT = re.compile(r"^In \[(\d+)\]: ", re.MULTILINE)
MAX_ERROR = 118
MORE = re.compile(r"^ +\.\.\.: ?", re.MULTILINE)


@dataclass(frozen=True)
class Shown:
    """One cell of a session, and what is shown under it."""

    source: str
    shown: str


def read_session(text: str) -> list[Shown]:
    """Split a session as IPython prints it into cells."""
    _, *parts = PROMPT.split(text)
    if parts[::2] != [str(number + 1) for number in range(len(parts) // 2)]:
        message = f"cells are numbered one by one, not {parts[::2]}"
        raise ValueError(message)
    return [_read_cell(part) for part in parts[1::2]]


def write_session(cells: Sequence[Shown]) -> str:
    """Write cells as IPython prints them."""
    return "\n".join(_write_cell(number, cell) for number, cell in enumerate(cells, 1))


def fill_sessions(text: str, run: Run) -> str:
    """Run all sessions of a page, and write what they print under their cells."""

    def fill(found: re.Match[str]) -> str:
        sources = [cell.source for cell in read_session(found[1])]
        cells = [Shown(source, shown) for source, shown in zip(sources, run(sources), strict=True)]
        return f"```text\n{write_session(cells)}```"

    return SESSION.sub(fill, text)


@contextmanager
def open_shell() -> Iterator[Callable[[str], str]]:
    """Open a fresh shell; what it gives runs a cell, and returns what that prints."""
    InteractiveShell.clear_instance()
    config = Config()
    config.HistoryManager.enabled = False
    shell = InteractiveShell.instance(config=config)

    def run(source: str) -> str:
        with capture_output() as captured:
            result = shell.run_cell(source, store_history=True)
        told = str(captured.stdout)
        return told if result.error_in_exec is None else _brief(result.error_in_exec, told)

    yield run
    unload_ipython_extension(shell)


def _brief(error: BaseException, told: str) -> str:
    """Give of a traceback the last line alone, and what is said under it."""
    last = f"{type(error).__name__}: {error}".split("\n")[0]
    said = told[told.index("\n tensorwatch  [") :] if "\n tensorwatch  [" in told else ""
    return (last if len(last) <= MAX_ERROR else f"{last[: MAX_ERROR - 1]}…") + said


def run_session(sources: Sequence[str]) -> list[str]:
    """Run cells in a fresh shell, and return what each prints."""
    with open_shell() as run:
        return [run(source) for source in sources]


def _read_cell(part: str) -> Shown:
    first, *others = part.strip("\n").split("\n")
    count = next((place for place, line in enumerate(others) if not MORE.match(line)), len(others))
    source = "\n".join([first, *(MORE.sub("", line) for line in others[:count])])
    return Shown(source=source, shown="\n".join(others[count:]))


def _write_cell(number: int, cell: Shown) -> str:
    prompt = f"In [{number}]: "
    more = f"{'...: ':>{len(prompt)}}"
    code = prompt + f"\n{more}".join(cell.source.split("\n"))
    shown = cell.shown.strip("\n")
    return "".join(f"{line.rstrip()}\n" for line in [*code.split("\n"), *(shown.split("\n") if shown else ())])
