"""The hooks and custom Functions of a notebook that write in place to what backward hands them."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, NamedTuple

from ...records.report_parts import Inner
from ...records.typed_line import typed_line
from ...statements.aliases.expression_aliases import bind_assigned
from ...statements.aliases.scope import Scope
from ...statements.rewrite_statement import out_of_place, without_inplace
from ...statements.writes.statement_writes import find_writes, written_roots
from ...syntax.ast_queries import last_name, makes_array, positional_names, spell_path
from ...syntax.parsing import may_write_gradients, parse_cell, walk_statements
from ...syntax.statement_text import spell_header
from ...syntax.syntax_tree import all_nodes
from ..fix import Fix
from .hook_functions import KnownFunctions

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ...interpreter.definitions import Code

_OF_MODULES = frozenset(("register_full_backward_hook", "register_full_backward_pre_hook"))
_HOOKS = _OF_MODULES | {"register_hook"}


class GradientWriter(NamedTuple):
    """A function that backward calls, and its line that writes in place.

    Attributes
    ----------
    name
        Empty for a lambda.
    hooked
        What it is a hook of, or the Function's class, as spelled.
    of_saved
        Whether it writes to what the Function saved, not to a gradient.
    of_tensor
        Whether it is a hook of a tensor.
    is_late
        Whether other branches may have read the gradient before it runs.
    """

    name: str
    hooked: str
    line: Inner
    fix: Fix
    of_saved: bool = False
    of_tensor: bool = False
    is_late: bool = False


def find_writers(sources: list[Code], classes: Mapping[str, str]) -> Iterator[GradientWriter]:
    """Yield the registered hooks and the backwards of Functions that write in place to what they are given.

    Parameters
    ----------
    classes
        The classes of variables, by name.
    """
    trees = [(one, tree) for one in sources if (tree := parse_cell(one.text)) is not None]
    known = KnownFunctions(trees, classes)
    for one, tree in trees:
        for node in all_nodes(tree) if may_write_gradients(one.text) else ():
            if isinstance(node, ast.ClassDef):
                yield from _of_class(one, node)
            elif isinstance(node, ast.Call) and last_name(node.func) in _HOOKS and not _is_removed(tree, node):
                yield from _of_hook(one, node, known)


def _is_removed(tree: ast.Module, call: ast.Call) -> bool:
    """Return whether the handle of a hook is removed before the next backward of the same source."""
    handle: str | None = None
    for stmt in walk_statements(tree.body):
        if isinstance(stmt, ast.Assign) and stmt.value is call:
            handle = spell_path(stmt.targets[0])
        elif handle is not None:
            text = ast.unparse(stmt)
            if f"{handle}.remove()" in text:
                return True
            if "backward(" in text:
                return False
    return False


def _of_class(source: Code, node: ast.ClassDef) -> Iterator[GradientWriter]:
    for method in node.body:
        if isinstance(method, ast.FunctionDef) and method.name == "backward":
            names = positional_names(method.args)
            for stmt, root in _writes(method):
                of_saved = root in names[:1]
                if root in names and not (of_saved and _sets_attribute(stmt, root)):
                    made = _made(source, method, stmt, root)
                    yield GradientWriter(f"{node.name}.backward", node.name, *made, of_saved, is_late=True)


def _of_hook(source: Code, call: ast.Call, known: KnownFunctions) -> Iterator[GradientWriter]:
    owner = spell_path(call.func.value) if isinstance(call.func, ast.Attribute) else None
    given, hook = last_name(call.func) in _OF_MODULES, known.hook(call.args[0] if call.args else call, source)
    if owner is None or hook is None:
        return
    place, node, names = hook.source, hook.node, hook.names[1:] if given else hook.names[:1]
    if isinstance(node, ast.Lambda):
        stmt, body = known.statement_of(node), ast.Expr(value=node.body)
        for root in {root for _, root in _written(body, Scope())} & {*names}:
            yield GradientWriter("", owner, *_made_lambda(place, stmt, root), of_tensor=not given, is_late=not given)
        return
    for stmt, root in _writes(node):
        if root in names:
            line, fix = _made(place, node, stmt, root)
            fix = Fix(kind="copy-gradient", names=(root,), target=fix.target) if given else fix
            yield GradientWriter(node.name, owner, line, fix, of_tensor=not given, is_late=not given)


def _writes(function: ast.FunctionDef) -> Iterator[tuple[ast.stmt, str]]:
    """Yield the statements that write in place to something reached from a parameter, with that parameter."""
    scope = Scope()
    for stmt in walk_statements(function.body):
        yield from _written(stmt, scope)
        bind_assigned(stmt, scope)


def _written(stmt: ast.stmt, scope: Scope) -> Iterator[tuple[ast.stmt, str]]:
    if isinstance(stmt, ast.Assign) and all(isinstance(one, ast.Attribute) for one in stmt.targets):
        return
    for write in find_writes(stmt, scope):
        yield from ((stmt, one.path.root) for one in write.refs if one.sure)


def _made(source: Code, function: ast.FunctionDef, stmt: ast.stmt, root: str) -> tuple[Inner, Fix]:
    line = _line(source, stmt)
    fix = Fix(kind="write-copy", code="", target=typed_line(source.cell, line), says_where=True)
    return line, _with_code(fix, function, stmt, line.text, root)


def _made_lambda(source: Code, stmt: ast.stmt, root: str) -> tuple[Inner, Fix]:
    line, code = _line(source, stmt), without_inplace(_line(source, stmt).text)
    target = typed_line(source.cell, line)
    if code is None:
        return line, Fix(kind="copy-gradient", names=(root,), target=target)
    return line, Fix(kind="out-of-place", code=code, target=target, says_where=True)


def _with_code(fix: Fix, function: ast.FunctionDef, stmt: ast.stmt, text: str, root: str) -> Fix:
    """Choose what to type: a copy before the write, and, where the function returns nothing, the copy returned."""
    name = _written_name(stmt) or root
    bound = [one.value for one in walk_statements(function.body) if isinstance(one, ast.Assign) and _binds(one, name)]
    is_array = any(makes_array(one, is_array=False) for one in bound)
    code = f"{name} = {name}.{'copy' if is_array else 'clone'}()"
    if function.name == "backward" or any(isinstance(one, ast.Return) for one in all_nodes(function)):
        return Fix(kind="write-copy", code=code, target=fix.target, says_where=True)
    if function.body[-1] is not stmt or name != root:
        return Fix(kind="copy-gradient", names=(root,), target=fix.target)
    plain = out_of_place(text, {name})
    code = f"return {plain.removeprefix(f'{name} = ')}" if plain else f"{code}; {text}; return {name}"
    return Fix(kind="out-of-place", code=code, target=fix.target, says_where=True)


def _binds(stmt: ast.Assign, name: str) -> bool:
    return any(spell_path(one) == name for one in stmt.targets)


def _sets_attribute(stmt: ast.stmt, root: str) -> bool:
    """Return whether a statement sets attributes of `ctx`, which may be numbers."""
    targets = [stmt.target] if isinstance(stmt, ast.AugAssign) else getattr(stmt, "targets", [None])
    return all(isinstance(one, ast.Attribute) and (spell_path(one) or "").startswith(f"{root}.") for one in targets)


def _written_name(stmt: ast.stmt) -> str | None:
    """Return the local name through which a statement writes."""
    found = written_roots(stmt)
    return found.pop() if len(found) == 1 else None


def _line(source: Code, stmt: ast.stmt) -> Inner:
    text = spell_header(stmt, [*source.lines])
    return Inner(cell=source.cell, line=stmt.lineno + source.offset, text=text)
