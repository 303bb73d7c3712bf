"""Interpret a function's statements: track aliases and record writes."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from ..statements.aliases import reference as to
from ..statements.aliases.expression_aliases import bind, trace
from ..statements.writes.statement_writes import find_writes, walk_expressions
from ..syntax.ast_queries import COMPREHENSIONS, OPERATOR_STEMS, own_parts
from ..syntax.parsing import DEFINITIONS, blocks_of
from .assignments import add_member, bind_statement
from .frame import Frame

if TYPE_CHECKING:
    from collections.abc import Iterable

_LOOP_PASSES = 2
"""How often a loop is interpreted: bindings of the first pass are seen by the second."""


def interpret(body: Iterable[ast.stmt], frame: Frame) -> None:
    """Interpret statements in order: both branches of a conditional, a loop's body twice."""
    for node in body:
        frame.reader.keep_time()
        frame.node = node
        frame.known.clear()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and frame.function is not None:
            frame.names[node.name] = frame.define(node.name, node)
        elif not isinstance(node, DEFINITIONS):
            _evaluate(node, frame)
            bind_statement(node, frame)
            _interpret_blocks(node, frame)


def _interpret_blocks(node: ast.stmt, frame: Frame) -> None:
    if isinstance(node, ast.With | ast.AsyncWith):
        interpret(node.body, frame)
        return
    if isinstance(node, ast.Try) and node.handlers:
        _interpret_try(node, frame)
        return
    passes = _LOOP_PASSES if isinstance(node, ast.For | ast.AsyncFor | ast.While) else 1
    for _ in range(passes):
        branches = [frame.branch() for _ in blocks_of(node)] if isinstance(node, ast.If | ast.Match) else []
        for place, block in enumerate(blocks_of(node)):
            interpret(block, branches[place] if branches else frame)
        if branches and isinstance(node, ast.If):
            frame.names.clear()
        for branch in branches:
            frame.join(branch)


def _interpret_try(node: ast.Try, frame: Frame) -> None:
    """Interpret a `try`: what a handler binds is added to what the body has bound."""
    interpret(node.body, frame)
    for handler in node.handlers:
        branch = frame.branch()
        interpret(handler.body, branch)
        frame.join(branch)
    interpret([*node.orelse, *node.finalbody], frame)


def _evaluate(node: ast.stmt, frame: Frame) -> None:
    for own in own_parts(node):
        for part, inside in walk_expressions(own, frame):
            if isinstance(part, ast.expr) and isinstance(inside, Frame):
                _evaluate_part(part, inside, frame)
    for write in find_writes(node, frame):
        frame.reader.note(frame, write)


def _evaluate_part(part: ast.expr, inside: Frame, frame: Frame) -> None:
    match part:
        case ast.Call():
            inside.call(part)
            add_member(part, inside)
        case ast.NamedExpr(target=target, value=value):
            bind(target, trace(value, inside), frame)
        case ast.Yield(value=value) if value is not None:
            frame.give(to.wrap(trace(value, inside)))
        case ast.YieldFrom(value=value):
            frame.give(trace(value, inside))
        case ast.BinOp(left=left, op=op, right=right):
            inside.reader.operate(trace(left, inside), f"__{OPERATOR_STEMS[type(op)]}__", trace(right, inside))
        case ast.Subscript(ctx=ast.Load()) | ast.Attribute(ctx=ast.Load()):
            trace(part, inside)
        case _ if isinstance(part, COMPREHENSIONS):
            inside.iterated(trace(part.generators[0].iter, inside))
        case _:
            pass


def body_of(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) -> list[ast.stmt]:
    """Return a function's statements; a lambda's expression as a return statement."""
    if isinstance(node, ast.Lambda):
        return [ast.copy_location(ast.Return(value=node.body), node.body)]
    return node.body


def is_lambda_body(node: ast.stmt) -> bool:
    """Return whether a statement is a lambda's expression."""
    return isinstance(node, ast.Return) and node.value is not None and node.value.col_offset == node.col_offset
