"""The statement that gave a leaf another leaf's gradient: `q.grad = p.grad`."""

from __future__ import annotations

import ast
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from ...interpreter.reached_lines import DefinitionReader
from ...records.typed_line import typed_line
from ...statements.rewrite_statement import cloned_value
from ...syntax.ast_queries import last_name
from ...syntax.parsing import parse_header
from ...syntax.syntax_tree import find_nodes
from ...syntax.torch_vocabulary import FRESH
from ..fix import Fix

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ...blame.reasoning import Reasoning
    from ...records.report_parts import Inner, Site

_GRADIENT = frozenset(("grad", "_grad"))


class Assignment(NamedTuple):
    """A statement that assigns gradients.

    Attributes
    ----------
    is_of_gradient
        Whether what it assigns is a gradient, or a view of one.
    fix
        Makes it assign a copy, if it is the only one.
    """

    site: Site
    is_of_gradient: bool
    fix: Fix | None


class _Found(NamedTuple):
    site: Site
    node: ast.stmt
    is_likely: bool

    @property
    def line(self) -> Site | Inner:
        return self.site.inner or self.site


def find_assignment(reasoning: Reasoning) -> Assignment | None:
    """Return the first statement of a cell that assigned one leaf's gradient to another."""
    found = sorted(_assigning(reasoning), key=lambda one: not one.is_likely)
    if not found:
        return None
    site, node, _ = found[0]
    text, is_only = found[0].line.text, len({one.line for one in found}) == 1
    code = cloned_value(text) if is_only and _has_one_target(node) else None
    target = typed_line(reasoning.trace.cell.count, found[0].line)
    fix = Fix(kind="assign-copy", code=code, target=target, says_where=site.inner is not None) if code else None
    return Assignment(site, _reads_gradient(node), fix)


def _assigning(reasoning: Reasoning) -> Iterator[_Found]:
    """Yield the statements that ran and assign gradients, or that lead to a line of a function that does."""
    cell, reader = reasoning.own, DefinitionReader(reasoning.trace.notebook)
    for one in cell.statements:
        node = parse_header(one.text) if one.index in cell.evidence.ran else None
        if node is None:
            continue
        site = one.site("inferred")
        if _shares_gradient(node):
            yield _Found(site, node, is_likely=True)
        for inner, line, function, _ in reader.reached(one, node):
            if _shares_gradient(line):
                yield _Found(replace(site, inner=inner), line, is_likely=f"{function}(" in one.text)


def _reads_gradient(node: ast.stmt) -> bool:
    return any(one.attr in _GRADIENT and isinstance(one.ctx, ast.Load) for one in find_nodes(ast.Attribute, node))


def _shares_gradient(node: ast.stmt) -> bool:
    match node:
        case ast.Assign(targets=targets, value=value):
            is_gradient = any(part.attr in _GRADIENT for one in targets for part in find_nodes(ast.Attribute, one))
        case ast.Expr(value=ast.Call(func=ast.Name("setattr"), args=[_, ast.Constant(name), value])):
            is_gradient = name in _GRADIENT
        case _:
            return False
    return is_gradient and not _is_fresh(value)


def _is_fresh(value: ast.expr) -> bool:
    """Return whether a value has memory of its own, or none."""
    if isinstance(value, ast.Call):
        return last_name(value.func) in FRESH
    return isinstance(value, ast.Constant | ast.BinOp | ast.UnaryOp)


def _has_one_target(node: ast.stmt) -> bool:
    return isinstance(node, ast.Assign) and [*map(type, node.targets)] == [ast.Attribute]
