"""Other fixes of an overwritten saved tensor, each of which a trial must prove: copies at the save or at the write."""

from __future__ import annotations

import ast
from dataclasses import replace
from typing import TYPE_CHECKING

from ..hazards.fix import Fix, with_edits
from ..hazards.hazard import Hazard
from ..records.typed_line import TypedLine, typed_line
from ..statements.aliases.expression_aliases import trace
from ..statements.aliases.scope import Scope
from ..statements.rewrite_statement import (
    cloned_inputs,
    cloned_parts,
    cloned_value,
    parse_one,
    read_paths,
    with_clones,
    written_place,
)
from ..statements.statement import every_statement
from ..syntax.ast_queries import spell_path
from ..syntax.parsing import parse_cell, parse_path
from ..syntax.syntax_tree import find_nodes
from .edited_source import are_apart
from .pure_statements import ROOTS
from .replay import OF_GRADIENTS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from ..records.report_parts import Change, Site

MOST_COPIES = 4
"""In how many statements one fix lets autograd save a copy."""


def alternative_fixes(
    hazard: Hazard, fix: Fix, cells: Mapping[int, str], others: Iterable[Hazard] = ()
) -> Iterator[Fix]:
    """Yield what else may mend a hazard, the likeliest first; nothing that was not tried may be offered.

    Parameters
    ----------
    fix
        The fix that was tried in vain.
    cells
        The plain sources of all cells so far, by count.
    others
        The other hazards: where one statement saved several tensors, all of their fixes may be needed.
    """
    if hazard.code not in OF_GRADIENTS:
        return
    known = {fix.edits, ()}
    together = _together(hazard, fix, others)
    if together is not None:
        known.add(together.edits)
        yield together
    plain = (with_edits(one, cells.__getitem__) for one in _copies(hazard) if one.target and one.target.cell in cells)
    for found in (*plain, *_copied_wherever_read(hazard, cells)):
        if found.edits not in known:
            known.add(found.edits)
            yield found


def _together(hazard: Hazard, fix: Fix, others: Iterable[Hazard]) -> Fix | None:
    """Return the fixes of all tensors that one statement saved, as one."""
    beside = [
        one.fix
        for one in others
        if one.saved_cell == hazard.saved_cell and one.saved_at == hazard.saved_at and one.fix.edits
    ]
    fixes = {one.edits: one for one in (fix, *beside) if one.edits}
    edits = sorted((edit for one in fixes for edit in one), key=lambda one: (one.cell, one.line, one.end_line))
    if not fix.edits or len(fixes) < 2 or not are_apart(edits):  # noqa: PLR2004  (one was tried already)
        return None
    return replace(fix, code="; ".join(one.code for one in fixes.values()), other="", edits=tuple(edits))


def _copies(hazard: Hazard) -> Iterator[Fix]:
    yield from _saved_copies(hazard)
    yield from _written_copies(hazard)


def _copied_wherever_read(hazard: Hazard, cells: Mapping[int, str]) -> Iterator[Fix]:
    """Let autograd save a copy in each statement that computes with the tensor before the write."""
    roots = {parse_path(one).root for one in hazard.paths}
    ends = (hazard.written_cell or 0, hazard.written_at.line if hazard.written_at is not None else 0)
    found: list[Fix] = []
    for count in sorted(cells):
        for one in (each for each in every_statement(cells[count]) if (count, each.line) < ends):
            node, code = parse_one(one.text), cloned_parts(one.text, roots)
            if code is not None and isinstance(node, ast.Assign) and not trace(node.value, Scope()):
                target = TypedLine(cell=count, line=one.line, text=one.text)
                found.append(with_edits(Fix(kind="save-copy", code=code, target=target), cells.__getitem__))
    edits = tuple(edit for one in found for edit in one.edits)
    if 1 < len(found) <= MOST_COPIES and len({(one.cell, one.line) for one in edits}) == len(found):
        yield replace(found[0], code="; ".join(one.code for one in found), edits=edits)


def needs_trial(one: Change | Hazard, fix: Fix) -> bool:
    """Return whether a fix may be wrong, so that it is not offered where its trial was not finished.

    Other names for what was overwritten keep the old values once the write goes to new memory.
    """
    is_elsewhere = fix.kind in ("out-of-place", "write-copy")
    return isinstance(one, Hazard) and one.code in OF_GRADIENTS and is_elsewhere and len(one.paths) > 1


def _saved_copies(hazard: Hazard) -> Iterator[Fix]:
    """Let autograd save a copy in the statement that saved."""
    target = _innermost(hazard.saved_cell, hazard.saved_at)
    if target is None:
        return
    text, paths, read = target.text, set(hazard.paths), _tensors_read(target.text)
    roots = {parse_path(one).root for one in paths}
    codes = [cloned_parts(text, roots), with_clones(text, paths), cloned_inputs(text, {*roots, *read})]
    codes += [cloned_value(text), *(cloned_parts(text, {one}) for one in read)]
    for code in dict.fromkeys(codes):
        if code is not None:
            yield Fix(kind="save-copy", code=code, target=target, says_where=True)


def _tensors_read(text: str) -> list[str]:
    """Return the names that a statement reads, but those of what it calls."""
    called = {spell_path(one.func) for one in find_nodes(ast.Call, parse_cell(text))}
    return [one for one in read_paths(text) if one not in called and one not in ROOTS]


def _written_copies(hazard: Hazard) -> Iterator[Fix]:
    """Let the statement that wrote have a copy."""
    target = _innermost(hazard.written_cell, hazard.written_at)
    path = written_place(target.text) if target is not None else None
    if path is not None:
        yield Fix(kind="write-copy", code=f"{path} = {path}.clone()", target=target)


def _innermost(cell: int | None, site: Site | None) -> TypedLine | None:
    """Return a statement of a cell, or the line inside a function that it reached."""
    return None if site is None or cell is None else typed_line(cell, site.inner or site)
