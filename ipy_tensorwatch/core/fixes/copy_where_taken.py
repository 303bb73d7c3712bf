"""The copy that a hazard of kept references asks for, in the statement that took them."""

from __future__ import annotations

import ast
from dataclasses import replace
from typing import TYPE_CHECKING

from ..hazards.fix import Fix, with_edits, with_import
from ..hazards.hazard_facts import KeptReference
from ..records.report_parts import Change
from ..records.typed_line import TypedLine
from ..syntax.parsing import parse_cell, parse_path
from ..syntax.statement_text import spell_header
from ..syntax.syntax_tree import find_nodes
from .silent_change_fix import change_fixes

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ..hazards.hazard import Hazard
    from ..hazards.standing_hazards import Standing
    from ..origins.origins import Origins
    from ..records.snapshots.snapshot import Snapshot


def name_copies(
    hazards: tuple[Hazard, ...], standing: Standing, after: Snapshot, cells: Mapping[int, str], origins: Origins
) -> tuple[tuple[Hazard, ...], Standing]:
    """Word the fixes of new kept references by the statements that took them, where these are known."""
    new = [turn.hazard for turn in standing.turned if turn.why is None]
    named = {
        one.fix: replace(fix, edits=(), applicability="display")
        for one in new
        if one.fix.kind == "deep-copy" and one.fix.target is None
        and (fix := copied_where_taken(one, after, cells, origins)).target is not None
    }  # fmt: skip
    if not named:
        return hazards, standing

    def told(one: Hazard) -> Hazard:
        return replace(one, fix=named.get(one.fix, one.fix))

    return tuple(map(told, hazards)), replace(
        standing,
        hazards=tuple(map(told, standing.hazards)),
        turned=tuple(replace(one, hazard=told(one.hazard)) for one in standing.turned),
        fixes={fix: named.get(known, known) for fix, known in standing.fixes.items()},
    )


def copied_where_taken(hazard: Hazard, after: Snapshot, cells: Mapping[int, str], origins: Origins) -> Fix:
    """Return the fix of a hazard, with a copy in the statement that kept its tensors by reference, if that is plain."""
    fix, count = hazard.fix, hazard.written_cell
    for change in _changes(hazard, after) if count is not None else ():
        found = next(change_fixes(origins.explain(change), count or 0, after, cells, origins), None)
        if found is not None and found.kind == "copy-shared" and not found.also and not _wrote(hazard, found.target):
            return replace(
                fix, code=found.code, target=found.target, says_where=True, edits=found.edits, applicability="unsafe"
            )
    return _copied_where_set(fix, hazard, cells)


def _copied_where_set(fix: Fix, hazard: Hazard, cells: Mapping[int, str]) -> Fix:
    """Copy in the only statement that sets the attribute that keeps, as in a constructor: `self.target = self.net`."""
    path = parse_path(hazard.fact.container) if isinstance(hazard.fact, KeptReference) else None
    name = path.steps[-1].removeprefix(".") if path is not None and path.steps else ""
    places = [(cell, one) for cell, text in cells.items() if name in text for one in _setting(name, parse_cell(text))]
    if not name.isidentifier() or len(places) != 1:
        return fix
    [(cell, node)] = places
    if not isinstance(node.value, ast.Name | ast.Attribute):
        return fix
    target = TypedLine(cell=cell, line=node.lineno, text=spell_header(node, cells[cell].split("\n")))
    code = f"{ast.unparse(node.targets[0])} = copy.deepcopy({ast.unparse(node.value)})"
    plain = Fix(kind="copy-shared", code=code, target=target)
    edited = with_import(with_edits(plain, cells.__getitem__), cells.__getitem__)
    return replace(fix, code=code, target=target, says_where=True, edits=edited.edits, applicability="unsafe")


def _setting(name: str, tree: ast.Module | None) -> Iterator[ast.Assign]:
    """Yield the statements that set an attribute to something."""
    for node in find_nodes(ast.Assign, tree) if tree is not None else ():
        match node:
            case ast.Assign(value=ast.Constant()):
                continue
            case ast.Assign(targets=[ast.Attribute(attr=attribute)]) if attribute == name:
                yield node


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
