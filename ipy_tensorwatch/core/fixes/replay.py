"""What a fix is tried on: the statements that lead to a silent change or a hazard, as they ran and as mended."""

from __future__ import annotations

import ast
import builtins
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Literal, TypeVar

from ..runtime.record import record
from ..syntax.ast_queries import covers_line
from ..syntax.magic_calls import find_body
from ..syntax.parsing import parse_body, parse_cell, parse_path
from ..syntax.syntax_tree import all_nodes, each_target, find_nodes, names_in, names_stored
from .edited_source import apply_edits, moved_line
from .hidden_reads import gives_library, may_read_anything, words_in_code
from .pure_statements import ROOTS, is_pure

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from ..hazards.fix import Edit, Fix
    from ..hazards.hazard import Hazard
    from ..records.report_parts import Change

_Statements = list[tuple[int, ast.stmt]]
_read_once = lru_cache(maxsize=4096)
"""What a statement is known for is read once: the fixes of one cell are tried with nearly the same statements."""
OF_GRADIENTS = frozenset(("TW201", "TW202", "TW205"))
"""The hazards whose fixes are proven by gradients: those of the mended statements against those of saved copies."""
Proof = Literal["bytes", "gradients", "no-error", "backwards"]
TICK = "_tick_"
"""The function that the loops of a replay call in each turn: it raises when time is over."""
_LIBRARIES = ROOTS | frozenset(dir(builtins))


@record
class Replay:
    """Statements to run twice in namespaces of their own, as they ran and with the edits of a fix.

    Attributes
    ----------
    given
        The names whose values are copied, with the cells that bound them: what bound them cannot be run again.
    before, mended_before
        The statements of the cells before the one that changed the path.
    during, mended_during
        Those of that cell.
    path, via
        The path that changed, and those through which it was written.
    mends
        All paths whose changes the fix ends.
    names
        All variables of the statements.
    cells
        The cells of the statements that run.
    proves
        What shows that the fix mends: the path keeps its bytes, the gradients are those of saved copies, no statement
        raises, or backwards of what it mends run and give the gradients of saved copies.
    saver, mended_saver
        The place of the statement that saved a tensor, among all statements as they ran and as mended.
    has_others
        Whether other saved tensors are known to have been overwritten too.
    """

    path: str
    via: tuple[str, ...]
    mends: tuple[str, ...]
    given: Mapping[str, int]
    names: frozenset[str] = frozenset()
    before: tuple[str, ...]
    during: tuple[str, ...]
    mended_before: tuple[str, ...]
    mended_during: tuple[str, ...]
    cells: frozenset[int] = frozenset()
    proves: Proof = "bytes"
    saver: int | None = None
    mended_saver: int | None = None
    has_others: bool = False


def plan_replay(change: Change, fix: Fix, mends: Collection[str], cell: int, cells: Mapping[int, str]) -> Replay | None:
    """Return what to run to try a fix; None if that is more than pure PyTorch and NumPy.

    Parameters
    ----------
    mends
        All paths whose changes have this fix.
    cell, cells
        The cell that changed them, and the plain sources of all so far.
    """
    found = _plan({parse_path(one).root for one in (change.path, *change.via)}, fix, cell, cells)
    return found and replace(found, path=change.path, via=change.via, mends=tuple(mends))


def plan_hazard(
    hazard: Hazard, fix: Fix, cell: int, cells: Mapping[int, str], *, has_others: bool = False
) -> Replay | None:
    """Return what to run to try the fix of a hazard; None if nothing proves it, or as for a change.

    Parameters
    ----------
    cell, cells
        The last cell, and the plain sources of all so far.
    has_others
        Whether other saved tensors were overwritten too, so that the fix need not end all that is wrong.
    """
    proves = _proof(hazard, fix)
    found = _plan(_roots(hazard), fix, cell, cells, hazard) if proves is not None else None
    if found is None or proves is None:
        return None
    mends = hazard.paths if proves == "backwards" else _left(hazard, fix)
    return replace(found, mends=mends, has_others=has_others, proves=proves)


def _proof(hazard: Hazard, fix: Fix) -> Proof | None:
    """Return what shows that the fix of a hazard mends; None if nothing does."""
    if hazard.code in OF_GRADIENTS:
        return "gradients"
    if hazard.code == "TW213":
        return "no-error" if hazard.happened else "backwards"
    return "no-error" if hazard.code == "TW204" and hazard.happened and fix.tail is None else None


