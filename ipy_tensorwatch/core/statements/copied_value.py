"""Rewrite the statement after which two paths are one memory, so that it stores a copy."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, NamedTuple

from ..syntax.ast_queries import arguments, is_method, keyword, last_name, source_of_node, spell_item, spell_path
from ..syntax.syntax_tree import each_target, find_nodes
from ..syntax.torch_vocabulary import OPTIMIZERS, PASS_ALONG, VIEW_ATTRIBUTES
from .aliases.expression_aliases import trace
from .aliases.scope import Scope
from .rewrite_statement import before_writes, parse_one, replace_expressions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..records.path import AccessPath

    _Replacements = list[tuple[ast.expr, str]]

_ATOMS = (ast.Name, ast.Constant, ast.Call, ast.Attribute, ast.Subscript, ast.Tuple, ast.List, ast.Dict, ast.ListComp)
_DISPLAYS = (ast.List, ast.Tuple, ast.Set, ast.Dict, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
STORING = {"append": 0, "appendleft": 0, "add": 0, "put": 0, "put_nowait": 0, "push": 0, "insert": 1, "setdefault": 1}
"""The methods that store one argument as an item, with the argument's place."""
STORING_SEVERAL = ("extend", "extendleft", "update", "load_state_dict")
_SHALLOW = ("list", "dict", "tuple", "OrderedDict", "copy", "state_dict", "parameters", "values")
"""The functions and methods that put the items of something into a new container."""
_NEED_LEAF = ("Parameter", "Buffer", "Variable")
"""The classes whose objects keep what they are given; a copy of such an object is a plain tensor."""
_ONE_VIEW = (
    "detach", "view", "view_as", "reshape", "reshape_as", "t", "transpose", "permute", "swapaxes", "movedim", "squeeze",
    "unsqueeze", "flatten", "contiguous", "expand", "expand_as", "narrow", "numpy", "unfold",
)  # fmt: skip
"""The methods that give one tensor or array over the same memory."""


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
    keeps_writes
        Whether what the statement itself writes is meant for the old memory.
    """

    path: AccessPath
    other: AccessPath
    is_array: bool = False
    is_leaf: bool = False
    has_graph: bool = False
    deepcopy: str = "copy.deepcopy"
    keeps_writes: bool = False


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
    >>> copied_value("x, y = w.detach().T", Copying(at("x"), at("w")))
    'x, y = w.detach().T.clone()'
    """
    node = parse_one(text)
    if node is None:
        return None
    rewriter = _Rewriter(text, copying)
    found = rewriter.stored(node)
    return replace_expressions(text, dict(found)) if found else rewriter.copied_after(node)


def with_copied_arguments(text: str, copying: Copying) -> str | None:
    """Rewrite a statement to hand copies of a path to its calls; None if it hands it to none.

    Examples
    --------
    >>> from ..syntax.parsing import parse_path as at
    >>> with_copied_arguments("out = attack(x, 3)", Copying(at("x"), at("x")))
    'out = attack(x.clone(), 3)'
    """
    rewriter = _Rewriter(text, copying)
    found = (rewriter.given(call) for call in reversed(find_nodes(ast.Call, parse_one(text))))
    splices = next((one for one in found if one), None)
    return replace_expressions(text, dict(splices)) if splices else None


