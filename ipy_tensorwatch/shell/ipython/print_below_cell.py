"""Show a page: as text in a terminal, as text and HTML in a kernel; never in or over what the cell itself put out."""

from __future__ import annotations

import os
import shutil
import sys
from collections import deque
from functools import partial
from typing import TYPE_CHECKING

from ...core.interpreter.reached_definitions import reached_definitions
from ...core.runtime.record import field, mutable
from ...core.syntax.statement_text import words_in
from ...render.page import Page, words
from ...render.pages.diff_page import DiffView, show_diff
from ...render.pages.summary_page import summarize, summarize_in_one_line, told_late
from ...render.paint.html import write_html
from ...render.paint.text import write_text
from .ipython_private import is_line_open

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from IPython.core.interactiveshell import InteractiveShell

    from ...render.report import Report
    from .magic_options import DiffOptions
    from .settings import TensorWatch
    from .waiting_clear import WaitingClears


def show(shell: InteractiveShell, page: Page) -> None:
    """Show a page without setting `_` or `Out`."""
    is_in_kernel = getattr(shell, "kernel", None) is not None
    say(shell, write_text(page) if is_in_kernel else _for_terminal(page), partial(write_html, page))


def _for_terminal(page: Page) -> str:
    """Return a page as wide as the terminal and in colour unless NO_COLOR is set; plain if not for a terminal."""
    if not getattr(sys.stdout, "isatty", bool)():
        return write_text(page)
    has_color = not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    return write_text(page, shutil.get_terminal_size().columns, color=has_color)


def say(shell: InteractiveShell, text: str, html: Callable[[], str] | None = None) -> None:
    """Show text on lines of its own in a terminal, and as an output of its own in a kernel."""
    if getattr(shell, "kernel", None) is not None:
        shell.display_pub.publish({"text/plain": text} | ({"text/html": html()} if html else {}))
        return
    start = "\n" if is_line_open(shell) else ""
    sys.stdout.write(f"{start}{text}\n")  # at once, so that no thread prints in between


MAX_HELD = 20
"""How many pages wait for a later cell; the oldest goes first."""
SKIPPED = 5
"""After so many cells in a row without time for the same tensor it is said: a busy machine alone seldom does this."""


@mutable
class CellPrinter:
    """Prints the summary or the diff under each cell, and once that tensors are skipped cell after cell.

    Attributes
    ----------
    report, asked
        The last cell that did more than call our line magics, and its `%%tensordiff` options if it had any.
    is_panel_visible
        Returns whether a front end shows the panel.
    hushed
        The keys of the hazards that the user asked not to be told of again.
    clears
        Knows whether anything shown would erase the cell's own output.
    held
        What could not be shown under its own cell, and comes under the next one.
    skipped
        For each path that the last cell had no time to compare, the number of such cells in a row.
    """

    shell: InteractiveShell
    settings: TensorWatch
    is_panel_visible: Callable[[], bool]
    clears: WaitingClears
    report: Report | None = None
    asked: DiffOptions | None = None
    skipped: dict[str, int] = field(default_factory=dict)
    said_skipped: bool = False
    hushed: Collection[str] = ()
    held: deque[Page] = field(default_factory=lambda: deque(maxlen=MAX_HELD))

    def tell(self, report: Report, asked: DiffOptions | None, *, is_said: bool = False) -> None:
        """Show a cell's report: in full under `%%tensordiff`, else its silent changes and new hazards.

        Parameters
        ----------
        is_said
            Whether it is said elsewhere, so that it is only kept.
        """
        if not _only_asks(report.cell.source):
            self.report, self.asked = report, asked
        if is_said:
            return
        pages = [*self._pages(report, asked)]
        if not (pages or self.held):
            return
        has_ended = report.cell.status == "ok"  # a traceback was put out last
        if has_ended and self.clears.is_waiting(_code_of(report)):
            self.held.extend(told_late(page, report.cell.count) for page in pages)
            return
        self.tell_held()
        for page in pages:
            show(self.shell, page)

    def tell_held(self) -> None:
        """Show what could not be shown under earlier cells."""
        while self.held:
            show(self.shell, self.held.popleft())

    def _pages(self, report: Report, asked: DiffOptions | None) -> Iterator[Page]:
        page = show_diff(report, diff_view(asked, recorded=asked.ops)) if asked else self._block(report)
        if page is not None:
            yield page
        self.skipped = {path: self.skipped.get(path, 0) + 1 for path in report.skipped}
        if not self.said_skipped and max(self.skipped.values(), default=0) >= SKIPPED:
            self.said_skipped = True
            yield _skipped_page(report)

    def _block(self, report: Report) -> Page | None:
        """Return what is shown under a cell; what explains an error is always whole."""
        begun = [one for one in report.begun if one.is_worth_saying and one.key not in self.hushed]
        block = self.settings.block
        if block == "off":
            return None
        in_panel = self.is_panel_visible()
        if report.cell.status == "ok" and (block == "line" or (block == "auto" and in_panel)):
            return summarize_in_one_line(report, begun, in_panel=in_panel)
        return summarize(report, begun)


def _code_of(report: Report) -> str:
    """Return a cell with the notebook's functions and classes that it may run."""
    source, known = report.cell.source, report.reasoning.trace.notebook.definitions
    return "\n".join((source, *(one.source for one in reached_definitions({*words_in(source)}, known))))


def _only_asks(source: str) -> bool:
    """Return whether a cell holds only our line magics and comments."""
    lines = [line.strip() for line in source.splitlines()]
    return all(not line or line.startswith(("#", "%tensorwatch", "%tensordiff")) for line in lines)


def diff_view(options: DiffOptions, *, recorded: bool) -> DiffView:
    """Convert options to the view that the page takes."""
    return DiffView(recorded=recorded, unchanged=options.unchanged, max_rows=options.max_rows, values=options.values)


def _skipped_page(report: Report) -> Page:
    first, *others = report.skipped
    some = f"{first} and {len(others):,} more were" if others else f"{first} was"
    head = f"tensorwatch  [{report.cell.count}]  {some} not compared: no time was left"
    hint = "they come first after later cells; this is said once: %tensorwatch status shows it for the last cell"
    return Page(head=head, parts=(words(hint),))
