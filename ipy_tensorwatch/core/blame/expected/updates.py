"""Whether a write to a parameter is an update: by an optimizer's method, or by hand."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from ...records.path import AccessPath
from ...statements.told_by_text import calls_collective, is_followed_by, makes_replicas, mentions
from ...statements.used_up import is_used_up
from ...statements.writes.statement_writes import targets_of
from ...syntax.ast_queries import arguments, is_inplace_name, last_name
from ...syntax.name_promises import (
    promises_to_change,
    promises_to_measure,
    promises_to_read,
    says_copy,
    says_own_values,
    says_role,
)
from ...syntax.parsing import parse_header
from ...syntax.syntax_tree import find_nodes, names_in
from .first_use import is_first_use

if TYPE_CHECKING:
    from ...interpreter.inferred_lines import Inferred
    from ...interpreter.reached_by_calls import Reach
    from ...records.reading import Reading
    from ...records.snapshots.difference import Difference
    from ...records.trace.evidence import OptimizerStep
    from ...statements.statement import Statement
    from ..evidence.cell_index import CellIndex
    from .changed_path import ChangedPath

_VALUES = re.compile(r"\.(?:data|detach\(\))$")
"""How an expression ends that gives the values of a parameter, without its graph."""
_READS_PARAMETERS = re.compile(r"\.(?:named_)?parameters\(|\.state_dict\(")


def is_by_optimizers_method(
    cell: CellIndex, changed: ChangedPath, statement: Statement, reached: Reach, *, has_stepped: bool
) -> bool:
    """Return whether a method of an optimizer, such as SAM's `first_step`, wrote a parameter or a state of its own.

    So do the step of a scheduler, and a function that names it, with what the optimizer has in its groups, such as a
    learning rate that is a tensor.

    Parameters
    ----------
    has_stepped
        Whether a `step` was seen to write the memory: then the parameters that it wrote are known.
    """
    if changed.path.is_grad:
        return False
    if (setting := _setting(changed.path)) and cell.is_of_optimizer(changed.path):
        return _runs_a_step(cell, statement) or any(setting in one.inner.text for one in reached.candidates[:1])
    owners = _optimizers_called(cell, statement, reached)
    if any(one is not None and one.leads_to(changed.path) for one in owners):
        return True
    return bool(owners) and not has_stepped and _is_its_own(changed)


def _setting(path: AccessPath) -> str:
    """Return the name of what a path leads to in a group of an optimizer: `lr` of `opt.param_groups[0]['lr']`."""
    found = re.search(r"\.param_groups\[\d+\]\['(\w+)'\]$", str(path))
    return found[1] if found else ""


def _runs_a_step(cell: CellIndex, statement: Statement) -> bool:
    """Return whether a statement, or a function that it calls, calls a `step`: of an optimizer, or of a scheduler."""
    is_called = any(one.name == "step" for one in statement.methods)
    return is_called or any(one.kind == "optimizer" for one in cell.effects_of(statement).events)


def _optimizers_called(cell: CellIndex, statement: Statement, reached: Reach) -> list[AccessPath | None]:
    """Return the optimizers of which a statement runs a method that may write; None for one without a path."""
    called = [one.owner for one in statement.methods if not promises_to_read(one.name)]
    running = [one for likeliest in reached.candidates[:1] for one in likeliest.within if one.kind == "optimizer"]
    behind = [path for one in running for path in one.owners or (None,)]
    return [*(one for one in called if cell.kind_of(one) == "optimizer"), *behind]


def is_replicated(changed: ChangedPath, statement: Statement) -> bool:
    """Return whether a statement makes replicas of a module, and so writes its parameters and buffers on each rank."""
    return changed.reading.kind in ("parameter", "buffer") and makes_replicas(statement)


def counts_as_parameter(reading: Reading) -> bool:
    """Return whether a tensor is a module's parameter, frozen or not, or a leaf that requires grad."""
    return reading.kind == "parameter" or (reading.requires_grad and reading.is_leaf)


def stands_for_parameters(cell: CellIndex, changed: ChangedPath, step: OptimizerStep) -> bool:
    """Return whether a variable holds what a module is called with, and its tensors are what a step updates.

    As in `functional_call(net, params, x)`, where they are to be the latest; what has the name of a copy is not.
    """
    parts = changed.path.parts
    if changed.path.root not in cell.handed or any(says_own_values(one) or says_role(one) for one in parts):
        return False
    return any(reading.object in step.parameters for _, reading in changed.group)


def may_be_trained(changed: ChangedPath) -> bool:
    """Return whether a path leads to a parameter, not to data that was made a leaf under another name."""
    return counts_as_parameter(changed.reading) and not changed.is_data


