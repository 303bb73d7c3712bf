"""The client: it joins what the ranks tell, and shows one block under the cell that ran on them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from IPython.core.getipython import get_ipython

from ...core.ranks.applied_call import applied_call
from ...core.ranks.join_reports import JoinedRanks, join_reports
from ...core.ranks.rank_report import MissingRank, RankReport
from ...core.runtime.guard import GUARD
from ...core.runtime.record import mutable
from ...render.joined_report import JoinedReport
from ...render.pages.ranks_page import show_ranks, show_waiting, summarize_ranks
from ..ipython.print_below_cell import show
from ..ipython.request import request_cell
from .compare_state import StateComparison
from .engines import Engines, direct_view_of, rounds_of
from .hang_watch import HangWatch, waiting_ranks
from .notebook_places import place_in_notebook
from .rank_panel import RankPanel
from .registry import WATCHED, own_version

if TYPE_CHECKING:
    from collections.abc import Sequence

    from IPython.core.interactiveshell import ExecutionInfo, InteractiveShell

    from ...core.ranks.waiting_rank import WaitingRank
    from ...render.page import Page


@mutable(eq=False)
class Ranks:
    """One view of many processes: after each cell that ran on them, one block for all.

    Parameters
    ----------
    view
        A cluster, a client or a view of ipyparallel.

    Attributes
    ----------
    joined
        What the ranks told last.
    """

    engines: Engines
    state: StateComparison
    panel: RankPanel
    shell: InteractiveShell | None
    joined: JoinedRanks
    _heard: int
    _open: list[str]
    _source: str
    _told_missing: set[MissingRank]
    _watch: HangWatch | None

    def __init__(self, view: object) -> None:
        self.shell = get_ipython()
        self.engines = Engines(direct_view_of(view), own_version())
        self.state = StateComparison(self.engines)
        self.panel = RankPanel(self.engines)
        self._told_missing, self._open, self._watch, self._source = set(), [], None, ""
        self.engines.join()
        self.engines.published.attach(self.engines.client)
        self.joined = JoinedRanks(ranks=tuple(sorted(self.engines.joined)), missing=(*self.engines.missing.values(),))
        self.panel.tell(self.joined)
        self._heard = len(self.engines.client.history)
        if self.shell is not None:
            self.shell.events.register("pre_run_cell", self._before_cell)
            self.shell.events.register("post_run_cell", self._after_cell)
        WATCHED.append(self)

    def report(self) -> JoinedReport:
        """Return the last cell on all ranks: every change, what shares its state, and who waits."""
        engines = self.engines
        waiting = waiting_ranks(engines)
        if engines.open:
            told = tuple(one for _, one in sorted(waiting.items()))
            return JoinedReport(replace(self.joined, waiting=told, missing=tuple(engines.missing.values())))
        answers = engines.ask("full", dict.fromkeys(engines.joined, ()))
        reports = [one for one in answers.values() if isinstance(one, RankReport)]
        silent = [
            MissingRank(rank=one, why="no-answer")
            for one in sorted(engines.joined.intersection(engines.ids))
            if one not in answers
        ]
        joined = join_reports(reports) if reports else replace(self.joined, waiting=())
        self.state.name_equal()
        return JoinedReport(
            replace(joined, replicas=self.state.ledger.replicas(), missing=(*engines.missing.values(), *silent))
        )

    def page(self) -> Page:
        """Show the last cell on all ranks; a rank that is missing is not named again."""
        joined = self.report().joined
        self._told_missing |= set(joined.missing)
        return show_ranks(joined)

    def leave(self) -> None:
        """Stop joining: the ranks show their own blocks again."""
        if self in WATCHED:
            WATCHED.remove(self)
        if self._watch is not None:
            self._watch.stop()
        if self.shell is not None:
            for name, hook in (("pre_run_cell", self._before_cell), ("post_run_cell", self._after_cell)):
                if hook in self.shell.events.callbacks[name]:
                    self.shell.events.unregister(name, hook)
        GUARD.run("joining-ranks", self.engines.leave, default=None)
        GUARD.run("joining-ranks", self.panel.tell, None, default=None)

    def _before_cell(self, info: ExecutionInfo | None = None) -> None:
        self._source = getattr(info, "raw_cell", None) or ""
        GUARD.run("joining-ranks", self.engines.join, default=None)
        self.engines.places = {}
        self._watch = HangWatch(self.engines, self._tell_hang)
        self._watch.start()

    def _tell_hang(self, waiting: tuple[WaitingRank, ...], ended: tuple[int, ...]) -> None:
        self.joined = replace(self.joined, waiting=waiting)
        self.panel.tell(self.joined)
        if self.shell is not None:
            show(self.shell, show_waiting(waiting, ended, self._fresh_missing()))

    def _fresh_missing(self) -> list[MissingRank]:
        """Return the ranks that are missing and were not named yet."""
        missing = self._missing()
        fresh = [one for one in missing if one not in self._told_missing]
        self._told_missing = set(missing)
        return fresh

    def _missing(self) -> tuple[MissingRank, ...]:
        return tuple(dict.fromkeys((*self.engines.missing.values(), *self.engines.silent.values())))

    def _after_cell(self, _: object) -> None:
        if self._watch is not None:
            self._watch.stop()
        GUARD.run("joining-ranks", self._tell, default=None)

    def _tell(self) -> None:
        """Show what the cells did that have ended on the ranks, and name the ranks that went."""
        client, engines = self.engines.client, self.engines
        engines.note_gone()
        self._open += [one for one in client.history[self._heard :] if one not in engines.own]
        self._heard = len(client.history)
        if self._open and not client.outstanding.intersection(self._open):
            ended, self._open = self._open, []
            for reports in rounds_of(engines.hear(ended, applied_call(self._source))):
                self._tell_round(reports)
            self.panel.tell(self.joined)
            self.panel.exchange()
        fresh = self._fresh_missing()
        if fresh:
            self.joined = replace(self.joined, missing=self._missing())
            self.panel.tell(self.joined)
        if fresh and self.shell is not None:
            show(self.shell, show_waiting((), (), fresh))

    def _tell_round(self, reports: Sequence[RankReport]) -> None:
        self.engines.ranks.update({one.engine: one.rank for one in reports})
        cell = request_cell(self.shell) if self.shell is not None else None
        self.panel.places.add(place_in_notebook(cell, self._source), reports)
        partings, united = self.state.compare(reports)
        self.joined = replace(join_reports(reports), missing=self._missing(), replicas=self.state.ledger.replicas())
        page = summarize_ranks(
            self.joined, self._fresh_missing(), partings, tuple(dict.fromkeys(key.name for key in united))
        )
        if page is not None and self.shell is not None:
            show(self.shell, page)
