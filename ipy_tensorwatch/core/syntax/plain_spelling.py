"""Roundabout spellings of a variable, an attribute, an item or a call, read as the plain ones that they stand for."""

from __future__ import annotations

import ast
import re
from keyword import iskeyword
from typing import TypeVar

from .ast_queries import last_name
from .syntax_tree import find_nodes, names_stored

_Made = TypeVar("_Made", bound=ast.expr)

_MAY_BE = re.compile(
    r"\b(?:globals|locals|vars|getattr|attrgetter|itemgetter|methodcaller|partial)\(|\b(?:__dict__|user_ns)\["
)
_ANYWHERE = ("globals()", "get_ipython().user_ns")
_IN_A_CELL = ("locals()", "vars()")
"""The dict of the notebook's variables, but in a function that of its own."""
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)


def spell_plainly(tree: ast.Module, source: str) -> ast.Module:
    """Spell plainly, in the tree of a source, what it spells in a roundabout way; each node keeps its place.

    Examples
    --------
    >>> for text in ("globals()['t'].add_(1)", "vars(b)['w'] += 1", "methodcaller('add_', 1)(t)", "partial(f, 1)(t)"):
    ...     print(ast.unparse(spell_plainly(ast.parse(text), text)))
    t.add_(1)
    b.w += 1
    t.add_(1)
    f(1, t)
    """
    if _MAY_BE.search(source):
        _Spelling().visit(tree)
    return tree


class _Spelling(ast.NodeTransformer):
    """Replaces what is spelled in a roundabout way, the inner parts first."""

    def __init__(self) -> None:
        self.bound: list[set[str]] = []
        """The names that each function or class around binds."""

    def visit(self, node: ast.AST) -> ast.AST:
        if not isinstance(node, _SCOPES):
            self.generic_visit(node)
            return self._plain(node)
        self.bound.append(names_stored(node) | {one.arg for one in find_nodes(ast.arg, node)})
        self.generic_visit(node)
        self.bound.pop()
        return node

    def _plain(self, node: ast.AST) -> ast.AST:
        match node:
            case ast.Subscript(value=owner, slice=ast.Constant(value=str(name)), ctx=context) if _is_name(name):
                return self._named(node, owner, name, context)
            case ast.Call(func=ast.Name(id="getattr"), args=[owner, ast.Constant(value=str(name))], keywords=[]):
                return _at(ast.Attribute(owner, name, ast.Load()), node) if _is_name(name) else node
            case ast.Call(func=ast.Call(func=ast.Name() | ast.Attribute(value=ast.Name())) as made):
                return _called(node, made)
        return node

    def _named(self, node: ast.Subscript, owner: ast.expr, name: str, context: ast.expr_context) -> ast.expr:
        match owner:
            case ast.Attribute(value=thing, attr="__dict__"):
                return _at(ast.Attribute(thing, name, context), node)
            case ast.Call(func=ast.Name(id="vars"), args=[thing], keywords=[]):
                return _at(ast.Attribute(thing, name, context), node)
            case ast.Call() | ast.Attribute() if self._is_of_notebook(owner, name, context):
                return _at(ast.Name(name, context), node)
        return node

    def _is_of_notebook(self, owner: ast.expr, name: str, context: ast.expr_context) -> bool:
        """Return whether an item of a dict is the variable that its name means here."""
        known = _ANYWHERE if self.bound else (*_ANYWHERE, *_IN_A_CELL)
        is_own = bool(self.bound) and not isinstance(context, ast.Load)  # in a function, the name would be its own
        return ast.unparse(owner) in known and not is_own and not any(name in one for one in self.bound)


def _called(node: ast.Call, made: ast.Call) -> ast.expr:
    """Return the plain call or access for a call of what `operator` or `functools` makes."""
    match last_name(made.func), made.args, node.args:
        case "partial", [function, *first], _ if not isinstance(function, ast.Starred):
            return _at(ast.Call(function, [*first, *node.args], [*made.keywords, *node.keywords]), node)
        case "methodcaller", [ast.Constant(value=str(name)), *given], [owner] if _is_name(name) and not node.keywords:
            method = _at(ast.Attribute(owner, name, ast.Load()), made)
            return _at(ast.Call(method, given, made.keywords), node)
        case "itemgetter", [key], [owner] if not isinstance(key, ast.Starred):
            return _at(ast.Subscript(owner, key, ast.Load()), node)
        case "attrgetter", [ast.Constant(value=str(names))], [owner] if all(map(_is_name, names.split("."))):
            for name in names.split("."):
                owner = _at(ast.Attribute(owner, name, ast.Load()), node)
            return owner
    return node


def _is_name(text: str) -> bool:
    return text.isidentifier() and not iskeyword(text)


def _at(made: _Made, node: ast.expr) -> _Made:
    """Give a new node the place of the one that it stands for."""
    return ast.copy_location(made, node)
