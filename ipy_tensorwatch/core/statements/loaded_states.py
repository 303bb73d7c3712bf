"""States that were read from a file and given to an optimizer, which goes on with their very tensors."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, NamedTuple

from ..syntax.ast_queries import last_name, spell_path
from ..syntax.parsing import blocks_of, parse_body, parse_path
from ..syntax.syntax_tree import LOOPS, find_nodes
from .names_used import binds_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_APART = (*LOOPS, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


class LoadedStates(NamedTuple):
    """What cells have read from files and given away.

    Attributes
    ----------
    read
        The variables that were read from files.
    given, again
        The paths behind them that were given to `load_state_dict` once, and again or in a loop.
    """

    read: frozenset[str] = frozenset()
    given: frozenset[str] = frozenset()
    again: frozenset[str] = frozenset()


def loaded_states(source: str, known: LoadedStates) -> LoadedStates:
    r"""Return what has been read from files and given to `load_state_dict`, after a cell.

    Parameters
    ----------
    known
        What was so before it.

    Examples
    --------
    >>> once = loaded_states("c = torch.load(f)\nopt.load_state_dict(c['opt'])", LoadedStates())
    >>> sorted(once.given), sorted(loaded_states("opt.load_state_dict(c['opt'])", once).given)
    (["c['opt']"], [])
    """
    if not known.read and "load" not in source:
        return known
    read, given, again = {*known.read}, {*known.given}, {*known.again}
    for node in _run_once(parse_body(source)):
        for path in (one for one in _given_by(node) if parse_path(one).root in read):
            (again if isinstance(node, _APART) or path in given | again else given).add(path)
        read -= binds_of(node)
        given, again = ({one for one in several if parse_path(one).root in read} for several in (given, again))
        if isinstance(node, ast.Assign) and _is_read(node.value):
            read.update(one.id for one in node.targets if isinstance(one, ast.Name))
    return LoadedStates(frozenset(read), frozenset(given - again), frozenset(again))


def _run_once(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield the statements of a block and of those inside; of a loop or a definition, itself."""
    for node in body:
        blocks = [] if isinstance(node, _APART) else [*filter(None, blocks_of(node))]
        if not blocks:
            yield node
        for block in blocks:
            yield from _run_once(block)


def _given_by(node: ast.stmt) -> Iterator[str]:
    for call in find_nodes(ast.Call, node):
        if last_name(call.func) == "load_state_dict" and len(call.args) == 1 and not call.keywords:
            path = spell_path(call.args[0])
            if path is not None:
                yield path


def _is_read(value: ast.expr) -> bool:
    """Return whether a value is read from a file, or is a part of that: `torch.load(path)["optimizer"]`."""
    while isinstance(value, ast.Subscript):
        value = value.value
    return isinstance(value, ast.Call) and last_name(value.func).startswith("load")
