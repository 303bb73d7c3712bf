"""Find the functions that keep tensors, and those that write, in each turn of a loop, to what the turn keeps."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, NamedTuple

from ...syntax.ast_queries import COMPREHENSIONS, arguments, last_name
from ...syntax.parsing import walk_statements
from ...syntax.syntax_tree import LOOPS, all_nodes
from .kept_in_loops import (
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

NamedFunction = ast.FunctionDef | ast.AsyncFunctionDef

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
    unnamed = functions.keys() - _names_in(node).union(*map(_names_in, functions.values()))  # run by objects
    handed = _handed(node) & functions.keys()  # run by another name: `scan(step, init, xs)`
    for turn in (*_repeated(node), *_turns(node), *inside):
        names = _reached(turn.names | unnamed | handed, functions)
        for name, one in _definitions(functions):
            found = _refilled(one, turn.kept) if one.name in names else None
            if found is not None:
                return name, found
    return None


def called_writer(node: ast.stmt, written: ast.stmt, functions: Mapping[str, ast.stmt]) -> NamedFunction | None:
    """Return the function or method that a statement is in, if `node` names it and no other has its name."""
    every = [one for _, one in _definitions(functions) if one.name in _names_in(node)]
    holding = [one for one in every if written in [*walk_statements(one.body)]]
    alike = {ast.unparse(one) for one in every for found in holding if one.name == found.name}
    return holding[0] if len(alike) == 1 else None


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


def _refilled(function: NamedFunction, kept: frozenset[str]) -> ast.stmt | None:
    """Return the statement of a function that writes what it gives back or keeps, or what is kept, as its own too."""
    found = refilled_and_returned(function) or refilled_and_put(function)
    mine = {f"self.{path.rpartition('.')[2]}" for path in kept if "." in path}
    return found or next((one for one in walk_statements(function.body) if writes_to(one, {*kept, *mine})), None)


def _handed(node: ast.stmt) -> frozenset[str]:
    """Return the variables that a statement hands to what it calls."""
    given = (part for one in all_nodes(node) if isinstance(one, ast.Call) for part in arguments(one))
    return frozenset(part.id for part in given if isinstance(part, ast.Name))


def _definitions(functions: Mapping[str, ast.stmt]) -> Iterator[tuple[str, NamedFunction]]:
    """Yield functions, and the methods of classes, each with a name of what it stands in, which may have several."""
    named: dict[ast.stmt, str] = {}
    for name, tree in functions.items():
        named.setdefault(tree, name)
    for tree, name in named.items():
        inside = tree.body if isinstance(tree, ast.ClassDef) else [tree]
        yield from ((name, one) for one in inside if isinstance(one, NamedFunction))


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
