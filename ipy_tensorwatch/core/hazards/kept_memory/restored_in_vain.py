"""State dicts that a function kept by reference and loaded again after it had trained: they restored nothing."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING, NamedTuple

from ...interpreter.functions_named import functions_named
from ...model.records import Site
from ...syntax.ast_queries import last_name
from ...syntax.parsing import may_restore, parse_header, walk_statements
from ...syntax.statement_text import spell_header
from ...syntax.syntax_tree import all_nodes
from ..fix import Fix
from ..hazard import Hazard
from ..hazard_facts import KeptReference, TypedLine
from .kept_by_function import Calls, is_call

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ...blame.reasoning import Reasoning
    from ...model.trace.evidence import OptimizerStep
    from ...model.trace.notebook import Definition, Notebook
    from ...statements.statement import Statement

_LOOPS = (ast.For, ast.AsyncFor, ast.While)
_SHALLOW = ("dict", "OrderedDict", "copy")


class Reloaded(NamedTuple):
    """A state dict that was taken by reference, and the statement that loads it again.

    Attributes
    ----------
    name, owner
        The variable of the function, and the module or the optimizer, as typed.
    call
        The call of `state_dict`.
    """

    name: str
    owner: str
    call: ast.Call
    taken: ast.stmt
    loaded: ast.stmt


def restored_in_vain(reasoning: Reasoning) -> Iterator[Hazard]:
    """Yield a hazard for each state dict that a function of the cell's training statements restored in vain."""
    trace, told = reasoning.trace, set[tuple[int, int]]()
    ran = {one.statement: one for one in trace.own.steps if one.statement is not None}
    for index, step in ran.items():
        statement = reasoning.own.numbered.get(index)
        node = parse_header(statement.text) if statement is not None and statement.calls else None
        if node is None or statement is None:
            continue
        for defined, one in _restored_by(node, trace.notebook):
            place = defined.cell, one.taken.lineno + defined.offset
            if place not in told:
                told.add(place)
                yield _hazard(one, defined, statement, step, trace.cell.count)


def _restored_by(node: ast.stmt, notebook: Notebook) -> Iterator[tuple[Definition, Reloaded]]:
    functions = functions_named(node, notebook)
    able = {name for name in functions if may_restore(notebook.definitions[name].source)}
    if able:
        stepping = Calls(functions, notebook.classes).to(lambda one: ".step(" in ast.unparse(one)) | {"step"}
        for name, function in _reached(node, functions):
            for one in find_restored(function, stepping) if name in able else ():
                yield notebook.definitions[name], one


def _reached(node: ast.stmt, functions: Mapping[str, ast.stmt]) -> Iterator[tuple[str, ast.FunctionDef]]:
    """Yield the functions and methods whose names are called, from a statement on, with the definition of each."""
    every = [(name, one) for name, tree in functions.items() for one in all_nodes(tree)]
    left = [(name, one) for name, one in every if isinstance(one, ast.FunctionDef)]
    waiting: list[ast.AST] = [node]
    while waiting:
        called = {last_name(one.func) for one in all_nodes(waiting.pop()) if isinstance(one, ast.Call)}
        found = [one for one in left if one[1].name in called]
        left = [one for one in left if one not in found]
        waiting += [one for _, one in found]
        yield from found


def find_restored(function: ast.FunctionDef, stepping: set[str]) -> Iterator[Reloaded]:
    """Yield what a function takes by reference, trains on, and loads again.

    Parameters
    ----------
    stepping
        The names of the functions and methods that run an optimizer's step.
    """
    body = [*walk_statements(function.body)]
    for place, node in enumerate(body):
        for name, call in _taken_by(node):
            owner = ast.unparse(call.func.value) if isinstance(call.func, ast.Attribute) else ""
            loaded = [number for number, one in enumerate(body) if _loads(one, name, owner)]
            around = _turns_around(node, body, stepping)
            between = [one for one in body[place + 1 : max(loaded, default=0)] if is_call(one, stepping)]
            trained = [one for one in (*between, *around) if _may_train(one, owner)]
            if loaded and trained and _is_only_taken(body, name):
                yield Reloaded(name, owner, call, node, body[loaded[-1]])


def _taken_by(node: ast.stmt) -> Iterator[tuple[str, ast.Call]]:
    """Yield the variables that a statement binds to a state dict, each with the call that gives it."""
    if not isinstance(node, ast.Assign):
        return
    for target in node.targets:
        pairs = [(target, node.value)]
        if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
            pairs = [*zip(target.elts, node.value.elts, strict=False)]
        for one, value in pairs:
            call = _state_dict(value)
            if isinstance(one, ast.Name) and call is not None:
                yield one.id, call


