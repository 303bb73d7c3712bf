"""One memory under several items of a container that was filled again for each: all hold what was written last."""

from __future__ import annotations

import ast
from collections import defaultdict
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from ...interpreter.functions_named import functions_named
from ...records.path import AccessPath, container_of
from ...records.report_parts import Change, Inner, Site
from ...records.typed_line import TypedLine, typed_line
from ...statements.names_used import mentions_of
from ...statements.writes.kept_in_loops import (
    keeping_copies,
    keeping_statement,
    puts_into,
    refilled_by_itself,
    refilled_in_loop,
    returning_statement,
)
from ...statements.writes.refilled_by_calls import called_writer, putting_statement, refilled_by_call
from ...syntax.ast_queries import arguments, last_name, own_nodes, root_variable
from ...syntax.parsing import may_hide_writes, parse_cell, parse_header, parse_path
from ...syntax.syntax_tree import all_nodes, find_nodes, names_in, names_stored
from ...syntax.torch_vocabulary import VIEWS
from ..fix import Fix, copy_call
from ..hazard import Hazard
from ..hazard_facts import OneMemory
from ..lasting_hazard import Lasting
from .functions_reached import line_of_definition

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator, Sequence

    from ...blame.born_changes import Item
    from ...blame.reasoning import Reasoning
    from ...records.reading import Reading
    from ...statements.statement import Statement

    Written = tuple[AccessPath, Change, Reading]


FEW = 3
"""So many tensors of one memory, written as often, are told although the source of what made them is not known."""


def kept_in_one_memory(reasoning: Reasoning, changes: Iterable[Change], known: Container[str]) -> Iterator[Lasting]:
    """Yield a hazard for each container whose items are one memory that was written for one after the other.

    Several such memories of one container, kept and written by the same statements as often, are one hazard.

    Parameters
    ----------
    known
        The paths that are told to be no copies.
    """
    alike: dict[object, list[Lasting]] = defaultdict(list)
    for one in _each_memory(reasoning, changes, known):
        hazard = one.hazard
        alike[hazard.fact, hazard.saved_at, hazard.written_at, hazard.fix].append(one)
    yield from map(_joined, alike.values())


def _joined(several: Sequence[Lasting]) -> Lasting:
    """Return one hazard for the same of several memories."""
    first = several[0].hazard
    if not several[1:] or not isinstance(first.fact, OneMemory):
        return several[0]
    paths = tuple(path for one in several for path in one.hazard.paths)
    fact = replace(first.fact, count=len(paths), memories=len(several))
    anchors = tuple(each for one in several for each in one.anchors)
    return Lasting(hazard=replace(first, paths=paths, fact=fact), anchors=anchors)


def _each_memory(reasoning: Reasoning, changes: Iterable[Change], known: Container[str]) -> Iterator[Lasting]:
    told, followed = set[str](), FollowedStatements(reasoning)
    for items in reasoning.born.together:
        if any(str(one.path) in known for one in items):
            continue
        written = _seen_in_function(_between(reasoning, items), items, followed) or _within(reasoning, items, followed)
        if written is not None:
            told.update(str(one.path) for one in items)
            yield _lasting(reasoning, [(one.path, one.reading) for one in items], written)
    for several in _filled_by_name(reasoning, changes):
        change = several[0][1]
        if change.path not in told:
            before, after = change.versions
            times = None if before is None or after is None else after - before
            yield _lasting(reasoning, [(path, reading) for path, _, reading in several], Refill(times, change.site))


class Refill(NamedTuple):
    """How the memory was written between two items.

    Attributes
    ----------
    times
        How often, if known.
    site
        Where.
    kept
        The statement of a function that kept each, if it is known.
    returned
        The statement of a function that gave each back, if it is known.
    instead
        The statement that writes, if a copy of what is kept would come too late: all were written before.
    """

    times: int | None
    site: Site | None
    kept: TypedLine | None = None
    returned: TypedLine | None = None
    instead: TypedLine | None = None


