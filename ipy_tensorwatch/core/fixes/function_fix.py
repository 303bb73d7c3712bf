"""The fix of a write inside a function: to a copy of what the function was given."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, NamedTuple

from ..hazards.fix import Fix, Tail
from ..records.path import AccessPath
from ..records.typed_line import TypedLine
from ..statements.aliases.expression_aliases import trace
from ..statements.aliases.scope import Scope
from ..statements.copied_value import Copying, copied_value
from ..statements.rewrite_statement import out_of_place, without_inplace
from ..statements.writes.statement_writes import targets_of
from ..syntax.ast_queries import (
    arguments,
    covers_line,
    defaults_of,
    last_name,
    makes_array,
    own_parts,
    positional_names,
    spell_path,
)
from ..syntax.parsing import parse_cell, rebindable, statements_on, walk_statements
from ..syntax.statement_text import header_end, spell
from ..syntax.syntax_tree import each_target, find_nodes, names_in, names_stored

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ..records.report_parts import Inner

_OF_OBJECT = frozenset(("__call__", "forward"))
"""The methods that a call of their object runs."""
_Function = ast.FunctionDef | ast.AsyncFunctionDef


class _Write(NamedTuple):
    """A line that wrote, in its function."""

    cell: int
    lines: list[str]
    function: _Function
    node: ast.stmt

    def typed(self, node: ast.stmt) -> TypedLine:
        """Return a statement of the function as typed."""
        end, column = header_end(node, self.lines)
        return TypedLine(cell=self.cell, line=node.lineno, text=spell(node, self.lines, node.lineno, end, column))


def fix_in_function(source: str, inner: Inner, *, is_array: bool) -> Iterator[Fix]:
    """Yield what may mend a line that wrote to what its function was given, the likeliest first."""
    if (fix := _in_lambda(source, inner)) is not None:
        yield fix
        return
    write = _find_write(source, inner)
    if write is None:
        return
    for path in _written(write.node):
        if path.root in _globals(write.function):
            continue
        bound = _binding(write, path)
        if bound is not None:
            yield from _own_views(write, bound, is_array=is_array)
            yield from _copied_binding(write, bound, path, is_array=is_array)
        elif path.root in defaults_of(write.function.args) and not path.steps:
            yield from _own_argument(write, path.root, is_array=is_array)
        elif path.root in _with_defaults(write.function) and path.steps[-1].startswith("['"):
            yield from _kept_in_default(write, path)


def copied_result(source: str, inner: Inner, callers: Iterable[str], *, is_array: bool) -> Iterator[Fix]:
    """Yield the copy that a function gives back of what each of its calls writes, if some statements all call it."""
    write, callers = _find_write(source, inner), [*callers]
    if write is None or not _all_call(write.function.name, callers):
        return
    mine = _written(write.node)
    given = [(one, value) for one in walk_statements(write.function.body) if (value := _given(one)) is not None]
    if len(given) != 1 or not mine:
        return
    node, value = given[0]
    typed = write.typed(node)
    refs = [ref.path for ref in trace(value, Scope())]
    path = next((ref for ref in refs for one in mine if one.leads_to(ref) or ref.leads_to(one)), None)
    code = copied_value(typed.text, Copying(path, path, is_array=is_array)) if path is not None else None
    if code is not None:
        anew = _anew(write, mine, callers)
        tail: Tail | None = "default-too" if anew else None
        yield Fix(kind="copy-shared", code=code, other=anew, target=typed, says_where=True, tail=tail)


def _anew(write: _Write, mine: Iterable[AccessPath], callers: Iterable[str]) -> str:
    """Return the line out of place, if it writes to a default, which keeps what each call writes."""
    kept = {one.root for one in mine if not one.steps} & {*_with_defaults(write.function)}
    for call in (one for text in callers for one in find_nodes(ast.Call, parse_cell(text))):
        kept -= _passed(call, write.function) if last_name(call.func) == write.function.name else set()
    return out_of_place(write.typed(write.node).text, kept) or ""


def _passed(call: ast.Call, function: _Function) -> set[str]:
    """Return the parameters for which a call has arguments; all if it spreads some."""
    if any(isinstance(one, ast.Starred) for one in call.args) or any(one.arg is None for one in call.keywords):
        return {*defaults_of(function.args)}
    given = len(call.args) + isinstance(call.func, ast.Attribute)  # a method is given its object too
    return {*positional_names(function.args)[:given], *(one.arg for one in call.keywords if one.arg)}


def _given(node: ast.stmt) -> ast.expr | None:
    """Return what a statement gives back to the caller."""
    match node:
        case ast.Return(value=value) | ast.Expr(value=ast.Yield(value=value)):
            return value
    return None


def _all_call(name: str, callers: Iterable[str]) -> bool:
    """Return whether some statements all call a function by its name; a special method, by one and the same object."""
    called = [[one.func for one in find_nodes(ast.Call, parse_cell(text))] for text in callers]
    if name in _OF_OBJECT:
        return bool(set[str].intersection(*({ast.unparse(one) for one in several} for several in called)))
    return all(any(last_name(one) == name for one in several) for several in called)


def _in_lambda(source: str, inner: Inner) -> Fix | None:
    """Return the statement whose lambda wrote, with the lambda's only call in place replaced by one out of place."""
    around = statements_on(source, inner.line)
    lambdas = [one for part in own_parts(around[-1]) for one in find_nodes(ast.Lambda, part)] if around else []
    if not any(one.body.lineno == inner.line for one in lambdas):
        return None
    lines, node = source.split("\n"), around[-1]
    end, column = header_end(node, lines)
    text = spell(node, lines, node.lineno, end, column)
    code = without_inplace(text)
    target = TypedLine(cell=inner.cell, line=node.lineno, text=text)
    return None if code is None else Fix(kind="out-of-place", code=code, target=target, says_where=True)


