"""Which statement of a cell made two paths one memory: the one that was seen, else the likeliest by its source."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..model.records import Origin
from ..statements.statement import parse_statements
from ..syntax.parsing import parse_path
from .way_of_sharing import way_of_sharing

if TYPE_CHECKING:
    from collections.abc import Collection, Container, Sequence

    from ..statements.statement import Statement
    from .path_histories import DatedMoment


def which_statement(a: str, b: str, began: Sequence[DatedMoment], defined: Container[str]) -> Origin | None:
    """Return the origin of a pair from the moments that began it; None if no statement is known.

    Parameters
    ----------
    began
        The moments of one look, of one or both paths.
    defined
        The names of the functions and classes that the notebook defines.
    """
    cell = began[0].cell
    numbered = {one.index: one for one in parse_statements(cell.plain)}
    indices = frozenset[int]().union(*(one.moment.statements for one in began))
    possible = [numbered[index] for index in sorted(indices) if index in numbered]
    arrived = [one.moment.path for one in began]
    if cell.execution is None or not possible:
        return None
    chosen = _likeliest(possible, arrived)
    return Origin(
        a=a,
        b=b,
        cell=cell.execution,
        line=chosen.line,
        end_line=chosen.end_line,
        text=chosen.text,
        how=way_of_sharing(chosen, arrived, (a, b), defined),
        certainty="observed" if len(indices) == 1 else "inferred",
    )


def _likeliest(possible: Sequence[Statement], arrived: Collection[str]) -> Statement:
    """Return the last statement that binds one of the names, or that at least mentions one."""
    roots = {parse_path(one).root for one in arrived}
    binding = [one for one in possible if not roots.isdisjoint(one.binds)]
    mentioning = [one for one in possible if not roots.isdisjoint(path.root for path in one.mentions)]
    return (binding or mentioning or possible)[-1]