def _between(reasoning: Reasoning, items: Sequence[Item]) -> Refill | None:
    """Return the writes that were seen between the looks that saw two items first."""
    looks = sorted({one.born.look for one in items})
    storages = {one.reading.storage for one in items}
    seen = (write for storage in storages for write in reasoning.trace.own.writes.get(storage, ()))
    between = sorted((one for one in seen if looks[0] < one.look <= looks[-1]), key=lambda one: one.look)
    if not between:
        return None
    versions = [one.version for item in items for one in (item.first, item.reading) if one and one.version is not None]
    alone = [one.statement for write in between if len(write.positions) == 1 for one in write.positions]
    # Several storages over one array have no counter in common, and one counter does not tell several writers apart.
    is_counted = len(storages) == 1 and versions and len(set(alone)) <= 1
    site = reasoning.own.timeline.site(alone[0]) if alone else None
    return Refill(times=max(versions) - min(versions) + 1 if is_counted else None, site=site)


def _seen_in_function(written: Refill | None, items: Sequence[Item], known: FollowedStatements) -> Refill | None:
    """Return the writes that were seen, with the line of a function that kept what they wrote, if one statement did."""
    ran = sorted({one.statement for item in items for one in item.born.positions})
    if written is None or len(ran) != 1:
        return written
    container = container_of([item.path for item in items])
    return written._replace(kept=next((one.keeping(container) for one in known.of(ran)), None))


def _within(reasoning: Reasoning, items: Sequence[Item], known: FollowedStatements) -> Refill | None:
    """Return the writes of the statements that put the items there, if their source shows that each was kept."""
    born = items[0].born
    times = _times_written(reasoning, items)
    is_counted = times is not None and times >= len(items) - 1
    if not is_counted and not _may_be_written(reasoning, items[0]):
        return None
    followed = known.of(sorted({one.statement for one in born.positions}))
    for one in followed:
        found = one.refill(items[0].path.root)
        if found is not None and (is_counted or times is None or _is_hidden(found.site)):
            kept = found.kept or one.keeping(container_of([item.path for item in items])) or found.returned
            return found._replace(times=times if is_counted else None, kept=kept)
    if not is_counted and times is not None:
        return None
    is_unread = times is not None and any(one.repeats_unread for one in followed)
    several = len({item.reading.object for item in items}) >= FEW
    return Refill(times=times, site=None) if is_unread and several else None


def _is_hidden(site: Site | None) -> bool:
    """Return whether a statement may write past the version counter."""
    line = site and (site.inner or site)
    return line is not None and may_hide_writes(line.text)


def _may_be_written(reasoning: Reasoning, item: Item) -> bool:
    """Return whether memory without a version may have been written when an item was put there."""
    storage, statements = item.reading.storage, {one.statement for one in item.born.positions}
    seen = [one for one in reasoning.trace.own.writes.get(storage, ()) if one.look <= item.born.look]
    is_seen = any(one.statement in statements for write in seen for one in write.positions)
    return is_seen or not reasoning.trace.before.by_storage.get(storage)


def _times_written(reasoning: Reasoning, items: Sequence[Item]) -> int | None:
    """Return how often the memory was written since the cell began; None if it has no version of its own."""
    reading = items[0].reading
    if reading.version is None or any(one.reading.storage != reading.storage for one in items):
        return None
    before = [one.version for _, one in reasoning.trace.before.by_storage.get(reading.storage, ())]
    return reading.version - max((one for one in before if one is not None), default=0)


