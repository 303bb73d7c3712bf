"""Whether an object of the user's changed its own arrays, in a method that the statement calls on it by name."""

from __future__ import annotations

import ast
import re
from itertools import takewhile
from typing import TYPE_CHECKING

from ...syntax.ast_queries import last_name
from ...syntax.name_promises import (
    is_only_a_verb,
    may_run,
    names_what_it_fills,
    promises_a_draw,
    promises_a_value,
    promises_to_add,
    promises_to_change,
    promises_to_compute,
    promises_to_read,
    promises_to_update,
    says_journal,
    says_state,
)
from ...syntax.parsing import parse_header
from ...syntax.syntax_tree import find_nodes
from .updates import counts_as_parameter, gives_back, is_by_a_stranger

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from ...interpreter.definitions import RunningFunction
    from ...interpreter.inferred_lines import Inferred
    from ...interpreter.reached_by_calls import Reach
    from ...records.path import AccessPath
    from ...statements.statement import Statement
    from ...statements.writes.called_methods import CalledMethod
    from ..evidence.cell_index import CellIndex
    from .changed_path import ChangedPath


def changes_itself(cell: CellIndex, changed: ChangedPath, statement: Statement, reached: Reach) -> bool:
    """Return whether a path goes through an object of which the statement calls a method that may change it.

    A method whose name promises to read is none (`buffer.sample(8)`), unless it fills an array with what it promises
    to compute (`rollout.compute_gae()`), or gives no value back where it promises one (`kf.predict()`), nor is what
    Python calls by itself (`ds[0]`, a loop, `f(x)`). Of a variable of a loop or a comprehension, the notebook's source
    tells which objects it led to.
    Methods count that a function calls which does not promise to read: `env.step(a)` in `collect(env, buffer)`, and
    those that a module calls, if their name promises to change: `cache.append(k, v)` in `net(x, cache)`; in a
    statement that trains, those that any of its functions calls. So does a function that gets the object, promises to
    change it and writes an attribute of it: `train(model, x, y)`, and one that promises to update a tensor that it
    gets, or that its name says: `update_counts(i)`, or a key of the dict that it gets first: `update(stats, x)`; or
    that gives nothing back and has the verb of the tensor for its name: `count()` of `counter`. What an object notes of
    what it does (`self.log[i] = score`), any method may write; a module's state by its name (`self.k_cache.zero_()`),
    any that does not promise to read.
    """
    path = changed.path
    is_parameter = counts_as_parameter(changed.reading)
    if is_parameter and (gives_back(changed, statement) or is_by_a_stranger(cell, changed, statement, reached)):
        return False
    if is_parameter and _hands_out(changed, statement, reached):
        return False
    asked = [one for one in statement.methods if not _is_part(one, path)]
    called = [one for one in asked if _trains_itself(one) or _may_change(cell, one.owner, one.name)]
    if any(_is_within(cell, one.owner, path) for one in called):
        return True
    if any(_advances(cell, one, statement, reached) and _is_within(cell, one.owner, path) for one in asked):
        return True
    if any(_computes_into(one.name, reached) and _is_within(cell, one.owner, path) for one in asked):
        return True
    if _is_journal(cell, changed, reached):
        return True
    if not cell.is_of_module(path) and _is_trained(cell, changed, statement, reached):
        return True
    running = reached.candidates[0].within if reached.candidates else ()
    trains = bool(running) and (cell.steps_in(statement) or cell.would_train(statement))
    methods = running if trains else _methods_called_first(running, {one.name for one in called})
    return any(
        _may_change(cell, owner, one.name) and _is_within(cell, owner, path)
        for one in methods
        if one.is_method
        for owner in one.owners
    )


def _hands_out(changed: ChangedPath, statement: Statement, reached: Reach) -> bool:
    """Return whether a method wrote parameters through other tensors over their memory, and gave these back."""
    likeliest = reached.candidates[:1]
    is_bound = any(path.root in statement.binds for path, _ in changed.group if path not in changed.same)
    return is_bound and any(one.kind == "write" and not one.same_object for one in likeliest)


def _is_journal(cell: CellIndex, changed: ChangedPath, reached: Reach) -> bool:
    """Return whether a method wrote to an array of its own object that is named as its log, or as a module's state.

    So is the state of a process that a method draws from: `self.state += dx` in `noise.sample()`.
    """
    path, line = changed.path, reached.candidates[0] if reached.candidates else None
    if line is None or not line.within or not path.steps:
        return False
    method, name = line.within[-1], path.steps[-1]
    is_state = says_state(name) and cell.is_of_module(path) and not counts_as_parameter(changed.reading)
    is_state = is_state and not promises_to_read(method.name, of_module=True)
    is_drawn = says_state(name) and promises_a_draw(method.name) and not cell.is_of_module(path)
    if not (is_state or is_drawn or says_journal(name.removeprefix("."))):
        return False
    is_own = any(one.leads_to(path) and one != path for one in method.owners)
    return is_own and line.kind == "write" and re.search(rf"{re.escape(name)}\b", line.inner.text) is not None


def _computes_into(name: str, reached: Reach) -> bool:
    """Return whether a method fills an array with what its name promises to compute: `self.adv[t] = delta + last`."""
    line = reached.candidates[0] if reached.candidates else None
    if (
        line is None
        or line.kind != "write"
        or not promises_to_compute(name)
        or all(one.name != name for one in line.within)
    ):
        return False
    match parse_header(line.inner.text):
        case ast.Assign(targets=[ast.Subscript()], value=value):
            return not isinstance(value, ast.Constant)
        case _:
            return False


