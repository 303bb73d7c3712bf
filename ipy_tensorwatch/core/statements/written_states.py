"""The state dicts through which a cell trains a module by hand: they are meant to follow it, and are no keepsakes."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from ..syntax.ast_queries import is_inplace_name, last_name
from ..syntax.name_promises import says_copy
from ..syntax.parsing import parse_body
from ..syntax.syntax_tree import find_nodes

if TYPE_CHECKING:
    from collections.abc import Iterator


def written_states(source: str) -> frozenset[str]:
    """Return the variables whose items a cell writes by name, and that it loads into a module.

    Examples
    --------
    >>> sorted(written_states("s['w'] += d; net.load_state_dict(s)"))
    ['s']
    >>> sorted(written_states("s['w'] = d; t['w'] += d; net.load_state_dict(s)"))
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
