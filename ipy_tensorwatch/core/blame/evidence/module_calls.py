"""Whether a module was being called when its buffer was written."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ...interpreter.ranking import NAMES_IT
from ...records.path import AccessPath
from ...statements.told_by_text import runs_backward
from ...syntax.torch_vocabulary import MODULE_METHODS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...interpreter.inferred_lines import Inferred
    from ...statements.statement import Statement
    from .cell_index import CellIndex

_STEPS = re.compile(r"\.step\(\)$")
"""An optimizer's step, which writes no buffer, whatever its optimizer was made of."""
_PARAMETRIZATIONS = ".parametrizations"
_COUNTER = ".num_batches_tracked"
"""The buffer of a batch norm that counts its calls."""


def calls_in_text(cell: CellIndex, statement: Statement, paths: Sequence[AccessPath]) -> bool:
    """Return whether a statement itself calls a module that one of these paths goes through."""
    return _leads_to(cell.called_by(statement), paths)


def leads_to_call(cell: CellIndex, statement: Statement, paths: Sequence[AccessPath]) -> bool:
    """Return whether a statement, or a function that it calls, calls a module that one of these paths goes through."""
    return calls_in_text(cell, statement, paths) or _leads_to(cell.effects_of(statement).called, paths)


def was_called(
    cell: CellIndex, statement: Statement, paths: Sequence[AccessPath], candidates: Sequence[Inferred]
) -> bool:
    """Return whether the module of a buffer was being called when a statement wrote the buffer.

    Where the source does not tell, an unknown function is taken to have called it.

    Parameters
    ----------
    paths
        The buffer's paths through its module.
    candidates
        The lines that may have written, likeliest first.
    """
    if any(_trains(cell, statement, path) for path in paths):
        return True
    certain = [one for one in candidates if one.score >= NAMES_IT and not _STEPS.search(one.inner.text)]
    if certain:
        return all(is_inside_call(one, paths) for one in certain)
    if calls_in_text(cell, statement, paths):
        return True
    effects = cell.effects_of(statement)
    if _leads_to(effects.called, paths):
        return True
    is_backward = effects.backward or runs_backward(statement) or "autograd.grad(" in statement.text
    return not (is_backward or _only_handles(statement, paths) or _has_not_counted(cell, paths))


def computes_parameter(statement: Statement, path: AccessPath) -> bool:
    """Return whether a statement reads a parametrized tensor, which calls the module that a path goes through.

    Examples
    --------
    Reading `net.weight` under `spectral_norm` writes `net.parametrizations['weight'][0]._u`.
    """
    place = next((number for number, step in enumerate(path.steps) if step == _PARAMETRIZATIONS), None)
    if place is None or len(path.steps) < place + 2:
        return False
    name = path.steps[place + 1].strip("[]'\".")
    computed = AccessPath(path.root, (*path.steps[:place], f".{name}"))
    return any(computed.leads_to(one) for one in statement.mentions)


def is_inside_call(one: Inferred, paths: Sequence[AccessPath]) -> bool:
    """Return whether a line runs while a module is called that one of these paths goes through."""
    called = [each for each in one.within if each.kind == "module" and each.name in ("forward", "__call__")]
    return any(not each.owners or _leads_to(each.owners, paths) for each in called)


def calls_for_certain(cell: CellIndex, statement: Statement, paths: Sequence[AccessPath]) -> bool:
    """Return whether a statement calls a buffer's module, and no function of the notebook writes anything else."""
    if calls_in_text(cell, statement, paths) or any(_trains(cell, statement, path) for path in paths):
        return True
    effects = cell.effects_of(statement)
    return not effects.writes_by_itself and _leads_to(effects.called, paths)


def _leads_to(owners: Sequence[AccessPath] | frozenset[AccessPath], paths: Sequence[AccessPath]) -> bool:
    return any(owner != path and owner.leads_to(path) for owner in owners for path in paths)


def _only_handles(statement: Statement, paths: Sequence[AccessPath]) -> bool:
    """Return whether a statement hands over the buffer itself, or asks its module for something else than a call."""
    if any(path.leads_to(one) for one in statement.mentions for path in paths):
        return True
    asked = [one.name for one in statement.methods if any(one.owner.leads_to(path) for path in paths)]
    return bool(asked) and MODULE_METHODS.issuperset(asked)


def _trains(cell: CellIndex, statement: Statement, path: AccessPath) -> bool:
    """Return whether an optimizer stepped in a statement, and the module counted calls meanwhile.

    Then the source is not asked: ordinary training must cost nothing.
    """
    has_stepped = any(one.statement in (None, statement.index) for one in cell.evidence.steps)
    return has_stepped and cell.has_moved(_counter_of(path)) is True


def _has_not_counted(cell: CellIndex, paths: Sequence[AccessPath]) -> bool:
    """Return whether the module counts its calls, and counted none in this cell."""
    return any(cell.has_moved(_counter_of(path)) is False for path in paths)


def _counter_of(path: AccessPath) -> str:
    return str(AccessPath(path.root, (*path.steps[:-1], _COUNTER)))
