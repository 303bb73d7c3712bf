"""The parts of tensors that a statement reads while it writes: `a[:, :1]` of `a -= a[:, :1]`."""

from __future__ import annotations

import ast
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from ...syntax.ast_queries import arguments, is_inplace_name, keyword, last_name
from ...syntax.parsing import LAST_SOURCES, parse_body, parse_cell, walk_statements
from ...syntax.syntax_tree import find_nodes
from ...syntax.torch_vocabulary import ELEMENTWISE
from .view_expressions import base_of, is_spelled_view

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence


class OperandRead(NamedTuple):
    """A part of a tensor that is read while, or after, a statement writes another part.

    Attributes
    ----------
    written, read
        The two parts, as expressions of views.
    is_item
        Whether the first is an item that is assigned to: of a container, it is not written.
    is_later
        Whether the second is read when the first was written as a whole: `a[0]` of `a[0], a[1] = a[1], a[0]`.
    """

    written: ast.expr
    read: ast.expr
    is_item: bool = False
    is_later: bool = False

    @property
    def is_of_itself(self) -> bool:
        """Whether both are parts of what is spelled alike: the only ones told of in functions."""
        return base_of(self.written) == base_of(self.read)


def operands_read(node: ast.stmt) -> tuple[OperandRead, ...]:
    """Return the operands of a simple statement that are views, each with what the statement writes meanwhile.

    Examples
    --------
    >>> [one] = operands_read(ast.parse("a -= a[:, :1]").body[0])
    >>> ast.unparse(one.written), ast.unparse(one.read)
    ('a', 'a[:, :1]')
    """
    pairs = (one for one in _pairs(node) if not one.is_item or isinstance(one.written, ast.Subscript))
    return tuple(one for one in pairs if is_spelled_view(one.written) and is_spelled_view(one.read))


@lru_cache(maxsize=LAST_SOURCES)
def operands_in(source: str) -> Mapping[int, tuple[OperandRead, ...]]:
    """Return the operands of a cell's own statements, by the index of the statement, without those that have none."""
    found = {index: operands_read(node) for index, node in enumerate(walk_statements(parse_body(source)))}
    return {index: operands for index, operands in found.items() if operands}


@lru_cache(maxsize=1024)
def may_read_operands(source: str) -> bool:
    """Return whether a definition has a statement that reads a part of what it writes."""
    nodes = find_nodes(ast.stmt, parse_cell(source))
    return any(one.is_of_itself for node in nodes for one in operands_read(node))


def _pairs(node: ast.stmt) -> Iterator[OperandRead]:
    match node:
        case ast.AugAssign(target=target, value=value):
            yield OperandRead(target, value)
        case ast.Assign(targets=[ast.Tuple(elts=targets)], value=ast.Tuple(elts=values)):
            yield from _exchanged(targets, values)
        case ast.Expr(value=ast.Call() as call) | ast.Assign(value=ast.Call() as call):
            yield from _given(call)
        case ast.Assign(targets=targets, value=value):
            yield from (OperandRead(one, value, is_item=True) for one in targets)


def _exchanged(targets: Sequence[ast.expr], values: Sequence[ast.expr]) -> Iterator[OperandRead]:
    """Yield each value with the targets before its own, and with its own."""
    for place, (target, read) in enumerate(zip(targets, values, strict=False)):
        yield from (OperandRead(one, read, is_item=True, is_later=True) for one in targets[:place])
        yield OperandRead(target, read, is_item=True)


def _given(call: ast.Call) -> Iterator[OperandRead]:
    """Yield the arguments of an elementwise method in place, or of a function with `out=`."""
    name, written = last_name(call.func), keyword(call, "out")
    if is_inplace_name(name) and isinstance(call.func, ast.Attribute):
        name, written = name[:-1], call.func.value
    if written is not None and name in ELEMENTWISE:
        yield from (OperandRead(written, one) for one in arguments(call, without="out"))