def _advances(cell: CellIndex, one: CalledMethod, statement: Statement, reached: Reach) -> bool:
    """Return whether a statement is but the call of a method that promises a value and gives none: `kf.predict()`."""
    line = reached.candidates[0] if reached.candidates else None
    if line is None or not line.within or line.within[0].kind or not promises_a_value(one.name):
        return False
    is_it = line.within[0].is_method and line.within[0].name == one.name
    return is_it and isinstance(parse_header(statement.text), ast.Expr) and not _gives(cell, statement, line)


def _gives(cell: CellIndex, statement: Statement, line: Inferred) -> bool:
    return line.within[0] in cell.effects_of(statement).giving


def _methods_called_first(running: Sequence[RunningFunction], names: Collection[str]) -> Sequence[RunningFunction]:
    """Return the method with one of these names that a statement calls, or one that functions call which may change."""
    if running and running[0].is_method:
        return [*(one for one in running[:1] if one.name in names), *_recording(running)]
    around = [*takewhile(lambda one: not one.is_method, running)]
    inside = running[len(around) : len(around) + 1]
    return [one for one in inside if not one.kind and all(may_run(outer.name, one.name) for outer in around)]


def _recording(running: Sequence[RunningFunction]) -> Sequence[RunningFunction]:
    """Return the first method that others call and that promises to change its object: a module's `cache.append(k)`."""
    for place, one in enumerate(running[1:], 1):
        if one.is_method and not one.kind and promises_to_change(one.name):
            around = running[:place]
            return [one] if all(outer.is_called or may_run(outer.name, one.name) for outer in around) else []
    return []


def _is_trained(cell: CellIndex, changed: ChangedPath, statement: Statement, reached: Reach) -> bool:
    """Return whether a function that promises to change an object that it gets, or a tensor, wrote to it itself."""
    if not reached.candidates or changed.path.is_grad:
        return False
    line, paths = reached.candidates[0], (changed.path, *changed.same)
    is_its_own = line.kind == "write" and line.same_object and line.origin in paths
    if not changed.path.steps:
        is_by_function = is_its_own and changed.path == line.origin and not any(one.is_method for one in line.within)
        names, root = [one.name for one in line.within], changed.path.root
        if not is_by_function or not names:
            return False
        is_meant = root in statement.reads or root.lower() in names[-1].lower().split("_")
        is_meant = is_meant or (is_only_a_verb(names[-1]) and _is_procedure(cell, statement, line))
        is_update = is_meant and not any(map(promises_to_read, names)) and promises_to_update(names[-1])
        fills = not names[1:] and names_what_it_fills(names[0], root)
        return is_update or (fills and _is_procedure(cell, statement, line))
    if changed.path.steps[-1].startswith("["):
        return is_its_own and _is_updated(cell, changed.path.root, statement, line)
    is_its_own = is_its_own and re.search(rf"{re.escape(changed.path.steps[-1])}\b", line.inner.text) is not None
    is_its_own = is_its_own and changed.path.steps[-1].startswith(".")
    reads = any(one.kind == "module" or promises_to_read(one.name) for one in line.within)
    changes = any(promises_to_change(one.name) for one in line.within if not one.is_method)
    return is_its_own and not reads and changes and changed.path.root in statement.reads


def _is_updated(cell: CellIndex, root: str, statement: Statement, line: Inferred) -> bool:
    """Return whether a function promises to update, by its items, a container: its first argument, or that of its name.

    One that gives nothing back may as well promise to add to it: `add_feature(sums, label, f)`.
    """
    if len(line.within) != 1 or re.match(r"\w+\[", line.inner.text) is None:
        return False
    name = line.within[0].name
    calls = [one for one in find_nodes(ast.Call, parse_header(statement.text)) if last_name(one.func) == name]
    firsts = [first.id for one in calls for first in one.args[:1] if isinstance(first, ast.Name)]
    is_meant = root in firsts or root.lower() in name.lower().split("_")
    return is_meant and (promises_to_update(name) or (promises_to_add(name) and _is_procedure(cell, statement, line)))


def _is_procedure(cell: CellIndex, statement: Statement, line: Inferred) -> bool:
    """Return whether a statement is but the call of a function that gives nothing back: it can only have effects."""
    match parse_header(statement.text):
        case ast.Expr(value=ast.Call(func=ast.Name(id=name))) if name == line.within[0].name:
            return not _gives(cell, statement, line)
    return False


def _is_part(one: CalledMethod, path: AccessPath) -> bool:
    """Return whether what is called is no method but an object that the path goes through: `net.body(x)`."""
    return one.owner.then(f".{one.name}").leads_to(path)


def _trains_itself(one: CalledMethod) -> bool:
    """Return whether what is called is no switch to training but a training of its own: `net.train(x, y)`."""
    return one.name == "train" and one.given > 1


def _may_change(cell: CellIndex, owner: AccessPath, name: str) -> bool:
    return not promises_to_read(name, of_module=cell.kind_of(owner) == "module")


def _is_within(cell: CellIndex, owner: AccessPath, path: AccessPath) -> bool:
    """Return whether a path goes through an attribute of an object; what a list or a dict holds is not its own."""
    is_whole = cell.kind_of(owner) == "module" or cell.is_frame(owner) or cell.is_defined(owner)
    owners = cell.paths_to(cell.detours.known(owner))
    for length in range(len(path.steps)):
        names = cell.paths_to(path.first(length))
        pairs = ((mine, one) for mine in owners for one in names if mine.leads_to(one))
        steps = [(*one.steps, *path.steps[length:])[len(mine.steps)] for mine, one in pairs]
        if steps:
            return any((one.startswith(".") and one != ".grad") or (one[0] == "[" and is_whole) for one in steps)
    return False
