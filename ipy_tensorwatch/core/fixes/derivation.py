"""Which statements must store copies to part a path from all that was written: where its memory came from."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, NamedTuple

from ..origins.origins import Origins
from ..records.path import AccessPath
from ..records.typed_line import TypedLine
from ..runtime.record import field, record
from ..statements.copied_value import steps_behind
from ..statements.rewrite_statement import parse_one
from ..statements.statement import Statement, every_statement, parse_statements, statements_in
from ..syntax.ast_queries import covers_line
from ..syntax.name_promises import promises_to_read
from ..syntax.parsing import parse_header, parse_path, statements_on
from ..syntax.syntax_tree import LOOPS, each_target
from .hidden_reads import words_in_code
from .sharing import Sharing, binds_path

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from ..hazards.fix import Edit
    from ..records.report_parts import Change, Origin, Site
    from ..records.snapshots.snapshot import Snapshot
    from ..runtime.deadline import Deadline

MOST_STEPS = 5
"""Over how many names between two paths their sharing is followed."""
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


class _Bound(NamedTuple):
    """A statement by which a path was bound to memory that it shares."""

    begun: TypedLine
    statement: Statement
    new: str
    is_plain: bool = True

    @property
    def place(self) -> tuple[int, int]:
        """The cell and the line."""
        return self.begun.cell or 0, self.begun.line

    @property
    def lines(self) -> list[tuple[int, int]]:
        """The cell with each of its lines."""
        return [(self.place[0], line) for line in range(self.statement.line, self.statement.end_line + 1)]


@record
class FixContext:
    """What is known where fixes are looked for.

    Attributes
    ----------
    cell
        The cell of the changes, by count.
    after
        What the paths led to after it.
    cells
        The plain sources of all cells so far, by count.
    origins
        Where paths began to share memory.
    """

    cell: int
    after: Snapshot
    cells: Mapping[int, str]
    origins: Origins = field(default_factory=Origins)


@record
class Derivation:
    """What is known of one change and of where its path began to share memory with others."""

    change: Change
    context: FixContext
    deadline: Deadline

    def parts_all(self, edits: Iterable[Edit]) -> bool:
        """Return whether copies in these lines may part the path from all that was written; false only if known."""
        several = [one for one in edits if one.end_line >= one.line]
        if not several or any(self._is_where_written(one) for one in several):
            return True
        if any(map(self._writes_path, self.change.sites)):
            return False
        if any(self._function_around(one.cell, one.line) for one in several):
            return True
        others = [site for site in self.change.sites if not any(map(self._leads_here, _targets(site.text)))]
        is_late = (all(not self._precedes(one, site) for one in several) for site in others)
        return not any(is_late) and all(self._are_apart(one, several) for one in self.through)

    def _leads_here(self, target: AccessPath) -> bool:
        """Return whether a target is the path, an element of its tensor, or what holds it."""
        path = parse_path(self.change.path)
        return target.is_grad == path.is_grad and (target.leads_to(path) or path.leads_to(target))

    def _are_apart(self, via: str, several: Iterable[Edit]) -> bool:
        path, other = parse_path(self.change.path), parse_path(via)
        apart = (one for one in several if not _keeps_together(one, path, other))
        useful = [one for one in apart if not self._is_too_early(one, via)]
        places = {(one.cell, line) for one in useful for line in range(one.line, one.end_line + 1)}
        return bool(useful) and self._is_parted(self.change.path, via, places)

    def _is_too_early(self, edit: Edit, via: str) -> bool:
        """Return whether an edit copies what then shared nothing with anything: an object just made, long before."""
        self.deadline.check()
        origin = self.context.origins.of_pair(self.change.path, via)
        if origin is None or (edit.cell, edit.end_line) >= (origin.cell, origin.line):
            return False
        several = every_statement(self.context.cells.get(edit.cell, ""))
        reads = frozenset[str]().union(*(one.reads for one in several if edit.line <= one.line <= edit.end_line))
        mine = self.context.after.get(self.change.path)
        return mine is not None and not any(
            path.root in reads and one.storage == mine.storage for path, one in self.context.after.entries()
        )

    @property
    def through(self) -> list[str]:
        """The paths that were written, and those beside them in a container that a statement hands to a call."""
        named = [] if self.change.via else [str(one) for site in self.change.sites for one in _targets(site.text)]
        beside = [one for site in self.change.sites for one in self._beside(site)]
        found = dict.fromkeys([*self.change.via, *named, *beside])
        return [one for one in found if one != self.change.path and not self._is_other_name(one, found)]

    def _is_other_name(self, via: str, found: Iterable[str]) -> bool:
        """Return whether a name leads to the object of another path, as the variable of a loop that is over."""
        own = self.context.after.get(via)
        if own is None or parse_path(via).steps:
            return False
        others = (self.context.after.get(one) for one in found if one != via and parse_path(one).steps)
        return any(one is not None and one.object == own.object for one in others)

    def _beside(self, site: Site) -> Iterator[str]:
        mine, written = self.context.after.get(self.change.path), [*map(parse_path, self.change.via)]
        named = [one for one in _mentioned(site.text) if any(map(one.leads_to, written))]
        if mine is None or not named or _targets(site.text):
            return
        for path, one in self.context.after.entries():
            is_other = one.storage == mine.storage and str(path) != self.change.path
            if is_other and any(each.leads_to(path) for each in named):
                yield str(path)

    def beginnings(self, via: str) -> Iterator[Sharing]:
        """Yield where the path and one that was written may have begun to share memory: there, or at what led there."""
        yield from self._beginnings(self.change.path, via, MOST_STEPS)

    def _beginnings(self, one: str, other: str, steps: int) -> Iterator[Sharing]:
        found = self._shared_since(one, other) if steps else None
        if found is None or not found.is_plain:
            return
        old = other if found.new == one else one
        yield Sharing(found.begun, parse_path(found.new), parse_path(old))
        for between in self._read(found, old):
            yield from self._beginnings(between, old, steps - 1)

    def _is_parted(self, one: str, other: str, places: set[tuple[int, int]], steps: int = MOST_STEPS) -> bool:
        found = self._shared_since(one, other) if steps else None
        if found is None or not found.is_plain:
            return found is None
        if not places.isdisjoint(found.lines):
            return True
        old = other if found.new == one else one
        between = [*self._read(found, old)]
        if old in between:
            return False
        return not between or any(self._is_parted(each, old, places, steps - 1) for each in between)

    def _shared_since(self, one: str, other: str) -> _Bound | None:
        """Return the statement since which two paths have been one memory, by which one of them was bound."""
        self.deadline.check()
        origin = self.context.origins.of_pair(one, other) if one != other else None
        if origin is None:
            return None
        bound = [found for path in (one, other) if (found := self._bound_at(path)) is not None]
        later = [each for each in bound if each.place > (origin.cell, origin.line)]
        if later:
            return max(later, key=lambda each: each.place)
        known = self._statement(origin)
        new = [path for path in (one, other) if known is not None and binds_path(known, parse_path(path))]
        if known is None or len(new) != 1:
            return None
        return _Bound(TypedLine(cell=origin.cell, line=origin.line, text=origin.text), known, new[0])

    def _bound_at(self, path: str) -> _Bound | None:
        """Return the statement that last bound a path before the write; None if none is known to have run."""
        line, own = self.change.site.line if self.change.site else 0, parse_path(path)
        for one in reversed([*self.context.origins.steps_of(path)]):
            cell, ran = one.cell.execution, one.moment.statements
            several = [each for each in parse_statements(self.context.cells.get(cell or 0, "")) if each.index in ran]
            before = [each for each in several if cell != self.context.cell or each.line <= line]
            if cell is None or not before:
                continue
            inner = [each for outer in before for each in statements_in(outer)]
            bound = next((each for each in reversed(inner) if binds_path(each, own)), None)
            behind = (each for outer in several[len(before) :] for each in statements_in(outer))
            if bound is None and any(binds_path(each, own) for each in behind):
                continue  # a turn of a loop bound it after the write
            chosen = bound or inner[-1]
            return _Bound(
                TypedLine(cell=cell, line=chosen.line, text=chosen.text), chosen, path, is_plain=bound is not None
            )
        return None

    def _read(self, found: _Bound, old: str) -> Iterator[str]:
        """Yield the paths that a statement reads, and that share memory with what it bound."""
        mine, roots = self.context.after.get(found.new), found.statement.reads
        if mine is None:
            return
        if parse_path(old).root in roots:
            yield old
        beside = (
            path for path, one in self.context.after.entries() if one.storage == mine.storage and path.root in roots
        )
        yield from (str(path) for path in beside if str(path) not in (found.new, old))

    def _statement(self, origin: Origin) -> Statement | None:
        several = every_statement(self.context.cells.get(origin.cell, ""))
        return next((one for one in several if (one.line, one.text) == (origin.line, origin.text)), None)

    def _writes_path(self, site: Site) -> bool:
        """Return whether a call wrote to the path by its own name: no copy elsewhere keeps it from that."""
        path = parse_path(self.change.path)
        if site.inner is not None and any(map(self._leads_here, _targets(site.inner.text))):
            return True
        if _targets(site.text):
            return False
        mentioned = _mentioned(site.text)
        leading = [one for one in mentioned if one.leads_to(path) and one.is_grad == path.is_grad]
        others, own = [one for one in mentioned if one not in leading], _changing_themselves(site.text)
        leading = [one for one in leading if one == path or one not in own]
        return bool(leading) and not any(one.leads_to(parse_path(via)) for one in others for via in self.change.via)

    def _precedes(self, edit: Edit, site: Site) -> bool:
        """Return whether a line runs before a statement that wrote: above it, or in a loop with it."""
        if edit.cell != self.context.cell or edit.line <= site.end_line:
            return True
        around = statements_on(self.context.cells.get(self.context.cell, ""), site.line)
        return any(isinstance(one, LOOPS) and covers_line(one, edit.line) for one in around)

    def _is_where_written(self, edit: Edit) -> bool:
        """Return whether an edit lies in a function that wrote."""
        function = self._function_around(edit.cell, edit.line)
        inner = [site.inner for site in self.change.sites if site.inner is not None]
        return function is not None and any(one.cell == edit.cell and covers_line(function, one.line) for one in inner)

    def _function_around(self, cell: int, line: int) -> ast.stmt | None:
        around = statements_on(self.context.cells.get(cell, ""), line)
        return next((one for one in around if isinstance(one, _FUNCTIONS)), None)


def _keeps_together(edit: Edit, path: AccessPath, other: AccessPath) -> bool:
    """Return whether an edit copies a container with both paths in it: a deep copy keeps what they share."""
    node = parse_one(edit.text.rsplit("\n", 1)[-1].strip())
    if "deepcopy(" not in edit.text or " for " in edit.text or not isinstance(node, ast.Assign):
        return False
    return any(all(steps_behind(one, each) for each in (path, other)) for one in each_target(node.targets))


def _targets(text: str) -> list[AccessPath]:
    return [each.path for one in parse_statements(text) for each in one.targets]


def _changing_themselves(text: str) -> set[AccessPath]:
    """Return the objects of which a statement calls methods that may change them: of their own arrays, as expected."""
    called = (method for one in parse_statements(text) for method in one.methods)
    return {one.owner for one in called if not promises_to_read(one.name, of_module=True)}


def _mentioned(text: str) -> list[AccessPath]:
    """Return the paths that a statement uses, those in code that it runs as text included."""
    node = parse_header(text)
    known = [path for one in parse_statements(text) for path in one.mentions]
    return known + ([AccessPath(word) for word in words_in_code(node)] if node is not None else [])