class FollowedStatements:
    """The statements of a cell, each followed once for all groups of items that it may have kept."""

    def __init__(self, reasoning: Reasoning) -> None:
        self._reasoning, self.trace = reasoning, reasoning.trace
        self._known: dict[tuple[int, bool], _Followed] = {}
        self._searched = cache(refilled_in_loop)

    def of(self, ran: Sequence[int]) -> list[_Followed]:
        """Return some statements, one of which kept the memory."""
        is_alone, statements = not ran[1:], self._reasoning.own.numbered
        for one in ran:
            if (one, is_alone) not in self._known:
                self._known[one, is_alone] = _Followed(statements[one], self, is_alone=is_alone)
        return [self._known[one, is_alone] for one in ran]

    def refilled_for(self, into: str) -> ast.stmt | None:
        """Return the statement of the cell's loops that writes to what its loop puts into a variable."""
        tree = parse_cell(self.trace.own.plain)
        return self._searched(tree, into, self._may_hold) if tree is not None else None

    def refilled_in(self, tree: ast.stmt) -> ast.stmt | None:
        """Return the statement of a function that writes to what its loop keeps."""
        return self._searched(tree)

    def _may_hold(self, name: str) -> bool:
        """Return whether a variable leads to a tensor when the cell has ended, or to what holds some."""
        return name in self.trace.after.scenes or self.trace.after.get(name) is not None


class _Followed:
    """A statement, and the functions of the notebook that it may call.

    Parameters
    ----------
    is_alone
        Whether no other statement can have kept the memory, in a loop around both.
    """

    def __init__(self, statement: Statement, every: FollowedStatements, *, is_alone: bool) -> None:
        self._statement, self._every, self._notebook = statement, every, every.trace.notebook
        self._node = parse_header(statement.text) or ast.Pass()
        self._is_alone = is_alone
        self.functions = functions_named(self._node, self._notebook)
        self._refills: dict[str, Refill | None] = {}

    def refill(self, into: str) -> Refill | None:
        """Return where a loop of the cell writes to what it puts into a variable, or a function's to what it keeps."""
        if into not in self._refills:
            self._refills[into] = self._find_refill(into)
        return self._refills[into]

    def _find_refill(self, into: str) -> Refill | None:
        site = self._statement.site()
        if refilled_by_itself(self._node):
            return Refill(None, site)
        found = None if self._is_alone else self._every.refilled_for(into)
        if found is not None:
            text = ast.unparse(found)
            return Refill(None, Site(line=found.lineno, end_line=found.end_lineno or found.lineno, text=text))
        for name, tree in self.functions.items():
            found = self._every.refilled_in(tree)
            if found is not None:
                node = keeping_statement(tree, found)
                return Refill(None, self._inside(name, found), self._typed(name, node) if node else None)
        called = refilled_by_call(self._node, self.functions)
        return self._returned(*called) if called else None

    def _returned(self, name: str, found: ast.stmt) -> Refill:
        """Return that a function writes what it gives back; those that wait for one another may all write first."""
        function, site = called_writer(self._node, found, self.functions), self._inside(name, found)
        if isinstance(function, ast.AsyncFunctionDef) and find_nodes(ast.Await, function):
            return Refill(None, site, instead=line_of_definition(found, self._notebook.definitions[name]))
        node = returning_statement(function, found) if function is not None else None
        return Refill(None, site, returned=self._typed(name, node) if node else None)

    def _inside(self, name: str, found: ast.stmt) -> Site:
        """Return the statement, with the line of a function or class that it runs."""
        known = self._notebook.definitions[name]
        inner = Inner(cell=known.cell, line=found.lineno + known.offset, text=ast.unparse(found))
        return replace(self._statement.site(), certainty="inferred", inner=inner)

    def _typed(self, name: str, node: ast.stmt) -> TypedLine | None:
        is_simple = isinstance(node, ast.Expr | ast.Assign | ast.Return)
        return line_of_definition(node, self._notebook.definitions[name]) if is_simple else None

    def keeping(self, container: AccessPath) -> TypedLine | None:
        """Return the line of a function of the notebook that puts the tensors into a container."""
        named = [one for one in container.steps if one.startswith((".", "['"))]
        found = putting_statement((container.root, *named)[-1].removeprefix("."), self.functions)
        return None if found is None else self._typed(*found)

    @property
    def repeats_unread(self) -> bool:
        """Whether it repeats a call of a function whose source is not known."""
        return not self.functions and any(map(_calls_anew, all_nodes(self._node)))


