"""Tell where an expression leads, from its text alone."""

from __future__ import annotations

import ast

from . import reference as to
from .path import AccessPath
from .reference import Reference, References, union
from .vocabulary import BUILTINS, FRESH, LIBRARIES, MEMBERS, NOT_A_METHOD, OPTIMIZERS, PASS_ALONG, SELVES, VIEWS, WRAPPERS

_PAIR = ("key", "value")
_PAIRS = frozenset({"enumerate", "items"})

COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.GeneratorExp, ast.DictComp)


class Scope:
    """What local names lead to; every other name is a variable of the notebook."""

    def __init__(self, names: dict[str, References] | None = None) -> None:
        self.names = names or {}

    def look_up(self, name: str) -> References:
        """Tell where a name leads."""
        return self.names.get(name, (Reference(path=AccessPath(name)),))

    def call(self, node: ast.Call) -> References | None:
        """Tell where the result of a call leads, or None where nothing but the names of libraries can tell."""
        del node
        return None

    def iterated(self, refs: References) -> References:
        """Tell where the items lead that a loop over these objects gives."""
        return to.element(refs)

    def set_name(self, name: str, refs: References) -> None:
        """Bind a name."""
        self.names[name] = refs

    def closed(self, node: ast.Lambda) -> References:
        """Tell where a function without a name leads."""
        del node
        return ()

    def stored(self, refs: References) -> References:
        """Add what the code itself has stored at these paths."""
        return refs

    def child(self) -> Scope:
        """Open a scope for a comprehension's own names."""
        return Scope(dict(self.names))


def trace(node: ast.expr, scope: Scope) -> References:
    """Tell every object that an expression may lead to; nothing for a value with memory of its own.

    Examples
    --------
    >>> [str(one.path) for one in trace(ast.parse("x.view(-1)", mode="eval").body, Scope())]
    ['x']
    """
    match node:
        case ast.Name(id=name):
            return scope.look_up(name)
        case ast.Attribute(value=value, attr=name):
            return scope.stored(to.attribute(trace(value, scope), name))
        case ast.Subscript(value=value, slice=key):
            return scope.stored(to.item(trace(value, scope), spell_item(key), several=is_slice(key)))
        case ast.Call():
            known = scope.call(node)
            return trace_call(node, scope) if known is None else known
        case ast.NamedExpr(value=value) | ast.Starred(value=value) | ast.Await(value=value):
            return trace(value, scope)
        case _:
            return _trace_compound(node, scope)


def _trace_compound(node: ast.expr, scope: Scope) -> References:
    match node:
        case ast.Lambda():
            return scope.closed(node)
        case ast.IfExp(body=first, orelse=second):
            return union(trace(first, scope), trace(second, scope))
        case ast.BoolOp(values=parts):
            return union(*(trace(part, scope) for part in parts))
        case ast.List(elts=parts) | ast.Tuple(elts=parts) | ast.Set(elts=parts):
            return union(*(_member(part, scope) for part in parts))
        case ast.Dict(values=parts):
            return to.wrap(union(*(trace(part, scope) for part in parts)))
        case ast.ListComp() | ast.SetComp() | ast.GeneratorExp() | ast.DictComp():
            made = node.value if isinstance(node, ast.DictComp) else node.elt
            return to.wrap(trace(made, enter(node, scope)))
        case ast.BinOp(left=left, right=right):
            joined = union(trace(left, scope), trace(right, scope))
            return joined if any(one.depth or (one.below and one.sure) for one in joined) else ()
        case _:
            return ()


def _member(node: ast.expr, scope: Scope) -> References:
    refs = trace(node, scope)
    return refs if isinstance(node, ast.Starred) else to.wrap(refs)


def is_slice(key: ast.expr) -> bool:
    """Tell whether a subscript takes a part of a tensor rather than one item of a container."""
    parts = key.elts if isinstance(key, ast.Tuple) else [key]
    return any(isinstance(part, ast.Slice) or (isinstance(part, ast.Constant) and part.value is ...) for part in parts)


def spell_item(key: ast.expr) -> str:
    """Spell a subscript as it is typed, a constant as its repr."""
    return ast.unparse(ast.Subscript(value=ast.Name(id="_"), slice=key, ctx=ast.Load()))[1:]


def is_library(node: ast.expr) -> bool:
    """Tell whether an expression spells a library's module: `torch.nn.init`."""
    while isinstance(node, ast.Attribute):
        node = node.value
    return isinstance(node, ast.Name) and node.id in LIBRARIES


def last_name(func: ast.expr) -> str:
    """Tell a function's own name, without what it hangs on."""
    return func.attr if isinstance(func, ast.Attribute) else func.id if isinstance(func, ast.Name) else ""


def is_method(func: ast.expr) -> bool:
    """Tell whether a function is called on a variable rather than on a library."""
    return isinstance(func, ast.Attribute) and not is_library(func.value) and func.attr not in NOT_A_METHOD


def keyword(node: ast.Call, name: str) -> ast.expr | None:
    """Give a keyword argument's expression."""
    return next((one.value for one in node.keywords if one.arg == name), None)


def is_true(node: ast.expr | None) -> bool:
    """Tell whether an expression is the constant True."""
    return isinstance(node, ast.Constant) and node.value is True


def arguments(node: ast.Call) -> list[ast.expr]:
    """Give all arguments of a call, named or not."""
    return [*node.args, *(one.value for one in node.keywords)]


