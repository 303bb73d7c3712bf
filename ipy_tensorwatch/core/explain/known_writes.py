"""The known writes to one piece of memory, by name, by observation, and from earlier cells."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..records.snapshots.difference import Difference
from ..records.trace.saved_tensor import Writing
from ..runtime.record import record
from ..statements.target_matching import match_targets

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from ..blame.reasoning import Reasoning
    from ..records.path import AccessPath
    from ..records.reading import Reading
    from ..records.report_parts import Cause, Change, Site
    from ..records.snapshots.snapshot import Entry
    from ..statements.statement import Statement


@record
class KnownWrites:
    """The evidence of writes to some memory.

    Attributes
    ----------
    family
        The variables that share its version counter.
    """

    family: Sequence[Entry]
    reasoning: Reasoning

    def saw(self, version: int, *, at_once: bool) -> bool:
        """Return whether this cell wrote at or after `version`; `at_once` if no earlier version is known."""
        known = [one for path, _ in self.family if (one := self.version_before(path)) is not None]
        return max(known) <= version if known else at_once and bool(self.family)

    def version_before(self, path: AccessPath) -> int | None:
        """Return the version that a variable had before this cell."""
        before = self.reasoning.trace.before.get(str(path))
        return None if before is None else before.version

    def told(self) -> list[Writing]:
        """Return the statements of this cell that wrote, as far as known."""
        found = [*self._by_name()]
        for path, reading in self.family:
            verdict = self.reasoning.verdict(Difference(path=path, before=reading, after=reading))
            found += [self._writing(path, reading, site, verdict.cause) for site in verdict.sites]
        return found

    def moves(self, history: Iterable[tuple[int, Change]]) -> Iterator[tuple[Writing, int, int]]:
        """Yield the cells that moved the version counter, each with the versions before and after."""
        leaves = {str(path): reading.collects_gradient for path, reading in self.family}
        for count, change in history:
            before, after = change.versions
            if change.path in leaves and before is not None and after is not None and before != after:
                site, path = next(iter(change.sites), None), (*change.via, change.path)[0]
                said = Writing(cell=count, path=path, site=site, cause=change.cause, is_leaf=leaves[change.path])
                yield said, before, after

    def strips(self, history: Iterable[tuple[int, Change]]) -> Iterator[Writing]:
        """Yield the cells that detached one of the variables."""
        names = {str(path) for path, _ in self.family}
        for count, change in history:
            if change.path in names and "grad_fn" in change.fields:
                yield Writing(cell=count, path=change.path)

    def _by_name(self) -> Iterator[Writing]:
        """Yield the statements that ran and name one of the variables as written."""
        family = {str(path): (path, reading) for path, reading in self.family}
        readings = {str(path): reading for path, reading in self.family}
        evidence = self.reasoning.own.evidence
        for one in self.reasoning.own.statements if family else ():
            if one.index in evidence.ran:
                known: Iterable[Mapping[str, int | str]] = evidence.values.get(one.index) or ({},)
                for name in sorted(match_targets(one.targets, known, readings).exact, key=[*family].index):
                    yield self._writing(*family[name], one.site(), "direct")

    def _writing(self, path: AccessPath, reading: Reading, site: Site, cause: Cause) -> Writing:
        return Writing(
            cell=self.reasoning.trace.cell.count,
            path=str(path),
            site=site,
            cause=cause,
            is_leaf=reading.collects_gradient,
        )


def find_last_write(known_writes: KnownWrites, history: Iterable[tuple[int, Change]]) -> Writing | None:
    """Return the last write before a failure: this cell's if it moved the version counter, else one from history."""
    now = max((reading.version or 0 for _, reading in known_writes.family), default=0)
    if any(known_writes.version_before(path) == now for path, _ in known_writes.family):
        return next((one for one, _, after in [*known_writes.moves(history)][::-1] if after == now), None)
    turns = {index: turn for turn, (_, index) in enumerate(known_writes.reasoning.own.evidence.entered)}
    numbers = {line_and_text(one): one.index for one in known_writes.reasoning.own.statements}
    told = [(turns.get(numbers.get(line_and_text(one.site), -1), -1), one) for one in known_writes.told()]
    return max(told, key=lambda one: (one[0], one[1].cause == "direct"))[1] if told else None


def writes_by_name(one: Statement, name: str) -> bool:
    """Return whether a statement names a variable as written."""
    return bool(match_targets(one.targets, ({},), {name: None}).exact)


def line_and_text(one: Site | Statement | None) -> tuple[int, str] | None:
    """Return the line and text of a statement, which identify it in its cell."""
    return None if one is None else (one.line, one.text)
