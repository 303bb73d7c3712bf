"""The changes among some differences: the expected ones settled as a class, a verdict for each of the others."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from ..model.differences import Differences
from .changes import make_change
from .expected import ExpectedWrites, is_mutated

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from ..model.difference import Difference
    from ..model.differences import Found
    from ..model.records import Cause, Change
    from .cell_index import CellIndex
    from .silent import Verdict

    Judge = Callable[[CellIndex, Difference], Verdict]


class ChangedRows:
    """The changes of some rows, each made once.

    Parameters
    ----------
    cell
        The evidence of what wrote them.
    judge
        Explains one of them from this evidence.
    """

    def __init__(self, cell: CellIndex, found: Sequence[Found], judge: Judge) -> None:
        self.cell, self.found, self._judge = cell, found, judge
        self._made: dict[int, Change | None] = {}
        self._roots: dict[int, str] = {}

    @cached_property
    def classes(self) -> Mapping[int, Cause | None]:
        """The mutated rows, each with the cause that its class settles, or None."""
        return ExpectedWrites(self.cell, self.found).classes()

    @property
    def unsettled(self) -> list[int]:
        """The mutated rows whose cause no class settles."""
        return [row for row, cause in self.classes.items() if cause is None]

    def changes(self, rows: Iterable[int]) -> Iterator[Change]:
        """Yield the changes of some rows."""
        made = map(self._change, rows)
        return (one for one in made if one is not None)

    def of_roots(self, says: Callable[[str], bool]) -> Iterator[Change]:
        """Yield the mutations of the variables with a name of some kind."""
        roots = {row: self._root(row) for row in self.classes}
        said = {root for root in set(roots.values()) if says(root)}
        return self.changes(row for row, root in roots.items() if root in said)

    def _root(self, row: int) -> str:
        """Return the variable of a row; the tensors inside one variable have a scene of their own."""
        if not isinstance(self.found, Differences):
            return self.found[row][0].path.root
        scene = self.found.rows[row].scene
        if id(scene) not in self._roots:
            root = self.found.path(row).root
            if not scene.outline.nodes:
                return root
            self._roots[id(scene)] = root
        return self._roots[id(scene)]

    def _change(self, row: int) -> Change | None:
        if row not in self._made:
            difference, content = self.found[row]
            verdict = self._judge(self.cell, difference) if is_mutated(difference, content) else None
            self._made[row] = make_change(difference, content, verdict)
        return self._made[row]

    def adopt(self, other: ChangedRows) -> None:
        """Take over the changes that were made from the same rows."""
        self._made.update(other._made)