def _calls_anew(node: ast.AST) -> bool:
    """Return whether a part of an expression repeats a call that may give what it gave before."""
    match node:
        case ast.ListComp(elt=kept, generators=[ast.comprehension(iter=source), *_]):
            return _is_unknown_call(kept) or _is_unknown_call(source)
        case ast.Call(func=ast.Name(id="list" | "tuple"), args=[source]):
            return _is_unknown_call(source)
        case _:
            return False


def _is_unknown_call(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and last_name(node.func) not in VIEWS | {"range", "zip", "enumerate"}


def _filled_by_name(
    reasoning: Reasoning, changes: Iterable[Change]
) -> Iterator[list[tuple[AccessPath, Change, Reading]]]:
    """Yield the items of one container that are one tensor, and that statements write by name or through a loop."""
    alike: dict[object, list[Written]] = defaultdict(list)
    for one in changes:
        reading = reasoning.trace.after.get(one.path) if one.kind == "mutated" and one.path.endswith("]") else None
        if reading is not None and not reading.requires_grad:
            path = parse_path(one.path)
            alike[path.root, path.steps[:-1], reading.object].append((path, one, reading))
    for several in alike.values():
        named = [one for one in several if _is_named(reasoning, one)] if len(several) > 1 else []
        if len(named) > 1:
            yield named


def _is_named(reasoning: Reasoning, written: Written) -> bool:
    path, change, _ = written
    return change.cause == "direct" or reasoning.own.names_as_written(path)


def _may_keep(site: Site, container: AccessPath) -> bool:
    """Return whether a statement may have put something into a container, and does not only read it.

    One that names another item of the variable has not, `buffer["rew"].append(r)`, nor has one that binds it to what is
    empty.
    """
    node, name = parse_header(site.text), container.root
    if node is None or name not in names_in(node):  # a function that it calls may have
        return True
    if name in names_stored(node):
        return any(map(_holds_something, own_nodes(node)))
    if not any(one.leads_to(container) or container.leads_to(one) for one in mentions_of(node)):
        return False
    calls = [one for one in own_nodes(node) if isinstance(one, ast.Call)]
    handed = {root_variable(part) for one in calls for part in (one.func, *arguments(one))}
    return name in handed or puts_into(node, name)


def _holds_something(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) or (isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load))


def _lasting(reasoning: Reasoning, items: Sequence[tuple[AccessPath, Reading]], written: Refill) -> Lasting:
    path, reading = items[0]
    site, count = reasoning.born.sites.get(str(path)), reasoning.trace.cell.count
    copy, container = copy_call(reading), container_of([one for one, _ in items])
    born = site if site is not None and _may_keep(site, container) else None
    fact = OneMemory(container=str(container), count=len(items), times=written.times)
    places = {one.steps[len(container.steps) + 1 :] for one, _ in items}
    target, code = typed_line(count, born), keeping_copies(born.text, copy, places) if born else None
    if code is None and written.kept is not None:
        target, code = written.kept, keeping_copies(written.kept.text, copy, places)
    is_elsewhere = target is written.kept and target is not None
    fix = Fix(kind="keep-copies", code=code or "", other=copy, target=target, says_where=is_elsewhere)
    if code is None and written.instead is not None:
        fix = Fix(kind="write-some-copy", target=written.instead, says_where=True)
    hazard = Hazard(
        code="TW211",
        outcome="risk",
        paths=tuple(str(one) for one, _ in items),
        fact=fact,
        fix=fix,
        saved_at=born,
        written_at=written.site,
        saved_cell=count if born else None,
        written_cell=count,
    )
    return Lasting.of(hazard, items)
