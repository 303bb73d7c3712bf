"""Small queries on Python's syntax, for every call and subscript."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from .syntax_tree import all_nodes, children_of
from .torch_vocabulary import LIBRARIES, NOT_A_METHOD

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.GeneratorExp, ast.DictComp)
OPERATOR_STEMS: dict[type[ast.operator], str] = {
    ast.Add: "add", ast.Sub: "sub", ast.Mult: "mul", ast.MatMult: "matmul", ast.Div: "truediv", ast.Mod: "mod",
    ast.BitOr: "or", ast.BitAnd: "and", ast.BitXor: "xor", ast.Pow: "pow", ast.FloorDiv: "floordiv",
    ast.LShift: "lshift", ast.RShift: "rshift",
}  # fmt: skip
"""The stem of the name of each operator's methods: `__add__`, `__iadd__`."""


def own_parts(node: ast.stmt) -> list[ast.expr]:
    """Return a statement's own expressions: a compound statement's header, or what a definition evaluates at once."""
    return _expressions(children_of(node))


def _expressions(parts: Iterable[ast.AST]) -> list[ast.expr]:
    found: list[ast.expr] = []
    for part in parts:
        if isinstance(part, ast.expr):
            found.append(part)
        elif not isinstance(part, ast.stmt):
            found += _expressions(children_of(part))
    return found


def own_nodes(node: ast.stmt) -> list[ast.AST]:
    """Return the nodes of a statement's own expressions, with all below them."""
    return [inner for own in own_parts(node) for inner in all_nodes(own)]


def covers_line(node: ast.stmt | ast.expr, line: int) -> bool:
    """Return whether a line is one of those that a node stands on."""
    return node.lineno <= line <= (node.end_lineno or node.lineno)


def source_of_node(text: str, node: ast.AST) -> str:
    """Return the text of a node, in the text that it was parsed from."""
    if "\n" in text or not isinstance(node, ast.expr | ast.stmt):
        return ast.get_source_segment(text, node) or ""
    return text.encode()[node.col_offset : node.end_col_offset].decode()


def statement_at(nodes: Sequence[ast.stmt], line: int, column: int | None) -> int | None:
    r"""Return the index of the innermost statement at a place; None if `column` is None and several start in that line.

    Examples
    --------
    >>> nodes = ast.parse("a = 1; b = 2").body
    >>> statement_at(nodes, 1, 7), statement_at(nodes, 1, None)
    (1, None)
    """
    if column is None:
        found = [index for index, node in enumerate(nodes) if covers_line(node, line)]
        rivals = [index for index in found if nodes[index].lineno == line]
        return found[-1] if found and len(rivals) <= 1 else None
    place = line, column
    ends = ((node.end_lineno or node.lineno, node.end_col_offset or 0) for node in nodes)
    starts = ((node.lineno, node.col_offset) for node in nodes)
    around = [index for index, span in enumerate(zip(starts, ends, strict=True)) if span[0] <= place <= span[1]]
    return around[-1] if around else None


def is_slice(key: ast.expr) -> bool:
    """Return whether a subscript takes a part of a tensor, not one item of a container."""
    parts = key.elts if isinstance(key, ast.Tuple) else [key]
    return any(isinstance(part, ast.Slice) or (isinstance(part, ast.Constant) and part.value is ...) for part in parts)


def spell_item(key: ast.expr) -> str:
    """Spell a subscript as typed, a constant as its repr."""
    if isinstance(key, ast.Name):
        return f"[{key.id}]"
    if isinstance(key, ast.Constant) and type(key.value) in (int, str) and key.kind is None:
        return f"[{key.value!r}]"
    return ast.unparse(ast.Subscript(value=ast.Name(id="_"), slice=key, ctx=ast.Load()))[1:]


def is_plain_key(key: ast.expr) -> bool:
    """Return whether a subscript is a constant that a path may contain; a negative index may be any."""
    return isinstance(key, ast.Constant) and type(key.value) in (int, str)


def spell_path(node: ast.expr) -> str | None:
    """Spell an expression as an access path, if it is one: `model.layers[0].weight`."""
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=value, attr=name):
            start, step = spell_path(value), f".{name}"
        case ast.Subscript(value=value, slice=ast.Constant() as key):
            start, step = spell_path(value), spell_item(key)
        case _:
            return None
    return None if start is None else start + step


def root_variable(node: ast.expr) -> str:
    """Return the variable that a chain of attributes, items and calls begins with; empty if it begins otherwise."""
    while isinstance(node, ast.Attribute | ast.Subscript | ast.Call | ast.Starred):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else ""


def is_library(node: ast.expr) -> bool:
    """Return whether an expression is a library's module: `torch.nn.init`."""
    while isinstance(node, ast.Attribute):
        node = node.value
    return isinstance(node, ast.Name) and node.id in LIBRARIES


def last_name(func: ast.expr) -> str:
    """Return a function's own name, without its qualifier."""
    return func.attr if isinstance(func, ast.Attribute) else func.id if isinstance(func, ast.Name) else ""


def is_method(func: ast.expr) -> bool:
    """Return whether a function is called on a variable rather than on a library."""
    return isinstance(func, ast.Attribute) and not is_library(func.value) and func.attr not in NOT_A_METHOD


def keyword(node: ast.Call, name: str) -> ast.expr | None:
    """Return a keyword argument's expression."""
    return next((one.value for one in node.keywords if one.arg == name), None)


def is_true(node: ast.expr | None) -> bool:
    """Return whether an expression is the constant True."""
    return isinstance(node, ast.Constant) and node.value is True


def is_none(node: ast.expr) -> bool:
    """Return whether an expression is the constant None."""
    return isinstance(node, ast.Constant) and node.value is None


def positional_names(spec: ast.arguments) -> list[str]:
    """Return the names of a function's positional parameters."""
    return [one.arg for one in (*spec.posonlyargs, *spec.args)]


def defaults_of(spec: ast.arguments) -> dict[str, ast.expr | None]:
    """Return the default of each parameter that an argument may be for, in order; None for one without."""
    names = positional_names(spec)
    missing: list[ast.expr | None] = [None] * (len(names) - len(spec.defaults))
    positional = dict(zip(names, [*missing, *spec.defaults], strict=True))
    return {**positional, **dict(zip([one.arg for one in spec.kwonlyargs], spec.kw_defaults, strict=True))}


def arguments(node: ast.Call, *, without: str = "") -> list[ast.expr]:
    """Return all arguments of a call, named or not, but for one that is named so."""
    return [*node.args, *(one.value for one in node.keywords if one.arg != without)]


def is_inplace_name(name: str) -> bool:
    """Return whether a name follows PyTorch's rule for in-place operations: one underscore at its end."""
    return name.endswith("_") and not name.endswith("__") and name != "_"


def makes_array(value: ast.expr, *, is_array: bool) -> bool:
    """Return whether an expression makes an array rather than a tensor, given what its variables are.

    Examples
    --------
    >>> makes_array(ast.parse("torch.from_numpy(x).view(-1)", mode="eval").body, is_array=True)
    False
    """
    for one in all_nodes(value):  # the outer ones come first
        name = last_name(one.func) if isinstance(one, ast.Call) else ""
        root = ast.unparse(one.func).split(".")[0] if isinstance(one, ast.Call) else ""
        if root == "torch" or name in ("from_numpy", "as_tensor", "from_dlpack"):
            return False
        if root in ("np", "numpy") or name in ("numpy", "__array__"):
            return True
    return is_array
