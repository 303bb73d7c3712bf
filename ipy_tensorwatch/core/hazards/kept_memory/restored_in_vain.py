"""State dicts that functions kept by reference while they trained or loaded another one, and loaded again in vain."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING, NamedTuple

from ...interpreter.functions_named import functions_named
from ...records.path import AccessPath
from ...runtime.grouped import grouped
from ...statements.aliases.expression_aliases import trace as trace_aliases
from ...statements.aliases.scope import Scope
from ...statements.copied_value import Copying, copied_value
from ...syntax.ast_queries import is_none, last_name, spell_path
from ...syntax.parsing import bound_in, may_restore, parse_path, walk_statements
from ...syntax.syntax_tree import LOOPS, all_nodes, assigned_pairs
from ..fix import Fix
from ..hazard_facts import KeptReference
from .functions_reached import (
    calls_that_ran,
    has_written,
    inner_of,
    kept_inside,
    line_of_definition,
    may_be_moved,
    reached,
)
from .kept_by_function import Calls, is_call

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ...blame.reasoning import Reasoning
    from ...records.report_parts import Site
    from ...records.trace.cell_trace import CellTrace
    from ...records.trace.notebook import Definition, Notebook
    from ...records.typed_line import TypedLine
    from ..hazard import Hazard

_BLOCKS = (*LOOPS, ast.If, ast.With, ast.Try)
_SHALLOW = ("dict", "OrderedDict", "copy")


class Reloaded(NamedTuple):
    """A state dict that was taken by reference, and the statement that loads it again.

    Attributes
    ----------
    name, owner
        The variable of the function, and the module or the optimizer, as typed.
    taken
        The statements that take it, each with its call of `state_dict`.
    loaded
        The statement that loads it again; None if an attribute keeps it, to be loaded later.
    other
        The statement that loads another state dict in between; None if it trains.
    """

    name: str
    owner: str
    taken: Sequence[tuple[ast.stmt, ast.Call]]
    loaded: ast.stmt | None
    other: ast.stmt | None = None


def restored_in_vain(reasoning: Reasoning) -> Iterator[Hazard]:
    """Yield a hazard for each state dict that a function restored in vain, which the cell's statements ran."""
    trace, told = reasoning.trace, set[tuple[int, int]]()
    if not any(may_restore(one.source) for one in trace.notebook.definitions.values()):
        return
    steps = {one.statement: one for one in trace.own.steps}
    for statement, node in calls_that_ran(reasoning):
        for defined, one in _restored_by(node, trace.notebook):
            place, step = (defined.cell, one.taken[0][0].lineno + defined.offset), steps.get(statement.index)
            is_seen = has_written(reasoning, statement) if one.other is not None else step is not None
            if is_seen and place not in told and not may_be_moved([node for node, _ in one.taken], trace):
                told.add(place)
                inner = step.inner if step is not None else None
                inner = inner_of(one.other, defined) if one.other is not None else inner
                yield _hazard(one, defined, statement.site(inner=inner), trace)


def _restored_by(node: ast.stmt, notebook: Notebook) -> Iterator[tuple[Definition, Reloaded]]:
    functions = functions_named(node, notebook)
    able = {name for name in functions if may_restore(notebook.definitions[name].source)}
    if able:
        stepping = Calls(functions, notebook.classes).to(lambda one: ".step(" in ast.unparse(one)) | {"step"}
        ran = [one for one in reached(node, functions) if one[0] in able]
        for name, function in ran:
            yield from ((notebook.definitions[name], one) for one in find_restored(function, stepping, functions))
        for name, several in grouped(ran, lambda one: one[0]).items():
            methods = [method for _, method in several] if isinstance(functions[name], ast.ClassDef) else []
            yield from ((notebook.definitions[name], one) for one in _restored_by_methods(methods))


def _restored_by_methods(methods: Sequence[ast.FunctionDef]) -> Iterator[Reloaded]:
    """Yield what one method takes by reference into an attribute, and another loads again."""
    several = [(method, one) for method in methods for one in walk_statements(method.body)]
    takes = [(method, node, *one) for method, node in several for one in _taken_by(node) if one[0].startswith("self.")]
    for (name, owner), found in grouped(takes, lambda one: (one[2], _owner_of(one[3]))).items():
        taking = [method for method, *_ in found]
        loaded = (one for method, one in several if method not in taking and _is_load(one, name, owner))
        first = next(loaded, None)
        if first is not None and _is_only_taken([one for _, one in several], name):
            yield Reloaded(name, owner, [(node, call) for _, node, _, call in found], first)


