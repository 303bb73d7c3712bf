"""The names that a statement mentions and binds, and whether it may call a function."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from ..records.path import AccessPath
from ..syntax.ast_queries import (
    COMPREHENSIONS,
    keyword,
    last_name,
    own_nodes,
    own_parts,
    root_variable,
    spell_item,
    spell_path,
)
from ..syntax.parsing import DEFINITIONS, walk_statements
from ..syntax.syntax_tree import all_nodes, children_of, find_nodes, names_in, names_stored
from ..syntax.torch_vocabulary import OF_LAYOUT, VIEW_ATTRIBUTES, WITHOUT_GRADIENT

if TYPE_CHECKING:
    from collections.abc import Iterator

_GIVE_ANOTHER = frozenset(
    ("add_module", "register_buffer", "register_module", "register_parameter", "set_submodule", "__setattr__")
)
"""The methods that give an object another attribute."""
_BINDING = (ast.Assign, ast.AnnAssign, ast.AugAssign, ast.Expr, ast.For, ast.With, ast.If, ast.While)
"""Statements that bind nothing but the names that are stored to in their own expressions, comprehensions apart."""
_RUNNING = (ast.Call, ast.Await, *COMPREHENSIONS)


def calls_of(node: ast.stmt) -> bool:
    """Return whether a statement may run the code of a function."""
    if isinstance(node, ast.For | ast.AsyncFor | ast.With | ast.AsyncWith) or getattr(node, "decorator_list", None):
        return True
    if isinstance(node, ast.ClassDef) and any(map(calls_of, walk_statements(node.body))):
        return True
    return any(isinstance(part, _RUNNING) for part in own_nodes(node))


def operates(node: ast.stmt) -> bool:
    """Return whether a statement may run an object's own code without a call: `3 in z`, `if z:`, `a, b = z`, `z`."""
    match node:
        case ast.Assign(targets=targets, value=value):
            return not all(isinstance(one, ast.Name | ast.Constant) for one in (*targets, value))
        case ast.Expr(value=value):
            return not isinstance(value, ast.Constant)
    return isinstance(node, ast.If | ast.While | ast.Assert | ast.Match | ast.AnnAssign)


def mentions_of(node: ast.stmt) -> Iterator[AccessPath]:
    """Yield the chains of names, attributes and constant items in a statement, without comprehensions' own names."""
    for part in own_parts(node):
        yield from _chains(part, frozenset())


def _chains(node: ast.AST, hidden: frozenset[str]) -> Iterator[AccessPath]:
    if isinstance(node, (*COMPREHENSIONS, ast.Lambda)):
        hidden |= _own_names(node)
    path = _spell(node) if isinstance(node, ast.expr) else None
    if path is not None:
        if path.root not in hidden:
            yield path
        return
    for part in children_of(node):
        method = isinstance(node, ast.Call) and part is node.func and isinstance(part, ast.Attribute)
        yield from _chains(part.value if method and isinstance(part, ast.Attribute) else part, hidden)


def _own_names(node: ast.AST) -> frozenset[str]:
    if isinstance(node, ast.Lambda):
        return frozenset(one.arg for one in find_nodes(ast.arg, node.args))
    return frozenset(name for one in getattr(node, "generators", ()) for name in names_in(one.target))


def _spell(node: ast.expr) -> AccessPath | None:
    steps: list[str] = []
    while True:
        match node:
            case ast.Name(id=name):
                return AccessPath(name, tuple(reversed(steps)))
            case ast.Attribute(value=value, attr=name) if name not in VIEW_ATTRIBUTES:
                steps.append(f".{name}")
                node = value
            case ast.Subscript(value=value, slice=key) if _is_constant(key):
                steps.append(spell_item(key))
                node = value
            case _:
                return None


def _is_constant(key: ast.expr) -> bool:
    inner = key.operand if isinstance(key, ast.UnaryOp) else key
    return isinstance(inner, ast.Constant) and isinstance(inner.value, int | str)


def binds_of(node: ast.stmt) -> frozenset[str]:
    """Return the names that a statement binds; an augmented assignment binds none."""
    names = frozenset(_walrus_names(node))
    match node:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            return names | {name}
        case ast.Import(names=parts) | ast.ImportFrom(names=parts):
            return names.union((part.asname or part.name).split(".")[0] for part in parts)
        case ast.AugAssign():
            return names
        case ast.Match(cases=cases):
            return names.union(*(names_stored(one.pattern) for one in cases))
        case _:
            caught = (one.name for one in getattr(node, "handlers", ()) if one.name)
            return names.union(caught, (part.id for own in own_parts(node) for part in _bound(own)))