class _Rewriter:
    """Finds the expressions of one statement to copy."""

    def __init__(self, text: str, copying: Copying) -> None:
        self.text, self.copying = text, copying

    def stored(self, node: ast.stmt) -> _Replacements | None:
        """Copy in what a statement stores under the path."""
        match node:
            case ast.Assign(targets=[target], value=value):
                return self.assigned(target, value) or self._named_inside(node)
            case ast.AnnAssign(target=target, value=ast.expr() as value):
                return self.assigned(target, value)
            case ast.AugAssign(target=target, value=value, op=ast.Add() | ast.BitOr()):
                return self._joined(target, value)
            case ast.Return(value=ast.expr() as value) | ast.Expr(value=ast.Yield(value=ast.expr() as value)):
                return self.copied(value, ())
            case ast.Expr(value=ast.Call() as call):
                return self._called(call) or self._named_inside(node)
        return None

    def assigned(self, target: ast.expr, value: ast.expr) -> _Replacements | None:
        """Copy in the value of an assignment."""
        if isinstance(target, ast.Tuple | ast.List):
            return self._unpacked(target, value)
        steps = steps_behind(target, self.copying.path)
        return None if steps is None else self.copied(value, steps)

    def _unpacked(self, target: ast.Tuple | ast.List, value: ast.expr) -> _Replacements | None:
        if _is_one_view(value) and any(steps_behind(one, self.copying.path) == () for one in target.elts):
            return self._tensor(value)
        if not isinstance(value, ast.Tuple | ast.List) or len(target.elts) != len(value.elts):
            return None
        pairs = zip(target.elts, value.elts, strict=True)
        found = (self.assigned(one, part) for one, part in pairs)
        return next((one for one in found if one is not None), None)

    def _named_inside(self, node: ast.stmt) -> _Replacements | None:
        """Copy in the value of an assignment inside an expression."""
        found = (self.assigned(one.target, one.value) for one in find_nodes(ast.NamedExpr, node))
        return next((one for one in found if one is not None), None)

    def _joined(self, target: ast.expr, value: ast.expr) -> _Replacements | None:
        """Copy in what is added to a list."""
        is_display = steps_behind(target, self.copying.path) and isinstance(value, _DISPLAYS)
        return self._leading(value) if is_display else None

    def _called(self, call: ast.Call) -> _Replacements | None:
        """Copy in what a method stores."""
        name = last_name(call.func)
        if name == "setattr":
            return self._set(call)
        owner = call.func.value if isinstance(call.func, ast.Attribute) else None
        steps = steps_behind(owner, self.copying.path) if owner is not None else None
        if not steps:
            return self.given(call)
        if name in STORING and len(call.args) > STORING[name]:
            return self.copied(call.args[STORING[name]], steps[1:])
        if name in STORING_SEVERAL:
            named = keyword(call, steps[0][2:-2])
            if named is not None:
                return self.copied(named, steps[1:])
            several = call.args[0] if call.args else None
            return None if several is None else self._leading(several) or self.copied(several, steps)
        return self.given(call)

    def _set(self, call: ast.Call) -> _Replacements | None:
        """Copy in what `setattr` stores."""
        match call.args:
            case [owner, ast.Constant(value=str(name)), value]:
                steps = steps_behind(owner, self.copying.path)
                return self.copied(value, steps[1:]) if steps and steps[0] == f".{name}" else None
        return None

    def copied(self, value: ast.expr, steps: Sequence[str]) -> _Replacements | None:
        """Copy what lies behind some steps in a value."""
        if not steps:
            return self._tensor(value)
        inner = self._inside(value, steps)
        if inner is not None:
            return self.copied(*inner)
        if isinstance(value, ast.BinOp) and isinstance(value.op, ast.Mult):
            return self._repeated(value)
        if isinstance(value, ast.BinOp):
            return self._leading(value.left) or self._leading(value.right)
        if isinstance(value, ast.IfExp | ast.BoolOp | ast.Lambda | ast.Starred | ast.List | ast.Tuple):
            return None
        if isinstance(value, ast.Call) and last_name(value.func) not in _SHALLOW:
            given = self.given(value) or self._twice(value)
            if given is not None:
                return given
        return self._whole(value, steps)

    def _tensor(self, value: ast.expr) -> _Replacements | None:
        """Copy the tensor that a value is; None if it is a new one."""
        if isinstance(value, _DISPLAYS):
            return self._leading(value)
        if not trace(value, Scope()):
            return None
        if isinstance(value, ast.Call) and last_name(value.func) in _NEED_LEAF and value.args:
            return self._tensor(value.args[0])
        plain = before_writes(value, keeps=self.copying.keeps_writes)
        return [(plain, self._one(plain))]

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
            case ast.Call(func=ast.Name(id="dict"), args=[]):
                named = keyword(value, steps[0][2:-2])
                return None if named is None else (named, steps[1:])
            case ast.Call(func=func, args=[only], keywords=[]) if last_name(func) in PASS_ALONG:
                return (only, steps) if isinstance(only, (*_DISPLAYS, ast.BinOp)) else None
        return None

    def _repeated(self, value: ast.BinOp) -> _Replacements | None:
        """Write a list of one item, times n, as a comprehension that makes the item anew."""
        is_first = isinstance(value.left, ast.List | ast.Tuple)
        parts, times = (value.left, value.right) if is_first else (value.right, value.left)
        if not isinstance(parts, ast.List | ast.Tuple) or len(parts.elts) != 1:
            return None
        loop = f"{self._made_anew(parts.elts[0])} for _ in range({self._source(times)})"
        return [(value, f"[{loop}]" if isinstance(parts, ast.List) else f"tuple({loop})")]

    def _made_anew(self, item: ast.expr) -> str:
        """Return how to make an item of a container once more."""
        if isinstance(item, ast.Call):
            return self._source(item)
        is_tensor = len(self.copying.path.steps) == 1
        return self._one(item) if is_tensor else f"{self.copying.deepcopy}({self._source(item)})"

    def _leading(self, value: ast.expr) -> _Replacements | None:
        """Copy the parts of a display that lead to the other path."""
        match value:
            case ast.List(elts=parts) | ast.Tuple(elts=parts) | ast.Set(elts=parts) | ast.Dict(values=parts):
                found = [splice for part in parts for splice in self._leading(part) or ()]
                return found or None
            case ast.ListComp(elt=made) | ast.GeneratorExp(elt=made) | ast.DictComp(value=made) | ast.SetComp(elt=made):
                return self._tensor(made)
        refs = [one for one in trace(value, Scope()) if one.sure]
        if any(one.path == self.copying.other and not one.below and not one.depth for one in refs):
            return self._tensor(value)
        if any(one.path.leads_to(self.copying.other) for one in refs) and spell_path(value) is not None:
            return self._whole(value, self.copying.other.steps[len(refs[0].path.steps) :])
        return None

    def given(self, call: ast.Call) -> _Replacements | None:
        """Copy the arguments of a call that lead to the other path."""
        if last_name(call.func) in OPTIMIZERS:
            return None
        found = [splice for part in arguments(call) for splice in self._leading(part) or ()]
        return found or None

    def _twice(self, call: ast.Call) -> _Replacements | None:
        """Copy an argument that a call is given more than once."""
        if self.copying.path.root != self.copying.other.root:
            return None
        if last_name(call.func) == "fromkeys" and len(call.args) == 2:  # noqa: PLR2004  (keys and value)
            keys, item = call.args
            made, key = self._made_anew(item), "key"
            return [(call, f"{{{key}: {made} for {key} in {self._source(keys)}}}")]
        names = [one.id for one in call.args if isinstance(one, ast.Name)]
        again = [one for one in call.args if isinstance(one, ast.Name) and names.count(one.id) > 1]
        return [(one, self._one(one)) for one in again] or None

    def _whole(self, value: ast.expr, steps: Sequence[str]) -> _Replacements | None:
        """Copy a container with all that is in it."""
        if not _may_hold(value):
            return None
        if not self.copying.has_graph:
            inner = _copied_by(value) or value
            return [(value, f"{self.copying.deepcopy}({self._source(inner)})")]
        if len(steps) != 1 or not steps[0].startswith("["):
            return None
        own, each = self._source(value), "one.copy()" if self.copying.is_array else "one.clone()"
        is_dict = not steps[0][1:-1].lstrip("-").isdigit()
        made = f"{{key: {each} for key, one in {own}.items()}}" if is_dict else f"[{each} for one in {own}]"
        return [(value, made)]

    def copied_after(self, node: ast.stmt) -> str | None:
        """Copy a path that the statement binds in a statement after it."""
        path = self.copying.path
        if not isinstance(node, ast.Assign) or (len(node.targets) == 1 and not trace(node.value, Scope())):
            return None
        is_bound = any(steps_behind(one, path) == () for one in each_target(node.targets))
        return f"{self.text}; {path} = {self._copy(str(path))}" if is_bound else None

    def _one(self, node: ast.expr) -> str:
        source = self._source(node)
        return self._copy(source if isinstance(node, _ATOMS) else f"({source})")

    def _copy(self, text: str) -> str:
        if self.copying.is_array:
            return f"{text}.copy()"
        return f"{text}.detach().clone()" if self.copying.is_leaf else f"{text}.clone()"

    def _source(self, node: ast.AST) -> str:
        return source_of_node(self.text, node)