def find_restored(
    function: ast.FunctionDef, stepping: set[str], functions: Mapping[str, ast.stmt]
) -> Iterator[Reloaded]:
    """Yield what a function takes by reference, trains on, and loads again.

    Parameters
    ----------
    stepping
        The names of the functions and methods that run an optimizer's step.
    functions
        The notebook's functions that it may call.
    """
    body = _Body(function, stepping, functions)
    takes = [(place, node, *one) for place, node in enumerate(body.statements) for one in _taken_by(node)]
    for (name, owner), several in grouped(takes, lambda one: (one[2], _owner_of(one[3]))).items():
        found = [each for place, node, *_ in several if (each := body.restored(place, node, name, owner))]
        if found and _is_only_taken(body.statements, name):
            yield Reloaded(name, owner, [(node, call) for _, node, _, call in several], *found[0])


def _owner_of(call: ast.Call) -> str:
    return ast.unparse(call.func.value) if isinstance(call.func, ast.Attribute) else ""


class _Body:
    """The statements of a function; one that calls another function stands for the statements of that too."""

    def __init__(self, function: ast.FunctionDef, stepping: set[str], functions: Mapping[str, ast.stmt]) -> None:
        self.statements = [*walk_statements(function.body)]
        closures = [one for one in self.statements if isinstance(one, ast.FunctionDef)]
        others = [one for one in functions.values() if isinstance(one, ast.FunctionDef) and one is not function]
        self._called = {one.name: one for one in (*others, *closures)}
        bodies = ((one.name, walk_statements(one.body)) for one in closures)
        steps = (name for name, body in bodies if any(is_call(one, stepping) for one in body))
        self._stepping = stepping.union(steps)

    def restored(
        self, place: int, node: ast.stmt, name: str, owner: str
    ) -> tuple[ast.stmt | None, ast.stmt | None] | None:
        """Return the statement that loads again in vain what was taken, and what is loaded in between if none trains.

        What an attribute keeps while another state is loaded need not be loaded again in the same function.

        Parameters
        ----------
        place, node
            The statement that takes it by reference.
        """
        body = self.statements

        def mixes(one: ast.stmt) -> bool:
            is_mixed = _is_load(one, name, owner, whole=False)
            return is_mixed and all(_is_in(node, loop) for loop in _loops_around(one, body))

        loaded = [number for number, one in enumerate(body) if self._loads(one, name, owner) or mixes(one)]
        last = max(loaded, default=len(body))
        again = [one for number in loaded for one in _loops_around(body[number], body) if not _is_in(node, one)]
        ran = (*body[place + 1 : last], *_turns_around(node, body), *again)
        trained = any(is_call(one, self._stepping) and self._may_train(one, owner) for one in ran)
        between = [number for number in range(place + 1, last) if number not in loaded]
        others = [body[number] for number in between if self._loads(body[number], "", owner)]
        if not loaded:
            return (None, others[0]) if others and name.startswith("self.") else None
        return (body[last], None if trained else others[0]) if trained or others else None

    def _loads(self, node: ast.stmt, name: str, owner: str) -> bool:
        return any(_is_load(one, name, owner) for one in self._run_by(node, name or owner))

    def _may_train(self, node: ast.stmt, owner: str) -> bool:
        """Return whether a statement that steps names the owner, or runs the same object's methods."""
        root = owner.partition(".")[0]
        simple = [one for one in walk_statements([node]) if not isinstance(one, _BLOCKS)]
        texts = map(ast.unparse, [each for one in simple for each in self._run_by(one, root)])
        text = "\n".join(one for one in texts if "copy" not in one and "state_dict" not in one)
        is_own = owner.startswith("self.") and "self." in text
        return is_own or re.search(rf"(?<![\w.]){re.escape(owner)}\b", text) is not None

    def _run_by(self, node: ast.stmt, root: str) -> Iterator[ast.stmt]:
        """Yield a simple statement, and those of the functions that it calls in which a name means the same."""
        if isinstance(node, (*_BLOCKS, ast.FunctionDef)):
            return
        yield node
        for name in {last_name(one.func) for one in all_nodes(node) if isinstance(one, ast.Call)} & self._called.keys():
            function = self._called[name]
            if root not in bound_in(function):
                yield from (one for one in walk_statements(function.body) if not isinstance(one, _BLOCKS))


def _taken_by(node: ast.stmt) -> Iterator[tuple[str, ast.Call]]:
    """Yield the variables that a statement binds to a state dict, each with the call that gives it."""
    for one, value in assigned_pairs(node):
        call = _state_dict(value)
        name = spell_path(one)
        if name is not None and call is not None:
            yield name, call


