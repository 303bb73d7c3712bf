"""Which statements of a cell may name some memory as written."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from collections.abc import Set as AbstractSet

    from ..evidence.cell_index import CellIndex

    Statements = frozenset[int]


class NamingStatements:
    """The statements that name paths as written, and what memory these may lead to."""

    def __init__(self, cell: CellIndex) -> None:
        self._cell = cell
        self._at: dict[int, Statements] = {}

    @cached_property
    def _every(self) -> Statements:
        return frozenset(index for index in self._cell.able if self._cell.numbered[index].targets)

    @cached_property
    def exact(self) -> frozenset[str]:
        """The paths that statements name as written."""
        named = (self._cell.named_by(self._cell.numbered[index]).exact for index in self._every)
        return frozenset[str]().union(*named)

    def at(self, storage: int) -> Statements:
        """Return the statements that may name what lies in a storage as written."""
        if storage not in self._at:
            found = self._cell.places.in_storage(storage) if self._every else []
            roots, objects = {path.root for path, _ in found}, {one.object for _, one in found}
            self._at[storage] = self._leading_to(roots, objects)
        return self._at[storage]

    def of_values_at(self, storage: int) -> Statements:
        """Return those that may name the values of what lies in a storage as written, not only its gradient."""
        return frozenset(filter(self._names_values, self.at(storage)))

    def among(self, storages: AbstractSet[int]) -> Statements:
        """Return the statements that may name what optimizers hold as written, more than its gradients.

        A step is none: that of an optimizer is recorded, that of a scheduler writes learning rates.
        """
        roots, objects = set[str](), set[int]()
        for scene in self._cell.places.snapshot.scenes.values() if self._every else ():
            found = [place for place, one in enumerate(scene.readings) if one.storage in storages]
            objects.update([scene.readings[place].object for place in found])
            roots.update([scene.path_at(place).root for place in found])
        return frozenset(filter(self._names_values, self._leading_to(roots, objects)))

    def _leading_to(self, roots: AbstractSet[str], objects: AbstractSet[int]) -> Statements:
        """Return those naming a variable that leads there, or that led to one of these tensors while they ran."""
        leading = frozenset[int]().union(*(self._roots.get(one, ()) for one in roots))
        return self._every & (leading | self._cell.leading_to(objects))

    @cached_property
    def _roots(self) -> Mapping[str, set[int]]:
        """The statements by the variables to which what they name as written may lead."""
        found: dict[str, set[int]] = {}
        for index in self._every:
            statement = self._cell.numbered[index]
            written = (*statement.targets, *(one.target for one in statement.elements))
            for root in {one.path.root for one in written}:
                for one in (root, *self._cell.detours.roots.get(root, ())):
                    found.setdefault(one, set()).add(index)
        return found

    def _names_values(self, index: int) -> bool:
        statement = self._cell.numbered[index]
        stepping = [one.owner for one in statement.methods if one.name == "step"]
        return any(not one.grad and one.path not in stepping for one in statement.targets)
