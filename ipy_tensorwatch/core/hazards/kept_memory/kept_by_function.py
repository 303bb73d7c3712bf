"""Parameters that a function of the notebook kept by reference, trained on, and gave back."""

from __future__ import annotations

import ast
import re
from functools import partial
from typing import TYPE_CHECKING

from ...interpreter.functions_named import functions_named
from ...records.snapshots.differences import readings_after
from ...runtime.grouped import grouped
from ...syntax.ast_queries import last_name
from ...syntax.parsing import parse_header, parse_path, walk_statements
from ...syntax.statement_text import words_in
from ...syntax.syntax_tree import LOOPS, all_nodes, find_nodes
from ...syntax.torch_vocabulary import VIEWS
from ..lasting_hazard import Lasting
from .state_dict_reference import keepsake_of, last_word, no_copy, owner_among

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from ...blame.reasoning import Reasoning
    from ...records.path import AccessPath
    from ...records.trace.born import Born
    from ...records.trace.evidence import OptimizerStep

_SAME = "|".join(sorted(VIEWS | {"contiguous", "cpu", "float", "to"}))
_KEEPS = re.compile(
    rf"\b(?:state_dict|(?:named_)?parameters)\(|\.(?:data|detach\(\))(?:\.(?:{_SAME})\b(?:\([^()]*\))?)*(?!\.|\w|\()"
)


def kept_and_trained_on(reasoning: Reasoning, known: Iterable[str]) -> Iterator[Lasting]:
    """Yield hazards for containers that one statement bound and in whose tensors its optimizers went on stepping.

    Parameters
    ----------
    known
        The paths that are known to be no copies.
    """
    trace, told = reasoning.trace, {*known}
    for born in trace.born if trace.own.steps else ():
        ran = {one.statement for one in born.positions}
        steps = [one for one in trace.own.steps if one.statement in ran]
        items = [one for one in _items(reasoning, born, steps) if str(one[0]) not in told]
        statement = reasoning.own.numbered.get(min(ran)) if items and len(ran) == 1 else None
        if statement is None:
            continue
        for (keepsake, _), several in grouped(items, _keeper).items():
            if _keeps_before_step(parse_header(statement.text), keepsake, reasoning):
                stepped = statement.site(inner=steps[0].inner)
                hazard = no_copy(several, statement.site(), stepped, trace.cell.count, keepsake)
                first = several[0][0]
                yield Lasting.of(hazard, [(first, one) for one in [trace.after.get(str(first))] if one is not None])


def _keeper(item: tuple[AccessPath, str]) -> tuple[AccessPath | None, str]:
    """Return what has the name of a copy and leads to an item, and its variable."""
    path, owner = item
    return keepsake_of(path, parse_path(owner)), path.root


def may_be_kept(born: Iterable[Born], steps: Sequence[OptimizerStep]) -> bool:
    """Return whether a cell bound what its optimizers hold."""
    held = frozenset[int]().union(*(one.storages for one in steps))
    several = [one for each in born for one in readings_after(each.found)] if held else ()
    return not held.isdisjoint([one.storage for one in several if one is not None])


def _items(reasoning: Reasoning, born: Born, steps: Sequence[OptimizerStep]) -> list[tuple[AccessPath, str]]:
    """Return the items of containers, and what has the name of a copy, that are an optimizer's; each with its owner."""
    found: list[tuple[AccessPath, str]] = []
    for row, reading in enumerate(readings_after(born.found) if steps else ()):
        step = next((one for one in steps if reading is not None and reading.storage in one.storages), None)
        if reading is None or step is None:
            continue
        path = born.found[row][0].path
        is_same = reading.object in step.parameters
        entries = reasoning.trace.after.by_storage.get(reading.storage)
        owners = [one for one, other in entries if other.object in step.parameters]
        owner = owner_among(owners) if is_same else next(iter(owners), None)
        is_item = bool(path.steps) and path.steps[-1].startswith("[")
        if owner is not None and (keepsake_of(path, owner) is not None if is_same else is_item):
            found.append((path, str(owner)))
    return found


