"""Choose how to show a page: text in a terminal, text and HTML where a front end is there to show it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..render.diff import DiffView, show_diff
from ..render.html import write_html
from ..render.page import Page, words
from ..render.summary import summarize
from ..render.text import write_text

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from ..core.records import Hazard
    from ..core.report import Report
    from .options import DiffOptions


def show(shell: InteractiveShell, page: Page) -> None:
    """Show a page, without a trace in `_` or `Out`."""
    text = write_text(page)
    if getattr(shell, "kernel", None) is None:
        print(text)
    else:
        shell.display_pub.publish({"text/plain": text, "text/html": write_html(page)})


@dataclass(slots=True)
class Speaker:
    """Says under each cell what there is to say, and once what need be said only once.

    Attributes
    ----------
    report, asked
        The last cell that did more than ask us, and the options that it ran with under `%%tensordiff`.
    """

    shell: InteractiveShell
    report: Report | None = None
    asked: DiffOptions | None = None
    said_skipped: bool = False
    _told: frozenset[object] = frozenset()

    def tell(self, report: Report, asked: DiffOptions | None) -> None:
        """Show a cell's report: in full where `%%tensordiff` asks for it, else what was silent."""
        if not _only_asks(report.cell.source):
            self.report, self.asked = report, asked
        fresh = self._fresh(report)
        page = show_diff(report, diff_view(asked, recorded=asked.ops)) if asked else summarize(report, fresh)
        if page is not None:
            show(self.shell, page)
        self._tell_skipped(report)

    def _fresh(self, report: Report) -> list[Hazard]:
        """Choose what the cell died of, and the hazards that are no mere risk and were not there before it."""
        before, happened = self._told, [one for one in report.hazards if one.happened]
        self._told = frozenset(_mark(one) for one in report.hazards) | (before if happened else frozenset())
        ahead = (one for one in report.hazards if not one.happened and one.outcome != "risk")
        return [*happened, *(one for one in ahead if _mark(one) not in before)]

    def _tell_skipped(self, report: Report) -> None:
        skipped = [one for one in report.coverage.unverified if one.why == "budget"]
        if skipped and not self.said_skipped:
            self.said_skipped = True
            show(self.shell, _skipped_page(report, len(skipped)))


def _mark(one: Hazard) -> object:
    """Tell a hazard from others, whatever its variables are called by now."""
    return one.code, one.outcome, one.op, one.saved_at, one.written_at


def _only_asks(source: str) -> bool:
    """Tell a cell that holds nothing but our own line magics."""
    lines = [line.strip() for line in source.splitlines()]
    return all(not line or line.startswith(("#", "%tensorwatch", "%tensordiff")) for line in lines)


def diff_view(options: DiffOptions, *, recorded: bool) -> DiffView:
    """Turn options into what the page needs to know."""
    return DiffView(recorded=recorded, unchanged=options.unchanged, max_rows=options.max_rows, values=options.values)


def _skipped_page(report: Report, count: int) -> Page:
    some = "1 tensor was" if count == 1 else f"{count:,} tensors were"
    head = f"tensorwatch  [{report.cell.count}]  {some} not compared: the time for it is up"
    hint = "they are compared after later cells; said once, %tensorwatch status tells it for the last cell"
    return Page(head=head, parts=(words(hint),))
