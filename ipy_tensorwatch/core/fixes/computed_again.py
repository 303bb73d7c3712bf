"""Edits for a hazard that goes when something is computed or copied again after the statement that wrote."""

from __future__ import annotations

import ast
import re
from dataclasses import replace
from typing import TYPE_CHECKING

from ..hazards.error_facts import Stopped
from ..hazards.fix import Edit, Fix, with_edits
from ..records.path import AccessPath
from ..records.typed_line import TypedLine, typed_line
from ..statements.rewrite_statement import parse_one, replace_expressions
from ..statements.statement import Statement, parse_statements
from ..syntax.ast_queries import keyword, last_name, source_of_node
from ..syntax.parsing import parse_cell, parse_path, statements_on
from ..syntax.syntax_tree import find_nodes
from .copy_imports import spelled_deepcopy, with_deepcopy
from .replay import OF_GRADIENTS
from .sharing import binds_path

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from ..hazards.hazard import Hazard
    from ..records.report_parts import Change
    from ..records.snapshots.snapshot import Snapshot

_Place = tuple[int, int, int]
"""A cell, a line, and which statement it is: several may share a line."""
_Before = list[tuple["Statement", _Place]]
_REMAKE = ("make-optimizer", "add-group", "register")
_RUN = re.compile(r"(\w+)\.backward\(")
_AGAIN = ("compute-again", "backward-before-statement")


def fix_afterwards(hazard: Hazard, after: Snapshot, cells: Mapping[int, str]) -> Fix:
    """Return the fix of a hazard, with an insertion after the statement that wrote, where its code is known."""
    fix, site, cell = hazard.fix, hazard.written_at, hazard.written_cell
    if fix.edits:
        return fix
    if fix.target is not None and "(copy.deepcopy(" in fix.code:
        return _with_copied_argument(fix, fix.target, cells)
    if fix.kind in _REMAKE:
        edit = _after_storing(hazard, cells)
        return fix if edit is None else replace(fix, edits=(edit,), applicability="unsafe")
    if fix.kind == "retain-graph":
        return _with_kept_graph(fix, hazard, cells)
    if site is None or site.inner is not None or cell is None or cell not in cells:
        return fix
    if fix.kind == "part-gradients":
        lines = [fix.code] if fix.code else []
    else:
        lines = [*_computing(hazard, after, (cell, site.line), cells)] if fix.kind in _AGAIN else []
    edit = _inserted_after(cells[cell], cell, site.line, lines) if lines else None
    return fix if edit is None else replace(fix, edits=(edit,), applicability="unsafe")


def _with_copied_argument(fix: Fix, target: TypedLine, cells: Mapping[int, str]) -> Fix:
    """Return the fix with its edit, if the cell of the statement that loads a state dict is known."""
    if target.cell not in cells:
        return fix
    code = fix.code.replace("copy.deepcopy", spelled_deepcopy(cells, target))
    return with_deepcopy(with_edits(replace(fix, code=code), cells.__getitem__), cells, target)


def change_behind(hazard: Hazard, fix: Fix, changes: Mapping[str, Change]) -> Change | None:
    """Return the change that a hazard without edits explains, and whose fix mends both; None if there is none.

    A state dict that was kept by reference is copied where it was taken.
    """
    if fix.kind != "deep-copy" or fix.edits:
        return None
    return next((changes[path] for path in hazard.paths if path in changes), None)


def hazard_beside(hazard: Hazard, others: Iterable[Hazard]) -> Hazard | None:
    """Return another hazard of the statement that saved, whose write is known: that of another turn of a loop."""
    if hazard.code not in OF_GRADIENTS or hazard.written_at is not None or hazard.saved_at is None:
        return None
    place = hazard.code, hazard.saved_cell, hazard.saved_at
    several = (one for one in others if (one.code, one.saved_cell, one.saved_at) == place)
    return next((one for one in several if one.written_at is not None), None)