def reads_of(node: ast.stmt) -> frozenset[str]:
    """Return the names whose objects a statement reads, not only binds or assigns an item of.

    Examples
    --------
    >>> [sorted(reads_of(ast.parse(one).body[0])) for one in ("x = f(x)", "x = y", "x[i] = 1", "x += 1")]
    [['f', 'x'], ['y'], ['i'], ['x']]
    """
    parts = own_nodes(node)
    owners = [part.value for part in parts if isinstance(part, ast.Attribute | ast.Subscript) and not _is_load(part)]
    read = [part.id for part in parts if isinstance(part, ast.Name) and _is_load(part) and part not in owners]
    return frozenset([*read, root_variable(node.target)] if isinstance(node, ast.AugAssign) else read)


def values_read(node: ast.stmt, path: str) -> list[bool]:
    """Return, for each time that a statement reads a path, whether it reads only its values: `y.detach()`, `y.data`.

    What has no gradient, as `y.argmax()` and `y > 0`, reads only values too. Sizes are not counted.

    Examples
    --------
    >>> several = ("f(y.detach(), y)", "y = x.y", "y[0].cpu().data.sum()", "len(y), y.shape, (y * 2).argmax()")
    >>> [values_read(ast.parse(one).body[0], "y") for one in several]
    [[False, True], [], [True], [True]]
    """
    parts = own_nodes(node)
    detached = [one for part in parts if _has_no_gradient(part) for one in all_nodes(part)]
    sized = [one for part in parts for one in _sized(part)]
    loaded = (part for part in parts if isinstance(part, ast.Name | ast.Attribute | ast.Subscript) and _is_load(part))
    return [part in detached for part in loaded if spell_path(part) == path and part not in sized]


def _has_no_gradient(node: ast.AST) -> bool:
    """Return whether no backward leads through a value."""
    match node:
        case ast.Attribute(attr="detach" | "data"):
            return _is_load(node)
        case ast.Call(func=func):
            return last_name(func) in WITHOUT_GRADIENT
    return isinstance(node, ast.Compare)


def _sized(node: ast.AST) -> list[ast.expr]:
    """Return that of which an expression asks only for the size or the kind."""
    match node:
        case ast.Attribute(value=owner, attr=name) if name in OF_LAYOUT:
            return [owner]
        case ast.Call(func=ast.Name(id="len"), args=[one]):
            return [one]
    return []


def _is_load(node: ast.Name | ast.Attribute | ast.Subscript) -> bool:
    return isinstance(node.ctx, ast.Load)


def names_led_on(node: ast.stmt) -> tuple[frozenset[str], frozenset[str]]:
    """Return the names that may lead to new objects after a statement, and those that it only mentions.

    Examples
    --------
    >>> names_led_on(ast.parse("a.x, b = f(c)").body[0]) == ({"a", "b"}, {"c", "f"})
    True
    >>> names_led_on(ast.parse("net.load_state_dict(new, assign=True)").body[0]) == ({"net"}, {"new"})
    True
    """
    if isinstance(node, DEFINITIONS):  # a class may hold tensors
        return frozenset((node.name,) if isinstance(node, ast.ClassDef) else ()), frozenset()
    parts = own_nodes(node)
    binds_alone = isinstance(node, _BINDING) and not any(isinstance(part, COMPREHENSIONS) for part in parts)
    stored, read = set[str]() if binds_alone else set(binds_of(node)), set[str]()
    for part in parts:
        if isinstance(part, ast.Name):
            (stored if binds_alone and not isinstance(part.ctx, ast.Load) else read).add(part.id)
        elif isinstance(part, ast.Attribute | ast.Subscript) and not isinstance(part.ctx, ast.Load):
            stored.add(root_variable(part))
        elif isinstance(part, ast.Call):
            stored.update(_given_another(part))
    if isinstance(node, ast.AugAssign):
        stored.add(root_variable(node.target))
    return frozenset(stored), frozenset(read - stored)


def _given_another(call: ast.Call) -> Iterator[str]:
    """Yield the variable of the module or the object that a call gives another attribute."""
    name = last_name(call.func)
    if isinstance(call.func, ast.Attribute):
        is_assigning = name == "load_state_dict" and keyword(call, "assign") is not None
        if is_assigning or name in _GIVE_ANOTHER:
            yield root_variable(call.func)
    elif name == "setattr" and call.args:
        yield root_variable(call.args[0])


def _bound(node: ast.expr) -> Iterator[ast.Name]:
    waiting: list[ast.AST] = [node]  # no recursion: a long chain of calls is nested as deep
    while waiting:
        part = waiting.pop()
        if isinstance(part, ast.Name) and not isinstance(part.ctx, ast.Load):
            yield part
        elif not isinstance(part, COMPREHENSIONS):
            waiting += [one for one in children_of(part) if isinstance(one, ast.expr)]


def _walrus_names(node: ast.stmt) -> Iterator[str]:
    return (part.target.id for part in own_nodes(node) if isinstance(part, ast.NamedExpr))