def _may_hold(value: ast.expr) -> bool:
    """Return whether a value may hold anything from elsewhere."""
    if isinstance(value, ast.Call) and (is_method(value.func) or last_name(value.func) in _SHALLOW):
        return True
    is_made = isinstance(value, ast.Call) and not value.args and not value.keywords
    return not is_made and bool(trace(value, Scope()))


def _copied_by(value: ast.expr) -> ast.expr | None:
    """Return what `x.copy()` or `copy.copy(x)` copies: the copy has the same class."""
    match value:
        case ast.Call(func=ast.Attribute(value=owner, attr="copy"), args=[], keywords=[]):
            return owner
        case ast.Call(
            func=ast.Name(id="copy") | ast.Attribute(value=ast.Name(id="copy"), attr="copy"), args=[only], keywords=[]
        ):
            return only
    return None


def _is_one_view(value: ast.expr) -> bool:
    """Return whether a value is one tensor or array, unpacked by rows, rather than several: `w.detach().T`."""
    if isinstance(value, ast.Attribute):
        return value.attr in VIEW_ATTRIBUTES or value.attr == "data"
    return isinstance(value, ast.Call) and is_method(value.func) and last_name(value.func) in _ONE_VIEW


def steps_behind(target: ast.expr, path: AccessPath) -> tuple[str, ...] | None:
    """Return the steps of a path behind a target; None if the target does not lead to it.

    Examples
    --------
    >>> from ..syntax.parsing import parse_path
    >>> steps_behind(ast.parse("best[name]", mode="eval").body, parse_path("best['a'][0]"))
    ('[0]',)
    """
    own = _spelled(target)
    if own is None or own.root != path.root or len(own.steps) > len(path.steps):
        return None
    return path.steps[len(own.steps) :] if all(map(_may_be_same, own.steps, path.steps)) else None


def _spelled(target: ast.expr) -> AccessPath | None:
    """Return the path that an expression spells; `x.data` is assigned as `x` is."""
    refs = [one for one in trace(target, Scope()) if not one.below and not one.depth]
    if len(refs) != 1:
        return None
    path = refs[0].path
    return path.owner if path.steps[-1:] == (".data",) else path


def _may_be_same(typed: str, step: str) -> bool:
    return typed == step or (typed[0] == "[" == step[0] and not _is_constant(typed))


def _is_constant(step: str) -> bool:
    return step[1:-1].isdigit() or step[1] in "'\""