def was_data(cell: CellIndex, difference: Difference) -> bool:
    """Return whether a leaf was data that only a function made a leaf (`adv = attack(x)`), or that has a second name.

    Data that a statement of the cell makes a leaf under its own name is to be trained.
    """
    before, after = difference.before, difference.after
    if after is None or after.kind != "tensor" or not after.requires_grad:
        return False
    if str(difference.path) in cell.renamed:
        return True
    is_new = before is not None and not before.requires_grad
    return is_new and not any("requires_grad" in one.text for one in cell.statements)


def _is_its_own(changed: ChangedPath) -> bool:
    """Return whether a path leads to a parameter, not to another leaf over the memory of a module's parameter."""
    mine = changed.reading
    owned = any(one.kind == "parameter" and one.object != mine.object for _, one in changed.group)
    return mine.kind == "parameter" or (counts_as_parameter(mine) and not owned)


def is_update_by_hand(
    cell: CellIndex, changed: ChangedPath, statement: Statement, reached: Reach, *, has_stepped: bool
) -> bool:
    """Return whether a function that a statement calls wrote a parameter through the same tensor object.

    So is what the statement computes the new parameters of and nobody reads any more:
    `net.load_state_dict(between(old, new))`. So are a module's buffers where everything behind the module is written
    (`net.load_state_dict(…)`) or the same function writes parameters, what it holds as plain attributes unless the
    function promises to read, and tensors like the parameters that the same function writes, its moments, or reads, as
    for their moving averages. A write inside a method of a module that nobody expects to write is none, unless it
    initializes the module when it is first used, nor one to what another module holds too, nor one by a call that gives
    back, under a new name, an object that it has written.

    Parameters
    ----------
    has_stepped
        Whether the step of an optimizer, which does not hold the parameter, was seen to write the memory.
    """
    if _is_loaded_from(cell, changed, statement):
        return True
    is_trained = may_be_trained(changed) or (counts_as_parameter(changed.reading) and _promises_to_train(reached))
    if not is_trained and not _is_updated_beside(cell, changed, statement, reached):
        return False
    if gives_back(changed, statement):
        return False
    if not reached.candidates:  # if the deadline passed, the writer may be a library or the notebook
        return not (reached.is_cut or has_stepped) and _is_updated_by_a_library(cell, changed, statement)
    line = reached.candidates[0]
    if is_by_a_stranger(cell, changed, statement, reached) or _only_measures(cell, statement, line):
        return False
    is_handed_over = _hands_over_what_it_wrote(changed, statement, line) or _is_computed_with(cell, statement, line)
    if is_handed_over and not _promises_to_train(reached):
        return False
    if is_trained and is_first_use(line) and _is_the_object(changed, line):
        return True
    return _is_written_itself(changed, line) or _is_momentum_encoder(changed, line)


def _only_measures(cell: CellIndex, statement: Statement, line: Inferred) -> bool:
    """Return whether a statement calls a function for a value that it promises to measure: `e = quant_error(net)`.

    One that computes gradients trains, whatever its name.
    """
    outermost = line.within[0].name if line.within and not line.within[0].is_method else ""
    if not outermost or not promises_to_measure(outermost) or cell.effects_of(statement).backward:
        return False
    match parse_header(statement.text):
        case ast.Expr(value=ast.Call(func=func)) if last_name(func) == outermost:
            return False
    return not cell.steps_in(statement)


def _is_loaded_from(cell: CellIndex, changed: ChangedPath, statement: Statement) -> bool:
    """Return whether a statement loads into a module what it computes of this state of it, which is then used up.

    What has a name of a copy or of an average is kept to be read later.
    """
    path = changed.path
    loading = [one.owner for one in statement.methods if one.name == "load_state_dict"]
    is_state = any(one.leads_to(other) and one.root != path.root for one in loading for other, _ in changed.group)
    if not is_state or path.root not in statement.reads or any(map(says_own_values, path.parts[:-1])):
        return False
    return is_used_up(cell.evidence.plain, statement.index, path.root)


def _is_momentum_encoder(changed: ChangedPath, line: Inferred) -> bool:
    """Return whether a method that a called module runs lets frozen parameters follow those of another module."""
    if changed.reading.requires_grad or line.kind != "write" or not _is_the_object(changed, line):
        return False
    return len(_reads_of_parameters(line)) > 1


def _reads_of_parameters(line: Inferred) -> list[str]:
    """Return how the function that a line stands in reads parameters."""
    function = line.within[-1].function if line.within else None
    return [] if function is None else _READS_PARAMETERS.findall(ast.unparse(function.node))