def _with_kept_graph(fix: Fix, hazard: Hazard, cells: Mapping[int, str]) -> Fix:
    """Return a fix that replaces the backward that frees the graph."""
    site, cell = hazard.written_at, hazard.written_cell
    target = TypedLine(cell=cell, line=site.line, text=site.text) if site else _last_backward(cells)
    code = _retaining(target.text) if target is not None and target.cell in cells else None
    if code is None:
        return fix
    edited = with_edits(Fix(kind="out-of-place", code=code, target=target), lambda count: cells[count])
    return replace(fix, edits=edited.edits, applicability=edited.applicability)


def _last_backward(cells: Mapping[int, str]) -> TypedLine | None:
    """Return the last backward of the cells before the last one, which raised; None if that one has loops."""
    *earlier, last = sorted(cells)
    if any(one.text.startswith(("for ", "while ")) for one in parse_statements(cells[last])):
        return None
    places = ((count, one) for count in reversed(earlier) for one in reversed(parse_statements(cells[count])))
    found = (TypedLine(cell=count, line=one.line, text=one.text) for count, one in places if ".backward(" in one.text)
    return next(found, None)


def _retaining(text: str) -> str | None:
    """Rewrite a statement's only backward to keep its graph.

    Examples
    --------
    >>> _retaining("loss.backward()"), _retaining("loss.backward(g)"), _retaining("step()")
    ('loss.backward(retain_graph=True)', 'loss.backward(g, retain_graph=True)', None)
    """
    called = [one for one in find_nodes(ast.Call, parse_one(text)) if last_name(one.func) == "backward"]
    if len(called) != 1 or keyword(called[0], "retain_graph") is not None:
        return None
    gap = ", " if called[0].args or called[0].keywords else ""
    return replace_expressions(
        text, {one: f"{source_of_node(text, one)[:-1]}{gap}retain_graph=True)" for one in called}
    )


def _after_storing(hazard: Hazard, cells: Mapping[int, str]) -> Edit | None:
    """Insert the code of a fix after the statements that stored its first parameter, and that made what it is about."""
    paths = [parse_path(hazard.paths[0]), AccessPath(hazard.fix.code.split(".", 1)[0])]
    places = [place for path in paths if (place := _last_binding(path, cells)) is not None]
    if not hazard.fix.code or not places:
        return None
    count, line = max(places)
    return _inserted_after(cells[count], count, line, [hazard.fix.code])


def _last_binding(path: AccessPath, cells: Mapping[int, str]) -> tuple[int, int] | None:
    several = (
        (count, one) for count in sorted(cells, reverse=True) for one in reversed(parse_statements(cells[count]))
    )
    return next(((count, one.line) for count, one in several if binds_path(one, path)), None)


def named_again(hazard: Hazard, cells: Mapping[int, str]) -> Fix:
    """Return the fix of a backward that raised, with all that its own result needs to be computed again.

    What was foretold may be of another result, for which other variables are stale.
    """
    fix, fact, site, cell = hazard.fix, hazard.fact, hazard.written_at, hazard.written_cell
    if fix.kind not in _AGAIN or not isinstance(fact, Stopped) or fact.owner is not None:
        return fix
    if site is None or cell is None or fact.raised.root is None:
        return fix
    places = _stale_places(fact.raised.root, fix.names, _ran_before((cell, site.line), cells)[1], _written(hazard))
    if places and fact.writing is not None and fact.writing.cause == "optimizer" and site.inner is None:
        # A backward before the step would add to the gradients that the step takes.
        fix = replace(fix, kind="compute-again", other="", target=typed_line(cell, site))
    return replace(fix, names=tuple(sorted(places, key=lambda name: places[name]))) if places else fix


def _stale_places(root: str, known: Iterable[str], before: _Before, written: set[str]) -> dict[str, _Place]:
    """Return what a result needs to be computed again, itself included, each with the place that bound it.

    Of what is known to be stale, only what it was computed from; nothing if a statement is not plain.
    """
    found = dict[str, tuple[_Place, Statement]]()
    if not _depends(root, before, written) or not _add(root, before, written, found):
        return {}
    used = _used(root, before)
    others = {name: used[name] for name in known if name in used}
    return {name: place for name, (place, _) in found.items()} | others


