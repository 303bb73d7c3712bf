"""Show a page: as text in a terminal, as text and HTML in a kernel."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...render.page import Page, words
from ...render.pages.diff_page import DiffView, show_diff
from ...render.pages.summary_page import summarize
from ...render.paint.html import write_html
from ...render.paint.text import write_text

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from ...render.report import Report
    from .magic_options import DiffOptions


def show(shell: InteractiveShell, page: Page) -> None:
    """Show a page without setting `_` or `Out`."""
    if getattr(shell, "kernel", None) is None:
        print(_for_terminal(page))
    else:
        shell.display_pub.publish({"text/plain": write_text(page), "text/html": write_html(page)})


def _for_terminal(page: Page) -> str:
    """Return a page as wide as the terminal and in colour unless NO_COLOR is set; plain if not for a terminal."""
    if not getattr(sys.stdout, "isatty", bool)():
        return write_text(page)
    has_color = not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    return write_text(page, shutil.get_terminal_size().columns, color=has_color)


@dataclass(slots=True)
class Speaker:
    """Prints the summary or the diff under each cell, and the notice of skipped comparisons once.

    Attributes
    ----------
    report, asked
        The last cell that did more than call our line magics, and its `%%tensordiff` options if it had any.
    """

    shell: InteractiveShell
    report: Report | None = None
    asked: DiffOptions | None = None
    said_skipped: bool = False

    def tell(self, report: Report, asked: DiffOptions | None) -> None:
        """Show a cell's report: in full under `%%tensordiff`, else its silent changes and new hazards."""
        if not _only_asks(report.cell.source):
            self.report, self.asked = report, asked
        begun = [one for one in report.begun if one.is_worth_saying]
        page = show_diff(report, diff_view(asked, recorded=asked.ops)) if asked else summarize(report, begun)
        if page is not None:
            show(self.shell, page)
        self._tell_skipped(report)

    def _tell_skipped(self, report: Report) -> None:
        if not self.said_skipped and report.skipped:
            self.said_skipped = True
            show(self.shell, _skipped_page(report))


def _only_asks(source: str) -> bool:
    """Return whether a cell holds only our line magics and comments."""
    lines = [line.strip() for line in source.splitlines()]
    return all(not line or line.startswith(("#", "%tensorwatch", "%tensordiff")) for line in lines)


def diff_view(options: DiffOptions, *, recorded: bool) -> DiffView:
    """Convert options to the view that the page takes."""
    return DiffView(recorded=recorded, unchanged=options.unchanged, max_rows=options.max_rows, values=options.values)


def _skipped_page(report: Report) -> Page:
    count = len(report.skipped)
    some = "1 tensor was" if count == 1 else f"{count:,} tensors were"
    head = f"tensorwatch  [{report.cell.count}]  {some} not compared: the time for it is up"
    hint = "they are compared after later cells; said once, %tensorwatch status tells it for the last cell"
    return Page(head=head, parts=(words(hint),))
