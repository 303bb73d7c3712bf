"""Rewrite the statement after which two paths are one memory, so that it stores a copy."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, NamedTuple

from ..syntax.ast_queries import keyword, last_name, spell_item, spell_path
from ..syntax.torch_vocabulary import OPTIMIZERS, PASS_ALONG
from .expression_aliases import trace
from .rewrite_statement import parse_one
from .scope import Scope

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ..model.path import AccessPath

_ATOMS = (ast.Name, ast.Constant, ast.Call, ast.Attribute, ast.Subscript, ast.Tuple, ast.List, ast.Dict, ast.ListComp)
_ONE_MORE = {"append": 0, "appendleft": 0, "add": 0, "put": 0, "put_nowait": 0, "insert": 1, "setdefault": 1, "push": 0}
"""The methods that store one argument as an item, with the argument's place."""
_SEVERAL_MORE = ("extend", "extendleft", "update")
_COPIERS = ("list", "dict", "tuple", "OrderedDict", "copy")
"""The functions that make a new container of the same items."""


class Copying(NamedTuple):
    """How to copy what two paths share.

    Attributes
    ----------
    path
        The path that the statement gave its memory.
    other
        The path that had this memory before.
    is_array
        Whether the path leads to an array rather than a tensor.
    is_leaf
        Whether it leads to the leaf that requires grad itself: a copy of it is no leaf any more.
    has_graph
        Whether tensors beside it have a graph, so that `copy.deepcopy` refuses them.
    deepcopy
        How the cell spells `copy.deepcopy`.
    """

    path: AccessPath
    other: AccessPath
    is_array: bool = False
    is_leaf: bool = False
    has_graph: bool = False
    deepcopy: str = "copy.deepcopy"


class _Splice(NamedTuple):
    node: ast.expr
    text: str


def copied_value(text: str, copying: Copying) -> str | None:
    """Rewrite a statement to store a copy; None if it is not plain what it stores.

    Examples
    --------
    >>> from ..syntax.parsing import parse_path as at
    >>> copied_value("y = x.detach()", Copying(at("y"), at("x")))
    'y = x.detach().clone()'
    >>> copied_value("best = net.state_dict()", Copying(at("best['w']"), at("net.w")))
    'best = copy.deepcopy(net.state_dict())'
    >>> copied_value("kept.append((buf, i))", Copying(at("kept[0][0]"), at("buf")))
    'kept.append((buf.clone(), i))'
    """
    node = parse_one(text)
    if node is None:
        return None
    rewriter = _Rewriter(text, copying)
    match node:
        case ast.Assign(targets=[target], value=value):
            found = rewriter.assigned(target, value)
        case ast.AnnAssign(target=target, value=ast.expr() as value):
            found = rewriter.assigned(target, value)
        case ast.AugAssign(target=target, value=value, op=ast.Add() | ast.BitOr()):
            found = rewriter.joined(target, value)
        case ast.Expr(value=ast.Call() as call):
            found = rewriter.called(call)
        case ast.Return(value=ast.expr() as value) | ast.Expr(value=ast.Yield(value=ast.expr() as value)):
            found = rewriter.copied(value, ())
        case _:
            found = None
    if found is not None:
        return _spliced(text, found)
    return rewriter.copied_after(node)