def _keeps_before_step(node: ast.stmt | None, keepsake: AccessPath | None, reasoning: Reasoning) -> bool:
    """Return whether a function that a statement may run keeps parameters before it, or another, steps again.

    Parameters
    ----------
    keepsake
        What has the name of a copy: a statement that binds its last name keeps parameters, too.
    """
    functions = functions_named(node, reasoning.trace.notebook)
    calls = Calls(functions, reasoning.trace.notebook.classes)
    is_own_keep = partial(_is_keep, name=last_word(keepsake) if keepsake else "")
    keeping = calls.to(is_own_keep)
    stepping = calls.to(lambda one: ".step(" in ast.unparse(one))
    return any(
        _keeps(one, lambda node: _steps(node, stepping), lambda node: is_own_keep(node) or is_call(node, keeping))
        for one in functions.values()
    )


class Calls:
    """Finds the names by which a notebook's functions and methods are called."""

    def __init__(self, functions: Mapping[str, ast.stmt], classes: Mapping[str, str]) -> None:
        self._functions, self._classes = functions, classes

    def to(self, does: Callable[[ast.stmt], bool]) -> set[str]:
        """Return the names of all with a statement that does something, or that calls one of them."""
        found, count = set[str](), -1
        while len(found) > count:
            count = len(found)
            found.update(
                name for name, tree in self._named() if _has(tree, lambda one: does(one) or is_call(one, found))
            )
        return found

    def _named(self) -> Iterator[tuple[str, ast.stmt]]:
        """Yield each function and method by its name, and `__call__` by the names of what is called."""
        for name, tree in self._functions.items():
            yield from [] if isinstance(tree, ast.ClassDef) else [(name, tree)]
            for one in tree.body if isinstance(tree, ast.ClassDef) else ():
                if isinstance(one, ast.FunctionDef):
                    called = ["self", *(path for path, kind in self._classes.items() if kind == name)]
                    yield from ((each, one) for each in (called if one.name == "__call__" else [one.name]))


def _has(tree: ast.stmt, does: Callable[[ast.stmt], bool]) -> bool:
    return any(map(does, walk_statements(getattr(tree, "body", []))))


def _words(target: ast.expr) -> list[str]:
    return words_in(ast.unparse(target))


def _keeps(tree: ast.AST, steps: Callable[[ast.stmt], bool], is_keep: Callable[[ast.stmt], bool]) -> bool:
    for node in all_nodes(tree):
        if isinstance(node, LOOPS):
            body = [*walk_statements(node.body)]
            if any(map(is_keep, body)) and any(map(steps, body)):
                return True
        elif isinstance(node, ast.FunctionDef):
            kept = [place for place, one in enumerate(node.body) if is_keep(one)]
            if kept and any(map(steps, node.body[kept[0] + 1 :])):
                return True
    return False


def _is_keep(node: ast.stmt, name: str) -> bool:
    """Return whether a statement binds parameters by reference, or a name, or puts parameters into a container."""
    is_binding = isinstance(node, ast.Assign | ast.AugAssign | ast.AnnAssign) or ".append(" in ast.unparse(node)[:80]
    text = ast.unparse(node) if is_binding and not isinstance(node, LOOPS) else ""
    is_named = bool(name) and any(name in _words(one) for one in getattr(node, "targets", ()))
    is_keep = is_named or bool(_KEEPS.search(text))
    return is_keep and not any(word in text for word in ("copy", "clone", "optim", "load_state"))


def _steps(node: ast.stmt, stepping: set[str]) -> bool:
    return is_call(node, stepping | {"step"})


def is_call(node: ast.stmt, names: set[str]) -> bool:
    """Return whether a statement calls one of these functions, methods or objects."""
    return any(last_name(one.func) in names for one in find_nodes(ast.Call, node))
