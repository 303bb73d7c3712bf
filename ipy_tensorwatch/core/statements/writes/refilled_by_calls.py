"""Find the functions that keep tensors, and those that write, in each turn of a loop, to what the turn keeps."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, NamedTuple

from ...syntax.ast_queries import COMPREHENSIONS, last_name
from ...syntax.parsing import walk_statements
from ...syntax.syntax_tree import LOOPS, all_nodes, find_nodes
from .kept_in_loops import (
    FUNCTIONS,
    kept_each_turn,
    paths_of,
    paths_put_by,
    puts_of,
    refilled_and_put,
    refilled_and_returned,
    repeats,
    writes_to,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_Function = ast.FunctionDef | ast.AsyncFunctionDef
_IMPLICIT = frozenset(("__call__", "__getitem__", "__iter__", "__next__", "forward"))
"""The methods that no name tells."""


class KeepingTurn(NamedTuple):
    """What a turn of a loop keeps, and what it names."""

    kept: frozenset[str]
    names: frozenset[str]


def refilled_by_call(node: ast.stmt, functions: Mapping[str, ast.stmt]) -> tuple[str, ast.stmt] | None:
    r"""Return the function, or class, and its statement that writes what a turn of a loop keeps; None if none does.

    Parameters
    ----------
    node
        A statement of the cell: its comprehensions are loops, as those in the functions that it may run.

    Examples
    --------
    >>> step = "class Env:\n    def step(self):\n        self.seen += 1\n        return self.seen"
    >>> play = "def play():\n    for _ in range(3):\n        kept.append(env.step())"
    >>> functions = {name: ast.parse(one).body[0] for name, one in (("Env", step), ("play", play))}
    >>> name, found = refilled_by_call(ast.parse("play()").body[0], functions)
    >>> name, ast.unparse(found)
    ('Env', 'self.seen += 1')
    """
    inside = (turn for tree in functions.values() for turn in _turns(tree))
    for turn in (*_repeated(node), *_turns(node), *inside):
        names = _reached(turn.names, functions)
        for name, one in _definitions(functions):
            found = _refilled(one, turn.kept) if one.name in names else None
            if found is not None:
                return name, found
    return None


def giving_statement(node: ast.stmt, functions: Mapping[str, ast.stmt]) -> tuple[str, ast.stmt] | None:
    """Return the only statement that gives back what `refilled_by_call` finds written; None if there are several.

    Nor where another function has the same name, or its function waits after the write: others may have written then.
    """
    found, every = refilled_by_call(node, functions), [*_definitions(functions)]
    written = found[1] if found is not None else None
    for name, function in every:
        body = [*walk_statements(function.body)]
        if written is not None and written in body:
            alike = {ast.unparse(one) for _, one in every if one.name == function.name}
            giving = [one for one in body if isinstance(one, ast.Return)]
            waits = any(find_nodes(ast.Await, one) for one in body[body.index(written) :])
            is_given = len(giving) == len(alike) == 1 and writes_to(written, {*paths_of(giving[0].value)})
            return (name, giving[0]) if is_given and not waits else None
    return None


def putting_statement(container: str, functions: Mapping[str, ast.stmt]) -> tuple[str, ast.stmt] | None:
    """Return the only statement of functions that puts a tensor into a container; None if there are several.

    Parameters
    ----------
    container
        The last name or key of what it puts them into: among several statements, those count that name it.
    """
    found = [(name, one) for name, tree in _definitions(functions) for one in walk_statements(tree.body)]
    putting = [(name, one) for name, one in found if any(True for _ in paths_put_by(one))]
    named = [(name, one) for name, one in putting if any(_is_named(into, container) for into, _ in puts_of(one))]
    several = named or putting
    return several[0] if len(several) == 1 else None


def _is_named(into: ast.expr | None, name: str) -> bool:
    return into is not None and (last_name(into) == name or (name[:1] == "[" and ast.unparse(into).endswith(name)))


def _turns(tree: ast.AST) -> Iterator[KeepingTurn]:
    """Yield the turns of the loops that put something into a container."""
    for loop in all_nodes(tree):
        body = [*walk_statements(loop.body)] if isinstance(loop, LOOPS) else []
        if any(True for one in body for _ in puts_of(one)):
            kept = frozenset(path for one in body for path in paths_put_by(one))
            yield KeepingTurn(kept, frozenset().union(*map(_names_in, body)))


def _repeated(node: ast.stmt) -> Iterator[KeepingTurn]:
    """Yield the turns of a statement's comprehensions; without one, what it names if it repeats a call otherwise."""
    parts = [one for one in all_nodes(node) if isinstance(one, COMPREHENSIONS)]
    yield from (KeepingTurn(frozenset(paths_of(kept_each_turn(one))), _names_in(one)) for one in parts)
    if repeats(node) and not parts:
        yield KeepingTurn(frozenset(), _names_in(node))


def _refilled(function: _Function, kept: frozenset[str]) -> ast.stmt | None:
    """Return the statement of a function that writes what it gives back or keeps, or what is kept, as its own too."""
    found = refilled_and_returned(function) or refilled_and_put(function)
    mine = {f"self.{path.rpartition('.')[2]}" for path in kept if "." in path}
    return found or next((one for one in walk_statements(function.body) if writes_to(one, {*kept, *mine})), None)


def _definitions(functions: Mapping[str, ast.stmt]) -> Iterator[tuple[str, _Function]]:
    """Yield functions, and the methods of classes, each with the name of what it stands in."""
    for name, tree in functions.items():
        inside = tree.body if isinstance(tree, ast.ClassDef) else [tree]
        yield from ((name, one) for one in inside if isinstance(one, FUNCTIONS))


def _reached(names: frozenset[str], functions: Mapping[str, ast.stmt]) -> set[str]:
    """Return names, with those of what runs where they are called."""
    reached, count = {*names, *_IMPLICIT}, -1
    while len(reached) > count:
        count = len(reached)
        reached.update(*(_names_in(one) for _, one in _definitions(functions) if one.name in reached))
    return reached


def _names_in(tree: ast.AST) -> frozenset[str]:
    parts = all_nodes(tree)
    variables = {one.id for one in parts if isinstance(one, ast.Name)}
    return frozenset({one.attr for one in parts if isinstance(one, ast.Attribute)} | variables)
