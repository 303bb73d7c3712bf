"""Tensors that functions kept by reference while they wrote over them in place, and wrote back in vain."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, NamedTuple

from ...interpreter.functions_named import functions_named
from ...statements.aliases.expression_aliases import trace
from ...statements.aliases.scope import Scope
from ...statements.rewrite_statement import parse_one, replace_expressions
from ...statements.writes.statement_writes import targets_of
from ...syntax.ast_queries import last_name, spell_path
from ...syntax.parsing import may_write_back, walk_statements
from ...syntax.statement_text import words_in
from ...syntax.syntax_tree import LOOPS, all_nodes, find_nodes, names_in
from ..fix import Fix
from ..hazard_facts import KeptReference
from .functions_reached import calls_that_ran, has_written, inner_of, kept_inside, line_of_definition, reached
from .kept_by_function import is_call

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from ...blame.reasoning import Reasoning
    from ...records.report_parts import Site
    from ...records.trace.cell_trace import CellTrace
    from ...records.trace.notebook import Definition
    from ..hazard import Hazard

_OF_MODEL = ("parameters", "named_parameters", "buffers", "named_buffers")
_COMPREHENSIONS = (ast.ListComp, ast.DictComp)


class Kept(NamedTuple):
    """A statement that keeps a tensor by reference.

    Attributes
    ----------
    name
        The variable, the attribute or the key that it is kept under.
    container
        What keeps it, as typed, without the items.
    tensor, owner
        The tensor, and what its parameters belong to, as typed.
    value
        The expression that gives it.
    """

    node: ast.stmt
    name: str
    container: str
    tensor: str
    owner: str
    value: ast.expr


class WrittenBack(NamedTuple):
    """What was kept, what wrote over it, and what writes it back; None if another method does that later."""

    kept: Kept
    over: ast.stmt
    back: ast.stmt | None


def written_back_in_vain(reasoning: Reasoning) -> Iterator[Hazard]:
    """Yield a hazard for each tensor that a function wrote back in vain, which the cell's statements ran."""
    yield from hazards_found(reasoning, _found_by)


def hazards_found(
    reasoning: Reasoning, find: Callable[[Reasoning, ast.stmt], Iterator[tuple[str, WrittenBack]]]
) -> Iterator[Hazard]:
    """Yield a hazard for each tensor that is written back in vain, once a statement that wrote has run.

    Parameters
    ----------
    find
        Yields what is kept and written back by the functions that a statement runs, with the name of each definition.
    """
    trace, told = reasoning.trace, set[tuple[int, int]]()
    definitions = trace.notebook.definitions
    if not any(may_write_back(one.source) for one in definitions.values()):
        return
    for statement, node in calls_that_ran(reasoning):
        for name, one in find(reasoning, node):
            defined = definitions[name]
            place = defined.cell, one.kept.node.lineno + defined.offset
            if place not in told and has_written(reasoning, statement):
                told.add(place)
                yield _hazard(one, defined, statement.site(inner=inner_of(one.over, defined)), trace)


def _found_by(reasoning: Reasoning, node: ast.stmt) -> Iterator[tuple[str, WrittenBack]]:
    notebook = reasoning.trace.notebook
    functions = functions_named(node, notebook)
    for name, function in reached(node, functions):
        if may_write_back(notebook.definitions[name].source):
            beside = [one for one in getattr(functions[name], "body", ()) if isinstance(one, ast.FunctionDef)]
            others = beside if isinstance(functions[name], ast.ClassDef) else []
            yield from ((name, one) for one in find_written_back(function, others))


def find_written_back(function: ast.FunctionDef, methods: Sequence[ast.FunctionDef] = ()) -> Iterator[WrittenBack]:
    """Yield what a function keeps by reference and writes over, if it or another method of its class writes it back."""
    body = [*walk_statements(function.body)]
    for place, node in enumerate(body):
        kept = reference_kept(node, body)
        after = body[place + 1 :] if kept is not None else []
        over = next((one for one in after if kept and _writes_over(one, kept)), None)
        if kept is None or over is None or any(_binds(one, kept) for one in body if one is not node):
            continue
        later = after[after.index(over) + 1 :]
        back = next((one for one in later if writes_back(one, kept, body)), None)
        others = (
            [[*walk_statements(one.body)] for one in methods if one is not function] if "." in kept.container else []
        )
        if back is not None or any(writes_back(one, kept, several) for several in others for one in several):
            yield WrittenBack(kept, over, back)


def reference_kept(node: ast.stmt, body: Sequence[ast.stmt]) -> Kept | None:
    """Return what a statement keeps by reference: of one tensor, or of each that a comprehension goes over."""
    match node:
        case ast.Assign(targets=[target], value=value):
            pass
        case ast.Expr(value=ast.Call(func=ast.Attribute(value=target, attr="append"), args=[value])):
            pass
        case _:
            return None
    made = value
    match value:
        case ast.ListComp(elt=made) | ast.DictComp(value=made):
            pass
    refs = trace(made, Scope())
    name, container = _name_of(target)
    if len(refs) != 1 or refs[0].depth or refs[0].below or not refs[0].sure or not name:
        return None
    tensor = spelled_without_data(str(refs[0].path))
    owner = _owner(tensor, [value] if isinstance(value, _COMPREHENSIONS) else body)
    return Kept(node, name, container, tensor, owner or tensor, made) if tensor != container else None


