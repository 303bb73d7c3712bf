"""State dicts that a function kept by reference and loaded again after it had trained, or loaded another one."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING, NamedTuple

from ...model.records import Inner, Site
from ...model.typed_line import TypedLine
from ...syntax.ast_queries import last_name, spell_path
from ...syntax.parsing import may_restore, walk_statements
from ...syntax.statement_text import spell_header
from ...syntax.syntax_tree import all_nodes
from ..fix import Fix
from ..hazard import Hazard
from ..hazard_facts import KeptReference
from .kept_by_function import is_call

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ...blame.reasoning import Reasoning
    from ...interpreter.definitions import Code, RunningFunction
    from ...interpreter.inferred_lines import Effects
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
    other
        The statement that loads another state dict in between; None if it trains.
    """

    name: str
    owner: str
    call: ast.Call
    taken: ast.stmt
    loaded: ast.stmt
    other: ast.stmt | None = None


def restored_in_vain(reasoning: Reasoning) -> Iterator[Hazard]:
    """Yield a hazard for each state dict that a function restored in vain, which the cell's statements ran."""
    trace, told = reasoning.trace, set[tuple[int, int]]()
    if not any(may_restore(one.source) for one in trace.notebook.definitions.values()):
        return
    steps = {one.statement: one for one in trace.own.steps}
    for statement in reasoning.own.statements:
        is_asked = statement.calls and statement.index in trace.own.ran
        for defined, one in _restored_by(reasoning.own.effects_of(statement)) if is_asked else ():
            place, step = (defined.cell, one.taken.lineno + defined.offset), steps.get(statement.index)
            is_seen = _has_written(reasoning, statement) if one.other is not None else step is not None
            if is_seen and place not in told:
                told.add(place)
                inner = step.inner if step is not None else None
                inner = _inner(one.other, defined) if one.other is not None else inner
                yield _hazard(one, defined, statement, inner, trace.cell.count)


def _has_written(reasoning: Reasoning, statement: Statement) -> bool:
    """Return whether a statement was seen to write to a parameter or a buffer that a variable leads to."""
    trace, here = reasoning.trace, (statement.line, statement.text)
    written = [
        storage
        for storage, writes in trace.own.writes.items()
        if any(one.statement == statement.index for write in writes for one in write.positions)
    ]
    readings = [one for storage in written for _, one in trace.after.by_storage.get(storage, ())]
    for one in reasoning.changes if not readings else ():
        if one.kind == "mutated" and any((site.line, site.text) == here for site in one.sites):
            readings += [reading for reading in [trace.after.get(one.path)] if reading is not None]
    return any(one.kind in ("parameter", "buffer") for one in readings)


def _restored_by(effects: Effects) -> Iterator[tuple[Code, Reloaded]]:
    """Yield what the functions that a statement runs restored: each loads a state dict, and so writes."""
    stepping = {name for running in effects.steps for one in running for name in _called_by(one)} | {"step"}
    for function in dict.fromkeys(one.function for event in effects.events for one in event.within[-1:]):
        if function is not None and isinstance(function.node, ast.FunctionDef):
            yield from ((function.code, one) for one in find_restored(function.node, stepping))


def _called_by(one: RunningFunction) -> tuple[str, ...]:
    """Return the names that call a function or a method."""
    return ("self", *map(str, one.owners)) if one.name == "__call__" else (one.name,)


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
            again = [one for number in loaded for one in _loops_around(body[number], body) if not _is_in(node, one)]
            between = body[place + 1 : max(loaded, default=0)]
            ran = [one for one in (*between, *_turns_around(node, body), *again) if is_call(one, stepping)]
            trained = [one for one in ran if _may_train(one, owner)]
            several = range(place + 1, max(loaded, default=0))
            others = [body[number] for number in several if number not in loaded and _loads(body[number], "", owner)]
            if loaded and (trained or others) and _is_only_taken(body, name):
                yield Reloaded(name, owner, call, node, body[loaded[-1]], None if trained else others[0])


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
    """Return whether a simple statement loads a variable into what it was taken from; without a name, anything."""
    if isinstance(node, (*_LOOPS, ast.If, ast.With, ast.Try)):
        return False
    for one in all_nodes(node):
        match one:
            case ast.Call(func=ast.Attribute(value=of, attr="load_state_dict"), args=[given, *_]):
                if (not name or spell_path(given) == name) and ast.unparse(of) == owner:
                    return True
    return False


def _turns_around(node: ast.stmt, body: Sequence[ast.stmt]) -> list[ast.stmt]:
    """Return the loops that go on after a turn in which a statement ran under a condition."""
    ifs = [one for one in body if isinstance(one, ast.If) and _is_in(node, one)]
    if not ifs or any(isinstance(part, ast.Break | ast.Return) for part in all_nodes(ifs[-1])):
        return []
    return _loops_around(ifs[-1], body)


def _loops_around(node: ast.stmt, body: Sequence[ast.stmt]) -> list[ast.stmt]:
    return [one for one in body if isinstance(one, _LOOPS) and _is_in(node, one)]


def _is_in(node: ast.stmt, block: ast.stmt) -> bool:
    return block is not node and any(part is node for part in all_nodes(block))


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


def _hazard(one: Reloaded, defined: Code, statement: Statement, inner: Inner | None, cell: int) -> Hazard:
    taken = _line(one.taken, defined)
    spelled = ast.unparse(one.call)
    is_module = all(f"{one.owner}.step(" not in line for line in defined.lines)
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
        written_at=statement.site(inner=inner),
        saved_cell=defined.cell,
        written_cell=cell,
        happened=True,
    )


def _inner(node: ast.stmt, defined: Code) -> Inner:
    line = _line(node, defined)
    return Inner(cell=defined.cell, line=line.line, text=line.text)


def _line(node: ast.stmt, defined: Code) -> TypedLine:
    text = spell_header(node, [*defined.lines])
    return TypedLine(cell=defined.cell, line=node.lineno + defined.offset, text=text)