def _find_write(source: str, inner: Inner) -> _Write | None:
    around = statements_on(source, inner.line)
    functions = [one for one in around if isinstance(one, _Function)]
    if not functions or around[-1] is functions[-1]:
        return None
    lines, found = source.split("\n"), [one for one in around if one.lineno == around[-1].lineno]
    several = [_Write(inner.cell, lines, functions[-1], one) for one in found if not isinstance(one, _Function)]
    return next((one for one in several if one.typed(one.node).text in inner.text), several[-1] if several else None)


def _written(node: ast.stmt) -> list[AccessPath]:
    """Return the paths that a statement may write to: those it names, or those that it hands to a call."""
    several = [one for one in targets_of(node) if not one.is_label]
    items = {one.path for one in several if one.kind == "write" and str(one.path).endswith("']")}
    named = [  # an item that is written and assigned, as by `d["m"] += 1`, is no write to its dict
        AccessPath(one.path.root, one.path.steps[:-1] if one.kind == "assign" else one.path.steps)
        for one in several
        if one.kind != "assign" or one.path not in items
    ]
    if named:
        return [*dict.fromkeys(named)]
    spelled = [spell_path(part) for call in find_nodes(ast.Call, node) for part in arguments(call)]
    return [AccessPath(one) for one in dict.fromkeys(spelled) if one is not None and one.isidentifier()]


def _globals(function: _Function) -> set[str]:
    return {name for one in find_nodes(ast.Global, function) for name in one.names}


def _with_defaults(function: _Function) -> list[str]:
    return [name for name, default in defaults_of(function.args).items() if default is not None]


def _kept_in_default(write: _Write, path: AccessPath) -> Iterator[Fix]:
    """Store a new tensor in the container that a default argument keeps from call to call."""
    typed = write.typed(write.node)
    code = out_of_place(typed.text, {str(path)})
    if code is not None:
        yield Fix(kind="out-of-place", code=code, target=typed, says_where=True)


def _binding(write: _Write, path: AccessPath) -> ast.stmt | None:
    """Return the last statement of the function that may have bound a path before the write, to no copy."""
    before = [one for one in walk_statements(write.function.body) if one.lineno < write.node.lineno]
    return next((one for one in reversed(before) if _binds(one, path) and not _binds_copy(one)), None)


def _binds_copy(node: ast.stmt) -> bool:
    """Return whether an assignment gives memory of its own, so that what shared the memory was there without it."""
    match node:
        case ast.Assign(value=ast.Call(func=ast.Attribute(attr="clone" | "copy"))):
            return True
        case ast.Assign(value=ast.Call(func=func)):
            return last_name(func) == "deepcopy"
    return False


def _binds(node: ast.stmt, path: AccessPath) -> bool:
    if isinstance(node, ast.For):
        return path.root in names_in(node.target)
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    return any(spell_path(part) in (str(path), path.root) for part in each_target(targets))


def _copied_binding(write: _Write, node: ast.stmt, path: AccessPath, *, is_array: bool) -> Iterator[Fix]:
    value = getattr(node, "value", None)
    refs = trace(value, Scope()) if isinstance(value, ast.expr) else ()
    if not refs or not isinstance(value, ast.expr):
        return
    other = refs[0].path
    typed = write.typed(node)
    code = copied_value(typed.text, Copying(path, other, is_array=makes_array(value, is_array=is_array)))
    if code is not None:
        yield Fix(kind="copy-shared", code=code, names=(str(path),), target=typed, says_where=True)


def _own_views(write: _Write, node: ast.stmt, *, is_array: bool) -> Iterator[Fix]:
    """Copy an argument before a statement binds views of it, if the function writes through several of them."""
    body = [*walk_statements(write.function.body)]
    written = {one.path.root for part in body for one in targets_of(part) if one.kind == "write" and not one.is_label}
    read = rebindable("\n".join(write.lines), write.node.lineno)  # what is written to a copy that nobody reads is lost
    for name in [one for one in _viewed(node) if one in defaults_of(write.function.args)]:
        ways = {name}.union(*(names_stored(part) for part in body if name in _viewed(part)))
        if len(written & ways) > 1 and not read.isdisjoint(ways):
            yield _rebound(write, name, node, is_array=is_array)


def _viewed(node: ast.stmt) -> list[str]:
    """Return the variables whose tensors, or views of them, an assignment binds."""
    value = node.value if isinstance(node, ast.Assign) else None
    return [*dict.fromkeys(one.path.root for one in trace(value, Scope()))] if value is not None else []


def _own_argument(write: _Write, name: str, *, is_array: bool) -> Iterator[Fix]:
    typed = write.typed(write.node)
    if not isinstance(write.node, ast.Return) and name not in rebindable("\n".join(write.lines), write.node.lineno):
        return  # what is written to a copy would be lost
    code = out_of_place(typed.text, {name})
    if code is None and isinstance(write.node, ast.Return):
        code = without_inplace(typed.text)
    if code is not None:
        yield Fix(kind="out-of-place", code=code, target=typed, says_where=True)
    yield _rebound(write, name, write.node, is_array=is_array)


def _rebound(write: _Write, name: str, node: ast.stmt, *, is_array: bool) -> Fix:
    """Give an argument memory of its own before a statement of the function."""
    copy = f"{name} = {name}.{'copy' if is_array else 'clone'}()"
    return Fix(kind="write-copy", code=copy, target=write.typed(_outermost(write, node)), says_where=True)


def _outermost(write: _Write, node: ast.stmt) -> ast.stmt:
    """Return the statement of the function's own block that holds another."""
    return next(one for one in write.function.body if covers_line(one, node.lineno))