def enter(node: ast.expr, scope: Scope) -> Scope:
    """Open the scope in which a comprehension's element is made."""
    inside = scope.child()
    for part in getattr(node, "generators", ()):
        bind_element(part.target, part.iter, inside)
    return inside


def trace_call(node: ast.Call, scope: Scope) -> References:
    """Tell where the result of a library's function or method leads."""
    out = keyword(node, "out")
    if out is not None:
        return trace(out, scope)
    if is_method(node.func):
        return _trace_method(node, scope)
    given = [trace(part, scope) for part in node.args]
    return _trace_function(node, given, scope)


def _trace_method(node: ast.Call, scope: Scope) -> References:
    assert isinstance(node.func, ast.Attribute)
    name, owner = node.func.attr, trace(node.func.value, scope)
    if name == "set_" and node.args:
        return to.view(trace(node.args[0], scope))
    if is_inplace_name(name) or name in SELVES or is_inplace_dunder(name):
        return owner
    if name in VIEWS:
        return to.view(owner)
    if name in MEMBERS:
        return to.behind(owner, grad=False)
    return _trace_container(node, name, owner, scope)


def _trace_container(node: ast.Call, name: str, owner: References, scope: Scope) -> References:
    if name == "state_dict":
        return to.view(to.behind(owner, grad=False))
    if name == "values":
        return to.wrap(to.element(owner))
    if name == "items":
        return to.wrap(to.wrap(to.element(owner)))
    if name in {"get", "pop", "setdefault", "__getitem__", "get_parameter", "get_buffer", "popitem", "popleft", "__next__"}:
        defaults = union(*(trace(part, scope) for part in node.args[1:]))
        return scope.stored(union(to.item(owner, spell_item(node.args[0]) if node.args else "[*]"), defaults))
    if name in FRESH:
        return ()
    return to.doubt(union(owner, *(trace(part, scope) for part in arguments(node))))


def _trace_function(node: ast.Call, given: list[References], scope: Scope) -> References:
    name, first = last_name(node.func), given[0] if given else ()
    if is_inplace_name(name) or is_true(keyword(node, "inplace")) or _makes_inplace(node.func):
        return first
    if name in VIEWS or name in WRAPPERS or name == "copy":
        return to.view(first)
    if name in PASS_ALONG:
        return union(*given)
    if name in OPTIMIZERS:
        return to.behind(union(*given))
    if name in {"zip", "enumerate", "product"}:
        return to.wrap(union(*given))
    if name == "next":
        return union(scope.iterated(first), *given[1:])
    return _trace_other(node, name, given, scope)


def _trace_other(node: ast.Call, name: str, given: list[References], scope: Scope) -> References:
    first = given[0] if given else ()
    if name == "getattr" and len(node.args) > 1 and isinstance(node.args[1], ast.Constant):
        return scope.stored(to.attribute(first, str(node.args[1].value)))
    if name == "array" and isinstance(copied := keyword(node, "copy"), ast.Constant) and not copied.value:
        return to.view(first)
    if name in BUILTINS or (isinstance(node.func, ast.Attribute) and is_library(node.func.value)):
        return ()
    named = [trace(one.value, scope) for one in node.keywords]
    return to.doubt(union(trace(node.func, scope), *given, *named))


def _makes_inplace(func: ast.expr) -> bool:
    return isinstance(func, ast.Call) and is_true(keyword(func, "inplace"))


def is_inplace_name(name: str) -> bool:
    """Tell whether a name follows PyTorch's rule for operations in place: one underscore at its end."""
    return name.endswith("_") and not name.endswith("__") and name != "_"


def is_inplace_dunder(name: str) -> bool:
    """Tell whether a name is one that Python itself calls to write in place."""
    return name in {"__setitem__", "__iadd__", "__isub__", "__imul__", "__itruediv__", "__ifloordiv__", "__ipow__", "__imod__",
                    "__iand__", "__ior__", "__ixor__", "__imatmul__", "__ilshift__", "__irshift__"}


def bind_element(target: ast.expr, source: ast.expr, scope: Scope) -> None:
    """Bind a loop's variables to any one item of what it runs over."""
    parts = target.elts if isinstance(target, ast.Tuple | ast.List) else []
    name = last_name(source.func) if isinstance(source, ast.Call) else ""
    if isinstance(source, ast.Call) and name == "zip" and len(parts) == len(source.args):
        for part, one in zip(parts, source.args, strict=True):
            bind_element(part, one, scope)
    elif isinstance(source, ast.Call) and len(parts) == len(_PAIR) and (name in _PAIRS or name.startswith("named_")):
        bind(parts[0], (), scope)
        if name == "enumerate":
            bind_element(parts[1], source.args[0], scope)
        else:
            bind(parts[1], to.element(to.element(trace(source, scope))), scope)
    else:
        bind(target, scope.iterated(trace(source, scope)), scope)


def bind(target: ast.expr, refs: References, scope: Scope) -> None:
    """Bind names to what a value leads to, a tuple of names to its items."""
    match target:
        case ast.Name(id=name):
            scope.set_name(name, refs)
        case ast.Starred(value=value):
            bind(value, refs, scope)
        case ast.Tuple(elts=parts) | ast.List(elts=parts):
            for place, part in enumerate(parts):
                bind(part, refs if isinstance(part, ast.Starred) else to.item(refs, f"[{place}]"), scope)
        case _:
            pass
