"""The names that are left over from loops, and the state dicts through which a cell trains a module by hand.

Only a loop binds such a name, and only its body uses it; such a state dict is meant to follow its module. Neither is a
keepsake.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from ..syntax.ast_queries import is_inplace_name, last_name
from ..syntax.magic_calls import find_source
from ..syntax.name_promises import says_copy
from ..syntax.parsing import DEFINITIONS, blocks_of, parse_body, walk_statements
from ..syntax.syntax_tree import find_nodes, names_in
from .names_used import binds_of, mentions_of
from .writes.loop_elements import Loops, loops_around

if TYPE_CHECKING:
    from collections.abc import Iterator


FOR_LOOPS = (ast.For, ast.AsyncFor)


def leftover_names(source: str, known: frozenset[str] = frozenset()) -> frozenset[str]:
    r"""Return the names that are left over from loops after a cell.

    Its header binds them, or its body, from what the header binds, and uses them then: `a = p.numpy(); print(a.shape)`.
    So is a state dict through which a loop trains a module by hand: it goes on to follow the module.
    A loop with a `break` is no such loop: `for xb, yb in loader: break` is how a first batch is taken.

    Parameters
    ----------
    known
        Those that were left over before it.

    Examples
    --------
    >>> sorted(leftover_names("for p in net.parameters(): p *= 2\nq = 1", frozenset("qx")))
    ['p', 'x']
    """
    looped, others = set[str](), set[str]()
    inside: dict[ast.AST, set[str]] = {}
    for node, loops in _statements(source):
        is_loop = isinstance(node, FOR_LOOPS) and not _stops(node)
        bound, spent = binds_of(node), _spent(node, loops)
        for loop in loops[-1:] if spent else ():
            inside[loop] = inside.get(loop, set()) | spent
        (looped if is_loop or spent else others).update(bound)
        used = {path.root for path in mentions_of(node)}
        here = (names_in(one.target) | inside.get(one, set()) for one in loops if not isinstance(one, ast.While))
        others |= used.difference(bound, *here)
    return frozenset((known | looped) - others) | _written_states(source)


def _written_states(source: str) -> frozenset[str]:
    """Return the variables whose items a cell writes by name, and that it loads into a module.

    Examples
    --------
    >>> sorted(_written_states("s['w'] += d; net.load_state_dict(s)"))
    ['s']
    >>> sorted(_written_states("s['w'] = d; t['w'] += d; net.load_state_dict(s)"))
    []
    """
    if "load_state_dict(" not in source:
        return frozenset()
    body = ast.Module(body=[*parse_body(source)], type_ignores=[])
    calls = [one for one in find_nodes(ast.Call, body) if last_name(one.func) == "load_state_dict"]
    loaded = {one.args[0].id for one in calls if one.args and isinstance(one.args[0], ast.Name)}
    return frozenset(name for name in loaded.intersection(_written(body)) if not says_copy(name))


def _written(body: ast.Module) -> Iterator[str]:
    items: list[ast.expr] = [one.target for one in find_nodes(ast.AugAssign, body)]
    called = (one.func for one in find_nodes(ast.Call, body))
    items += [one.value for one in called if isinstance(one, ast.Attribute) and is_inplace_name(one.attr)]
    for one in items:
        match one:
            case ast.Subscript(value=ast.Name(id=name), slice=ast.Constant(value=str())):
                yield name


def _spent(node: ast.stmt, loops: Loops) -> set[str]:
    """Return the name that a turn of a loop binds to something of the loop's variable, and uses later in that turn."""
    loop = loops[-1] if loops else None
    match node:
        case ast.Assign(targets=[ast.Name(id=name)], value=value) if isinstance(loop, FOR_LOOPS) and not _stops(loop):
            every = [one for one in find_nodes(ast.Name, loop) if one.id == name]
        case _:
            return set()
    is_derived = not names_in(loop.target).isdisjoint(names_in(value)) and name not in names_in(value)
    stored = [one for one in every if isinstance(one.ctx, ast.Store)]
    read = [one.lineno for one in every if isinstance(one.ctx, ast.Load)]
    is_used = bool(read) and min(read) > (node.end_lineno or node.lineno)
    return {name} if is_derived and is_used and len(stored) == 1 and not says_copy(name) else set()


def _statements(source: str) -> Iterator[tuple[ast.stmt, Loops]]:
    """Yield the statements of a cell, each with the loops around it, and those of the code that its magics run."""
    body = parse_body(source)
    loops = loops_around(body)
    for node in walk_statements(body):
        yield node, loops.get(id(node), ())
        yield from _statements(find_source(node))


def _stops(loop: ast.For | ast.AsyncFor) -> bool:
    """Return whether a loop may end by a `break` of its own."""
    waiting: list[ast.stmt] = [*loop.body]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Break):
            return True
        if isinstance(node, ast.For | ast.AsyncFor | ast.While):
            waiting += node.orelse
        elif not isinstance(node, DEFINITIONS):
            waiting += [inner for block in blocks_of(node) for inner in block]
    return False
