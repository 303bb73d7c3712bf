"""The statement since which two paths have been one memory."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, NamedTuple

from ..records.path import AccessPath
from ..records.typed_line import TypedLine
from ..statements.copied_value import STORING, STORING_SEVERAL, steps_behind
from ..statements.rewrite_statement import parse_one
from ..statements.statement import Statement, every_statement, parse_statements
from ..syntax.ast_queries import covers_line, spell_path
from ..syntax.parsing import parse_cell, parse_path
from ..syntax.syntax_tree import find_nodes, names_in

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from ..records.report_parts import Change, Origin


class Sharing(NamedTuple):
    """Where sharing began.

    Attributes
    ----------
    path, other
        The path that the statement gave its memory, and the one that had it before.
    """

    begun: TypedLine
    path: AccessPath
    other: AccessPath


def sharings(change: Change, cell: int, cells: Mapping[int, str]) -> Iterator[Sharing]:
    """Yield where a changed path and one that was written may have begun to share memory, the likeliest first."""
    path, others = parse_path(change.path), [*_others(change)]
    if change.shared_since is not None and not _is_bound_again(change.shared_since, change, cell, cells):
        yield from _known(change.shared_since)
    for other in others:
        for begun, statement in _before(change, cell, cells, (other.root, path.root)):
            bound = next((one for one in (other, path) if binds_path(statement, one)), None)
            if bound is not None:
                yield Sharing(begun, bound, path if bound is other else other)


def goes_by_rows(change: Change, cell: int, source: str) -> bool:
    """Return whether a loop wrote all through its own variables, which lead over it: that write is what is wanted.

    Parameters
    ----------
    cell, source
        The cell of the change, and its plain source.
    """
    origin, sites = change.shared_since, change.sites
    if origin is None or origin.cell != cell or any(site.inner is not None for site in sites):
        return False
    roots = {parse_path(one).root for one in change.via}
    return any(
        loop.lineno == origin.line
        and roots <= names_in(loop.target)
        and all(covers_line(loop, site.line) for site in sites)
        for loop in (find_nodes(ast.For, parse_cell(source)) if roots else ())
    )


def carried_over(change: Change, cell: int, cells: Mapping[int, str]) -> list[Sharing]:
    """Return where a path began to share memory, and what binds it after the write: the next turn of a loop."""
    origin, path, others = change.shared_since, parse_path(change.path), [*_others(change)]
    if change.site is None or origin is None or path.steps or origin.cell != cell or not others:
        return []
    later = [one for one in every_statement(cells[cell]) if path.root in one.binds and one.line > change.site.line]
    lines = [*((one.line, one.text) for one in later), (origin.line, origin.text)] if later else []
    return [Sharing(TypedLine(cell=cell, line=line, text=text), path, others[0]) for line, text in dict(lines).items()]


def _is_bound_again(origin: Origin, change: Change, cell: int, cells: Mapping[int, str]) -> bool:
    """Return whether a later cell bound again what the statement had bound, as when the same cell runs twice."""
    pair = parse_path(origin.a), parse_path(origin.b)
    bound = [one for own in parse_statements(origin.text)[:1] for one in pair if one.root in own.binds]
    newer = {count: text for count, text in cells.items() if count > origin.cell}
    later = [statement for _, statement in _before(change, cell, newer, [one.root for one in bound])]
    return any(one.root in statement.binds for statement in later for one in bound)


def _known(origin: Origin) -> Iterator[Sharing]:
    """Yield the statement that is known to have made two paths one memory, and the line inside that it reached."""
    pair = parse_path(origin.a), parse_path(origin.b)
    begun = TypedLine(cell=origin.cell, line=origin.line, text=origin.text)
    bound = [one for statement in parse_statements(origin.text)[:1] for one in pair if binds_path(statement, one)]
    yield from (Sharing(begun, one, pair[one is pair[0]]) for one in bound)
    yield from _known_inside(origin) or _bound_inside(origin)
    own = _stored_by_another_name(origin.text) if not bound else None
    if own is not None:
        yield from (Sharing(begun, own, one) for one in pair)
    yield from (Sharing(begun, one, pair[one is pair[0]]) for one in pair if not bound)


def _known_inside(origin: Origin) -> list[Sharing]:
    """Return the line inside a function that made two paths one memory, with what it calls them."""
    if origin.inner is None:
        return []
    pair = parse_path(origin.a), parse_path(origin.b)
    inner = TypedLine(cell=origin.inner.cell, line=origin.inner.line, text=origin.inner.text)
    local = ((_inside(origin.inner.text, one), pair[one is pair[0]]) for one in pair)
    return [Sharing(inner, path, other) for path, other in local if path is not None]


def _bound_inside(origin: Origin) -> list[Sharing]:
    """Return the line inside a function that bound a variable of its own to what its caller gets by another name."""
    match parse_one(origin.inner.text) if origin.inner is not None else None:
        case ast.Assign(targets=[ast.Name(id=name)]) if origin.inner is not None:
            inner = TypedLine(cell=origin.inner.cell, line=origin.inner.line, text=origin.inner.text)
            return [Sharing(inner, AccessPath(name), parse_path(one)) for one in (origin.a, origin.b)]
    return []


def is_stored_inside(origin: Origin) -> bool:
    """Return whether an object's own method stored what two paths share: a copy of it would copy all that it holds."""
    inner = origin.inner
    is_stored = inner is not None and not isinstance(parse_one(inner.text), ast.Return)
    return is_stored and bool(_known_inside(origin))


