"""Tensors that a hook kept without a copy, and that what had called the hook wrote to afterwards."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING, NamedTuple

from ...blame.evidence.module_calls import leads_to_call
from ...interpreter.definitions import Code, Function
from ...interpreter.interpret_body import body_of
from ...interpreter.source_index import Library
from ...records.report_parts import Site
from ...records.trace.notebook import FORWARD_HOOKS, FORWARD_PRE_HOOKS, Notebook, given_by_partial
from ...records.typed_line import TypedLine
from ...runtime.grouped import tally
from ...statements.aliases.expression_aliases import bind_assigned, trace
from ...statements.aliases.scope import Scope
from ...statements.told_by_text import runs_backward
from ...statements.writes.statement_writes import written_roots
from ...syntax.ast_queries import positional_names, spell_path
from ...syntax.parsing import parse_cell, parse_path, walk_statements
from ...syntax.statement_text import spell_header, words_in
from ...syntax.syntax_tree import find_nodes
from ...syntax.torch_vocabulary import FRESH_LAYERS
from ..backward.hook_functions import Hook, KnownFunctions
from ..fix import Fix
from ..hazard import Hazard
from ..hazard_facts import KeptByHook
from ..lasting_hazard import Lasting
from .hooked_layers import is_input_written, is_output_written, writes_argument

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from ...blame.evidence.cell_index import CellIndex
    from ...blame.reasoning import Reasoning
    from ...records.path import AccessPath
    from ...records.reading import Reading
    from ...records.trace.born import Born
    from ...statements.statement import Statement

_OF_GRADIENT = "register_post_accumulate_grad_hook"
_REGISTERING = ("register_hook", _OF_GRADIENT)
_APART = re.compile(r"\.data\b|\.numpy\(")
"""What has the memory of a tensor and not its version counter."""
_PUTTING = frozenset(("append", "insert", "add", "setdefault", "__setitem__"))
_FRESH = (*FRESH_LAYERS, "BatchNorm", "InstanceNorm")


class _Keep(NamedTuple):
    """A statement of a hook that keeps what the hook was given.

    Attributes
    ----------
    words
        The names in the container's expression.
    code, copying
        The statement with a copy, and how it is made.
    is_written
        Whether the hook itself writes to it afterwards.
    is_apart
        Whether what it keeps has no version that shows a later write.
    is_mixed
        Whether layers that write in place are hooked too: of what they gave, one tensor is kept twice.
    hooks
        Where modules hold the hook; empty if tensors do, whose hooks a backward calls.
    """

    words: frozenset[str]
    line: TypedLine
    code: str
    copying: str
    is_written: bool
    is_apart: bool
    is_mixed: bool = False
    hooks: tuple[AccessPath, ...] = ()


def kept_by_hooks(reasoning: Reasoning, sources: Mapping[int, str]) -> Iterator[Lasting]:
    """Yield a hazard for each line of a hook that kept tensors that were written later.

    Their version shows it, or the source of what calls the hook.

    Parameters
    ----------
    sources
        The cells that may have registered a hook of a tensor, by count.
    """
    keeps = [*_keeps(reasoning, sources)]
    for born in reasoning.trace.born if keeps else ():
        for keep in keeps:
            items = [
                one
                for one in _put_in(reasoning, born)
                if (one[1].version or keep.is_apart) and _is_kept_by(one[0], keep)
            ]
            times = tally(reading.storage for _, reading in items)
            items = [one for one in items if not keep.is_mixed or times[one[1].storage] > 1]
            if items:
                yield _lasting(reasoning, born, keep, items)
                break


def _put_in(reasoning: Reasoning, born: Born) -> Iterator[tuple[AccessPath, Reading]]:
    """Yield what was put into a container, in memory of this cell."""
    known = reasoning.trace.before.by_storage
    for difference, _ in born.found:
        path, reading = difference.path, difference.before or difference.after
        is_put = reading is not None and path.steps and reading.storage and not known.get(reading.storage)
        if is_put and reading is not None and not reasoning.own.names_as_written(path):
            yield path, reading


def _is_kept_by(path: AccessPath, keep: _Keep) -> bool:
    return not keep.words.isdisjoint(words_in("".join(path.parts[:-1])))


def _keeps(reasoning: Reasoning, sources: Mapping[int, str]) -> Iterator[_Keep]:
    notebook = reasoning.trace.notebook
    yield from _by_modules_hooks(Library(notebook))
    yield from _by_tensors_hooks(sources, notebook)


def _by_modules_hooks(library: Library) -> Iterator[_Keep]:
    """Yield what the hooks of modules keep that was, or may have been, written later."""
    hooked: dict[tuple[str, str], list[str]] = {}
    for path, name in library.notebook.classes.items():
        kind = next((one for one in (FORWARD_HOOKS, FORWARD_PRE_HOOKS) if one in path), None)
        if kind is not None:
            hooked.setdefault((kind, name), []).append(path.partition(kind)[0])
    outputs = {path for (kind, _), paths in hooked.items() if kind == FORWARD_HOOKS for path in paths}
    is_fresh = all(library.notebook.classes.get(one, "").startswith(_FRESH) for one in outputs)
    inplace = outputs & library.notebook.inplace
    for (kind, name), paths in hooked.items():
        given, own = given_by_partial(name)
        function, is_output = library.function(own), kind == FORWARD_HOOKS
        written = [(is_output_written if is_output else is_input_written)(library, one) for one in paths]
        for found in _kept(function, _parameters(function, given + 1)) if function is not None else ():
            keep = found._replace(hooks=tuple(parse_path(f"{one}{kind}") for one in paths))
            shows = is_output and is_fresh and not inplace and not keep.is_apart  # a version means that it was written
            if keep.is_written or shows or all(written):
                yield keep
            elif any(written) or (inplace and is_output):
                yield keep._replace(is_mixed=True)


def _by_tensors_hooks(sources: Mapping[int, str], notebook: Notebook) -> Iterator[_Keep]:
    """Yield what hooks of tensors keep and write themselves, or a later hook of the same tensor, or the next turn."""
    known = [Code.of(cell, text) for cell, text in sources.items() if any(name in text for name in _REGISTERING)]
    for source, calls in _registrations(known):
        functions = _functions_of(known, notebook)
        hooks = [(spell_path(owner), name, functions.hook(given, source)) for owner, name, given in calls]
        for place, (owner, name, hook) in enumerate(hooks):
            later = (one for other, _, one in hooks[place + 1 :] if other == owner and one is not None)
            is_written = any(writes_argument(one.node, one.names[:1]) for one in later)
            for keep in _kept(_as_function(hook), hook.names[:1]) if hook is not None else ():
                if name == _OF_GRADIENT:
                    yield keep._replace(is_mixed=True)
                elif keep.is_written or is_written:
                    yield keep


def _registrations(sources: Iterable[Code]) -> Iterator[tuple[Code, list[tuple[ast.expr, str, ast.expr]]]]:
    """Yield the calls of each source that register hooks of tensors: the tensor, the method, and the hook."""
    for source in sources:
        calls = find_nodes(ast.Call, parse_cell(source.text))
        found = [
            (one.func.value, one.func.attr, one.args[0])
            for one in sorted(calls, key=lambda one: (one.lineno, one.col_offset))
            if isinstance(one.func, ast.Attribute) and one.func.attr in _REGISTERING and one.args
        ]
        if found:
            yield source, found


def _functions_of(sources: Iterable[Code], notebook: Notebook) -> KnownFunctions:
    defined = (Code.of(one.cell, one.source, one.offset) for one in notebook.definitions.values())
    every = (*defined, *sources)  # what a cell defines again is found there
    trees = [(one, tree) for one in every if (tree := parse_cell(one.text)) is not None]
    return KnownFunctions(trees, notebook.classes)


def _as_function(hook: Hook) -> Function:
    return Function(getattr(hook.node, "name", ""), hook.node, hook.source)


def _parameters(function: Function, first: int) -> list[str]:
    """Return the parameters of a hook, from the first of those that are tensors."""
    names = positional_names(function.node.args)
    return names[first + (names[:1] == ["self"]) :]


def _kept(function: Function, names: Sequence[str]) -> Iterator[_Keep]:
    """Yield the statements that keep one of some parameters."""
    scope, body = Scope(), [*walk_statements(body_of(function.node))]
    for place, node in enumerate(body):
        for container, value in _put(node):
            roots = {one.path.root for one in trace(value, scope) if one.sure} & {*names}
            if roots:
                words = frozenset(words_in(ast.unparse(container)))
                is_written = any(not roots.isdisjoint(written_roots(later)) for later in body[place + 1 :])
                is_apart = _APART.search(ast.unparse(value)) is not None
                yield _Keep(words, *_with_copy(function, node, value), is_written, is_apart)
        bind_assigned(node, scope)


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
        case (
            ast.Expr(value=ast.Call(func=ast.Attribute(value=owner, attr="update"), keywords=named))
            | ast.Return(value=ast.Call(func=ast.Attribute(value=owner, attr="update"), keywords=named))
        ):
            yield from ((owner, one.value) for one in named)


def _with_copy(function: Function, node: ast.stmt, value: ast.expr) -> tuple[TypedLine, str, str]:
    """Return the statement as typed, and with a copy of what it keeps, and how that is made."""
    lines, offset = [*function.code.lines], function.code.offset
    if isinstance(function.node, ast.Lambda):
        text = lines[node.lineno - 1].strip()
        spelled = ast.get_source_segment("\n".join(lines), value) or ""
    else:
        text = spell_header(node, lines)
        spelled = ast.unparse(value)
    line = TypedLine(cell=function.code.cell, line=node.lineno + offset, text=text)
    copying = ".copy()" if spelled.endswith(".numpy()") else ".clone()"
    return line, text.replace(spelled, f"{spelled}{copying}", 1) if text.count(spelled) == 1 else "", copying


def _lasting(reasoning: Reasoning, born: Born, keep: _Keep, items: list[tuple[AccessPath, Reading]]) -> Lasting:
    hazard = Hazard(
        code="TW211",
        outcome="risk",
        paths=tuple(str(path) for path, _ in items),
        fact=KeptByHook(),
        fix=Fix(kind="keep-copies", code=keep.code, other=keep.copying, target=keep.line),
        saved_at=Site(line=keep.line.line, end_line=keep.line.line, text=keep.line.text),
        written_at=_caller(reasoning.own, born, keep),
        saved_cell=keep.line.cell,
        written_cell=reasoning.trace.cell.count,
    )
    return Lasting.of(hazard, items)


def _caller(cell: CellIndex, born: Born, keep: _Keep) -> Site | None:
    """Return the statement that ran the hook: the last that calls its module, or runs a backward.

    The container is first seen where a statement names it, which may be later (`net(x)`, then `print(kept)`), or in the
    next turn of a loop.
    """
    seen = {one.statement for one in born.positions}
    known = [one for one in cell.statements if one.index <= max(seen, default=-1)]
    calling = _calling(cell, known, keep) or _calling(cell, cell.statements, keep)
    likely = [one for one in calling if one.index in seen] or calling or known[-1:]
    if not likely:
        return None
    one, is_only = likely[-1], len(likely) == 1
    return one.site("observed" if is_only else "inferred")


def _calling(cell: CellIndex, statements: Sequence[Statement], keep: _Keep) -> list[Statement]:
    """Return those of some statements that call the module of a hook, or else those that run a backward."""
    calling = [one for one in statements if leads_to_call(cell, one, keep.hooks)] if keep.hooks else []
    return calling or [one for one in statements if runs_backward(one) or cell.effects_of(one).backward]