def _name_of(target: ast.expr) -> tuple[str, str]:
    """Return the name under which a target keeps something, and its container as typed."""
    match target:
        case ast.Subscript(value=value, slice=ast.Constant(value=str(key))):
            return key, ast.unparse(target)
        case ast.Subscript(value=value):
            return _name_of(value)
    spelled = spell_path(target) or ""
    return (words_in(spelled) or [""])[-1], spelled


def spelled_without_data(spelled: str) -> str:
    """Return a tensor as typed, without its `.data`."""
    return spelled.removesuffix(".data")


def _owner(tensor: str, places: Sequence[ast.AST]) -> str:
    """Return the model over whose parameters the loop or the comprehension goes that binds a name."""
    for one in places:
        match one:
            case ast.For(target=target, iter=through):
                loops = [(target, through)]
            case ast.ListComp(generators=several) | ast.DictComp(generators=several):
                loops = [(each.target, each.iter) for each in several]
            case _:
                continue
        calls = [
            call for target, through in loops if tensor in names_in(target) for call in find_nodes(ast.Call, through)
        ]
        for call in calls:
            if isinstance(call.func, ast.Attribute) and call.func.attr in _OF_MODEL:
                return ast.unparse(call.func.value)
    return ""


def _writes_over(node: ast.stmt, kept: Kept) -> bool:
    """Return whether a simple statement writes in place to what was kept, and not what was kept itself."""
    if isinstance(node, (*LOOPS, ast.If, ast.With, ast.Try, ast.FunctionDef)) or kept.name in _words(node):
        return False
    starts = f"{kept.tensor}[", f"{kept.tensor}.data["
    several = [(spelled_without_data(str(one.path)), str(one.path), one.kind) for one in targets_of(node)]
    is_written = any(
        (plain == kept.tensor and kind == "write") or full.startswith(starts) for plain, full, kind in several
    )
    return is_written or (kept.owner != kept.tensor and is_call(node, {"step"}))


def _words(node: ast.stmt) -> set[str]:
    return {*words_in(ast.unparse(node))}


def _binds(node: ast.stmt, kept: Kept) -> bool:
    """Return whether another statement puts something else under the name than an empty container."""
    match node:
        case ast.Assign(targets=[target], value=value) if _name_of(target)[0] == kept.name:
            return not isinstance(value, ast.Constant | ast.Dict | ast.List) and _name_of(target)[1] == kept.container
    return False


def writes_back(node: ast.stmt, kept: Kept, body: Sequence[ast.stmt]) -> bool:
    """Return whether a statement copies what was kept, or a loop variable that leads to it, to a tensor."""
    match node:
        case ast.Expr(value=ast.Call(func=ast.Attribute(attr="copy_"), args=[value, *_])):
            pass
        case ast.Assign(targets=[ast.Attribute(attr="data")], value=value):
            pass
        case _:
            return False
    return not {kept.name, *_loop_variables(kept.name, body)}.isdisjoint(words_in(ast.unparse(value)))


def _loop_variables(name: str, body: Sequence[ast.stmt]) -> Iterator[str]:
    """Yield the variables of loops that lead to what a name keeps."""
    for one in body:
        if isinstance(one, ast.For) and name in words_in(ast.unparse(one.iter)):
            match one.target, one.iter:
                case ast.Tuple(elts=targets), ast.Call(args=args) if last_name(one.iter.func) == "zip":
                    pairs = zip(targets, args, strict=False)
                    yield from (
                        each for target, arg in pairs if name in words_in(ast.unparse(arg)) for each in names_in(target)
                    )
                case target, _:
                    yield from names_in(target)


def _hazard(one: WrittenBack, defined: Definition, written: Site, trace: CellTrace) -> Hazard:
    taken, kept = line_of_definition(one.kept.node, defined), one.kept
    fact = KeptReference(
        container=kept.container,
        owner=kept.owner,
        loaded=None if one.back is None else line_of_definition(one.back, defined),
    )
    fix = Fix(kind="keep-copies", code=_copied(taken.text, kept), other=".clone()", target=taken)
    return kept_inside(fact, fix, taken, written, trace.cell.count)


def _copied(text: str, kept: Kept) -> str:
    """Return a statement that keeps a copy; nothing if it spells the value more than once."""
    spelled, node = ast.unparse(kept.value), parse_one(text)
    found = (
        [one for one in all_nodes(node) if isinstance(one, ast.expr) and ast.unparse(one) == spelled] if node else []
    )
    own = [one for one in found if not isinstance(getattr(one, "ctx", None), ast.Store)]
    copy = f"{spelled}.clone()" if spelled != kept.tensor else f"{spelled}.detach().clone()"
    return replace_expressions(text, {own[-1]: copy}) if own else ""