def _state_dict(value: ast.expr) -> ast.Call | None:
    """Return the call of `state_dict` whose tensors an expression gives, with no copy of them."""
    match value:
        case ast.Call(func=ast.Attribute(attr="state_dict"), args=[], keywords=[]):
            return value
        case ast.Call(func=func, args=[inner], keywords=[]) if last_name(func) in _SHALLOW:
            return _state_dict(inner)
        case ast.DictComp(
            value=ast.Name(id=name),
            generators=[
                ast.comprehension(
                    target=ast.Tuple(elts=[_, ast.Name(id=each)]),
                    iter=ast.Call(func=ast.Attribute(value=inner, attr="items")),
                )
            ],
        ) if name == each:
            return _state_dict(inner)
    return None


def _loads(node: ast.stmt, name: str, owner: str) -> bool:
    """Return whether a simple statement loads a variable into what it was taken from."""
    if isinstance(node, (*_LOOPS, ast.If, ast.With, ast.Try)):
        return False
    for one in all_nodes(node):
        match one:
            case ast.Call(func=ast.Attribute(value=of, attr="load_state_dict"), args=[ast.Name(id=given), *_]):
                if given == name and ast.unparse(of) == owner:
                    return True
    return False


def _turns_around(node: ast.stmt, body: Sequence[ast.stmt], stepping: set[str]) -> list[ast.stmt]:
    """Return the loops whose later turns step again after a turn in which a statement ran under a condition."""
    around = [one for one in body if one is not node and any(part is node for part in all_nodes(one))]
    ifs = [one for one in around if isinstance(one, ast.If)]
    if not ifs or any(isinstance(part, ast.Break | ast.Return) for part in all_nodes(ifs[-1])):
        return []
    loops = [one for one in around if isinstance(one, _LOOPS) and any(part is ifs[-1] for part in all_nodes(one))]
    return [one for one in loops if is_call(one, stepping)]


def _may_train(node: ast.stmt, owner: str) -> bool:
    """Return whether a statement that steps names the module or the optimizer, or runs the same object's methods."""
    simple = [one for one in walk_statements([node]) if not isinstance(one, (*_LOOPS, ast.If))]
    text = "\n".join(one for one in map(ast.unparse, simple) if "copy" not in one and "state_dict" not in one)
    is_own = owner.startswith("self.") and "self." in text
    return is_own or re.search(rf"(?<![\w.]){re.escape(owner)}\b", text) is not None


def _is_only_taken(body: Sequence[ast.stmt], name: str) -> bool:
    """Return whether a variable is bound to nothing but a state dict, or to None."""
    for node in body:
        taken = {each for each, _ in _taken_by(node)}
        names = [one for one in all_nodes(node) if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store)]
        is_bound = isinstance(node, ast.Assign) and any(one.id == name for one in names)
        if is_bound and name not in taken and not _is_bound_to_none(node, name):
            return False
    return True


def _is_bound_to_none(node: ast.stmt, name: str) -> bool:
    match node:
        case ast.Assign(targets=[ast.Tuple(elts=elts)], value=ast.Tuple(elts=values)):
            pairs = zip(elts, values, strict=False)
            return all(_is_none(value) for one, value in pairs if isinstance(one, ast.Name) and one.id == name)
        case ast.Assign(value=value):
            return _is_none(value)
    return False


def _is_none(value: ast.expr) -> bool:
    return isinstance(value, ast.Constant) and value.value is None


def _hazard(one: Reloaded, defined: Definition, statement: Statement, step: OptimizerStep, cell: int) -> Hazard:
    taken = _line(one.taken, defined)
    spelled = ast.unparse(one.call)
    is_module = f"{one.owner}.step(" not in defined.source
    copied = f"{{k: v.clone() for k, v in {spelled}.items()}}" if is_module else f"copy.deepcopy({spelled})"
    code = taken.text.replace(spelled, copied, 1) if taken.text.count(spelled) == 1 else ""
    return Hazard(
        code="TW207",
        outcome="wrong",
        paths=(),
        op=None,
        fact=KeptReference(container=one.name, owner=one.owner, loaded=_line(one.loaded, defined)),
        fix=Fix(kind="keep-copies", code=code, other=".clone()" if is_module else "copy.deepcopy", target=taken),
        saved_at=Site(line=taken.line, end_line=taken.line, text=taken.text),
        written_at=statement.site(inner=step.inner),
        saved_cell=defined.cell,
        written_cell=cell,
        happened=True,
    )


def _line(node: ast.stmt, defined: Definition) -> TypedLine:
    text = spell_header(node, defined.source.split("\n"))
    return TypedLine(cell=defined.cell, line=node.lineno + defined.offset, text=text)
