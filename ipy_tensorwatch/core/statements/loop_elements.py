"""The elements of a container that a statement writes through the variables of the loops around it."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..syntax.ast_queries import names_bound, own_parts
from ..syntax.parsing import DEFINITIONS, blocks_of, walk_statements
from .expression_aliases import bind_element
from .names_used import binds_of
from .scope import Scope
from .statement_writes import find_writes, target_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from .call_writes import NamedWrite
    from .write_target import Target

Loops = tuple[ast.For | ast.AsyncFor | ast.While, ...]
"""The loops whose bodies contain a statement, outermost first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Element:
    """What a statement writes through a loop variable, by the container that the loop's header names.

    Attributes
    ----------
    target
        Its path starts at the container: `xs[*]` for `x += 1` in `for x in xs`.
    variable
        The loop variable, if its own tensor is written, or memory of it; else empty.
    """

    target: Target
    variable: str = ""


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
    names = {part.id for own in own_parts(node) for part in ast.walk(own) if isinstance(part, ast.Name)}
    if not any(names & names_bound(loop) for loop in loops if not isinstance(loop, ast.While)):
        return
    scope = _scope_of(node, loops)
    for plain, led in zip(find_writes(node, Scope()), find_writes(node, scope), strict=False):
        for one in led.refs:
            if one.sure and one not in plain.refs and not led.metadata:
                yield Element(target=target_of(led, one), variable=_variable(plain))


def _variable(plain: NamedWrite) -> str:
    """Return the name whose own tensor is written, as in `x.view(-1)[0] = 1`; empty for `x.weight += 1`."""
    paths = [one.path for one in plain.refs]
    is_own = len(paths) == 1 and paths[0].steps in ((), (".data",))
    return paths[0].root if is_own and (plain.step == ".data" or not plain.step.startswith(".")) else ""


def _scope_of(node: ast.stmt, loops: Loops) -> Scope:
    """Return what the loops' variables refer to at a statement, without those that their bodies may have rebound."""
    scope = Scope()
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
