"""Which tensors a statement writes through the variables of the loops around it."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from ...records.path import ANY_ITEM, AccessPath
from ...statements.target_matching import Named, match_targets
from ...statements.told_by_text import mentions

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from ...records.reading import Reading
    from ...records.trace.evidence import Evidence
    from ...statements.statement import Statement
    from ...statements.writes.loop_elements import Element


class LoopWrites:
    """Finds the elements of named containers that the statements of one cell write through loop variables.

    What a header names is known from the source alone. What a variable led to, turn by turn, narrows it down where it
    was recorded to the end.
    """

    def __init__(self, evidence: Evidence, watched: Mapping[str, Reading]) -> None:
        self._evidence, self._watched = evidence, watched
        self._named: dict[int, list[tuple[Element, Named]]] = {}

    def names(self, statement: Statement, path: AccessPath, reading: Reading, *, same_object: bool = False) -> bool:
        """Return whether a statement writes the tensor at a path through a loop variable.

        Parameters
        ----------
        same_object
            Whether the write must go to the very tensor object, not to another one over its memory.
        """
        return any(
            self._is_written(statement, element, named, path, reading)
            for element, named in self._elements(statement)
            if element.target.same_object or not same_object
        )

    def _is_written(
        self, statement: Statement, element: Element, named: Named, path: AccessPath, reading: Reading
    ) -> bool:
        seen = self._evidence.targets.get(statement.index, {}) if element.is_own else {}
        led = seen.get(element.variable, frozenset())
        if len(path.steps) < element.depth and element.target.kind != "assign":
            return False  # a row of a tensor is a view, which only `row[i] = 1` is sure to mean
        if str(path) not in named.exact | named.bound and not named.is_behind(path):
            return reading.object in led and _container(element.target.path).leads_to(path)
        if not self._is_complete(statement):
            return True
        return reading.object in led or led.isdisjoint(self._watched[one].object for one in named.exact)

    def owners(self, statement: Statement) -> Iterator[AccessPath]:
        """Yield the paths of what a statement assigns items and attributes of through loop variables."""
        return (owner for _, named in self._elements(statement) for owner in named.owners)

    def _is_complete(self, statement: Statement) -> bool:
        """Return whether every turn was recorded."""
        return {} not in self._evidence.values.get(statement.index, ())

    def _elements(self, statement: Statement) -> list[tuple[Element, Named]]:
        if statement.index not in self._named:
            known = self._evidence.values.get(statement.index) or ({},)
            self._named[statement.index] = [
                (one, match_targets((one.target,), known, self._watched)) for one in statement.elements
            ]
        return self._named[statement.index]


def names_led(statements: Iterable[Statement], writer: Statement, path: AccessPath) -> list[str]:
    """Return the names under which a statement wrote to an item in an earlier turn: after `slot = slots[i % 2]`."""
    written = {one.path.root for one in writer.targets}
    taken = (one for one in statements if isinstance(one.value, ast.Subscript) and mentions(one, path))
    return sorted({name for one in taken for name in one.binds & written})


def _container(path: AccessPath) -> AccessPath:
    """Return the path of the container whose item a loop variable is."""
    places = [place for place, step in enumerate(path.steps) if step == ANY_ITEM]
    return AccessPath(path.root, path.steps[: places[-1]] if places else path.steps)
