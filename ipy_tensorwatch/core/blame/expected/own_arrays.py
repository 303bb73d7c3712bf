"""Whether an object of the user's changed its own arrays, in a method that the statement calls on it by name."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ...model.path import AccessPath
from ...syntax.method_names import promises_to_read, promises_to_train
from .updates import counts_as_parameter, gives_back

if TYPE_CHECKING:
    from ...interpreter.reached_by_calls import Reach
    from ...statements.statement import Statement
    from ...statements.writes.called_methods import CalledMethod
    from ..evidence.cell_index import CellIndex
    from .changed_path import ChangedPath


def changes_itself(cell: CellIndex, changed: ChangedPath, statement: Statement, reached: Reach) -> bool:
    """Return whether a path goes through an object of which the statement calls a method that may change it.

    A method whose name promises to read is none (`buffer.sample(8)`), nor is what Python calls by itself (`ds[0]`, a
    loop, `f(x)`). Of a variable of a loop or a comprehension, the notebook's source tells which objects it led to. In a
    statement that trains, methods count that its functions call: `buffer.update_priorities(…)` in `train_step()`. So
    does a function that gets the object, promises to train it and writes an attribute of it: `train(model, x, y)`.
    """
    path = changed.path
    if counts_as_parameter(changed.reading) and gives_back(changed, statement):
        return False
    asked = [one for one in statement.methods if not _is_part(one, path)]
    called = [one for one in asked if _trains_itself(one) or _may_change(cell, one.owner, one.name)]
    if any(_is_within(cell, one.owner, path) for one in called):
        return True
    if not cell.is_of_module(path) and _is_trained(changed, statement, reached):
        return True
    trains = cell.steps_in(statement) or cell.would_train(statement)
    if not (called or trains) or not reached.candidates:
        return False
    names, running = {one.name for one in called}, reached.candidates[0].within
    methods = [one for one in (running if trains else running[:1]) if one.is_method and (trains or one.name in names)]
    return any(
        _may_change(cell, owner, one.name) and _is_within(cell, owner, path) for one in methods for owner in one.owners
    )


def _is_trained(changed: ChangedPath, statement: Statement, reached: Reach) -> bool:
    """Return whether a function that gets an object and promises to train wrote an attribute of it."""
    if not reached.candidates or not changed.path.steps[-1:] or not changed.path.steps[-1].startswith("."):
        return False
    line, paths = reached.candidates[0], (changed.path, *changed.same)
    is_its_own = line.kind == "write" and line.same_object and line.origin in paths and not changed.path.is_grad
    is_its_own = is_its_own and re.search(rf"{re.escape(changed.path.steps[-1])}\b", line.inner.text) is not None
    reads = any(one.kind == "module" or promises_to_read(one.name) for one in line.within)
    trains = any(promises_to_train(one.name) for one in line.within if not one.is_method)
    return is_its_own and not reads and trains and any(one.root in statement.reads for one in paths)


def _is_part(one: CalledMethod, path: AccessPath) -> bool:
    """Return whether what is called is no method but an object that the path goes through: `net.body(x)`."""
    return AccessPath(one.owner.root, (*one.owner.steps, f".{one.name}")).leads_to(path)


def _trains_itself(one: CalledMethod) -> bool:
    """Return whether what is called is no switch to training but a training of its own: `net.train(x, y)`."""
    return one.name == "train" and one.given > 1


def _may_change(cell: CellIndex, owner: AccessPath, name: str) -> bool:
    return not promises_to_read(name, of_module=cell.kind_of(owner) == "module")


def _is_within(cell: CellIndex, owner: AccessPath, path: AccessPath) -> bool:
    """Return whether a path goes through an attribute of an object; what a list or a dict holds is not its own."""
    is_whole = cell.kind_of(owner) == "module" or cell.is_frame(owner)
    owners = cell.paths_to(cell.detours.known(owner))
    for length in range(len(path.steps)):
        names = cell.paths_to(AccessPath(path.root, path.steps[:length]))
        pairs = ((mine, one) for mine in owners for one in names if mine.leads_to(one))
        steps = [(*one.steps, *path.steps[length:])[len(mine.steps)] for mine, one in pairs]
        if steps:
            return any((one.startswith(".") and one != ".grad") or (one[0] == "[" and is_whole) for one in steps)
    return False
