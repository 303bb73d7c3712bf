"""Parameters that a function of the notebook kept by reference, trained on, and gave back."""

from __future__ import annotations

import ast
import re
from functools import partial
from typing import TYPE_CHECKING

from ..interpreter.functions_named import functions_named
from ..model.differences import readings_after
from ..model.records import Site
from ..syntax.parsing import parse_header, walk_statements
from ..syntax.syntax_tree import all_nodes
from .lasting_hazard import Lasting, anchor
from .state_dict_reference import keepsake_of, no_copy, owner_among

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from ..blame.reasoning import Reasoning
    from ..model.born import Born
    from ..model.evidence import OptimizerStep
    from ..model.path import AccessPath

_KEEPS = re.compile(r"\b(?:state_dict|(?:named_)?parameters)\(|\.(?:data|detach\(\))(?!\.)")
_LOOPS = (ast.For, ast.AsyncFor, ast.While)


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
        keepsake = keepsake_of(items[0][0]) if items else None
        if statement is None or not _keeps_before_step(parse_header(statement.text), keepsake, reasoning):
            continue
        site = Site(line=statement.line, end_line=statement.end_line, text=statement.text, inner=steps[0].inner)
        taken = Site(line=statement.line, end_line=statement.end_line, text=statement.text)
        hazard = no_copy(items, taken, site, trace.cell.count, keepsake)
        ends = [anchor(str(path), reading) for path, _ in items[:1] if (reading := trace.after.get(str(path)))]
        yield Lasting(hazard=hazard, anchors=tuple(ends))


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
        is_kept = keepsake_of(path) is not None if is_same else path.steps and path.steps[-1].startswith("[")
        if owner is not None and is_kept:
            found.append((path, str(owner)))
    return found


def _keeps_before_step(node: ast.stmt | None, keepsake: AccessPath | None, reasoning: Reasoning) -> bool:
    """Return whether a function that a statement may run keeps parameters before it, or another, steps again.

    Parameters
    ----------
    keepsake
        What has the name of a copy: a statement that binds its last name keeps parameters, too.
    """
    functions = functions_named(node, reasoning.trace.notebook) if node is not None else {}
    stepping = {name for name, one in functions.items() if ".step(" in ast.unparse(one)}
    is_keep = partial(_is_keep, name=_last_name(keepsake) if keepsake else "")
    return any(_keeps(one, stepping, is_keep) for one in functions.values())


def _last_name(path: AccessPath) -> str:
    return next(iter(re.findall(r"\w+", (path.root, *path.steps)[-1])), "")


def _words(target: ast.expr) -> list[str]:
    return re.findall(r"\w+", ast.unparse(target))


def _keeps(tree: ast.AST, stepping: set[str], is_keep: Callable[[ast.stmt], bool]) -> bool:
    for node in all_nodes(tree):
        if isinstance(node, _LOOPS):
            body = [*walk_statements(node.body)]
            if any(map(is_keep, body)) and any(_steps(one, stepping) for one in body):
                return True
        elif isinstance(node, ast.FunctionDef):
            kept = [place for place, one in enumerate(node.body) if is_keep(one)]
            if kept and any(_steps(one, stepping) for one in node.body[kept[0] + 1 :]):
                return True
    return False


def _is_keep(node: ast.stmt, name: str) -> bool:
    """Return whether a statement binds parameters by reference, or a name, or puts parameters into a container."""
    is_binding = isinstance(node, ast.Assign | ast.AugAssign | ast.AnnAssign) or ".append(" in ast.unparse(node)[:80]
    text = ast.unparse(node) if is_binding and not isinstance(node, _LOOPS) else ""
    is_named = bool(name) and any(name in _words(one) for one in getattr(node, "targets", ()))
    is_keep = is_named or bool(_KEEPS.search(text))
    return is_keep and not any(word in text for word in ("copy", "clone", "optim", "load_state"))


def _steps(node: ast.stmt, stepping: set[str]) -> bool:
    calls = [one.func for one in all_nodes(node) if isinstance(one, ast.Call)]
    names = {one.attr if isinstance(one, ast.Attribute) else getattr(one, "id", "") for one in calls}
    return "step" in names or not names.isdisjoint(stepping)
