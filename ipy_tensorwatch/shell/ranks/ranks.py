"""The client: it joins what the ranks tell, and shows one block under the cell that ran on them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

from IPython.core.getipython import get_ipython

from ...core.host.guard import GUARD
from ...core.ranks.join_reports import JoinedRanks, join_reports
from ...core.ranks.rank_report import MissingRank, RankReport
from ...render.joined_report import JoinedReport
from ...render.pages.ranks_page import summarize_ranks
from ..ipython.output import show
from .compare_state import StateComparison
from .engines import Engines, direct_view_of, rounds_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from IPython.core.interactiveshell import InteractiveShell

WATCHED: list[Ranks] = []
"""The clusters that are watched from this process."""


@dataclass(slots=True, eq=False, init=False)
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
    shell: InteractiveShell | None
    joined: JoinedRanks
    _heard: int
    _open: list[str]
    _told_missing: set[MissingRank]

    def __init__(self, view: object) -> None:
        self.shell = get_ipython()
        self.engines = Engines(direct_view_of(view), _version())
        self.state = StateComparison(self.engines)
        self.joined = JoinedRanks()
        self._told_missing, self._open = set(), []
        self.engines.join()
        self._heard = len(self.engines.client.history)
        if self.shell is not None:
            self.shell.events.register("pre_run_cell", self._before_cell)
            self.shell.events.register("post_run_cell", self._after_cell)
        WATCHED.append(self)

    def report(self) -> JoinedReport:
        """Return the last cell on all ranks: every change, what shares its state, and who waits."""
        engines = self.engines
        answers = engines.ask("full", dict.fromkeys(engines.joined, ()))
        reports = [one for one in answers.values() if isinstance(one, RankReport)]
        silent = [
            MissingRank(rank=one, why="no-answer")
            for one in sorted(engines.joined.intersection(engines.ids))
            if one not in answers
        ]
        joined = join_reports(reports) if reports else self.joined
        self.state.name_equal()
        return JoinedReport(
            replace(joined, replicas=self.state.ledger.replicas(), missing=(*engines.missing.values(), *silent))
        )

    def leave(self) -> None:
        """Stop joining: the ranks show their own blocks again."""
        if self in WATCHED:
            WATCHED.remove(self)
        if self.shell is not None:
            for name, hook in (("pre_run_cell", self._before_cell), ("post_run_cell", self._after_cell)):
                if hook in self.shell.events.callbacks[name]:
                    self.shell.events.unregister(name, hook)
        GUARD.run("joining-ranks", self.engines.leave, default=None)

    def _before_cell(self, _: object) -> None:
        GUARD.run("joining-ranks", self.engines.join, default=None)

    def _after_cell(self, _: object) -> None:
        GUARD.run("joining-ranks", self._tell, default=None)

    def _tell(self) -> None:
        """Show what the cells did that have ended on the ranks."""
        client, engines = self.engines.client, self.engines
        self._open += [one for one in client.history[self._heard :] if one not in engines.own]
        self._heard = len(client.history)
        if not self._open or client.outstanding.intersection(self._open):
            return
        self._open = []
        told = engines.ask("take", dict.fromkeys(engines.joined, (engines.name,)))
        for reports in rounds_of(told):
            self._tell_round(reports)

    def _tell_round(self, reports: Sequence[RankReport]) -> None:
        missing = tuple(self.engines.missing.values())
        partings, united = self.state.compare(reports)
        self.joined = replace(join_reports(reports), missing=missing, replicas=self.state.ledger.replicas())
        fresh = [one for one in missing if one not in self._told_missing]
        self._told_missing.update(fresh)
        page = summarize_ranks(self.joined, fresh, partings, tuple(dict.fromkeys(key.name for key in united)))
        if page is not None and self.shell is not None:
            show(self.shell, page)


def _version() -> str:
    try:
        return version("ipy-tensorwatch")
    except PackageNotFoundError:
        return ""