def is_gradient_by_hand(cell: CellIndex, changed: ChangedPath, statement: Statement, reached: Reach) -> bool:
    """Return whether a function that clips or clears gradients wrote one, by a line that names it: `p.grad.zero_()`."""
    line = reached.candidates[0]
    if line.kind != "write" or any(one.kind == "module" for one in line.within) or _promises_to_read(reached):
        return False
    if not re.search(r"\.grad\b", line.inner.text) or gives_back(changed, statement):
        return False
    return _is_written_itself(changed, line) or bool(_optimizers_called(cell, statement, reached))


def _is_written_itself(changed: ChangedPath, line: Inferred) -> bool:
    """Return whether a line writes through the tensor object itself, and no method of a called module runs it."""
    return line.kind != "module" and not any(one.is_called for one in line.within) and _is_the_object(changed, line)


def is_by_a_stranger(cell: CellIndex, changed: ChangedPath, statement: Statement, reached: Reach) -> bool:
    """Return whether a method of a module wrote what another module holds too, which is no part of it."""
    running, path = [each for line in reached.candidates[:1] for each in line.within[-1:]], changed.path
    prefixes = (AccessPath(path.root, path.steps[:length]) for length in range(len(path.steps)))
    holder = next((one for one in prefixes if cell.kind_of(one) == "module"), None)
    if holder is None or not running or running[0].kind != "module":
        return False
    asked = {one for event in cell.effects_of(statement).events for each in event.within[-1:] for one in each.owners}
    writers, holders = [each for one in asked for each in cell.paths_to(one)], cell.paths_to(holder)
    related = (one.leads_to(each) or each.leads_to(one) for one in writers for each in holders)
    return bool(asked) and not any(related)


def _is_the_object(changed: ChangedPath, line: Inferred) -> bool:
    return (line.same_object or calls_collective(line.inner.text)) and (
        line.origin is None or line.origin.leads_to(changed.path) or line.origin in changed.same
    )


def _is_updated_beside(cell: CellIndex, changed: ChangedPath, statement: Statement, reached: Reach) -> bool:
    """Return whether a tensor that is no parameter may be updated as one."""
    is_grad = any(one.is_grad for one in (changed.path, *changed.same))
    if is_grad or changed.is_data or not statement.calls or not reached.candidates:
        return False
    likeliest, mine = reached.candidates[0], changed.reading
    if mine.kind == "buffer":
        if likeliest.is_whole or calls_collective(likeliest.inner.text):
            return True
        is_by_hand = likeliest.kind == "write" and ".step(" not in likeliest.inner.text
        beside = cell.written_in(statement, likeliest.within) if is_by_hand else ()
        return any(one.kind == "parameter" and cell.changed_in(statement, one) for one in beside)
    if cell.is_of_module(changed.path):
        return not (_promises_to_read(reached) or any(changed.path.leads_to(one) for one in statement.mentions))
    if any(counts_as_parameter(one) for _, one in changed.group):
        return False
    beside = cell.written_in(statement, likeliest.within)
    if any(counts_as_parameter(one) and one.shape == mine.shape for one in beside):
        return True
    return not _promises_to_read(reached) and _follows_parameters(cell, changed, likeliest)


def _follows_parameters(cell: CellIndex, changed: ChangedPath, line: Inferred) -> bool:
    """Return whether a tensor is like a parameter of those that the function reads in which it is written.

    So are the moving averages of a model's parameters. What has the name of a copy is not expected to change.
    """
    path, shape = changed.path, changed.reading.shape
    if line.kind != "write" or any(map(says_copy, path.parts)):
        return False
    if not _reads_of_parameters(line):
        return False
    return any(one.kind == "parameter" and one.shape == shape for one in cell.places.watched.values())


def _promises_to_train(reached: Reach) -> bool:
    """Return whether a function that a statement calls promises to change what it gets: `fit(w, x, y)`."""
    return any(promises_to_change(one.name) for likeliest in reached.candidates[:1] for one in likeliest.within)


def _promises_to_read(reached: Reach) -> bool:
    """Return whether the name of the function that a statement calls promises that it only reads."""
    return any(promises_to_read(one.name) for one in reached.candidates[0].within[:1])


