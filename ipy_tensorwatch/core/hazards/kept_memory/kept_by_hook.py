"""Tensors that a hook kept without a copy, and that what had called the hook wrote to afterwards."""

from __future__ import annotations

import ast
import re
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from ...blame.evidence.module_calls import leads_to_call
from ...interpreter.execute import body_of
from ...interpreter.source_index import Library
from ...model.records import Site
from ...model.trace.notebook import FORWARD_HOOKS, given_by_partial
from ...statements.aliases.expression_aliases import bind, trace
from ...statements.aliases.scope import Scope
from ...statements.write_calls import runs_backward
from ...statements.writes.statement_writes import find_writes
from ...syntax.ast_queries import positional_names
from ...syntax.parsing import parse_path, walk_statements
from ...syntax.statement_text import header_end, spell
from ...syntax.torch_vocabulary import FRESH_LAYERS
from ..fix import Fix
from ..hazard import Hazard
from ..hazard_facts import KeptByHook, TypedLine
from ..lasting_hazard import Lasting, anchor

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ...blame.evidence.cell_index import CellIndex
    from ...blame.reasoning import Reasoning
    from ...interpreter.definitions import Function
    from ...model.path import AccessPath
    from ...model.reading import Reading
    from ...model.trace.born import Born

_OF_TENSOR = re.compile(r"\.register_hook\((\w+)\)")
_PUTTING = frozenset(("append", "insert", "add", "setdefault", "__setitem__"))
_FRESH = (*FRESH_LAYERS, "BatchNorm", "InstanceNorm")


class _Keep(NamedTuple):
    """A statement of a hook that keeps what the hook was given.

    Attributes
    ----------
    words
        The names in the container's expression.
    code
        The statement with a copy.
    is_written
        Whether the hook itself writes to it afterwards.
    is_mixed
        Whether layers that write in place are hooked too: of what they gave, one tensor is kept twice.
    hooks
        Where modules hold the hook; empty if tensors do, whose hooks a backward calls.
    """

    words: frozenset[str]
    line: TypedLine
    code: str
    is_written: bool
    is_mixed: bool = False
    hooks: tuple[AccessPath, ...] = ()


def kept_by_hooks(reasoning: Reasoning, sources: Iterable[str]) -> Iterator[Lasting]:
    """Yield a hazard for each line of a hook that kept tensors whose version shows a later write.

    Parameters
    ----------
    sources
        The cells that may have registered a hook of a tensor.
    """
    keeps = [*_keeps(reasoning, sources)]
    for born in reasoning.trace.born if keeps else ():
        for keep in keeps:
            items = [one for one in _written(reasoning, born) if _is_kept_by(one[0], keep)]
            times = Counter(reading.storage for _, reading in items)
            items = [one for one in items if not keep.is_mixed or times[one[1].storage] > 1]
            if items:
                yield _lasting(reasoning, born, keep, items)
                break


def _written(reasoning: Reasoning, born: Born) -> Iterator[tuple[AccessPath, Reading]]:
    """Yield what was put into a container, in memory of this cell that was written in place."""
    known = reasoning.trace.before.by_storage
    for difference, _ in born.found:
        path, reading = difference.path, difference.before or difference.after
        is_put = reading is not None and path.steps and reading.version and not known.get(reading.storage)
        if is_put and reading is not None and not reasoning.own.names_as_written(path):
            yield path, reading


def _is_kept_by(path: AccessPath, keep: _Keep) -> bool:
    return not keep.words.isdisjoint(re.findall(r"\w+", "".join((path.root, *path.steps[:-1]))))


def _keeps(reasoning: Reasoning, sources: Iterable[str]) -> Iterator[_Keep]:
    notebook = reasoning.trace.notebook
    hooked = {path: name for path, name in notebook.classes.items() if FORWARD_HOOKS in path}
    library = Library(notebook)
    modules = {notebook.classes.get(path.partition(FORWARD_HOOKS)[0], "") for path in hooked}
    inplace = {path.partition(FORWARD_HOOKS)[0] for path in hooked} & notebook.inplace
    is_fresh = all(name.startswith(_FRESH) for name in modules)
    for name in dict.fromkeys(hooked.values()):
        given, own = given_by_partial(name)
        function = library.function(own)
        places = tuple(parse_path(path) for path, one in hooked.items() if one == name)
        for found in _kept(function, given + 1) if function is not None else ():
            keep = found._replace(hooks=places)
            if keep.is_written or (is_fresh and not inplace):
                yield keep
            elif inplace:
                yield keep._replace(is_mixed=True)
    for name in dict.fromkeys(one for source in sources for one in _OF_TENSOR.findall(source)):
        function = library.function(name)
        yield from (one for one in _kept(function, 0) if one.is_written) if function is not None else ()