def _used(root: str, before: _Before) -> dict[str, _Place]:
    """Return the variables that a result was computed from, itself included, each with the place that bound it."""
    found, waiting = dict[str, _Place](), [(root, before)]
    while waiting:
        name, earlier = waiting.pop()
        bound = [(one, place) for one, place in earlier if name in one.binds]
        if bound and name not in found:
            one, found[name] = bound[-1]
            waiting += [(each, [other for other in earlier if other[1] < found[name]]) for each in one.reads]
    return found


def _computing(hazard: Hazard, after: Snapshot, write: tuple[int, int], cells: Mapping[int, str]) -> Iterator[str]:
    """Yield the statements that computed what is stale before a write, in order; none if one of them is not plain."""
    places, before = _ran_before(write, cells)
    written = _written(hazard)
    graphs = (path.root for path, one in after.entries() if not path.steps and one.grad_fn is not None)
    ran = {name for statement, place in places if place[:2] <= write for name in _RUN.findall(statement.text)}
    due = {one for one in graphs if one not in ran and _depends(one, before, written)}
    stale = {*(set(hazard.fix.names) - ran or hazard.fix.names), *due}
    found: dict[str, tuple[_Place, Statement]] = {}
    if hazard.fix.names and all(_add(name, before, written, found) for name in sorted(stale)):
        statements = dict(found.values())
        yield from (statements[place].text for place in sorted(statements))


def _ran_before(write: tuple[int, int], cells: Mapping[int, str]) -> tuple[_Before, _Before]:
    """Return all statements of the cells in order, and those before a write."""
    places = [(one, (count, one.line, one.index)) for count in sorted(cells) for one in parse_statements(cells[count])]
    return places, [each for each in places if each[1] < write]


def _written(hazard: Hazard) -> set[str]:
    return {parse_path(one).root for one in hazard.paths}


def _add(name: str, before: _Before, written: set[str], found: dict[str, tuple[_Place, Statement]]) -> bool:
    """Add the statement that bound a name, and those of what it reads that was computed with what was written."""
    bound = [(one, place) for one, place in before if name in one.binds]
    if not bound or not _is_plain(bound[-1][0].text):
        return False
    one, place = bound[-1]
    found[name] = place, one
    earlier = [each for each in before if each[1] < place]
    stale = (each for each in one.reads - {name} if _depends(each, earlier, written))
    return all(_add(each, earlier, written, found) for each in sorted(stale))


def _depends(name: str, before: _Before, written: set[str]) -> bool:
    """Return whether a name was computed with one of the variables that were written, directly or over others."""
    bound = [(one, place) for one, place in before if name in one.binds]
    if name in written or not bound or not _is_plain(bound[-1][0].text):
        return False
    one, place = bound[-1]
    earlier = [each for each in before if each[1] < place]
    return not written.isdisjoint(one.reads) or any(_depends(each, earlier, written) for each in one.reads - {name})


def _is_plain(text: str) -> bool:
    tree = parse_cell(text)
    return tree is not None and all(isinstance(one, ast.Assign) for one in tree.body)


def _inserted_after(source: str, cell: int, line: int, new: Sequence[str]) -> Edit | None:
    """Insert lines after the statement at a line, as deep as it is; None if another one shares its last line."""
    around = statements_on(source, line)
    if not around or not isinstance(around[-1], ast.Expr | ast.Assign | ast.AugAssign):
        return None
    node, rows = around[-1], source.split("\n")
    end, before = node.end_lineno or line, rows[node.lineno - 1].encode()[: node.col_offset].decode()
    rest = rows[end - 1].encode()[node.end_col_offset or 0 :].decode().strip()
    if rest and not rest.startswith("#"):
        return None
    if before.strip():  # it is the last of several on its line, of which the first must be no header
        first = next((one for one in around if one.lineno == node.lineno), node)
        if not isinstance(first, ast.Expr | ast.Assign | ast.AugAssign):
            return None
        before = before[: len(before) - len(before.lstrip())]
    return Edit(cell=cell, line=end + 1, end_line=end, text="\n".join(before + one for one in new))
