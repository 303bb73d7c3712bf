"""What runs on an engine: after each cell it keeps what this rank did, until the client asks for it."""

from __future__ import annotations

import pickle
from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ...capture.ranks.known_placements import read_values
from ...capture.ranks.place_in_group import place_in_group
from ...capture.ranks.state_tree import StateTree
from ...core.ranks.rank_report import RankReport
from ...core.runtime.guard import GUARD
from ...core.runtime.record import field, mutable
from ...core.statements.carried_names import carried_names
from ..ipython.cell_sources import user_variables
from .engine_panel import EnginePanel
from .published_reports import CELL, publish
from .registry import HERE
from .state_leaves import describe_leaves
from .waiting_teller import WaitingTeller

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ...core.ranks.state_leaf import BranchDigest, BranchKey, DigestRun, StateLeaf
    from ...core.records.report_parts import Change, Site
    from ...render.report import Report
    from ..watcher import Watcher

NO_CELL = "# a function ran"
"""A cell that does nothing: what changed before it is found."""
MAX_KEPT = 100
"""How many cells are kept for a client that does not ask; the oldest go first."""


@mutable(eq=False)
class EngineSide:
    """One rank's side of the conversation; it keeps nothing until a client joins.

    Attributes
    ----------
    told
        What each client has not asked for. While there is any client, this rank prints nothing under its cells.
    is_asked
        Whether a client waits for the cell that runs: what it tells need not be published.
    """

    watcher: Watcher
    engine: int = 0
    told: dict[str, deque[RankReport]] = field(default_factory=dict)
    tree: StateTree = field(default_factory=StateTree)
    number: int = 0
    teller: WaitingTeller | None = None
    shown: EnginePanel | None = None
    is_asked: bool = False

    def close(self) -> None:
        """Tell nobody any more."""
        self.told.clear()
        self.shown = None
        if self.teller is not None:
            self.teller.stop()
            self.teller = None

    def tell(self, report: Report) -> bool:
        """Keep what a cell did for the clients; return False if there is none."""
        if not self.told:
            return False
        self.number += 1
        digest = GUARD.run("telling-client", self._digest, report, default=b"")
        described = GUARD.run("telling-client", self.describe, report, digest, default=None)
        if described is not None:
            for kept in self.told.values():
                kept.append(described)
            if not self.is_asked:
                GUARD.run("telling-client", self._publish, described, default=None)
        if self.shown is not None:
            GUARD.run("telling-client", self.shown.publish, report, default=None)
        return described is not None

    def _publish(self, described: RankReport) -> None:
        publish(self.watcher.shell, f"{CELL}{self.number}", described)

    def take(self, client: str, call: Site | None = None, heard: int = 0) -> list[RankReport]:
        """Return what a client has not heard yet; if no cell ran, what changed by the client's call of a function.

        Parameters
        ----------
        heard
            The number of the last cell of which it read what was published.
        """
        kept = [one for one in self.told[client] if one.number > heard]
        self.told[client].clear()
        return kept or [self._look_again(client, call)]

    def _digest(self, report: Report) -> bytes:
        """Digest the state after a cell; as it was if the cell wrote nothing."""
        observer, trace = self.watcher.observer, report.reasoning.trace
        is_quiet = not (trace.found or trace.outside or observer.prints.waiting)
        cell = self.number, report.cell.count
        self.tree.bind(user_variables(self.watcher.shell), cell, self._is_carried(report.cell.count))
        return self.tree.take(observer.shot, observer.prints, self.number, is_quiet=is_quiet)

    def _is_carried(self, cell: int) -> Callable[[str], bool]:
        """Return a function that tells whether a cell bound a name to something made of its old value."""
        sources = self.watcher.sources
        known: list[frozenset[str]] = []

        def is_carried(name: str) -> bool:
            if not known:
                functions = (one.source for one in sources.definitions.values())
                known.append(carried_names(sources.plain.get(cell, ""), functions))
            return name in known[0]

        return is_carried

    def describe(self, report: Report, digest: bytes = b"") -> RankReport:
        """Return what this rank tells of a cell."""
        rank, world = place_in_group() or (self.engine, 0)
        begun = tuple(one for one in report.begun if one.is_worth_saying)
        is_quiet = not (report.silent or begun)
        return RankReport(
            rank=rank,
            engine=self.engine,
            world=world,
            number=self.number,
            digest=digest,
            cell=replace(report.cell, source="") if is_quiet else report.cell,
            changes=report.silent,
            hazards=begun,
        )

    def _look_again(self, client: str, call: Site | None) -> RankReport:
        """Return what changed since the last cell: a function that a client applied is no cell."""
        self.is_asked = True
        try:
            self.watcher.shell.run_cell(NO_CELL, store_history=False)
        finally:
            self.is_asked = False
        described = self.told[client].pop()
        outside = tuple(one for one in described.changes if not _is_state(one))
        if call is not None:
            outside = tuple(replace(one, cause="call", sites=(call,)) for one in outside)
        return replace(described, changes=outside)

    def full(self) -> RankReport | None:
        """Return the whole of the last cell: every change, and every hazard that stands."""
        self.watcher.complete()
        report = self.watcher.report
        if report is None:
            return None
        return replace(self.describe(report), cell=report.cell, changes=report.changes, hazards=report.hazards)

    def panel(self, messages: Sequence[Mapping[str, Any]]) -> list[tuple[dict[str, Any], bytes]]:
        """Return what a page that shows this rank is to be told."""
        self.shown = self.shown or EnginePanel(self.watcher)
        return self.shown.hear(messages)

    def state_digests(self) -> dict[BranchKey, BranchDigest]:
        """Return the digest of each branch of the state."""
        return self.tree.digests()

    def state_runs(self, key: BranchKey, first: int, end: int) -> list[DigestRun]:
        """Return the digests of the parts of a run of tensors."""
        return self.tree.runs(key, first, end)

    def state_leaves(self, key: BranchKey, places: Sequence[tuple[int, int]]) -> list[StateLeaf]:
        """Return what is known of the tensors in some runs."""
        return describe_leaves(self.watcher, self.tree, key, places)

    def state_values(self, path: str) -> list[float]:
        """Return elements of a tensor."""
        return read_values(user_variables(self.watcher.shell), path)

    def leave_out(self, paths: Sequence[str]) -> bool:
        """Leave tensors out of the digests: they are another thing on each rank by design."""
        self.tree.leave_out(paths)
        return True