def _kept(function: Function, first: int) -> Iterator[_Keep]:
    """Yield the statements that keep a parameter, from the first of those that are tensors."""
    names = positional_names(function.node.args)
    names = names[first + (names[:1] == ["self"]) :]
    scope, body = Scope(), [*walk_statements(body_of(function.node))]
    for place, node in enumerate(body):
        for container, value in _put(node):
            roots = {one.path.root for one in trace(value, scope) if one.sure} & {*names}
            if roots:
                words = frozenset(re.findall(r"\w+", ast.unparse(container)))
                is_written = any(_writes_to(later, roots) for later in body[place + 1 :])
                yield _Keep(words, *_with_copy(function, node, value), is_written)
        if isinstance(node, ast.Assign):
            for target in node.targets:
                bind(target, trace(node.value, scope), scope)


def _put(node: ast.stmt) -> Iterator[tuple[ast.expr, ast.expr]]:
    """Yield what a statement puts somewhere else than under a name, and where."""
    match node:
        case ast.Assign(targets=targets, value=value):
            yield from ((one.value, value) for one in targets if isinstance(one, ast.Subscript | ast.Attribute))
        case (
            ast.Expr(value=ast.Call(func=ast.Attribute(value=owner, attr=name), args=[*_, value]))
            | ast.Return(value=ast.Call(func=ast.Attribute(value=owner, attr=name), args=[*_, value]))
        ) if name in _PUTTING:
            yield owner, value


def _writes_to(node: ast.stmt, roots: set[str]) -> bool:
    return any(one.path.root in roots for write in find_writes(node, Scope()) for one in write.refs if one.sure)


def _with_copy(function: Function, node: ast.stmt, value: ast.expr) -> tuple[TypedLine, str]:
    """Return the statement as typed, and with a copy of what it keeps."""
    lines, offset = [*function.code.lines], function.code.offset
    if isinstance(function.node, ast.Lambda):
        text = lines[node.lineno - 1].strip()
        spelled = ast.get_source_segment("\n".join(lines), value) or ""
    else:
        end, column = header_end(node, lines)
        text = spell(node, lines, node.lineno, end, column)
        spelled = ast.unparse(value)
    line = TypedLine(cell=function.code.cell, line=node.lineno + offset, text=text)
    return line, text.replace(spelled, f"{spelled}.clone()", 1) if text.count(spelled) == 1 else ""


def _lasting(reasoning: Reasoning, born: Born, keep: _Keep, items: list[tuple[AccessPath, Reading]]) -> Lasting:
    hazard = Hazard(
        code="TW211",
        outcome="risk",
        paths=tuple(str(path) for path, _ in items),
        op=None,
        fact=KeptByHook(),
        fix=Fix(kind="keep-copies", code=keep.code, other=".clone()", target=keep.line),
        saved_at=Site(line=keep.line.line, end_line=keep.line.line, text=keep.line.text),
        written_at=_caller(reasoning.own, born, keep),
        saved_cell=keep.line.cell,
        written_cell=reasoning.trace.cell.count,
    )
    return Lasting(hazard=hazard, anchors=tuple(anchor(str(path), reading) for path, reading in items))


def _caller(cell: CellIndex, born: Born, keep: _Keep) -> Site | None:
    """Return the statement that ran the hook: the last that calls its module, or runs a backward.

    The container is first seen where a statement names it, which may be later: `net(x)`, then `print(kept)`.
    """
    seen = {one.statement for one in born.positions}
    known = [one for one in cell.statements if one.index <= max(seen, default=-1)]
    calling = [one for one in known if leads_to_call(cell, one, keep.hooks)] if keep.hooks else []
    calling = calling or [one for one in known if runs_backward(one) or cell.trail_of(one).backward]
    likely = [one for one in calling if one.index in seen] or calling or known[-1:]
    if not likely:
        return None
    one, is_only = likely[-1], len(likely) == 1
    return Site(line=one.line, end_line=one.end_line, text=one.text, certainty="observed" if is_only else "inferred")
