"""Statements that hand a state dict over: `opt.load_state_dict(ckpt["opt"])`, which keeps its tensors."""

from __future__ import annotations

import ast
from functools import lru_cache

from ..syntax.ast_queries import spell_path
from ..syntax.syntax_tree import find_nodes
from .rewrite_statement import parse_one
from .statement import every_statement


@lru_cache(maxsize=1024)
def loaded_states(source: str) -> tuple[tuple[str, int, str], ...]:
    """Return the paths of state dicts that the statements of a cell load, as typed, with their lines and texts.

    Examples
    --------
    >>> loaded_states("opt.load_state_dict(ckpt['opt']); net.load_state_dict(make())")
    (("ckpt['opt']", 1, "opt.load_state_dict(ckpt['opt'])"),)
    """
    several = every_statement(source) if ".load_state_dict(" in source else ()
    found = ((_loaded(call), one) for one in several for call in find_nodes(ast.Call, parse_one(one.text)))
    return tuple((path, one.line, one.text) for path, one in found if path is not None)


def _loaded(call: ast.Call) -> str | None:
    match call:
        case ast.Call(func=ast.Attribute(attr="load_state_dict"), args=[state, *_]):
            return spell_path(state)
    return None
