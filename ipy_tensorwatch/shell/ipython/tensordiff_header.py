"""The line `%%tensordiff …` above a cell, which does not change how the cell runs.

IPython hands a cell magic its cell as text, and text run by a magic differs from a cell: other line numbers, no
top-level `await`, no `;`. So the line becomes a comment before IPython parses it, IPython runs the cell as usual, and
the watcher records it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from IPython.core.error import UsageError

from ...core.runtime.guard import GUARD
from ...core.runtime.record import mutable
from .ipython_private import tidying
from .magic_options import DiffOptions, Helped, diff_options

if TYPE_CHECKING:
    from collections.abc import Callable

MAGIC = "%%tensordiff"
COMMENT = f"# {MAGIC}"


@mutable
class HeadingTransformer:
    """An IPython input transformer that turns the `%%tensordiff` line into a comment.

    Nested cell magics (`%%time`, `%%capture`), bad options and `--help` are left to the magic.
    """

    is_running: Callable[[], bool]
    has_side_effects: bool = True
    """IPython skips such transformers when it only checks whether a cell is complete."""

    def __call__(self, lines: list[str]) -> list[str]:
        """Return the lines of a cell with the `%%tensordiff` line as a comment."""
        if not lines or MAGIC not in lines[0]:
            return lines
        return GUARD.run("reading-cell", self._comment_out, lines, default=lines)

    def _comment_out(self, lines: list[str]) -> list[str]:
        if self.is_running() or _options(lines[0], MAGIC) is None:
            return lines
        first = next((place for place, line in enumerate(lines) if place and line.strip()), None)
        if first is None or lines[first].lstrip().startswith("%%"):
            return lines
        return [f"# {lines[0]}", *lines[1:first], *_tidy(lines[first:])]


def _tidy(lines: list[str]) -> list[str]:
    """Remove indentation and pasted prompts, as IPython does for a cell without a magic."""
    for transform in tidying:
        lines = transform(lines)
    return lines


def requested(raw: str, plain: str) -> DiffOptions | None:
    """Return the options of a cell whose `%%tensordiff` line became a comment; None for any other cell."""
    return None if raw.lstrip().startswith("#") else _options(plain.partition("\n")[0], COMMENT)


def may_request(raw: str) -> bool:
    """Return whether a cell may contain `%%tensordiff`, without parsing it."""
    return MAGIC in raw


def _options(line: str, start: str) -> DiffOptions | None:
    head, *rest = line.split(None, start.count(" ") + 1)[start.count(" ") :] or [""]
    if head != MAGIC or not line.startswith(start):
        return None
    words = " ".join(rest)
    if "--help" in words or "-h" in words.split():
        return None
    try:
        options = diff_options(words)
    except (UsageError, Helped):
        return None
    return None if options.tensors or options.preview else options