def gives_back(changed: ChangedPath, statement: Statement) -> bool:
    """Return whether a statement binds to a new name an object that this path goes through: `avg = mean_of(nets)`.

    So does one that hands over the tensor itself, by whichever way, and gets its memory back: `q = rounded(w.data)`. A
    `with` is none: it names what it changes until it ends.
    """
    if statement.text.startswith(("with ", "async with ")):
        return False
    if any(changed.path.leads_to(one) for one in statement.mentions):
        given = [path for path, reading in changed.group if reading.layout == changed.reading.layout and not path.steps]
        if any(one.root in statement.binds and _is_spelled_once(one.root, statement) for one in given):
            return True
    steps = changed.path.steps
    bound = [AccessPath(name) for name in statement.binds]
    bound += [one.path for one in statement.targets if one.kind == "assign"]  # `server.net = mean_of(nets)`
    for name in bound if changed.same else ():
        behind = [one.steps[len(name.steps) :] for one in changed.same if name.leads_to(one)]
        behind += [one[1:] for one in behind if one[:1] and one[0].startswith("[")]  # `[tuned(net) for _ in range(3)]`
        is_new = not name.leads_to(changed.path) and _is_spelled_once(str(name), statement)
        if is_new and any(steps[len(steps) - len(one) :] == one for one in behind):
            return True
    return False


def _is_computed_with(cell: CellIndex, statement: Statement, line: Inferred) -> bool:
    """Return whether a function is called for its result, with values alone: `q, s = quantize(net.weight.data)`.

    What gets a gradient too computes a step, as what ends in an underscore says that it writes.
    """
    outermost = line.within[0] if line.within else None
    if outermost is None or outermost.is_method or is_inplace_name(outermost.name):
        return False
    if outermost not in cell.effects_of(statement).giving:
        return False
    node = parse_header(statement.text)
    match node:
        case ast.Expr(value=ast.Call(func=func)) if last_name(func) == outermost.name:
            return False
    calls = [one for one in find_nodes(ast.Call, node) if last_name(one.func) == outermost.name]
    given = [ast.unparse(part) for one in calls for part in arguments(one)]
    return any(_VALUES.search(one) for one in given) and not any(".grad" in one for one in given)


def _hands_over_what_it_wrote(changed: ChangedPath, statement: Statement, line: Inferred) -> bool:
    """Return whether a statement binds anew what a function wrote under a name of its own and gave back.

    So does `q = [rounded(m) for m in net]`, of a function with `w = m.weight.data; w.round_(); return w`.
    """
    function = line.within[-1].function if line.within else None
    alike = [
        path for path, one in changed.group if one.layout == changed.reading.layout and path.root in statement.binds
    ]
    new = [one for one in alike if _is_spelled_once(one.root, statement) and not _has_attribute(one)]
    node = parse_header(line.inner.text) if line.kind == "write" and new else None
    if function is None or node is None:
        return False
    written = {one.path.root for one in targets_of(node) if not _has_attribute(one.path)}
    given = [one.value for one in find_nodes(ast.Return, function.node) if one.value is not None]
    return any(not written.isdisjoint(names_in(one)) for one in given)


def _has_attribute(path: AccessPath) -> bool:
    return any(one.startswith(".") and one != ".data" for one in path.steps)


def only_stores(statement: Statement, name: str) -> bool:
    """Return whether a statement binds a name, or stores under it and mentions it nowhere else."""
    stores = any(one.kind == "assign" and one.path.root == name for one in statement.targets)
    return name in statement.binds or (stores and _is_spelled_once(name, statement))


def _is_spelled_once(name: str, statement: Statement) -> bool:
    return len(re.findall(rf"(?<![\w.]){re.escape(name)}(?!\w)", statement.text.replace('"', "'"))) == 1


def _is_updated_by_a_library(cell: CellIndex, changed: ChangedPath, statement: Statement) -> bool:
    """Return whether a parameter was passed to an unreadable function and not written through another object.

    Excluded are modules that write their own parameters when called (an embedding with `max_norm`), unless they
    initialize them when first called, or when asked for something else (`net.eval()`), and views such as `w.detach()`
    or `w[0]`, which are other objects.
    """
    others = [path for path, reading in changed.group if reading.object != changed.reading.object]
    if not statement.calls or "max_norm=" in statement.text or any(mentions(statement, path) for path in others):
        return False
    if cell.initializes(changed.path):
        return True
    through = [one for one in statement.mentions if one.leads_to(changed.path)]
    if any(is_followed_by("(", str(one), statement) for one in through):
        return False
    module = changed.path.owner
    asked = [one.owner for one in statement.methods if one.owner.leads_to(changed.path)]
    if any(one == module or cell.kind_of(one) == "module" for one in asked):
        return False
    names = (*changed.names, *map(str, changed.same))
    return not any(is_followed_by(".[", name, statement) for name in names)