def _left(hazard: Hazard, fix: Fix) -> tuple[str, ...]:
    """Return the paths of a hazard that keep the old values where the write goes to new memory."""
    return () if fix.kind == "save-copy" else tuple(one for one in hazard.paths if one != fix.code.partition(" = ")[0])


def _roots(hazard: Hazard) -> set[str]:
    """Return the variables of a hazard, and those of its statements."""
    sites = (one for one in (hazard.saved_at, hazard.written_at) if one is not None)
    nodes = (node for one in sites for node in _statements(one.text))
    return {parse_path(one).root for one in hazard.paths}.union(*(_names(node, _LIBRARIES) for node in nodes))


def _plan(
    roots: Collection[str], fix: Fix, cell: int, cells: Mapping[int, str], hazard: Hazard | None = None
) -> Replay | None:
    """Return the statements that share names with some variables, directly or over others."""
    sources = {count: cells[count] for count in sorted(cells) if count <= cell}
    edits = {count: [one for one in fix.edits if one.cell == count] for count in {one.cell for one in fix.edits}}
    if not edits or not edits.keys() <= sources.keys():
        return None
    trees = {count: _statements(text) for count, text in sources.items()}
    every = [one for several in trees.values() for one in several]
    if any(_runs_magic(sources[count]) for count in edits) or not _are_open(tuple(every)):
        return None
    own = _connected(trees, roots)
    given = _given(own, min(edits))
    if given is None:
        return None
    mended = {count: _statements(apply_edits(sources[count], several)) for count, several in edits.items()}
    other = _connected(trees | mended, roots)
    kept, mended_kept = _without(own, given), _without(other, given)
    if not all(_are_pure(one) for one in (kept, mended_kept)):
        return None
    return Replay(
        path="",
        via=(),
        mends=(),
        given=given,
        names=frozenset(name for _, node in (*own, *other) for name in _names(node, _LIBRARIES)),
        before=_spelled(kept, lambda count: count < cell),
        during=_spelled(kept, lambda count: count == cell),
        mended_before=_spelled(mended_kept, lambda count: count < cell),
        mended_during=_spelled(mended_kept, lambda count: count == cell),
        cells=frozenset(count for count, _ in (*own, *other)),
        saver=_saver(kept, hazard, (), ""),
        mended_saver=_saver(mended_kept, hazard, fix.edits, fix.code),
    )


@lru_cache(maxsize=16)
def _are_open(several: tuple[ast.stmt, ...]) -> bool:
    """Return whether statements name all that they read, and leave the libraries as they are."""
    return all(map(gives_library, several)) and not may_read_anything(several)


def _saver(own: _Statements, hazard: Hazard | None, edits: Sequence[Edit], code: str) -> int | None:
    """Return the place of the statement that saved what a hazard is about; None if it is not among them."""
    if hazard is None or hazard.saved_at is None:
        return None
    count = hazard.saved_cell
    line = moved_line(hazard.saved_at.line, [one for one in edits if one.cell == count])
    spelled = {ast.unparse(node) for text in (hazard.saved_at.text, code) for node in _statements(text)}
    places = [place for place, (cell, node) in enumerate(own) if cell == count and covers_line(node, line)]
    return min(places, key=lambda place: ast.unparse(own[place][1]) not in spelled, default=None)


@lru_cache(maxsize=512)
def _statements(source: str) -> tuple[ast.stmt, ...]:
    """Return the statements of a cell, those that magics like `%%time` run included."""
    found = ((node, find_body(node)) for node in parse_body(source))
    several = ([node] if body is None else _statements(body.source) or [node] for node, body in found)
    return tuple(one for each in several for one in each)


def _runs_magic(source: str) -> bool:
    tree = parse_cell(source)
    return tree is None or any(find_body(node) is not None for node in tree.body)


def _connected(trees: Mapping[int, Sequence[ast.stmt]], roots: Collection[str]) -> _Statements:
    """Return the statements that share names with some variables, directly or over others, in the order they ran."""
    every = [(count, node) for count, several in trees.items() for node in several]
    libraries = _LIBRARIES - {name for _, node in every for name in _stored(node)}
    named = [(one, _names(one[1], libraries)) for one in every if not _only_shows(one[1])]
    known, size = set(roots), 0
    while size != len(known):
        size = len(known)
        known.update(*(names for _, names in named if not known.isdisjoint(names)))
    return [one for one, names in named if not known.isdisjoint(names) or (not names and _is_pure(one[1], frozenset()))]


