"""Which statement of a cell made two paths one memory: the one that was seen, else the likeliest by its source."""

from __future__ import annotations

import ast
from functools import lru_cache, partial
from typing import TYPE_CHECKING, NamedTuple

from ..records.report_parts import Inner, Origin
from ..statements.statement import Statement, parse_statements, statements_in
from ..syntax.parsing import parse_header, parse_path
from ..syntax.syntax_tree import find_nodes
from .inner_line import function_of, inner_lines, is_of_notebook, lines_that_keep
from .likeliest_statement import LikeliestStatement
from .way_of_sharing import CALL, SAME, SLICE, SharingWay, way_of_sharing

if TYPE_CHECKING:
    from ..interpreter.definitions import Function
    from ..interpreter.source_index import Library
    from ..records.reading import Reading
    from .path_histories import DatedMoment


_parsed = lru_cache(maxsize=256)(parse_statements.__wrapped__)
"""More sources than the last few: the pairs of a group began in any cells of the session."""


class Beginning(NamedTuple):
    """The moments of one look that made two paths one memory, and what the two lead to since."""

    moments: tuple[DatedMoment, ...]
    a: Reading
    b: Reading


def which_statement(a: str, b: str, began: Beginning, library: Library) -> Origin | None:
    """Return the origin of a pair; None if no statement is known.

    Parameters
    ----------
    library
        The functions and classes that the notebook had defined.
    """
    cell = began.moments[0].cell
    statements = _parsed(cell.plain)
    seen = frozenset[int]().union(*(one.moment.statements for one in began.moments))
    possible = [one for one in statements if one.index in seen]
    if cell.execution is None or not possible:
        return None
    arrived = [parse_path(one.moment.path) for one in began.moments]
    others = [path for path in map(parse_path, (a, b)) if path not in arrived] or arrived
    both = parse_path(a).is_grad and parse_path(b).is_grad
    likeliest = LikeliestStatement(arrived=arrived, notebook=library.notebook, are_all_gradients=both)
    outer = likeliest.choose(possible, statements)
    inside = statements_in(outer)
    chosen = likeliest.choose(inside, inside)
    is_own = partial(is_of_notebook, library=library, arrived=likeliest.arrived)
    way = way_of_sharing(chosen, [one.root for one in arrived], [one.root for one in others], is_own)
    lines = _inside(way, likeliest, chosen, library) if way.how == CALL else []
    return Origin(
        a=a,
        b=b,
        cell=cell.execution,
        line=chosen.line,
        end_line=chosen.end_line,
        text=chosen.text,
        how=SAME if way.how == SLICE and began.a.object == began.b.object else way.how,
        certainty="observed" if seen == {outer.index} and len(inside) == 1 and len(lines) <= 1 else "inferred",
        inner=lines[-1] if lines else None,
    )


def _inside(way: SharingWay, likeliest: LikeliestStatement, chosen: Statement, library: Library) -> list[Inner]:
    """Return the lines inside the function that was called; without a call of one, of those that keep memory."""
    called = function_of(way.call.func, library, likeliest.arrived) if way.call else None
    if called is not None:
        return inner_lines(called, library, likeliest.arrived)
    functions = [*map(library.function, likeliest.named_by(chosen)), _called_object(chosen, likeliest, library)]
    keeping = (lines_that_keep(one, library, likeliest.arrived) for one in functions if one is not None)
    return list(dict.fromkeys(line for lines in keeping for line in lines))


def _called_object(chosen: Statement, likeliest: LikeliestStatement, library: Library) -> Function | None:
    """Return the `__call__` of the object that a statement calls, if it may have kept memory in an attribute."""
    owners = {path.root for path in likeliest.arrived if path.steps and path.steps[0].startswith(".")}
    node = parse_header(chosen.text) if owners else None
    called = [one.func for one in find_nodes(ast.Call, node)]
    is_object = any(isinstance(one, ast.Name) and one.id in owners for one in called)
    return library.only_method("__call__") if is_object else None
