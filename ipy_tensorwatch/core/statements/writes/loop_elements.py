"""The elements of a container that a statement writes through the variables of the loops around it."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from ...records.path import AccessPath
from ...runtime.record import record
from ...syntax.ast_queries import own_nodes
from ...syntax.parsing import DEFINITIONS, blocks_of, walk_statements
from ...syntax.syntax_tree import names_in
from ..aliases.expression_aliases import bind_element
from ..aliases.scope import Scope
from ..names_used import binds_of
from .statement_writes import find_writes, target_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ..aliases.reference import Reference, References
    from .write_target import Target

Loops = tuple[ast.For | ast.AsyncFor | ast.While, ...]
"""The loops whose bodies contain a statement, outermost first."""


@record
class Element:
    """What a statement writes through a loop variable, by the container that the loop's header names.

    Attributes
    ----------
    target
        Its path starts at the container: `xs[*]` for `x += 1` in `for x in xs`.
    variable
        The loop variable.
    is_own
        Whether the variable's own tensor is written, or memory of it: not by `x.weight += 1`.
    depth
        The number of steps to the loop variable's value: 1 for `xs[*]`. A tensor with fewer is no container: its rows
        are views.
    """

    target: Target
    variable: str
    is_own: bool
    depth: int


class _Containers(Scope):
    """Names that lead to items of containers; the rows of a view of a tensor are none."""

    def iterated(self, refs: References) -> References:
        """Return the items of a loop over these objects."""
        return super().iterated(tuple(one for one in refs if one.depth or not one.sealed or _is_slice(one)))

    def child(self) -> Scope:
        """Return a scope for a comprehension's own names."""
        return _Containers(dict(self.names))


def _is_slice(one: Reference) -> bool:
    return ":" in "".join(one.path.steps[-1:])


def loops_around(body: Iterable[ast.stmt]) -> dict[int, Loops]:
    """Return the loops around each statement that is in one, by the statement's id."""
    found: dict[int, Loops] = {}
    waiting: list[tuple[Iterable[ast.stmt], Loops]] = [(body, ())]
    while waiting:
        block, loops = waiting.pop()
        for node in block:
            if loops:
                found[id(node)] = loops
            if isinstance(node, ast.For | ast.AsyncFor | ast.While):
                waiting += [(node.body, (*loops, node)), (node.orelse, loops)]
            elif not isinstance(node, DEFINITIONS):
                waiting += [(inner, loops) for inner in blocks_of(node) if inner]
    return found


def elements_of(node: ast.stmt, loops: Loops) -> Iterator[Element]:
    """Yield what a statement writes through the variables of the loops around it.

    Examples
    --------
    >>> loop = ast.parse("for x in xs: x += 1").body[0]
    >>> [str(one.target.path) for one in elements_of(loop.body[0], (loop,))]
    ['xs[*]']
    """
    if not loops:
        return
    names = {part.id for part in own_nodes(node) if isinstance(part, ast.Name)}
    if not any(names & names_in(loop.target) for loop in loops if not isinstance(loop, ast.While)):
        return
    scope = _scope_of(node, loops)
    for plain, led in zip(find_writes(node, Scope()), find_writes(node, scope), strict=False):
        only = plain.refs[0].path if len(plain.refs) == 1 else AccessPath("", ("",))
        is_own = only.steps in ((), (".data",)) and (plain.step == ".data" or not plain.step.startswith("."))
        labels = any(target_of(plain, one).is_label for one in plain.refs)
        for one in led.refs:
            if one.sure and one not in plain.refs and not led.metadata and (one.is_spelled or not labels):
                depth = len(one.path.steps) - len(only.steps)
                yield Element(target=target_of(led, one), variable=only.root, is_own=is_own, depth=depth)


def scopes_of(node: ast.stmt, loops: Loops) -> list[Scope]:
    """Return what the names at a statement refer to: themselves, and with it, what the loops around it lead them to."""
    return [Scope(), _scope_of(node, loops)] if loops else [Scope()]


def called_through(node: ast.stmt, loops: Loops) -> Iterator[AccessPath]:
    """Yield what a statement calls through the variables of the loops around it.

    Examples
    --------
    >>> loop = ast.parse("for f in net: x = f(x)").body[0]
    >>> [str(one) for one in called_through(loop.body[0], (loop,))]
    ['net[*]']
    """
    scope = _scope_of(node, loops) if loops else Scope()
    calls = (part.func for part in own_nodes(node) if isinstance(part, ast.Call))
    names = (func.id for func in calls if isinstance(func, ast.Name))
    return (one.path for name in names for one in scope.names.get(name, ()) if one.sure and not one.depth)


def _scope_of(node: ast.stmt, loops: Loops) -> Scope:
    """Return what the loops' variables refer to at a statement, without those that their bodies may have rebound."""
    scope = _Containers()
    for depth, loop in enumerate(loops):
        below = loops[depth + 1] if depth + 1 < len(loops) else node
        _let_go(scope, walk_statements(loop.body))
        if not isinstance(loop, ast.While):
            bind_element(loop.target, loop.iter, scope)
        _let_go(scope, _before(below, loop.body))
    return scope


def _let_go(scope: Scope, several: Iterable[ast.stmt]) -> None:
    for name in {name for one in several for name in binds_of(one)} if scope.names else ():
        scope.names.pop(name, None)


def _before(node: ast.stmt, body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield the statements of a loop's body that precede one of them."""
    for one in walk_statements(body):
        if one is node:
            return
        yield one