def _is_state(change: Change) -> bool:
    """Return whether a change is one of a model or an optimizer, which a function that trains changes by design."""
    return change.kind != "mutated" or change.path.endswith(".grad") or "." in change.path


def _begin_telling(side: EngineSide) -> None:
    if side.teller is None:
        side.teller = WaitingTeller(side.watcher, side.engine)
        side.teller.start()


def join_clients(client: str, engine: int) -> str:
    """Begin to tell a client of each cell; return the version of tensorwatch here.

    Raises
    ------
    RuntimeError
        If tensorwatch is not loaded here.
    """
    side = _side()
    side.engine = engine
    side.told[client] = deque(maxlen=MAX_KEPT)
    _begin_telling(side)
    return HERE[0].version


def leave_clients(client: str) -> None:
    """Stop to tell a client."""
    side = HERE[0].side if HERE else None
    if isinstance(side, EngineSide):
        side.told.pop(client, None)
        if not side.told:
            side.close()


def answer(question: str, *asked: Any) -> bytes:  # noqa: ANN401  (as the question needs)
    """Answer a client's question about this rank, pickled."""
    found = GUARD.run("telling-client", getattr(_side(), question), *asked, default=None)
    return GUARD.run("telling-client", pickle.dumps, found, default=b"")


def _side() -> EngineSide:
    if not HERE:
        raise RuntimeError("tensorwatch is not loaded here")
    here = HERE[0]
    if not isinstance(here.side, EngineSide):
        here.side = EngineSide(here.watcher)
    return here.side
