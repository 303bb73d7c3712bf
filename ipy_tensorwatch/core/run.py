"""Run a function's statements in thought: follow its aliases, note its writes."""

from __future__ import annotations

import ast
from collections.abc import Iterable

from . import reference as to
from .frame import Frame
from .reference import References, union
from .source import DEFINITIONS, blocks_of
from .trace import COMPREHENSIONS, bind, bind_element, is_slice, spell_item, trace
from .writes import find_writes, own_parts, walk_expressions

_LOOP_PASSES = 2
"""What a loop's first pass leaves in its names is seen by its second."""

_ADDERS = frozenset({"append", "appendleft", "add", "insert", "extend", "setdefault", "update", "push", "put"})
_OPERATORS: dict[type[ast.operator], str] = {
    ast.Add: "add", ast.Sub: "sub", ast.Mult: "mul", ast.MatMult: "matmul", ast.Div: "truediv", ast.Mod: "mod",
    ast.BitOr: "or", ast.BitAnd: "and", ast.LShift: "lshift", ast.RShift: "rshift", ast.Pow: "pow",
}  # fmt: skip


def run(body: Iterable[ast.stmt], frame: Frame) -> None:
    """Run statements in order, both ways where they branch, twice where they loop."""
    for node in body:
        frame.node = node
        frame.known.clear()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and frame.function is not None:
            frame.names[node.name] = frame.define(node.name, node)
        elif not isinstance(node, DEFINITIONS):
            _evaluate(node, frame)
            _bind(node, frame)
            _run_blocks(node, frame)


def _run_blocks(node: ast.stmt, frame: Frame) -> None:
    if isinstance(node, ast.With | ast.AsyncWith):
        run(node.body, frame)
        return
    passes = _LOOP_PASSES if isinstance(node, ast.For | ast.AsyncFor | ast.While) else 1
    for _ in range(passes):
        branches = [frame.branch() for _ in blocks_of(node)] if isinstance(node, ast.If | ast.Match) else []
        for place, block in enumerate(blocks_of(node)):
            run(block, branches[place] if branches else frame)
        if branches and isinstance(node, ast.If):
            frame.names.clear()
        for branch in branches:
            frame.join(branch)


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
            _add_member(part, inside)
        case ast.NamedExpr(target=target, value=value):
            bind(target, trace(value, inside), frame)
        case ast.Yield(value=value) if value is not None:
            frame.results = union(frame.results, to.wrap(trace(value, inside)))
        case ast.YieldFrom(value=value):
            frame.results = union(frame.results, trace(value, inside))
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATORS:
            inside.reader.operate(trace(left, inside), f"__{_OPERATORS[type(op)]}__", trace(right, inside))
        case ast.Subscript(ctx=ast.Load()) | ast.Attribute(ctx=ast.Load()):
            trace(part, inside)
        case _ if isinstance(part, COMPREHENSIONS):
            inside.iterated(trace(part.generators[0].iter, inside))
        case _:
            pass


def _add_member(node: ast.Call, frame: Frame) -> None:
    """Note what `append` and its like put into a container."""
    if not isinstance(node.func, ast.Attribute) or node.func.attr not in _ADDERS or not node.args:
        return
    value = trace(node.args[-1], frame)
    held = value if node.func.attr in {"extend", "update"} else to.wrap(value)
    _put(node.func.value, "[*]", held, frame)


def _put(owner: ast.expr, step: str, held: References, frame: Frame) -> None:
    frame.reader.store(trace(owner, frame), step, to.element(held))
    if isinstance(owner, ast.Name) and owner.id in frame.names and held:
        frame.names[owner.id] = union(frame.names[owner.id], held)


def _bind(node: ast.stmt, frame: Frame) -> None:
    match node:
        case ast.Assign(targets=targets, value=value):
            for target in targets:
                _assign(target, value, frame)
        case ast.AnnAssign(target=target, value=value) if value is not None:
            _assign(target, value, frame)
        case ast.AugAssign(target=target, op=op, value=value) if type(op) in _OPERATORS:
            frame.reader.operate(trace(target, frame), f"__i{_OPERATORS[type(op)]}__", trace(value, frame))
        case ast.For(target=target, iter=source) | ast.AsyncFor(target=target, iter=source):
            bind_element(target, source, frame)
        case ast.With(items=items) | ast.AsyncWith(items=items):
            for item in items:
                _enter(item, frame)
        case ast.Return(value=value) if value is not None:
            frame.results = union(frame.results, trace(value, frame))
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
            frame.reader.store(trace(owner, frame), f".{name}", refs)
        case ast.Subscript(value=owner, slice=key):
            frame.reader.operate(trace(owner, frame), "__setitem__", refs)
            if not is_slice(key):
                _put(owner, spell_item(key) if isinstance(key, ast.Constant) else "[*]", to.wrap(refs), frame)
        case _:
            bind(target, refs, frame)


def _enter(item: ast.withitem, frame: Frame) -> None:
    refs = trace(item.context_expr, frame)
    entered = union(refs, frame.reader.operate(refs, "__enter__", ()), *(to.element((one,)) for one in refs if one.depth))
    frame.reader.operate(refs, "__exit__", ())
    if item.optional_vars is not None:
        bind(item.optional_vars, entered, frame)


def _capture(node: ast.Match, refs: References, frame: Frame) -> None:
    for case in node.cases:
        for part in ast.walk(case.pattern):
            name = getattr(part, "name", None)
            if isinstance(name, str):
                frame.set_name(name, union(refs, to.element(refs)))


def body_of(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) -> list[ast.stmt]:
    """Give a function's statements, a lambda's expression as one that returns it."""
    if isinstance(node, ast.Lambda):
        return [ast.copy_location(ast.Return(value=node.body), node.body)]
    return node.body


def is_lambda_body(node: ast.stmt) -> bool:
    """Tell a lambda's expression from a statement that was typed."""
    return isinstance(node, ast.Return) and node.value is not None and node.value.col_offset == node.col_offset