class _Rewriter:
    """Finds the expressions of one statement to copy."""

    def __init__(self, text: str, copying: Copying) -> None:
        self.text, self.copying = text, copying

    def assigned(self, target: ast.expr, value: ast.expr) -> list[_Splice] | None:
        """Copy in the value of an assignment."""
        if isinstance(target, ast.Tuple | ast.List):
            return self._unpacked(target, value)
        steps = _steps_behind(target, self.copying.path)
        return None if steps is None else self.copied(value, steps)

    def _unpacked(self, target: ast.Tuple | ast.List, value: ast.expr) -> list[_Splice] | None:
        if not isinstance(value, ast.Tuple | ast.List) or len(target.elts) != len(value.elts):
            return None
        pairs = zip(target.elts, value.elts, strict=True)
        found = (self.assigned(one, part) for one, part in pairs)
        return next((one for one in found if one is not None), None)

    def joined(self, target: ast.expr, value: ast.expr) -> list[_Splice] | None:
        """Copy in what is added to a list."""
        steps = _steps_behind(target, self.copying.path)
        if not steps or not isinstance(value, ast.List | ast.Tuple | ast.Dict | ast.ListComp):
            return None
        return self._leading(value)

    def called(self, call: ast.Call) -> list[_Splice] | None:
        """Copy in what a method stores."""
        name = last_name(call.func)
        owner = call.func.value if isinstance(call.func, ast.Attribute) else None
        steps = _steps_behind(owner, self.copying.path) if owner is not None else None
        if not steps:
            return self._given(call)
        if name in _ONE_MORE and len(call.args) > _ONE_MORE[name]:
            return self.copied(call.args[_ONE_MORE[name]], steps[1:])
        if name in _SEVERAL_MORE:
            named = keyword(call, steps[0][2:-2])
            if named is not None:
                return self.copied(named, steps[1:])
            return self._leading(call.args[0]) if call.args else None
        return self._given(call)

    def copied(self, value: ast.expr, steps: Sequence[str]) -> list[_Splice] | None:
        """Copy what lies behind some steps in a value."""
        if not steps:
            return [_Splice(value, self._one(value))]
        inner = self._inside(value, steps)
        if inner is not None:
            return self.copied(*inner)
        if isinstance(value, ast.BinOp) and isinstance(value.op, ast.Mult):
            return self._repeated(value)
        if isinstance(value, ast.IfExp | ast.BoolOp | ast.NamedExpr | ast.Lambda | ast.Starred):
            return None
        if isinstance(value, ast.Call) and not self._copies(value):
            given = self._given(value)
            if given is not None:
                return given
        return self._whole(value, steps)

    def _inside(self, value: ast.expr, steps: Sequence[str]) -> tuple[ast.expr, Sequence[str]] | None:
        """Return the part of a display, and the steps that are left behind it."""
        match value:
            case ast.List(elts=parts) | ast.Tuple(elts=parts):
                number = int(steps[0][1:-1]) if steps[0][1:-1].isdigit() else -1
                if 0 <= number < len(parts) and not any(isinstance(one, ast.Starred) for one in parts[: number + 1]):
                    return parts[number], steps[1:]
            case ast.Dict(keys=keys, values=values):
                for key, part in zip(keys, values, strict=True):
                    if key is not None and spell_item(key) == steps[0]:
                        return part, steps[1:]
            case ast.ListComp(elt=made) | ast.DictComp(value=made) | ast.GeneratorExp(elt=made) | ast.SetComp(elt=made):
                return made, steps[1:]
            case ast.Call(func=func, args=[only], keywords=[]) if last_name(func) in PASS_ALONG:
                is_display = isinstance(only, ast.List | ast.Tuple | ast.Dict | ast.ListComp | ast.GeneratorExp)
                return (only, steps) if is_display or isinstance(only, ast.DictComp | ast.BinOp) else None
            case ast.Call(func=ast.Name(id="dict"), args=[]):
                named = keyword(value, steps[0][2:-2])
                return None if named is None else (named, steps[1:])
        return None

    def _repeated(self, value: ast.BinOp) -> list[_Splice] | None:
        """Write a list of one item, times n, as a comprehension that makes the item anew."""
        is_first = isinstance(value.left, ast.List | ast.Tuple)
        parts, times = (value.left, value.right) if is_first else (value.right, value.left)
        if not isinstance(parts, ast.List | ast.Tuple) or len(parts.elts) != 1:
            return None
        item = parts.elts[0]
        made = self._source(item) if isinstance(item, ast.Call) else self._copy_of(item)
        loop = f"{made} for _ in range({self._source(times)})"
        return [_Splice(value, f"[{loop}]" if isinstance(parts, ast.List) else f"tuple({loop})")]

    def _copy_of(self, item: ast.expr) -> str:
        steps = self.copying.path.steps
        is_tensor = len(steps) == 1
        return self._one(item) if is_tensor else f"{self.copying.deepcopy}({self._source(item)})"

    def _leading(self, value: ast.expr) -> list[_Splice] | None:
        """Copy the parts of a display that lead to the other path."""
        match value:
            case ast.List(elts=parts) | ast.Tuple(elts=parts) | ast.Set(elts=parts) | ast.Dict(values=parts):
                found = [splice for part in parts for splice in self._leading(part) or ()]
                return found or None
            case ast.ListComp(elt=made) | ast.GeneratorExp(elt=made) | ast.DictComp(value=made) | ast.SetComp(elt=made):
                return [_Splice(made, self._one(made))]
        refs = [one for one in trace(value, Scope()) if one.sure]
        if any(one.path == self.copying.other and not one.below and not one.depth for one in refs):
            return [_Splice(value, self._one(value))]
        if any(one.path.leads_to(self.copying.other) for one in refs) and spell_path(value) is not None:
            steps = self.copying.other.steps[len(refs[0].path.steps) :]
            return self._whole(value, steps)
        return None

    def _given(self, call: ast.Call) -> list[_Splice] | None:
        """Copy the arguments of a call that lead to the other path."""
        if last_name(call.func) in OPTIMIZERS:
            return None
        parts = [*call.args, *(one.value for one in call.keywords)]
        found = [splice for part in parts for splice in self._leading(part) or ()]
        return found or None

    def _copies(self, call: ast.Call) -> bool:
        return last_name(call.func) in _COPIERS or last_name(call.func) in ("state_dict", "parameters", "values")

    def _whole(self, value: ast.expr, steps: Sequence[str]) -> list[_Splice] | None:
        """Copy a container with all that is in it."""
        if not self.copying.has_graph:
            inner = value
            if isinstance(value, ast.Call) and last_name(value.func) in _COPIERS:
                inner = self._copied_by(value) or value
            return [_Splice(value, f"{self.copying.deepcopy}({self._source(inner)})")]
        if len(steps) != 1 or not steps[0].startswith("["):
            return None
        own, each = self._source(value), "one.copy()" if self.copying.is_array else "one.clone()"
        is_dict = not steps[0][1:-1].lstrip("-").isdigit()
        made = f"{{key: {each} for key, one in {own}.items()}}" if is_dict else f"[{each} for one in {own}]"
        return [_Splice(value, made)]

    def _copied_by(self, call: ast.Call) -> ast.expr | None:
        """Return what `dict(x)`, `x.copy()` or `copy.copy(x)` copies, if the copy has the same class."""
        if isinstance(call.func, ast.Attribute) and not call.args and not call.keywords:
            return call.func.value
        is_copy = isinstance(call.func, ast.Attribute) and spell_path(call.func.value) == "copy"
        return call.args[0] if len(call.args) == 1 and is_copy and not call.keywords else None

    def copied_after(self, node: ast.stmt) -> str | None:
        """Copy a path that the statement binds in a statement after it."""
        path = str(self.copying.path)
        targets = node.targets if isinstance(node, ast.Assign) else []
        if self.copying.path.steps and spell_path(ast.parse(path, mode="eval").body) is None:
            return None
        is_bound = any(_steps_behind(one, self.copying.path) == () for target in targets for one in _parts(target))
        return f"{self.text}; {path} = {self._copy(path)}" if is_bound else None

    def _one(self, node: ast.expr) -> str:
        source = self._source(node)
        return self._copy(source if isinstance(node, _ATOMS) else f"({source})")

    def _copy(self, text: str) -> str:
        if self.copying.is_array:
            return f"{text}.copy()"
        return f"{text}.detach().clone()" if self.copying.is_leaf else f"{text}.clone()"

    def _source(self, node: ast.AST) -> str:
        return ast.get_source_segment(self.text, node) or ""


