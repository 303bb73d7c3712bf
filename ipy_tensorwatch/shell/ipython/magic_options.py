"""The options of the magics: argument parsers with `--help`, whose errors are one line."""

from __future__ import annotations

import argparse
import difflib
import re
import shutil
from textwrap import fill
from typing import TYPE_CHECKING, Any, NoReturn

from IPython.core.error import UsageError

from ...core.runtime.record import record

if TYPE_CHECKING:
    from collections.abc import Sequence

WIDTH = 88
_QUOTE = "'"
_CHOICES = re.compile(r"invalid choice: (?P<given>.*) \(choose from (?P<choices>[^()]*)\)$", re.DOTALL)
"""The message of `argparse` for an unknown command; only some Pythons quote the choices."""
MAX_VALUES = 100


class Helped(Exception):  # noqa: N818  (no error: help was printed)
    """Raised after `--help` has been printed."""


class _Layout(argparse.RawDescriptionHelpFormatter):
    """Keeps the lines of a description and of a usage, and breaks those that are too wide."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        return "\n".join(fill(f"{indent}{line}", width, subsequent_indent=indent) for line in text.split("\n"))

    def _format_usage(self, *given: Any) -> str:  # noqa: ANN401  (argparse's own arguments)
        lines = super()._format_usage(*given).rstrip().split("\n")
        return "\n".join(fill(line, self._width, subsequent_indent=" " * 9) for line in lines) + "\n\n"


class Parser(argparse.ArgumentParser):
    """An argument parser for a magic: it raises instead of exiting."""

    def __init__(self, **keywords: object) -> None:
        formatter = lambda prog: _Layout(prog, max_help_position=28, width=_columns())  # noqa: E731
        super().__init__(formatter_class=formatter, allow_abbrev=False, **keywords)  # type: ignore[arg-type]
        self.color = False  # the help text is also the docstring

    def error(self, message: str) -> NoReturn:
        """Raise `UsageError` with a one-line message."""
        plain = _CHOICES.sub(_explain_choice, message.removeprefix("argument command: "))
        raise UsageError(f"{self.prog}: {plain}; see {self.prog} --help")

    def exit(self, status: int = 0, message: str | None = None) -> NoReturn:
        """Raise `Helped` instead of exiting after `--help`."""
        del status, message
        raise Helped


@record
class DiffOptions:
    """The options of `%tensordiff` and `%%tensordiff`."""

    ops: bool = True
    unchanged: bool = False
    max_rows: int = 40
    values: int = 3
    preview: bool = False
    tensors: tuple[str, ...] = ()


def watch_parser() -> Parser:
    """Return the parser of `%tensorwatch`."""
    parser = Parser(
        prog="%tensorwatch",
        description="See which of your tensors share memory, and which line just changed one you did not touch.\n"
        "Without a command: the alias groups, and what the last cell changed.",
        epilog="examples:\n  %tensorwatch\n  %tensorwatch why batch['x']\n  %tensorwatch history -n 5 x\n"
        "  %tensorwatch config budget_share=0.02",
    )
    commands = parser.add_subparsers(dest="command", metavar="command")
    _add(commands, "help", "all commands")
    _add(commands, "on", "start watching cells")
    _add(commands, "off", "stop watching cells")
    _add(commands, "status", "what is watched, what was not compared, what it costs")
    why = _add(commands, "why", "a tensor's memory: its group, its history of writes, who else holds it")
    why.add_argument("path", metavar="PATH", help="a watched tensor, as you would type it: model.layers[0].weight")
    history = _add(commands, "history", "the latest changes, cell by cell")
    history.add_argument("-n", dest="count", type=_natural, default=20, metavar="N", help="how many (default: 20)")
    history.add_argument(
        "path", nargs="?", metavar="PATH", help="only of this tensor, or of the tensors in this container"
    )
    freeze = _add(
        commands, "freeze", "stop or undo every write to a tensor, or to all tensors in a container, by any name"
    )
    freeze.add_argument("paths", nargs="+", metavar="PATH", help="a variable, as you would type it: model.layers[0]")
    thaw = _add(commands, "thaw", "let frozen tensors be written again")
    thaw.add_argument("paths", nargs="*", metavar="PATH", help="what to thaw (default: all)")
    _add(commands, "frozen", "what is frozen, and since when")
    blame = _add(commands, "blame", "every write to a tensor, cell by cell, line by line")
    blame.add_argument("path", metavar="PATH", help="a tensor, or a container of tensors")
    restore = _add(commands, "restore", "put back the bytes from before a cell, in place, for every alias")
    restore.add_argument("path", metavar="PATH", help="a tensor, or a container of tensors")
    restore.add_argument(
        "cell",
        nargs="?",
        type=_natural,
        metavar="CELL",
        help="before which cell (default: the last change not undone yet)",
    )
    preview = _add(commands, "preview", "what the rest of this cell, or a cell by its number, would change silently")
    preview.add_argument(
        "cell", nargs="?", type=_natural, metavar="CELL", help="a cell that has run (default: this one)"
    )
    fix = _add(commands, "fix", "what mends a silent change or a hazard; puts the mended cell where you type next")
    fix.add_argument("what", nargs="?", metavar="CODE|PATH", help="a hazard's code, or a tensor (default: all)")
    ranks = _add(commands, "ranks", "one joined report of the processes of an ipyparallel cluster, under each cell")
    ranks.add_argument("view", nargs="?", metavar="CLUSTER|CLIENT|VIEW|off", help="what to join (default: show it)")
    config = _add(commands, "config", "show or change settings")
    config.add_argument("setting", nargs="*", metavar="NAME[=VALUE]", help="one setting, or its new value")
    return parser


def diff_parser() -> Parser:
    """Return the parser of `%tensordiff` and `%%tensordiff`."""
    parser = Parser(
        prog="%tensordiff",
        usage="%%%%tensordiff [options]   run the cell below, then show what it did to every tensor\n"
        "       %%tensordiff [options]    show what the last cell did\n"
        "       %%tensordiff A B          compare two tensors",
        description="Before and after: every change of a cell, its cause, its line, how many elements by how much.\n"
        "%%tensordiff runs the cell once, as it would run anyway, and records every PyTorch operator that writes, in "
        "order; writes by NumPy and through raw pointers are found too, but by comparing bytes.",
    )
    parser.add_argument("tensors", nargs="*", metavar="A B", help="two expressions, spaces only inside brackets")
    parser.add_argument("--no-ops", dest="ops", action="store_false", help="leave out the operators")
    parser.add_argument("-a", "--all", dest="unchanged", action="store_true", help="list unchanged tensors too")
    parser.add_argument("--max-rows", type=_natural, default=40, metavar="N", help="rows of a table (default: 40)")
    parser.add_argument(
        "--values", type=_few, default=3, metavar="N", help=f"values of a tensor, 0 to {MAX_VALUES} (default: 3)"
    )
    parser.add_argument("--preview", action="store_true", help="say what the cell would do, and do not run it")
    return parser


def watch_options(line: str) -> argparse.Namespace:
    """Parse the options of `%tensorwatch`; raise `UsageError` or `Helped`."""
    found, unknown = watch_parser().parse_known_args(split(line))
    if unknown:
        name = f"%tensorwatch {found.command or ''}".rstrip()
        raise UsageError(f"{name}: unrecognized arguments: {' '.join(unknown)}; see {name} --help")
    return found


def diff_options(line: str) -> DiffOptions:
    """Parse the options of `%tensordiff`; raise `UsageError` or `Helped`."""
    found = diff_parser().parse_args(split(line))
    return DiffOptions(
        ops=found.ops,
        unchanged=found.unchanged,
        max_rows=found.max_rows,
        values=found.values,
        preview=found.preview,
        tensors=tuple(found.tensors),
    )


def split(line: str) -> Sequence[str]:
    """Split a line at blanks outside quotes and brackets; quotes are kept.

    Examples
    --------
    >>> split("why batch['a b'][0, 1]")
    ['why', "batch['a b'][0, 1]"]
    """
    words: list[str] = []
    word, depth, quote = "", 0, ""
    for letter in line:
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "'\"":
            quote = letter
        depth += 0 if quote else (letter in "([{") - (letter in ")]}")
        if letter.isspace() and not quote and depth <= 0:
            words.append(word)
            word = ""
        else:
            word += letter
    return [one for one in (*words, word) if one]


def _columns() -> int:
    return min(WIDTH, shutil.get_terminal_size().columns)


def _add(commands: argparse._SubParsersAction[Parser], name: str, text: str) -> Parser:
    description = f"{text[0].upper()}{text[1:]}."
    return commands.add_parser(name, prog=f"%tensorwatch {name}", help=text, description=description)


def _explain_choice(found: re.Match[str]) -> str:
    choices = found["choices"].replace(_QUOTE, "").split(", ")
    near = difflib.get_close_matches(found["given"].strip(_QUOTE).lower(), choices, n=1)
    hint = f"did you mean {near[0]}?" if near else f"the commands are {', '.join(choices)}"
    return f"there is no command {found['given']}: {hint}"


def _natural(text: str) -> int:
    number = _whole(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number} is less than 1")
    return number


def _few(text: str) -> int:
    number = _whole(text)
    if not 0 <= number <= MAX_VALUES:
        raise argparse.ArgumentTypeError(f"{number} is not between 0 and {MAX_VALUES}")
    return number


def _whole(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number") from None
