"""The copy that a hazard of kept references asks for, in the statement that took them."""

from __future__ import annotations

import ast
from dataclasses import replace
from typing import TYPE_CHECKING

from ..hazards.fix import Fix, with_edits
from ..hazards.hazard_facts import KeptReference
from ..records.report_parts import Change
from ..records.typed_line import TypedLine
from ..statements.copied_value import STORING, Copying, copied_value
from ..syntax.ast_queries import spell_path
from ..syntax.parsing import parse_cell, parse_path
from ..syntax.statement_text import spell_header
from ..syntax.syntax_tree import find_nodes
from .copy_imports import spelled_deepcopy, with_deepcopy
from .silent_change_fix import change_fixes

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ..hazards.hazard import Hazard
    from ..records.path import AccessPath
    from ..records.snapshots.snapshot import Snapshot
    from .derivation import FixContext


def copied_where_taken(hazard: Hazard, context: FixContext) -> Fix:
    """Return the fix of a hazard, with a copy in the statement that kept its tensors by reference, if that is plain."""
    fix, count = hazard.fix, hazard.written_cell
    for change in _changes(hazard, context.after) if count is not None else ():
        found = next(change_fixes(context.origins.explain(change), replace(context, cell=count or 0)), None)
        if found is not None and found.kind == "copy-shared" and not found.also and not _wrote(hazard, found.target):
            return replace(
                fix, code=found.code, target=found.target, says_where=True, edits=found.edits, applicability="unsafe"
            )
    return _copied_where_set(fix, hazard, context.after, context.cells)


def _copied_where_set(fix: Fix, hazard: Hazard, after: Snapshot, cells: Mapping[int, str]) -> Fix:
    """Copy in the only statement that stores under the name that keeps, as in a constructor: `self.best = self.net`."""
    if not isinstance(hazard.fact, KeptReference) or not hazard.paths:
        return fix
    path, owner = parse_path(hazard.paths[0]), parse_path(hazard.fact.owner)
    named = _up_to_last_name(path.first(len(parse_path(hazard.fact.container).steps)))
    name, behind = _last_name(named), path.steps[len(named.steps) :]
    places = [(cell, one) for cell, text in cells.items() if name in text for one in _storing(name, parse_cell(text))]
    if len(places) != 1:
        return fix
    [(cell, (node, local))] = places
    target = TypedLine(cell=cell, line=node.lineno, text=spell_header(node, cells[cell].split("\n")))
    reading = after.get(hazard.paths[0])
    if reading is None:
        return fix
    is_array, is_leaf = reading.kind == "ndarray", reading.collects_gradient
    spelled = spelled_deepcopy(cells, target)
    copying = Copying(local.then(*behind), owner, is_array=is_array, is_leaf=is_leaf, deepcopy=spelled)
    code = copied_value(target.text, copying)
    if code is None or _wrote(hazard, target):
        return fix
    plain = Fix(kind="copy-shared", code=code, target=target)
    edited = with_deepcopy(with_edits(plain, cells.__getitem__), cells, target)
    return replace(fix, code=code, target=target, says_where=True, edits=edited.edits, applicability="unsafe")


def _storing(name: str, tree: ast.Module | None) -> Iterator[tuple[ast.stmt, AccessPath]]:
    """Yield the statements that store something under a name, each with how it spells what has that name."""
    for node in find_nodes(ast.stmt, tree):
        match node:
            case ast.Assign(targets=[ast.Tuple(elts=several)], value=ast.Tuple(elts=values)):
                stored = [*zip(several, values, strict=False)]
            case ast.Assign(targets=[target], value=value) | ast.AnnAssign(target=target, value=ast.expr() as value):
                stored = [(target, value)]
            case ast.Expr(value=ast.Call(func=ast.Attribute(value=target, attr=method), args=[*_, value])) if (
                method in STORING
            ):
                stored = [(target, value)]
            case _:
                continue
        spelled = ((spell_path(target), value) for target, value in stored if not _is_empty(value))
        paths = (_up_to_last_name(parse_path(text)) for text, _ in spelled if text is not None)
        yield from ((node, local) for local in paths if _last_name(local) == name)


def _up_to_last_name(path: AccessPath) -> AccessPath:
    """Return the part of a path up to its last name: `self.kept` of `self.kept['w']`."""
    named = [place for place, step in enumerate(path.steps, 1) if step.startswith(".")]
    return path.first(named[-1] if named else 0)


def _last_name(path: AccessPath) -> str:
    return path.parts[-1].removeprefix(".")


def _is_empty(value: ast.expr) -> bool:
    """Return whether an expression gives no tensor: `None`, `{"loss": []}` or `dict()`."""
    match value:
        case ast.List(elts=parts) | ast.Tuple(elts=parts) | ast.Dict(values=parts):
            return all(map(_is_empty, parts))
        case ast.Call(func=ast.Name(), args=[], keywords=[]) | ast.Constant():
            return True
    return False


def _changes(hazard: Hazard, after: Snapshot) -> Iterator[Change]:
    """Yield the change of the first kept tensor, as one through what its owner leads to."""
    fact, site, first = hazard.fact, hazard.written_at, hazard.paths[:1]
    reading = after.get(first[0]) if first else None
    if not isinstance(fact, KeptReference) or site is None or reading is None:
        return
    for path, _ in after.by_storage.get(reading.storage, ()):
        if str(path) == fact.owner or str(path).startswith((f"{fact.owner}.", f"{fact.owner}[")):
            yield Change(path=first[0], kind="mutated", cause="alias", silent=True, via=(str(path),), sites=(site,))


def _wrote(hazard: Hazard, target: TypedLine | None) -> bool:
    """Return whether a statement is the one that trained on, after which a copy would come too late."""
    site = hazard.written_at
    return target is None or (site is not None and (target.cell, target.line) == (hazard.written_cell, site.line))
