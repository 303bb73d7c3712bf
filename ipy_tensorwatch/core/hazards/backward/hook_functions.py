"""The functions behind the expressions that are given as hooks: lambdas, methods, partials, callable objects."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, NamedTuple

from ...syntax.ast_queries import last_name, positional_names
from ...syntax.parsing import walk_statements
from ...syntax.syntax_tree import all_nodes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ...interpreter.definitions import Code


class Hook(NamedTuple):
    """A function that may be a hook, and its parameters that are not bound yet."""

    source: Code
    node: ast.FunctionDef | ast.Lambda
    names: list[str]


class KnownFunctions:
    """What the names of hooks refer to: functions, methods, classes, and what a name is assigned."""

    def __init__(self, trees: list[tuple[Code, ast.Module]], classes: Mapping[str, str]) -> None:
        self._trees, self._kinds = trees, classes
        nodes = [(one, node) for one, tree in trees for node in all_nodes(tree)]
        self._classes = {node.name: node for _, node in nodes if isinstance(node, ast.ClassDef)}
        self._methods = {id(part) for one in self._classes.values() for part in one.body}
        functions = [(one, node) for one, node in nodes if isinstance(node, ast.FunctionDef)]
        self._places = {id(node): one for one, node in functions}
        self._functions = {(id(node) in self._methods, node.name): node for _, node in functions}
        self._assigned = {
            part.id: node.value
            for _, node in nodes
            if isinstance(node, ast.Assign)
            for part in node.targets
            if isinstance(part, ast.Name)
        }

    def hook(self, node: ast.expr, here: Code, depth: int = 3) -> Hook | None:
        """Return the function behind an expression that is given as a hook."""
        match node:
            case ast.Lambda():
                return Hook(here, node, positional_names(node.args))
            case ast.Name(id=name) if name in self._assigned and (False, name) not in self._functions and depth:
                return self.hook(self._assigned[name], here, depth - 1)
            case ast.Name(id=name) if self._kinds.get(name) in self._classes:
                return self._call_of(self._kinds[name])
            case ast.Name() | ast.Attribute():
                return self._function(self._functions.get((isinstance(node, ast.Attribute), last_name(node))))
            case ast.Call() if depth:
                return self._made(node, here, depth - 1)
        return None

    def _made(self, node: ast.Call, here: Code, depth: int) -> Hook | None:
        """Return the function that a call makes: of a partial, of an instance, or one that a function returns."""
        name = last_name(node.func)
        if name == "partial" and node.args:
            inner = self.hook(node.args[0], here, depth)
            return inner._replace(names=inner.names[len(node.args) - 1 :]) if inner else None
        if name in self._classes:
            return self._call_of(name)
        made = self._functions.get((isinstance(node.func, ast.Attribute), name))
        returned = [one.value for one in walk_statements(made.body) if isinstance(one, ast.Return)] if made else []
        given = returned[-1] if returned else None
        return self.hook(given, self._places[id(made)], depth) if given else None

    def _call_of(self, kind: str) -> Hook | None:
        body = self._classes[kind].body
        calls = (one for one in body if isinstance(one, ast.FunctionDef) and one.name == "__call__")
        return self._function(next(calls, None))

    def statement_of(self, node: ast.Lambda) -> ast.stmt:
        """Return the innermost statement around a lambda."""
        every = (one for _, tree in self._trees for one in all_nodes(tree) if isinstance(one, ast.stmt))
        return [one for one in every if any(part is node for part in all_nodes(one))][-1]

    def _function(self, node: ast.FunctionDef | None) -> Hook | None:
        if node is None:
            return None
        names = positional_names(node.args)
        return Hook(self._places[id(node)], node, names[1:] if id(node) in self._methods else names)
