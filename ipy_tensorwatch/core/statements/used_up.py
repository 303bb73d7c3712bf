"""Whether a statement is the last to read what a name leads to."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from ..syntax.parsing import DEFINITIONS, blocks_of, parse_body, walk_statements
from .names_used import binds_of, reads_of
from .writes.loop_elements import Loops, loops_around

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence


def is_used_up(source: str, index: int, name: str) -> bool:
    r"""Return whether no statement of a cell reads a name after one of them, before it is bound anew.

    A branch that may not run binds nothing for sure, unless all branches bind; the body of a loop is taken to run.

    Examples
    --------
    >>> source = "new = state(net)\nnet.load({k: v / 2 for k, v in new.items()})"
    >>> is_used_up(source, 1, "new"), is_used_up(source + "\nprint(new)", 1, "new")
    (True, False)
    >>> is_used_up("new = state(net)\nfor i in range(3):\n    net.load(half(new))", 2, "new")
    False
    >>> is_used_up("for i in range(3):\n    step()\n    new = state(net)\n    print(new)", 1, "new")
    True
    """
    body = parse_body(source)
    nodes, loops, branches = [*walk_statements(body)], loops_around(body), _branches_around(body)
    if index >= len(nodes):
        return False
    own = branches.get(id(nodes[index]), frozenset())
    turns = ([one for one in nodes if _is_in(loop, one, loops)] for loop in loops.get(id(nodes[index]), ()))
    ways = [nodes[index + 1 :], *(_after(turn, nodes[index]) for turn in turns)]
    return not any(_is_read_next(way, name, lambda one: branches.get(id(one), own) <= own) for way in ways)


def _is_in(loop: ast.stmt, node: ast.stmt, loops: Mapping[int, Loops]) -> bool:
    """Return whether a statement runs in each turn of a loop: in its body, or the condition of a `while`."""
    return loop in loops.get(id(node), ()) or (node is loop and isinstance(loop, ast.While))


def _after(turn: Sequence[ast.stmt], node: ast.stmt) -> list[ast.stmt]:
    """Return the statements of a loop's body in the order in which they run after one of them, this one the last."""
    place = next(number for number, one in enumerate(turn) if one is node) + 1
    return [*turn[place:], *turn[:place]]


def _branches_around(body: Iterable[ast.stmt]) -> dict[int, frozenset[int]]:
    """Return the blocks around each statement that may not run, by the statement's id."""
    found: dict[int, frozenset[int]] = {}
    waiting: list[tuple[Iterable[ast.stmt], frozenset[int]]] = [(body, frozenset())]
    while waiting:
        block, around = waiting.pop()
        for node in block:
            found[id(node)] = around
            may_not_run = isinstance(node, ast.If | ast.Try | ast.Match)
            inner = [] if isinstance(node, DEFINITIONS) else [*blocks_of(node)]
            waiting += [(one, around | {id(one)} if may_not_run else around) for one in inner]
    return found


def _is_read_next(way: Iterable[ast.stmt], name: str, is_sure: Callable[[ast.stmt], bool]) -> bool:
    """Return whether the first of some statements that reads a variable, or binds it for sure, reads it."""
    for one in way:
        if name in reads_of(one):
            return True
        if (name in binds_of(one) or _binds_in_all_branches(one, name)) and is_sure(one):
            return False
    return False


def _binds_in_all_branches(node: ast.stmt, name: str) -> bool:
    """Return whether an `if` binds a variable in each branch, with an `else`, before it reads it there."""
    return isinstance(node, ast.If) and all(_binds_first(block, name) for block in (node.body, node.orelse))


def _binds_first(block: Sequence[ast.stmt], name: str) -> bool:
    for one in block:
        if any(name in reads_of(each) for each in walk_statements([one])):
            return False
        if name in binds_of(one) or _binds_in_all_branches(one, name):
            return True
    return False
