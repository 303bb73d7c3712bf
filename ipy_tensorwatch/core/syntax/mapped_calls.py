"""Calls of `map` and `filter` as the comprehensions that they stand for."""

from __future__ import annotations

import ast
from functools import lru_cache

from .ast_queries import positional_names


def spelled_out(node: ast.AST) -> ast.AST:
    """Return the comprehension that a call of `map` or `filter` stands for; any other node as it is.

    Examples
    --------
    >>> call = ast.parse("map(lambda t: t.neg_(), xs)", mode="eval").body
    >>> ast.unparse(spelled_out(call))
    '(t.neg_() for t in xs)'
    """
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("map", "filter"):
        return _spelled_out(node, is_filter=node.func.id == "filter") or node
    return node


@lru_cache(maxsize=512)
def _spelled_out(node: ast.Call, *, is_filter: bool) -> ast.GeneratorExp | None:
    function, sources = node.args[:1], node.args[1:]
    if not sources or node.keywords or any(isinstance(one, ast.Starred) for one in node.args):
        return None
    names = [f"<item {place}>" for place in range(len(sources))]
    made: ast.expr = ast.Call(function[0], [ast.Name(name, ast.Load()) for name in names], [])
    if isinstance(function[0], ast.Lambda):
        spec = function[0].args
        names, made = positional_names(spec), function[0].body
        if len(names) != len(sources) or spec.vararg or spec.kwonlyargs or spec.kwarg:
            return None
    targets: list[ast.expr] = [ast.Name(name, ast.Store()) for name in names]
    several = len(targets) > 1
    target = ast.Tuple(targets, ast.Store()) if several else targets[0]
    source = ast.Call(ast.Name("zip", ast.Load()), sources, []) if several else sources[0]
    element = ast.Name(names[0], ast.Load()) if is_filter else made
    part = ast.comprehension(target, source, [made] if is_filter else [], 0)
    return _placed(ast.GeneratorExp(element, [part]), node)


def _placed(made: ast.GeneratorExp, node: ast.Call) -> ast.GeneratorExp:
    """Give new nodes the place of the call; those of the source keep theirs."""
    for one in ast.walk(made):
        if isinstance(one, ast.expr) and not hasattr(one, "lineno"):
            ast.copy_location(one, node)
    return made