def _stored_by_another_name(text: str) -> AccessPath | None:
    """Return the path that a statement stores to, as with the variable of a loop over parameters.

    Examples
    --------
    >>> str(_stored_by_another_name("tp.data = p.data"))
    'tp'
    """
    match parse_one(text):
        case ast.Assign(targets=[ast.Attribute(value=owner, attr="data")]):
            own = spell_path(owner)
        case ast.Assign(targets=[ast.Attribute() | ast.Subscript() as target]):
            own = spell_path(target)
        case _:
            return None
    return None if own is None else parse_path(own)


def _inside(text: str, path: AccessPath) -> AccessPath | None:
    """Return how a line of a function spells a path of the notebook that it stores, by its attributes.

    Examples
    --------
    >>> str(_inside("self.best = model.state_dict()", parse_path("keeper.best['w']")))
    "self.best['w']"
    """
    match parse_one(text):
        case (
            ast.Assign(targets=[ast.Attribute() as owner])
            | ast.Assign(targets=[ast.Subscript(value=ast.Attribute() as owner)])
            | ast.Expr(value=ast.Call(func=ast.Attribute(value=ast.Attribute() as owner)))
        ):
            own = spell_path(owner)
        case ast.Return():
            return path
        case ast.Assign(targets=[ast.Name(id=name)]):  # a global name
            return path if name == path.root else None
        case _:
            return None
    step = f".{owner.attr}"
    if own is None or step not in path.steps:
        return None
    return parse_path(own + "".join(path.steps[path.steps.index(step) + 1 :]))


def _others(change: Change) -> Iterator[AccessPath]:
    """Yield the paths through which the memory was written; what the statement names, if none is a tensor."""
    yield from map(parse_path, change.via)
    if not change.via and change.cause == "alias" and change.site:
        for statement in parse_statements(change.site.text)[:1]:
            yield from (AccessPath(one.path.root) for one in statement.targets)


def bindings(change: Change, cell: int, cells: Mapping[int, str]) -> Iterator[TypedLine]:
    """Yield the statements that may have bound a changed path, the last first."""
    path = parse_path(change.path)
    return (begun for begun, statement in _before(change, cell, cells, [path.root]) if binds_path(statement, path))


def _before(
    change: Change, cell: int, cells: Mapping[int, str], names: Collection[str]
) -> Iterator[tuple[TypedLine, Statement]]:
    """Yield the statements that may have run before the write, the last first, of cells that name a variable."""
    line = change.site.line if change.site else 0
    naming = (count for count, text in cells.items() if count <= cell and any(one in text for one in names))
    for count in sorted(naming, reverse=True):
        several = every_statement(cells[count])
        earlier = [one for one in several if count < cell or one.line <= line]
        later = [one for one in several if count == cell and one.line > line]
        for one in (*reversed(earlier), *reversed(later)):
            yield TypedLine(cell=count, line=one.line, text=one.text), one


def binds_path(statement: Statement, path: AccessPath) -> bool:
    """Return whether a statement binds a path's variable, or stores something on the way to it."""
    if path.root in statement.binds:
        return True
    if path.root not in statement.text:
        return False
    match parse_one(statement.text):
        case ast.Assign(targets=targets):
            return any(steps_behind(one, path) is not None for one in targets)
        case ast.AugAssign(target=target, op=ast.Add() | ast.BitOr()):
            return bool(steps_behind(target, path))
        case ast.Expr(value=ast.Call(func=ast.Attribute(value=owner, attr=name))):
            return name in (*STORING, *STORING_SEVERAL) and bool(steps_behind(owner, path))
    return False
