"""What statements read without naming it: code in text, all variables at once, results by IPython's names."""

from __future__ import annotations

import ast
import builtins
import re
from typing import TYPE_CHECKING

from ..syntax.statement_text import words_in
from ..syntax.syntax_tree import all_nodes, find_nodes, names_in
from .pure_statements import MODULES, ROOTS, root_name

if TYPE_CHECKING:
    from collections.abc import Iterable

_RUN_TEXT = frozenset(("exec", "eval", "compile", "get_ipython"))
_READ_ALL = frozenset(("globals", "locals", "vars", "dir"))
_SCRIPTS = frozenset(("run", "rerun", "edit", "macro"))
_RESULT = re.compile(r"_{1,3}|_\d+|Out")
_USUAL = {**MODULES, "torch.nn.functional": "F"}
"""The modules of a trial, each with its usual short name."""


def words_in_code(node: ast.stmt) -> set[str]:
    """Return the words of the text that a statement may run as code.

    Examples
    --------
    >>> sorted(words_in_code(ast.parse("exec('y = x + 1')").body[0])), words_in_code(ast.parse("f('x')").body[0])
    (['1', 'x', 'y'], set())
    """
    if names_in(node).isdisjoint(_RUN_TEXT):
        return set()
    texts = (one.value for one in find_nodes(ast.Constant, node) if isinstance(one.value, str))
    return {word for text in texts for word in words_in(text)}


def may_read_anything(statements: Iterable[ast.stmt]) -> bool:
    """Return whether statements may read variables that they do not name.

    Examples
    --------
    >>> [may_read_anything(ast.parse(text).body) for text in ("f(globals())", "exec(text)", "y = _", "exec('1')")]
    [True, True, True, False]
    """
    parts = [part for node in statements for part in all_nodes(node)]
    bound = {part.id for part in parts if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)}
    return any(_reads_anything(part, bound) for part in parts)


def _reads_anything(part: ast.AST, bound: set[str]) -> bool:
    match part:
        case ast.Name(id=name, ctx=ast.Load()):
            return name not in bound and _RESULT.fullmatch(name) is not None
        case ast.Call(func=ast.Name(id=name), args=args):
            is_known = bool(args) and isinstance(args[0], ast.Constant)
            return (name in ("exec", "eval", "compile") and not is_known) or (name in _READ_ALL and not args)
        case ast.Call(func=ast.Attribute(value=ast.Call(func=ast.Name(id="get_ipython"))), args=[first, *_]):
            return isinstance(first, ast.Constant) and first.value in _SCRIPTS
    return False


def gives_library(node: ast.stmt) -> bool:
    """Return whether PyTorch and NumPy are still what their usual names mean, and unpatched, after a statement.

    Examples
    --------
    >>> texts = ("import numpy as np", "import jax.numpy as np", "torch.add = mine", "torch.backends.a.b = 1")
    >>> [gives_library(ast.parse(text).body[0]) for text in (*texts, "from torch import *")]
    [True, False, False, True, False]
    """
    return all(_gives_library(part) for part in all_nodes(node))


def _gives_library(part: ast.AST) -> bool:
    match part:
        case ast.Import(names=names):
            return all(_is_usual(one.name, one.asname or one.name.split(".")[0]) for one in names)
        case ast.ImportFrom(module=module, names=names):
            return all(_is_usual(f"{module}.{one.name}", one.asname or one.name) for one in names)
        case ast.Attribute(ctx=ast.Store() | ast.Del()):
            return root_name(part) not in ROOTS or ".backends." in ast.unparse(part)
        case ast.Call(func=ast.Name(id="setattr" | "delattr"), args=[owner, *_]):
            return root_name(owner) not in ROOTS
    return True


def _is_usual(module: str, name: str) -> bool:
    """Return whether an import gives a trial's name what it has in a trial."""
    if name == "*":
        return False
    if name in dir(builtins):
        return module == f"builtins.{name}"
    return name not in ROOTS or name == module.split(".", maxsplit=1)[0] or _USUAL.get(module) == name
