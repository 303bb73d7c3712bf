"""What became of the paths that a cell bound, and which statement bound them."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

from ..model.records import Site
from .changed_rows import ChangedRows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from ..model.born import Born
    from ..model.records import Cause, Change
    from .cell_index import CellIndex
    from .changed_rows import Judge


class BornChanges:
    """The mutations of what one cell bound, since it was bound."""

    def __init__(self, cell: CellIndex, born: Iterable[Born], judge: Judge) -> None:
        self._cell = cell
        self._groups = [(one, ChangedRows(cell.since(one.look, one.ran), one.found, judge)) for one in born]

    @property
    def causes(self) -> Iterator[Cause | None]:
        """The causes of the mutations, as far as their classes settle them."""
        return (cause for _, rows in self._groups for cause in rows.classes.values())

    @property
    def all(self) -> Iterator[Change]:
        """Every mutation."""
        for _, rows in self._groups:
            yield from self._with_sites(rows.changes(rows.classes))

    @property
    def unsettled(self) -> Iterator[Change]:
        """The mutations whose cause no class settles."""
        for _, rows in self._groups:
            yield from self._with_sites(rows.changes(rows.unsettled))

    def of_roots(self, says: Callable[[str], bool]) -> Iterator[Change]:
        """Yield the mutations of the variables with a name of some kind."""
        for _, rows in self._groups:
            yield from rows.of_roots(says)

    def adopt(self, other: BornChanges) -> None:
        """Take over the changes that were made from the same records."""
        for (_, mine), (_, known) in zip(self._groups, other._groups, strict=True):
            mine.adopt(known)

    @cached_property
    def sites(self) -> Mapping[str, Site | None]:
        """The statement that bound each path."""
        return {str(difference.path): self._site(born, difference.path.root)
                for born, _ in self._groups for difference, _ in born.found}  # fmt: skip

    def _with_sites(self, changes: Iterable[Change]) -> Iterator[Change]:
        return (replace(one, born=self.sites[one.path]) for one in changes if one.kind == "mutated")

    def _site(self, born: Born, root: str) -> Site | None:
        """Return the statement that bound a name: among several that ran, the last that binds it."""
        ran = sorted({one.statement for one in born.positions})
        known = [self._cell.numbered[index] for index in ran if index in self._cell.numbered]
        telling = [one for one in known if root in one.binds] or [one for one in known if root in one.text] or known
        if not telling:
            return None
        one = telling[-1]
        is_seen = len(ran) == 1
        return Site(
            line=one.line, end_line=one.end_line, text=one.text, certainty="observed" if is_seen else "inferred"
        )