def _state_dict(value: ast.expr) -> ast.Call | None:
    """Return the call of `state_dict` whose tensors an expression gives, with no copy of them."""
    match value:
        case ast.Call(func=ast.Attribute(attr="state_dict"), args=[], keywords=[]):
            return value
        case ast.Call(func=func, args=[inner], keywords=[]) if last_name(func) in _SHALLOW:
            return _state_dict(inner)
        case ast.DictComp(
            value=kept,
            generators=[
                ast.comprehension(
                    target=ast.Tuple(elts=[_, ast.Name(id=each)]),
                    iter=ast.Call(func=ast.Attribute(value=inner, attr="items")),
                )
            ],
        ) if any(str(one.path) == each for one in trace_aliases(kept, Scope())):
            return _state_dict(inner)
    return None


def _is_load(node: ast.stmt, name: str, owner: str, *, whole: bool = True) -> bool:
    """Return whether a simple statement loads a variable into what it was taken from; without a name, anything.

    Parameters
    ----------
    whole
        Whether the variable itself is loaded, not what is computed from it.
    """
    if isinstance(node, (*_BLOCKS, ast.FunctionDef)):
        return False
    for one in all_nodes(node):
        match one:
            case ast.Call(func=ast.Attribute(value=of, attr="load_state_dict"), args=[given, *_]):
                parts = [given] if whole else all_nodes(given)
                if ast.unparse(of) == owner and (not name or any(_spells(part, name) for part in parts)):
                    return True
    return False


def _spells(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.expr) and spell_path(node) == name


def _turns_around(node: ast.stmt, body: Sequence[ast.stmt]) -> list[ast.stmt]:
    """Return the loops that go on after a turn in which a statement ran under a condition."""
    ifs = [one for one in body if isinstance(one, ast.If) and _is_in(node, one)]
    branches = [
        block for one in ifs[-1:] for block in (one.body, one.orelse) if any(_holds(each, node) for each in block)
    ]
    parts = [part for block in branches for one in block for part in all_nodes(one)]
    if not ifs or any(isinstance(part, ast.Break | ast.Return) for part in parts):
        return []
    return _loops_around(ifs[-1], body)


def _loops_around(node: ast.stmt, body: Sequence[ast.stmt]) -> list[ast.stmt]:
    return [one for one in body if isinstance(one, LOOPS) and _is_in(node, one)]


def _is_in(node: ast.stmt, block: ast.stmt) -> bool:
    return block is not node and _holds(block, node)


def _holds(block: ast.stmt, node: ast.stmt) -> bool:
    return any(part is node for part in all_nodes(block))


def _is_only_taken(body: Sequence[ast.stmt], name: str) -> bool:
    """Return whether a variable is bound to nothing but a state dict, or to None."""
    for node in body:
        taken = {each for each, _ in _taken_by(node)}
        targets = [one for each in node.targets for one in all_nodes(each)] if isinstance(node, ast.Assign) else []
        is_bound = any(isinstance(one, ast.Name | ast.Attribute) and spell_path(one) == name for one in targets)
        if is_bound and name not in taken and not _is_bound_to_none(node, name):
            return False
    return True


def _is_bound_to_none(node: ast.stmt, name: str) -> bool:
    match node:
        case ast.Assign(targets=[ast.Tuple(elts=elts)], value=ast.Tuple(elts=values)):
            pairs = zip(elts, values, strict=False)
            return all(is_none(value) for one, value in pairs if spell_path(one) == name)
        case ast.Assign(value=value):
            return is_none(value)
    return False


def _hazard(one: Reloaded, defined: Definition, written: Site, trace: CellTrace) -> Hazard:
    steps, every = f"{one.owner}.step(", trace.notebook.definitions.values()
    is_module = one.owner not in trace.notebook.optimizers and not any(steps in each.source for each in every)
    several = [line_of_definition(node, defined) for node, _ in one.taken]
    copies = [
        _copied(text, ast.unparse(call), one.name, is_module=is_module)
        for text, (_, call) in zip(several, one.taken, strict=True)
    ]
    taken, *others = several
    fact = KeptReference(
        container=one.name,
        owner=one.owner,
        loaded=None if one.loaded is None else line_of_definition(one.loaded, defined),
    )
    fix = Fix(
        kind="keep-copies",
        code=copies[0] if all(copies) else "",
        other=".clone()" if is_module else "copy.deepcopy",
        target=taken,
        also=tuple(zip(others, copies[1:], strict=True)),
    )
    return kept_inside(fact, fix, taken, written, trace.cell.count)


def _copied(taken: TypedLine, spelled: str, name: str, *, is_module: bool) -> str:
    """Return a statement with a copy in place of a state dict; nothing if it does not spell it once."""
    if is_module and f"{spelled}.items()" in taken.text:
        item = parse_path(name).then("['']")
        return copied_value(taken.text, Copying(item, AccessPath(spelled))) or ""
    copied = f"{{k: v.clone() for k, v in {spelled}.items()}}" if is_module else f"copy.deepcopy({spelled})"
    return taken.text.replace(spelled, copied, 1) if taken.text.count(spelled) == 1 else ""
