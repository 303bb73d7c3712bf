"""Variables with whose tensors a source calls a module: `torch.func.functional_call(net, params, x)`."""

from __future__ import annotations

import ast
from functools import lru_cache

from ..syntax.ast_queries import last_name
from ..syntax.parsing import parse_cell
from ..syntax.syntax_tree import find_nodes, names_in


@lru_cache(maxsize=1024)
def handed_parameters(source: str) -> frozenset[str]:
    """Return the names of what a source calls modules with, in the place of their own parameters and buffers.

    Examples
    --------
    >>> sorted(handed_parameters("y = functional_call(net, (params, buffers), x)"))
    ['buffers', 'params']
    """
    tree = parse_cell(source) if "functional_call(" in source else None
    calls = find_nodes(ast.Call, tree) if tree is not None else ()
    given = [one.args[1] for one in calls if last_name(one.func) == "functional_call" and len(one.args) > 1]
    return frozenset[str]().union(*map(names_in, given))
