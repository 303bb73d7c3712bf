"""The engines of a view, asked through ipyparallel's public interface; each may fail alone."""

from __future__ import annotations

from itertools import zip_longest
from time import monotonic
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from ...core.ranks.rank_report import MissingRank, RankReport
from ...core.runtime.record import field, mutable
from .engine_side import answer, join_clients, leave_clients
from .published_reports import PublishedReports, unpacked

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from ...core.ranks.waiting_rank import WaitingRank
    from ...core.records.report_parts import Site

LOADING_SECONDS = 60.0
"""How long an engine may take to import PyTorch."""
ANSWER_SECONDS = 5.0


@mutable(eq=False)
class Engines:
    """The engines of one view.

    Attributes
    ----------
    view
        The user's view, or one of all engines.
    joined
        The engines that tell us of their cells.
    missing
        Those that do not, by engine.
    silent
        Those that told nothing of the last cell.
    ranks
        The ranks of the engines that told one.
    own
        The messages that we sent ourselves.
    places
        Where the ranks were last in the cell that runs, as far as it is known.
    heard
        By engine, the number of the last cell of which it told us.
    published
        What the engines tell with the output of cells.
    """

    view: Any
    version: str
    name: str = field(default_factory=lambda: uuid4().hex)
    joined: set[int] = field(default_factory=set)
    missing: dict[int, MissingRank] = field(default_factory=dict)
    silent: dict[int, MissingRank] = field(default_factory=dict)
    ranks: dict[int, int] = field(default_factory=dict)
    own: set[str] = field(default_factory=set)
    places: dict[int, WaitingRank] = field(default_factory=dict)
    heard: dict[int, int] = field(default_factory=dict)
    published: PublishedReports = field(default_factory=PublishedReports)

    @property
    def client(self) -> Any:  # noqa: ANN401
        """The client of ipyparallel."""
        return self.view.client

    @property
    def ids(self) -> tuple[int, ...]:
        """The engines of the view that are alive."""
        targets, alive = self.view.targets, tuple(self.client.ids)
        if targets == "all":
            return alive
        wanted = {targets} if isinstance(targets, int) else set(targets)
        return tuple(one for one in alive if one in wanted)

    @property
    def open(self) -> list[str]:
        """The user's messages that have not ended."""
        return [one for one in list(self.client.outstanding) if one not in self.own]

    def join(self) -> None:
        """Load tensorwatch on the engines that came, and note those that went."""
        self.note_gone()
        alive = self.ids
        fresh = [one for one in alive if one not in self.joined and one not in self.missing]
        if not fresh:
            return
        loading = {
            one: self._direct(one).execute("%load_ext ipy_tensorwatch", silent=True, block=False) for one in fresh
        }
        for one, error in self._gather(loading, LOADING_SECONDS)[1].items():
            self.missing[one] = MissingRank(rank=one, why="not-loaded", detail=error)
        asked = {
            one: self._direct(one).apply_async(join_clients, self.name, one) for one in fresh if one not in self.missing
        }
        versions, failed = self._gather(asked, ANSWER_SECONDS)
        for one, error in failed.items():
            self.missing[one] = MissingRank(rank=one, why="not-loaded", detail=error)
        for one, version in versions.items():
            if version == self.version:
                self.joined.add(one)
                self.heard[one] = 0
            else:
                self.missing[one] = MissingRank(rank=one, why="other-version", detail=str(version))
        self._part_with(one for one in versions if one not in self.joined)

    def note_gone(self) -> None:
        """Note the engines that died."""
        for gone in self.joined.difference(self.ids):
            self.joined.discard(gone)
            rank = self.ranks.pop(gone, gone)
            self.missing[gone] = MissingRank(rank=rank, why="died", place=self.places.get(rank))

    def leave(self) -> None:
        """Ask the engines to tell us no more."""
        self.published.detach(self.client)
        self._part_with(self.joined.intersection(self.ids))
        self.joined.clear()

    def _part_with(self, engines: Iterable[int]) -> None:
        self._gather({one: self._direct(one).apply_async(leave_clients, self.name) for one in engines}, ANSWER_SECONDS)

    def ask(self, question: str, asked: Mapping[int, tuple[Any, ...]]) -> dict[int, Any]:
        """Ask some engines a question each; those that do not answer in time are left out."""
        return self._answers(question, asked)[0]

    def hear(self, ended: Collection[str], call: Site | None = None) -> dict[int, list[RankReport]]:
        """Return what each rank tells of its last cells; note those that tell nothing, and why.

        Whoever published nothing, or not all, is asked.

        Parameters
        ----------
        ended
            The user's messages that have ended.
        call
            The statement that may have run a function on the ranks.
        """
        alive = self.joined.intersection(self.ids)
        told = self._read_published(ended)
        asked = {one: (self.name, call, self.heard.get(one, 0)) for one in alive.difference(told)}
        answers, errors = self._answers("take", asked)
        told.update(answers)
        self.heard.update({one: several[-1].number for one, several in told.items() if several})
        self.silent = {one: self._why_silent(one, errors.get(one)) for one in sorted(alive.difference(told))}
        for engine, one in self.silent.items():
            if one.why != "no-answer":  # whoever answers with nothing knows us no more: it is joined anew
                self.joined.discard(engine)
            if one.why == "not-loaded":
                self.missing[engine] = one
        return told

    def _read_published(self, ended: Collection[str]) -> dict[int, list[RankReport]]:
        """Return what the engines told with their output, of those engines of which nothing is missing."""
        known = [self.client.metadata.get(one) for one in ended]
        late = {one["engine_id"] for one in known if one}  # a client forgets a message whose output is complete
        told = {
            engine: [one for one in several if one.number > self.heard.get(engine, 0)]
            for engine, several in self.published.read().items()
            if engine in self.joined and engine not in late
        }
        return {engine: several for engine, several in told.items() if self._follows(engine, several)}

    def _follows(self, engine: int, several: Sequence[RankReport]) -> bool:
        begin = self.heard.get(engine, 0) + 1
        return bool(several) and [one.number for one in several] == [*range(begin, begin + len(several))]

    def _why_silent(self, engine: int, error: str | None) -> MissingRank:
        rank = self.ranks.get(engine, engine)
        if error is None:
            return MissingRank(rank=rank, why="unreadable")
        return MissingRank(rank=rank, why="not-loaded" if error.startswith("RuntimeError") else "no-answer")

    def _answers(self, question: str, asked: Mapping[int, tuple[Any, ...]]) -> tuple[dict[int, Any], dict[int, str]]:
        """Return the answers of some engines, and what the others raised."""
        alive = self.joined.intersection(self.ids)
        sent = {
            one: self._direct(one).apply_async(answer, question, *words) for one, words in asked.items() if one in alive
        }
        answers, errors = self._gather(sent, ANSWER_SECONDS)
        return {one: found for one, packed in answers.items() if (found := unpacked(packed)) is not None}, errors

    def _direct(self, engine: int) -> Any:  # noqa: ANN401
        view = self.client.direct_view(engine)
        view.track = False
        return view

    def _gather(self, results: Mapping[int, Any], seconds: float) -> tuple[dict[int, Any], dict[int, str]]:
        """Wait for the results of several engines; return the values, and what the others raised."""
        for one in results.values():
            self.own.update(one.msg_ids)
        values: dict[int, Any] = {}
        errors: dict[int, str] = {}
        end = monotonic() + seconds
        for engine, one in results.items():
            try:
                values[engine] = one.get(timeout=max(0.0, end - monotonic()))
            except Exception as error:  # noqa: BLE001  (what the engine raised, or that it did not answer)
                name, text = getattr(error, "ename", type(error).__name__), getattr(error, "evalue", str(error))
                errors[engine] = f"{name}: {text}".partition("\n")[0]
        return values, errors


def direct_view_of(thing: Any) -> Any:  # noqa: ANN401
    """Return a view of a cluster, of a client, or the view itself.

    Raises
    ------
    TypeError
        If it is none of them.
    """
    if hasattr(thing, "connect_client_sync"):
        thing = thing.connect_client_sync()
    if hasattr(thing, "direct_view"):
        return thing.direct_view("all")
    if hasattr(thing, "client") and hasattr(thing, "targets"):
        return thing
    raise TypeError(f"{type(thing).__name__} is no cluster, client or view of ipyparallel")


def rounds_of(told: Mapping[int, Sequence[RankReport]]) -> list[list[RankReport]]:
    """Group what the ranks told into one list for each cell that ran on them.

    Examples
    --------
    >>> rounds_of({0: ["a", "c"], 1: ["b"]})
    [['a', 'b'], ['c']]
    """
    return [[*filter(None, one)] for one in zip_longest(*told.values())]
