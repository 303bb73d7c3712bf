"""The changes among some differences: the expected ones settled as a class, a verdict for each of the others."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from ..records.reading import changed_fields
from ..records.report_parts import Cause, Change
from ..records.snapshots.difference import Content, Difference, classify
from ..records.snapshots.differences import Differences
from .expected.expected_changes import ExpectedWrites, is_mutated

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from ..records.snapshots.differences import Found
    from .evidence.cell_index import CellIndex
    from .verdict import Verdict

    Judge = Callable[[CellIndex, Difference], Verdict]


class ChangedRows:
    """The changes of some rows, each made once.

    Parameters
    ----------
    make_cell
        Returns the evidence of what wrote them; asked for the first change that is not known.
    judge
        Explains one of them from this evidence.
    """

    def __init__(self, make_cell: Callable[[], CellIndex], found: Sequence[Found], judge: Judge) -> None:
        self._make_cell, self.found, self._judge = make_cell, found, judge
        self._made: dict[int, Change | None] = {}
        self._silent: dict[int, None] = {}
        self._settled: Mapping[int, Cause] = {}

    @cached_property
    def cell(self) -> CellIndex:
        """The evidence of what wrote the rows."""
        return self._make_cell()

    @cached_property
    def classes(self) -> Mapping[int, Cause | None]:
        """The mutated rows, each with the cause that its class settles, or None."""
        if not self._silent:
            return ExpectedWrites(self.cell, self.found).classes(self._settled)
        rest = [row for row in range(len(self.found)) if row not in self._silent]
        classes = ExpectedWrites(self.cell, [self.found[row] for row in rest]).classes() if rest else {}
        return dict(sorted((self._silent | {rest[place]: cause for place, cause in classes.items()}).items()))

    @property
    def unsettled(self) -> list[int]:
        """The mutated rows whose cause no class settles."""
        return [row for row, cause in self.classes.items() if cause is None]

    def changes(self, rows: Iterable[int]) -> Iterator[Change]:
        """Yield the changes of some rows."""
        made = map(self._change, rows)
        return (one for one in made if one is not None)

    def of_names(self, says: Callable[[str], bool]) -> Iterator[Change]:
        """Yield the mutations of the paths in which a variable, an attribute or a key has a name of some kind."""
        return self.changes([row for row in self._rows_with(says) if any(map(says, self._names(row)))])

    def _rows_with(self, says: Callable[[str], bool]) -> Iterator[int]:
        """Yield the mutated rows, without those of variables behind which no path contains such a name."""
        if not isinstance(self.found, Differences):
            yield from self.classes
            return
        rows = self.found.rows
        able = {
            scene: not scene.outline.nodes or any(map(says, (scene.outline.nodes[0][1], *scene.words)))
            for scene in {rows[row].scene for row in self.classes}
        }
        yield from [row for row in self.classes if able[rows[row].scene]]

    def _names(self, row: int) -> tuple[str, ...]:
        path = self.found.path(row) if isinstance(self.found, Differences) else self.found[row][0].path
        return path.parts

    def _change(self, row: int) -> Change | None:
        if row not in self._made:
            difference, content = self.found[row]
            verdict = self._judge(self.cell, difference) if is_mutated(difference, content) else None
            self._made[row] = make_change(difference, content, verdict)
        return self._made[row]

    def know(self, changes: Mapping[str, Change]) -> None:
        """Take over silent changes that are known without further reasoning, by their paths."""
        paths = ((row, str(difference.path)) for row, (difference, _) in enumerate(self.found))
        known = {row: changes[path] for row, path in paths if path in changes}
        self._made.update(known)
        self._silent.update(dict.fromkeys(known))

    def take_settled(self, other: ChangedRows) -> None:
        """Take over the causes that classes settled of the same rows, if these were asked for."""
        if "classes" in vars(other):
            self._settled = {row: cause for row, cause in other.classes.items() if cause is not None}

    def adopt(self, other: ChangedRows) -> None:
        """Take over the changes that were made from the same rows."""
        self._made.update(other._made)


def make_change(difference: Difference, content: Content, verdict: Verdict | None) -> Change | None:
    """Build the change for a difference; None if nothing worth reporting changed.

    Parameters
    ----------
    verdict
        Why the bytes changed; None if they did not.
    """
    kind = classify(difference, content)
    if kind is None:
        return None
    before, after = difference.before, difference.after
    path, versions = str(difference.path), (before.version if before else None, after.version if after else None)
    if kind in ("bound", "unbound", "rebound") or before is None or after is None:
        return Change(path=path, kind=kind, versions=versions)
    fields = changed_fields(before, after)
    if verdict is None or kind != "mutated":
        verified, since = content.verified, content.since
        return Change(path=path, kind=kind, versions=versions, fields=fields, verified=verified, since=since)
    return Change(
        path=path,
        kind=kind,
        versions=versions,
        cause=verdict.cause,
        silent=verdict.is_silent,
        via=verdict.via,
        sites=verdict.sites,
        versioned=None if None in versions else versions[0] != versions[1],
        verified=content.verified,
        elements=content.elements,
        fields=fields,
        since=content.since,
    )
