"""The likeliest of several statements to have bound some paths, by their source."""

from __future__ import annotations

import ast
from functools import lru_cache
from typing import TYPE_CHECKING

from ..interpreter.reached_definitions import reached_definitions
from ..runtime.record import record
from ..statements.told_by_text import runs_backward
from ..syntax.parsing import parse_cell
from ..syntax.statement_text import words_in
from ..syntax.syntax_tree import find_nodes, names_stored

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from ..records.path import AccessPath
    from ..records.trace.notebook import Notebook
    from ..statements.statement import Statement


@record
class LikeliestStatement:
    """Chooses among statements.

    Attributes
    ----------
    arrived
        The paths that one of them bound, or moved.
    are_all_gradients
        Whether the pair that became one memory are gradients.
    """

    arrived: Sequence[AccessPath]
    notebook: Notebook
    are_all_gradients: bool = False

    def choose(self, possible: Sequence[Statement], every: Sequence[Statement]) -> Statement:
        """Return the last of the possible statements that binds a path or puts something there.

        If only a function of the notebook that an earlier statement of the cell calls may have done it, as one that
        binds a global name, return that statement: no look follows what functions do to other variables.
        """
        telling = self._giving_gradients(possible, every) or self._binding_globals(possible, every)
        telling = telling or self._telling(possible)
        if telling or not possible:
            return telling[-1]
        before = [one for one in every if one.index < possible[-1].index]
        mentioning = [one for one in possible if not self._roots.isdisjoint(path.root for path in one.mentions)]
        putting = ([one for one in several if one.may_put] for several in (mentioning, possible, before))
        return (self._calling(before) or next((one for one in putting if one), mentioning) or possible)[-1]

    def _giving_gradients(self, possible: Sequence[Statement], every: Sequence[Statement]) -> list[Statement]:
        """Return the statements that may have given a leaf a gradient in other memory, which no backward does."""
        if self.are_all_gradients or not possible or not any(one.is_grad for one in self.arrived):
            return []
        return [one for one in every if one.index <= possible[-1].index and one.assigns_gradient]

    def _binding_globals(self, possible: Sequence[Statement], every: Sequence[Statement]) -> list[Statement]:
        """Return the statements whose functions bind one of the variables, if no possible statement binds it itself."""
        names = frozenset(one.root for one in self.arrived if not one.steps)
        if not names or any(not one.binds.isdisjoint(names) for one in possible):
            return []
        before = [one for one in every if one.index <= possible[-1].index] if possible else []
        found = [one for one in before if one.calls and self._is_reached(words_in(one.text), _bound_globals)]
        return [one for one in found if one in possible] or found

    @property
    def _roots(self) -> frozenset[str]:
        return frozenset(one.root for one in self.arrived)

    def _telling(self, possible: Sequence[Statement]) -> list[Statement]:
        names = {one.root for one in self.arrived if not one.steps}
        if any(one.is_grad for one in self.arrived) and (backwards := [one for one in possible if runs_backward(one)]):
            return backwards
        roots = self._roots
        return (
            [one for one in possible if not one.binds.isdisjoint(names)]
            or [one for one in possible if any(True for root in roots for _ in one.values_for(root))]
            or [one for one in possible if not one.binds.isdisjoint(roots)]
            or self._calling(possible)
        )

    def _calling(self, possible: Sequence[Statement]) -> list[Statement]:
        """Return the statements that run functions of the notebook that mention one of the variables."""
        return [one for one in possible if one.calls and self._is_reached(words_in(one.text))]

    def _is_reached(self, words: Collection[str], names_in: Callable[[str], Collection[str]] = words_in) -> bool:
        reached = reached_definitions({*words}, self.notebook.definitions)
        return any(not self._roots.isdisjoint(names_in(one.source)) for one in reached)

    def named_by(self, statement: Statement) -> list[str]:
        """Return the functions and classes of the notebook that a statement names."""
        return [word for word in words_in(statement.text) if word in self.notebook.definitions]


@lru_cache(maxsize=1024)
def _bound_globals(source: str) -> frozenset[str]:
    r"""Return the names that functions of a source declare as global and bind.

    Examples
    --------
    >>> sorted(_bound_globals("def setup():\n    global a, b\n    a = b.view(-1)"))
    ['a']
    """
    tree = parse_cell(source) if "global " in source else None
    return frozenset[str]().union(*map(_bound_in, find_nodes(ast.FunctionDef, tree)))


def _bound_in(function: ast.FunctionDef) -> set[str]:
    declared = {name for one in find_nodes(ast.Global, function) for name in one.names}
    return declared & names_stored(function) if declared else declared