@_read_once
def _stored(node: ast.stmt) -> set[str]:
    """Return the variables and functions that a statement binds."""
    defined = {part.name for part in all_nodes(node) if isinstance(part, ast.FunctionDef | ast.ClassDef)}
    return names_stored(node) | defined


def _names(node: ast.stmt, libraries: frozenset[str]) -> set[str]:
    """Return the variables that a statement names, those in code that it runs as text included."""
    own, inside = _names_typed(node)
    return (own - libraries) | inside


@_read_once
def _names_typed(node: ast.stmt) -> tuple[set[str], set[str]]:
    """Return the names that a statement uses but for those of arguments, and the words of code that it runs as text."""
    if isinstance(node, ast.Import | ast.ImportFrom):
        return set(), set()
    own = names_in(node) | _stored(node)
    return own - {one.arg for one in find_nodes(ast.arg, node)}, words_in_code(node)


@_read_once
def _only_shows(node: ast.stmt) -> bool:
    """Return whether a statement only shows or checks values, or seeds: without it all others do the same."""
    if isinstance(node, ast.Assert):
        return True
    value = node.value if isinstance(node, ast.Expr) else None
    if value is not None and not find_nodes(ast.Call, value):
        return True
    is_print = isinstance(value, ast.Call) and ast.unparse(value.func) in ("print", "display")
    return is_print and isinstance(value, ast.Call) and all(is_pure(ast.Expr(one)) for one in value.args)


def _given(own: _Statements, first: int) -> dict[str, int] | None:
    """Return the names that statements bind that cannot run again; None if one does anything else."""
    functions = _functions(own)
    found: dict[str, int] = {}
    for count, node in own:
        if _is_pure(node, functions):
            continue
        names = _bound(node)
        if names is None or count > first:
            return None
        found.update(dict.fromkeys(names, count))
    return found


def _bound(node: ast.stmt) -> list[str] | None:
    """Return the plain names that an assignment binds; None if it is none, or binds anything else."""
    if not isinstance(node, ast.Assign):
        return None
    parts = each_target(node.targets)
    names = [part.id for part in parts if isinstance(part, ast.Name)]
    return names if len(names) == len(parts) else None


def _without(own: _Statements, given: Mapping[str, int]) -> _Statements:
    """Return the statements but those that bind what is given."""
    return [(count, node) for count, node in own if not _binds_given(node, count, given)]


def _binds_given(node: ast.stmt, count: int, given: Mapping[str, int]) -> bool:
    names = _bound(node)
    return bool(names) and all(given.get(one) == count for one in names or ())


def _functions(own: _Statements) -> frozenset[str]:
    return frozenset(node.name for _, node in own if isinstance(node, ast.FunctionDef))


def _are_pure(own: _Statements) -> bool:
    functions = _functions(own)
    return all(_is_pure(node, functions) for _, node in own)


@_read_once
def _is_pure(node: ast.stmt, functions: frozenset[str]) -> bool:
    return is_pure(node, functions)


def _spelled(own: _Statements, belongs: Callable[[int], bool]) -> tuple[str, ...]:
    return tuple(_with_ticks(node) for count, node in own if belongs(count))


@_read_once
def _with_ticks(node: ast.stmt) -> str:
    """Spell a statement with ticks; it is parsed anew.

    A copy could take whole files with it: all trees share one `ast.Load()`, and `executing` gives each node its parent.
    """
    text = ast.unparse(node)
    takes_turns = any(isinstance(one, ast.For | ast.FunctionDef | ast.comprehension) for one in all_nodes(node))
    return ast.unparse(_Ticking().visit(ast.parse(text))) if takes_turns else text


_Block = TypeVar("_Block", ast.For, ast.FunctionDef)


class _Ticking(ast.NodeTransformer):
    """Lets loops, comprehensions and functions call `TICK`, which is true, in each turn."""

    def visit_For(self, node: ast.For) -> ast.For:
        return self._with_tick(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        return self._with_tick(node)

    def visit_comprehension(self, node: ast.comprehension) -> ast.comprehension:
        self.generic_visit(node)
        node.ifs.insert(0, _tick())
        return node

    def _with_tick(self, node: _Block) -> _Block:
        self.generic_visit(node)
        node.body.insert(0, ast.Expr(_tick()))
        return node


def _tick() -> ast.Call:
    return ast.Call(ast.Name(TICK), [], [])
