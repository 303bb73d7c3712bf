"""Tensors that one method keeps by reference, another writes over in place, and a third writes back in vain."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from ...interpreter.functions_named import functions_named
from ...statements.writes.statement_writes import targets_of
from ...syntax.ast_queries import is_none, last_name, spell_path
from ...syntax.parsing import may_write_back, walk_statements
from ...syntax.statement_text import words_in
from ...syntax.syntax_tree import find_nodes, names_in
from .functions_reached import may_be_moved, reached
from .written_back import Kept, WrittenBack, hazards_found, reference_kept, spelled_without_data, writes_back

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ...blame.reasoning import Reasoning
    from ..hazard import Hazard

_Body = tuple[ast.FunctionDef, list[ast.stmt]]


def written_back_by_methods(reasoning: Reasoning) -> Iterator[Hazard]:
    """Yield a hazard for each tensor that is kept in vain, once a statement has run the method that writes over it."""
    yield from hazards_found(reasoning, _found_by)


def _found_by(reasoning: Reasoning, node: ast.stmt) -> Iterator[tuple[str, WrittenBack]]:
    """Yield what the classes that a statement runs keep in vain, if it runs the method that writes over it."""
    trace = reasoning.trace
    functions = functions_named(node, trace.notebook)
    called = [(name, one.name) for name, one in reached(node, functions)]
    for name, tree in functions.items():
        methods = [one for one in getattr(tree, "body", ()) if isinstance(one, ast.FunctionDef)]
        is_class = isinstance(tree, ast.ClassDef) and may_write_back(trace.notebook.definitions[name].source)
        for writer, one in find_swaps(methods) if is_class else ():
            if (name, writer) in called and not may_be_moved([one.kept.node], trace):
                yield name, one


def find_swaps(methods: Sequence[ast.FunctionDef]) -> Iterator[tuple[str, WrittenBack]]:
    """Yield what a method keeps by reference and two others write over and back, with the name of the first of these.

    A method that keeps and writes over as well is another case.
    """
    bodies = [(one, [*walk_statements(one.body)]) for one in methods]
    for keeper, body in bodies:
        for node in body:
            kept = reference_kept(node, body)
            source = _source(kept, body) if kept is not None and kept.container.startswith("self.") else ""
            if kept is None or not source or _is_bound_otherwise(kept, bodies):
                continue
            others = [(one, several) for one, several in bodies if one is not keeper]
            back = [one for one, several in others if any(_restores(each, kept, source, several) for each in several)]
            for one, several in others if back else ():
                over = next((each for each in several if _writes_over(each, kept, source, several)), None)
                if over is not None and any(each is not one for each in back):
                    yield one.name, WrittenBack(_owned(kept, source), over, None)


def _source(kept: Kept, body: Sequence[ast.stmt]) -> str:
    """Return what a kept tensor is, as each method spells it: an attribute, or what a loop goes over."""
    if "." not in kept.tensor:
        return _looped(kept.tensor, [kept.node])
    if kept.tensor.startswith("self."):
        return kept.tensor
    root = kept.tensor.partition(".")[0]
    is_stored = any(ast.unparse(one) == f"self.{root} = {root}" for one in body)
    return f"self.{kept.tensor}" if is_stored else ""


def _owned(kept: Kept, source: str) -> Kept:
    """Return it with what a loop goes over as the owner of its tensors, where it is of no attribute."""
    is_looped = "." not in kept.tensor
    return kept._replace(owner=source.removesuffix(".parameters()").removesuffix(".buffers()")) if is_looped else kept


def _is_bound_otherwise(kept: Kept, bodies: Sequence[_Body]) -> bool:
    """Return whether another statement binds the attribute to something else than None or an empty container."""
    several = [one for _, body in bodies for one in body if one is not kept.node and isinstance(one, ast.Assign)]
    bound = [one for one in several if any(spell_path(target) == kept.container for target in one.targets)]
    empty = (ast.Dict, ast.List)
    return not all(is_none(one.value) or isinstance(one.value, empty) for one in bound)


def _restores(node: ast.stmt, kept: Kept, source: str, body: Sequence[ast.stmt]) -> bool:
    return writes_back(node, kept, body) and _is_written(node, source, body)


def _writes_over(node: ast.stmt, kept: Kept, source: str, body: Sequence[ast.stmt]) -> bool:
    """Return whether a simple statement writes in place to what was kept, with something else."""
    if writes_back(node, kept, body) or kept.name in words_in(ast.unparse(node)):
        return False
    return not isinstance(node, ast.Assign) and _is_written(node, source, body)


def _is_written(node: ast.stmt, source: str, body: Sequence[ast.stmt]) -> bool:
    """Return whether a simple statement writes to a tensor as it is, or to the variable of a loop over it."""
    if hasattr(node, "body"):
        return False
    written = {spelled_without_data(str(one.path)) for one in targets_of(node)}
    return any(one == source or _looped(one, body) == source for one in written)


def _looped(name: str, places: Sequence[ast.AST]) -> str:
    """Return what the loop or the comprehension goes over that binds a variable, as typed."""
    for place in places:
        loops = [(one.target, one.iter) for one in find_nodes(ast.comprehension, place)]
        loops += [(place.target, place.iter)] if isinstance(place, ast.For) else []
        for target, through in loops:
            if name in names_in(target):
                return _gone_over(name, target, through)
    return ""


def _gone_over(name: str, target: ast.expr, through: ast.expr) -> str:
    match target, through:
        case ast.Tuple(elts=targets), ast.Call(func=ast.Name(id="zip"), args=args):
            pairs = zip(targets, args, strict=False)
            return next((_gone_over(name, one, arg) for one, arg in pairs if name in names_in(one)), "")
        case ast.Tuple(), ast.Call(func=func) if last_name(func).startswith("named_"):
            return ast.unparse(through).replace(".named_", ".")
    return "" if isinstance(target, ast.Tuple) else ast.unparse(through)
