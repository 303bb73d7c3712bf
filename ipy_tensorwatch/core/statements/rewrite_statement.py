"""Rewrite the text of one statement: out of place, on a copy, under `no_grad`."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from ..syntax.ast_queries import (
    arguments,
    is_inplace_name,
    is_method,
    is_true,
    keyword,
    last_name,
    source_of_node,
    spell_path,
)
from ..syntax.parsing import parse_cell
from ..syntax.syntax_tree import all_nodes, children_of, find_nodes
from ..syntax.torch_vocabulary import OUT_OF_PLACE
from .aliases.expression_aliases import trace
from .aliases.scope import Scope
from .writes.statement_writes import targets_of

if TYPE_CHECKING:
    from collections.abc import Collection, Container, Iterable, Iterator, Mapping

_SIGNS: dict[type[ast.operator], str] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.FloorDiv: "//",
    ast.Mod: "%",
    ast.Pow: "**",
    ast.MatMult: "@",
}
_ATOMS = (ast.Name, ast.Constant, ast.Call, ast.Attribute, ast.Subscript, ast.Tuple, ast.List)
_KEPT = ("requires_grad_", "detach_")
"""The in-place methods that a copy would undo: the copy is made before them."""


def parse_one(text: str) -> ast.stmt | None:
    """Parse the text of one simple statement."""
    tree = parse_cell(text)
    return tree.body[0] if tree is not None and len(tree.body) == 1 else None


def out_of_place(text: str, names: Container[str]) -> str | None:
    """Rewrite a write to one of these names out of place; None if that is not the same computation.

    Examples
    --------
    >>> out_of_place("h *= y - 1", {"h"}), out_of_place("F.relu(h, inplace=True)", {"h"})
    ('h = h * (y - 1)', 'h = F.relu(h)')
    >>> out_of_place("h = h.index_add_(0, i, h[j])", {"h"}), out_of_place("y = h.add_(1)", {"h"})
    ('h = h.index_add(0, i, h[j])', None)
    """
    match parse_one(text):
        case ast.AugAssign(target=target, op=op, value=value) if type(op) in _SIGNS and spell_path(target) in names:
            left, right = source_of_node(text, target), source_of_node(text, value)
            plain = isinstance(value, _ATOMS)
            return f"{left} = {left} {_SIGNS[type(op)]} {right if plain else f'({right})'}"
        case ast.Expr(value=ast.Call() as call):
            name, plain_call = _written(call, names), _plain(text, call)
            return None if name is None or plain_call is None else f"{name} = {plain_call}"
        case ast.Assign(targets=targets, value=ast.Call() as call) if (name := _written(call, names)) and (
            is_true(keyword(call, "inplace")) or [*map(spell_path, targets)] == [name]
        ):
            plain_call = _plain(text, call)
            return None if plain_call is None else replace_expressions(text, {call: plain_call})
        case _:
            return None


def _written(call: ast.Call, names: Container[str]) -> str | None:
    """Return which of the names an in-place call, or a chain of them, writes to."""
    out = keyword(call, "out")
    if out is not None:
        name = spell_path(out)
    elif isinstance(call.func, ast.Attribute) and is_inplace_name(call.func.attr) and is_method(call.func):
        owner = call.func.value
        return _written(owner, names) if isinstance(owner, ast.Call) else _among(spell_path(owner), names)
    elif call.args and (is_true(keyword(call, "inplace")) or is_inplace_name(last_name(call.func))):
        name = spell_path(call.args[0])
    else:
        return None
    return _among(name, names)


def _among(name: str | None, names: Container[str]) -> str | None:
    return name if name in names else None


def _plain(text: str, call: ast.Call) -> str | None:
    """Rewrite an in-place call out of place."""
    if keyword(call, "out") is not None or keyword(call, "inplace") is not None:
        gone = [one for one in call.keywords if one.arg in ("out", "inplace")]
        return _without(text, call, gone)
    name = last_name(call.func)
    if name.rstrip("_") not in OUT_OF_PLACE or not isinstance(call.func, ast.Attribute | ast.Name):
        return None
    inner = call.func.value if isinstance(call.func, ast.Attribute) else None
    before = _plain(text, inner) if isinstance(inner, ast.Call) else inner and source_of_node(text, inner)
    if inner is not None and before is None:
        return None
    own = f"{before}.{name.rstrip('_')}" if inner is not None else name.rstrip("_")
    return own + source_of_node(text, call)[len(source_of_node(text, call.func)) :]


def _without(text: str, call: ast.Call, gone: list[ast.keyword]) -> str:
    kept = [*call.args, *(one for one in call.keywords if one not in gone)]
    return f"{source_of_node(text, call.func)}({', '.join(source_of_node(text, one) for one in kept)})"


def without_inplace(text: str) -> str | None:
    """Rewrite a statement with its in-place calls out of place.

    Examples
    --------
    >>> without_inplace("y = torch.sigmoid(w).add_(1)")
    'y = torch.sigmoid(w).add(1)'
    """
    plain = [
        (one, _plain(text, one))
        for one in find_nodes(ast.Call, parse_one(text))
        if is_true(keyword(one, "inplace")) or is_inplace_name(last_name(one.func))
    ]
    if len(plain) != 1 or plain[0][1] is None:
        return None
    return replace_expressions(text, {plain[0][0]: plain[0][1]})


def with_clones(text: str, names: Collection[str], copy: str = ".clone()") -> str | None:
    """Rewrite a statement to read copies of these names; None if it does not read them by name.

    Examples
    --------
    >>> with_clones("a = table.weight @ w.t()", {"table.weight"})
    'a = table.weight.clone() @ w.t()'
    """
    node = parse_one(text)
    return None if node is None else _with_copies(text, [*_reads(node, names)], copy)


def _reads(node: ast.AST, names: Collection[str]) -> Iterator[ast.expr]:
    """Yield the outermost expressions that read one of these names."""
    is_read = isinstance(node, ast.Name | ast.Attribute | ast.Subscript) and isinstance(node.ctx, ast.Load)
    if is_read and isinstance(node, ast.expr) and spell_path(node) in names:
        yield node
        return
    is_place = isinstance(node, ast.Subscript) and not isinstance(node.ctx, ast.Load)
    for part in [node.slice] if isinstance(node, ast.Subscript) and is_place else children_of(node):
        yield from _reads(part, names)


def before_writes(value: ast.expr, *, keeps: bool = False) -> ast.expr:
    """Return what the first in-place method of a chain is called on; without one the value itself.

    Examples
    --------
    >>> ast.unparse(before_writes(ast.parse("x.view(-1).mul_(2).sqrt_().t()", mode="eval").body))
    'x.view(-1)'
    """
    found, part = value, value
    while isinstance(part, ast.Call) and isinstance(part.func, ast.Attribute) and is_method(part.func):
        is_write = is_inplace_name(part.func.attr) and not (keeps and part.func.attr not in _KEPT)
        found = part.func.value if is_write else found
        part = part.func.value
    if not isinstance(part, ast.Call) or not part.args or keeps:
        return found
    writes = is_inplace_name(last_name(part.func)) or is_true(keyword(part, "inplace"))
    return part.args[0] if writes else found


def cloned_parts(text: str, names: Collection[str]) -> str | None:
    """Rewrite a statement to read copies of these variables, or of the part of them that it reads.

    Examples
    --------
    >>> cloned_parts("out[t] = out[t - 1] * h", {"out"})
    'out[t] = out[t - 1].clone() * h'
    """
    node = parse_one(text)
    return None if node is None else _with_copies(text, [*_parts_read(node, names)])


def cloned_inputs(text: str, names: Collection[str]) -> str | None:
    """Rewrite a statement that writes to one of these variables to read copies of them; None if it does not write so.

    Examples
    --------
    >>> cloned_inputs("out[t] = cell(out[t - 1])", {"out"}), cloned_inputs("h.mul_(h.detach())", {"h"})
    ('out[t] = cell(out[t - 1].clone())', 'h.mul_(h.detach().clone())')
    """
    match parse_one(text):
        case ast.Assign(targets=[ast.Subscript(value=owner)]) | ast.AugAssign(target=ast.Subscript(value=owner)):
            return cloned_parts(text, names) if spell_path(owner) in names else None
        case ast.Expr(value=ast.Call(func=ast.Attribute(value=owner, attr=name))) if is_inplace_name(name):
            return cloned_sources(text, names) if spell_path(owner) in names else None
    return None


def _parts_read(node: ast.AST, names: Collection[str]) -> Iterator[ast.expr]:
    root = node
    while isinstance(root, ast.Subscript):
        root = root.value
    if isinstance(root, ast.Name) and root.id in names and isinstance(node, ast.Name | ast.Subscript):
        if isinstance(node.ctx, ast.Load):
            yield node
            return
        parts: Iterable[ast.AST] = [node.slice] if isinstance(node, ast.Subscript) else []
    else:
        parts = children_of(node)
    for part in parts:
        yield from _parts_read(part, names)


def cloned_value(text: str) -> str | None:
    """Rewrite an assignment to bind a copy of its value.

    Examples
    --------
    >>> cloned_value("y = a + b")
    'y = (a + b).clone()'
    """
    node = parse_one(text)
    if not isinstance(node, ast.Assign) or isinstance(node.value, ast.Tuple | ast.List):
        return None
    value = source_of_node(text, node.value)
    plain = isinstance(node.value, _ATOMS)
    return replace_expressions(text, {node.value: f"{value}.clone()" if plain else f"({value}).clone()"})


def read_paths(text: str) -> list[str]:
    """Return the names, and the items with constant keys, that a statement reads.

    Examples
    --------
    >>> read_paths("out, h = cell(x, h, state[0])")
    ['cell', 'x', 'h', 'state[0]', 'state']
    """
    value = getattr(parse_one(text), "value", None)
    parts = all_nodes(value) if isinstance(value, ast.expr) else ()
    spelled = (spell_path(part) for part in parts if isinstance(part, ast.Name | ast.Attribute | ast.Subscript))
    return [*dict.fromkeys(path for path in spelled if path is not None)]


def binds(text: str, names: Collection[str] | None = None) -> bool:
    """Return whether a statement assigns to one of these paths; without `names`, to any name."""
    node = parse_one(text)
    targets = node.targets if isinstance(node, ast.Assign) else []
    if names is None:
        return any(isinstance(one, ast.Name) for one in targets)
    return any(spell_path(one) in names for one in targets)


def makes(text: str, path: str) -> bool:
    """Return whether a statement binds a path without reading it, so that there is nothing to copy before it.

    Examples
    --------
    >>> makes("y = act(h)", "y"), makes("y = act(y)", "y")
    (True, False)
    """
    return binds(text, {path}) and path not in read_paths(text)


def written_path(text: str) -> str | None:
    """Return the path of the tensor that a statement writes; None if the text does not prove that it is a tensor.

    Examples
    --------
    >>> written_path("x[:, 0] = 1"), written_path("x.zero_()"), written_path("xs[0] += 1")
    ('x', 'x', None)
    """
    match parse_one(text):
        case ast.Assign(targets=[ast.Subscript(value=value)]):  # setting an item of a list writes no tensor
            return spell_path(value)
        case ast.AugAssign(target=ast.Subscript(value=value, slice=key)) if _is_part(key):
            return spell_path(value)
        case ast.AugAssign(target=ast.Name() | ast.Attribute() as target):
            return spell_path(target)
        case ast.Expr(value=ast.Call()) as node:
            found = {str(one.path).removesuffix(".data") for one in targets_of(node) if not one.below}
            return found.pop() if len(found) == 1 else None
        case _:
            return None


def written_place(text: str) -> str | None:
    """Return the place of the tensor that a statement writes, as typed, so that it can be bound anew.

    Examples
    --------
    >>> [written_place(one) for one in ("d[k].mul_(2)", "xs[0] += 1", "h[1:] = 0", "h.detach().zero_()")]
    ['d[k]', 'xs[0]', 'h', None]
    """
    match parse_one(text):
        case ast.Expr(value=ast.Call(func=ast.Attribute(value=owner, attr=name))) if is_inplace_name(name):
            return source_of_node(text, owner) if _is_place(owner) else None
        case ast.AugAssign(target=ast.Subscript(value=owner, slice=key) as target) if not _is_part(key):
            return source_of_node(text, target) if _is_place(owner) else None
    path = written_path(text)
    return path if path is not None and path.isidentifier() else None


def _is_place(node: ast.expr) -> bool:
    """Return whether an expression is a chain of names, attributes and items."""
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return isinstance(node, ast.Name)


def _is_part(key: ast.expr) -> bool:
    """Return whether a key is one that only a tensor accepts: a slice, or several keys."""
    return isinstance(key, ast.Slice | ast.Tuple) or (isinstance(key, ast.Constant) and key.value is ...)


def assigned_detach(text: str) -> str | None:
    """Rewrite a call of `detach_` as an assignment of `detach`'s result.

    Examples
    --------
    >>> assigned_detach("h.detach_()")
    'h = h.detach()'
    """
    match parse_one(text):
        case ast.Expr(value=ast.Call(func=ast.Attribute(value=value, attr="detach_"))):
            owner = spell_path(value)
            return None if owner is None else f"{owner} = {owner}.detach()"
        case _:
            return None


def replaced(text: str, path: str, other: str) -> str | None:
    """Replace a path in a statement by another expression."""
    node = parse_one(text)
    found = [] if node is None else [*_reads(node, {path})]
    own = find_nodes(ast.comprehension, node)
    return replace_expressions(text, dict.fromkeys(found, other)) if found and not own else None


def cloned_sources(text: str, names: Collection[str]) -> str | None:
    """Rewrite a write to read copies of these names.

    Examples
    --------
    >>> cloned_sources("x[1:] = x[:-1]", {"x"}), cloned_sources("x[1:].add_(x[:-1])", {"x"})
    ('x[1:] = x[:-1].clone()', 'x[1:].add_(x[:-1].clone())')
    """
    match parse_one(text):
        case ast.Assign(value=value) | ast.AugAssign(value=value) if not isinstance(value, ast.Call):
            parts = [value]
        case ast.Expr(value=ast.Call() as call) | ast.Assign(value=ast.Call() as call):
            parts = arguments(call, without="out")
        case _:
            return None
    found = [
        one for one in parts if any(str(ref.path) in names or ref.path.root in names for ref in trace(one, Scope()))
    ]
    return _with_copies(text, found)


def without_grad(text: str) -> str | None:
    """Put a statement under `torch.no_grad()`."""
    return None if parse_one(text) is None else f"with torch.no_grad(): {text}"


def replace_expressions(text: str, new: Mapping[ast.expr, str]) -> str:
    """Replace expressions, none of them nested, in the source of one line, each by its own text."""
    raw = text.encode()
    for one in sorted(new, key=lambda one: -one.col_offset):
        raw = raw[: one.col_offset] + new[one].encode() + raw[one.end_col_offset :]
    return raw.decode()


def _with_copies(text: str, found: Iterable[ast.expr], copy: str = ".clone()") -> str | None:
    """Replace expressions by copies of them; None if there are none."""
    new = {one: source_of_node(text, one) + copy for one in found}
    return replace_expressions(text, new) if new else None
