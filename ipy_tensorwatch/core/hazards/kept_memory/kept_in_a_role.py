"""Trained parameters under a name whose role needs values of its own: a target network, a teacher, frozen weights."""

from __future__ import annotations

import ast
import re
from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple

from ...runtime.grouped import grouped
from ...syntax.ast_queries import last_name
from ...syntax.name_promises import says_own_values, says_role
from ...syntax.parsing import parse_cell, parse_path
from ...syntax.statement_text import words_in
from ...syntax.syntax_tree import find_nodes
from ...syntax.torch_vocabulary import OPTIMIZERS
from .state_dict_reference import kept_with, last_word

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from ...blame.reasoning import Reasoning
    from ...records.path import AccessPath
    from ...records.report_parts import Change
    from ...records.trace.cell_trace import CellTrace
    from ...records.trace.notebook import Notebook
    from ..lasting_hazard import Lasting
    from ..optimizers.made_optimizer import MadeOptimizer

_HANDLES = re.compile(r"requires_grad|param_groups")


class _Part(NamedTuple):
    """A parameter under the name of a role, and under another one.

    Attributes
    ----------
    path, other
        The two paths of the parameter.
    role, owner
        What has the name of a role, and what leads to the same by another name.
    """

    path: AccessPath
    other: AccessPath
    role: AccessPath
    owner: AccessPath
    change: Change


def kept_in_a_role(reasoning: Reasoning, optimizers: Iterable[MadeOptimizer]) -> Iterator[Lasting]:
    """Yield hazards for what has a role beside what it should differ from, where the source names both together.

    Parameters
    ----------
    optimizers
        The optimizers, with the statements that made them: these show which names are handles.
    """
    made = [one.line.text for one in optimizers if one.line is not None]
    trace, told = reasoning.trace, list[object]()
    for (role, owner), several in grouped(_parts(reasoning), attrgetter("role", "owner")).items():
        if role not in told and _is_one(several[0], trace.notebook) and are_used_together(role, owner, trace, made):
            told.append(role)
            items = [(one.path, str(one.other), one.change) for one in several]
            yield kept_with(items, trace.after, trace.cell.count, role)


def may_have_a_role(reasoning: Reasoning) -> bool:
    """Return whether a cell updated what has a role and another name; its notebook tells whether it should not have."""
    return any(True for _ in _parts(reasoning))


def _parts(reasoning: Reasoning) -> Iterator[_Part]:
    after = reasoning.trace.after
    for change in reasoning.updates_of(says_role):
        path, reading = parse_path(change.path), after.get(change.path)
        names = path.parts
        number = next((place for place, one in enumerate(names) if says_role(one)), None)
        if number is None or reading is None or any(map(says_own_values, names)):
            continue
        for other, known in after.by_storage.get(reading.storage, ()):
            own = other.parts
            if known.object == reading.object and not any(says_role(one) or says_own_values(one) for one in own):
                yield _Part(path, other, path.first(number), _owner(path, number, other), change)


def _owner(path: AccessPath, number: int, other: AccessPath) -> AccessPath:
    """Return what leads to another path as a role leads to one: `net` of `net.weight`; a variable if nothing does."""
    rest = path.steps[number:]
    is_alike = len(other.steps) >= len(rest) and other.steps[len(other.steps) - len(rest) :] == rest
    return other.first(len(other.steps) - len(rest)) if is_alike and rest else other.first(0)


def _is_one(part: _Part, notebook: Notebook) -> bool:
    """Return whether a role leads to the very module that its owner is, or to a container of parameters."""
    if not notebook.leftovers.isdisjoint((part.role.root, part.owner.root)):
        return False
    if str(part.role) in notebook.modules:
        return notebook.objects.get(str(part.role)) == notebook.objects.get(str(part.owner))
    steps, names = part.path.steps[len(part.role.steps) :], part.role.parts
    return bool(steps) and all(one.startswith("[") for one in steps) and says_role(names[-1], of_parameters=True)


def are_used_together(role: AccessPath, owner: AccessPath, trace: CellTrace, made: Sequence[str] = ()) -> bool:
    """Return whether a statement or a function names both, and none uses the role as a handle to its parameters.

    Parameters
    ----------
    made
        The statements that made optimizers.
    """
    mine, theirs = last_word(role), last_word(owner)
    units = [(node, {*words_in(ast.unparse(node))}) for node in (*_units(trace), *_parsed(made))]
    with_role = [(node, words) for node, words in units if mine in words and not _binds(node, mine, theirs)]
    return any(theirs in words for _, words in with_role) and not any(_is_handle(node) for node, _ in with_role)


def _units(trace: CellTrace) -> Iterator[ast.stmt]:
    """Yield the statements of the cell and the functions of the notebook, a method at a time."""
    sources = [trace.own.plain, *(one.source for one in trace.notebook.definitions.values())]
    for tree in map(parse_cell, sources):
        for node in tree.body if tree is not None else ():
            yield from _methods(node) if isinstance(node, ast.ClassDef) else (node,)


def _parsed(several: Iterable[str]) -> Iterator[ast.stmt]:
    return (node for tree in map(parse_cell, several) if tree is not None for node in tree.body)


def _methods(node: ast.ClassDef) -> Iterator[ast.stmt]:
    return (one for one in node.body if isinstance(one, ast.FunctionDef) and one.name != "__init__")


def _binds(node: ast.stmt, role: str, owner: str) -> bool:
    """Return whether a statement binds the role to what it should differ from."""
    match node:
        case ast.Assign(targets=targets, value=value):
            return role in words_in(" ".join(map(ast.unparse, targets))) and owner in words_in(ast.unparse(value))
    return False


def _is_handle(node: ast.stmt) -> bool:
    """Return whether a statement hands parameters to an optimizer, or says which of them are trained."""
    made = any(last_name(one.func) in OPTIMIZERS for one in find_nodes(ast.Call, node))
    return made or _HANDLES.search(ast.unparse(node)) is not None
