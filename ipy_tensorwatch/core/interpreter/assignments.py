"""What a statement binds while a notebook function is interpreted: names, attributes, items."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from ..statements.aliases import reference as to
from ..statements.aliases.expression_aliases import bind, bind_element, trace
from ..statements.aliases.reference import References, union
from ..syntax.ast_queries import OPERATOR_STEMS, is_slice, spell_item
from ..syntax.syntax_tree import names_stored

if TYPE_CHECKING:
    from .frame import Frame

_ADDERS = frozenset({"append", "appendleft", "add", "insert", "extend", "setdefault", "update", "push", "put"})
"""Methods that put their last argument into a container."""


def add_member(node: ast.Call, frame: Frame) -> None:
    """Record what `append` and similar methods put into a container."""
    if not isinstance(node.func, ast.Attribute) or node.func.attr not in _ADDERS or not node.args:
        return
    value = trace(node.args[-1], frame)
    held = value if node.func.attr in {"extend", "update"} else to.wrap(value)
    _put(node.func.value, "[*]", held, frame)


def _put(owner: ast.expr, step: str, held: References, frame: Frame) -> None:
    frame.reader.store(trace(owner, frame), step, to.element(held))
    if isinstance(owner, ast.Name) and owner.id in frame.names and held:
        frame.names[owner.id] = union(frame.names[owner.id], held)


def bind_statement(node: ast.stmt, frame: Frame) -> None:
    """Bind what a statement binds: names, attributes, items."""
    match node:
        case ast.Assign(targets=targets, value=value):
            for target in targets:
                _assign(target, value, frame)
        case ast.AnnAssign(target=target, value=value) if value is not None:
            _assign(target, value, frame)
        case ast.AugAssign(target=target, op=op, value=value):
            frame.reader.operate(trace(target, frame), f"__i{OPERATOR_STEMS[type(op)]}__", trace(value, frame))
        case ast.For(target=target, iter=source) | ast.AsyncFor(target=target, iter=source):
            bind_element(target, source, frame)
        case ast.With(items=items) | ast.AsyncWith(items=items):
            for item in items:
                _enter(item, frame)
        case ast.Return(value=value) if value is not None:
            frame.give(trace(value, frame))
        case ast.Match(subject=subject):
            _capture(node, trace(subject, frame), frame)
        case _:
            pass


def _assign(target: ast.expr, value: ast.expr, frame: Frame) -> None:
    parts = getattr(target, "elts", [])
    if parts and isinstance(value, ast.Tuple | ast.List) and len(parts) == len(value.elts):
        refs = [trace(one, frame) for one in value.elts]
        for part, one in zip(parts, refs, strict=True):
            _set(part, one, frame)
    else:
        _set(target, trace(value, frame), frame)


def _set(target: ast.expr, refs: References, frame: Frame) -> None:
    match target:
        case ast.Attribute(value=owner, attr=name):
            frame.reader.assign(trace(owner, frame), name, refs)
        case ast.Subscript(value=owner, slice=key):
            frame.reader.operate(trace(owner, frame), "__setitem__", refs)
            if not is_slice(key):
                _put(owner, spell_item(key) if isinstance(key, ast.Constant) else "[*]", to.wrap(refs), frame)
        case _:
            bind(target, refs, frame)


def _enter(item: ast.withitem, frame: Frame) -> None:
    refs = trace(item.context_expr, frame)
    entered = union(
        refs, frame.reader.operate(refs, "__enter__", ()), *(to.element((one,)) for one in refs if one.depth)
    )
    frame.reader.operate(refs, "__exit__", ())
    if item.optional_vars is not None:
        bind(item.optional_vars, entered, frame)


def _capture(node: ast.Match, refs: References, frame: Frame) -> None:
    for name in set[str]().union(*(names_stored(case.pattern) for case in node.cases)):
        frame.set_name(name, union(refs, to.element(refs)))