def _parts(target: ast.expr) -> Iterator[ast.expr]:
    if isinstance(target, ast.Tuple | ast.List):
        for one in target.elts:
            yield from _parts(one)
    else:
        yield target


def _steps_behind(target: ast.expr, path: AccessPath) -> tuple[str, ...] | None:
    """Return the steps of a path behind a target; None if the target does not lead to it.

    Examples
    --------
    >>> from ..syntax.parsing import parse_path
    >>> _steps_behind(ast.parse("best[name]", mode="eval").body, parse_path("best['a'][0]"))
    ('[0]',)
    """
    refs = [one for one in trace(target, Scope()) if one.is_spelled]
    if len(refs) != 1 or refs[0].path.root != path.root or len(refs[0].path.steps) > len(path.steps):
        return None
    own = refs[0].path.steps
    return path.steps[len(own) :] if all(map(_may_be_same, own, path.steps)) else None


def _may_be_same(typed: str, step: str) -> bool:
    return typed == step or (typed[0] == "[" == step[0] and not _is_constant(typed))


def _is_constant(step: str) -> bool:
    return step[1:-1].isdigit() or step[1] in "'\""


def _spliced(text: str, splices: Sequence[_Splice]) -> str:
    raw = text.encode()
    for one in sorted(splices, key=lambda one: -one.node.col_offset):
        raw = raw[: one.node.col_offset] + one.text.encode() + raw[one.node.end_col_offset :]
    return raw.decode()
