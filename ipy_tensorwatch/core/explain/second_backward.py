"""Explain a backward that met a graph freed by an earlier one: which variable led there, and the fix."""

from __future__ import annotations

import ast
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

from ..hazards.backward.freed_graph import LiveCode, detached, fix_freed, foretold_freed, retaining
from ..hazards.backward.kept_results import kept_without_graph
from ..hazards.fix import Fix
from ..hazards.hazard import Hazard
from ..hazards.hazard_facts import FreedGraph, How
from ..records.typed_line import TypedLine, typed_line
from ..runtime.record import record
from ..statements.rewrite_statement import read_paths
from ..statements.statement import Statement, parse_statements
from ..syntax.ast_queries import covers_line, spell_path
from ..syntax.name_promises import stands_for_itself
from ..syntax.parsing import parse_cell, parse_path, walk_statements
from ..syntax.statement_text import spell_header
from ..syntax.syntax_tree import all_nodes
from .error_scene import ErrorScene, statement_of
from .failing_statement import backward_root, find_backward
from .known_writes import line_and_text

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from ..hazards.error_facts import Raised
    from ..records.report_parts import Site
    from ..records.trace.cell_error import FreedAtError

    LeadingIn = tuple[str | None, How, TypedLine | None]


@record(slots=False)
class SecondBackward:
    """Asks what led from a backward that raised into nodes that were freed before it.

    Attributes
    ----------
    own
        The site of the statement of the cell that raised.
    """

    scene: ErrorScene
    freed: FreedAtError
    raised: Raised
    own: Site | None

    def hazard(self) -> Hazard:
        """Return the explanation."""
        name, how, user = self._way()
        first = self._node(name) or self._first
        made_in, made = self._made(first)
        fix = self._fix(name, how, user, made)
        freed = self._freed_by if how in ("is", "shares") or self._is_within else None
        return Hazard(
            code="TW213",
            outcome="raises",
            paths=(name,) if name else (),
            op=self.freed.graph.ops.get(first or -1),
            fact=FreedGraph(root=self.raised.root, name=name, how=how, raised=self.raised),
            fix=fix,
            saved_at=made,
            saved_cell=made_in,
            written_at=freed,
            written_cell=self.scene.count if freed else None,
            node=self._first if how != "shares" else None,
            happened=True,
        )

    @cached_property
    def _runs(self) -> list[tuple[int, Statement]]:
        """The entries of the statements that ran backward, the failing one last: sequence number and statement."""
        return [(number, one) for number, one in self._entries if self._is_own(one) or _runs_backward(one.text)]

    @property
    def _entries(self) -> list[tuple[int, Statement]]:
        return self.scene.reasoning.own.timeline.entries

    def _is_own(self, one: Statement) -> bool:
        return self.own is not None and line_and_text(one) == line_and_text(self.own)

    @cached_property
    def _since(self) -> int:
        """The sequence number from which on nodes were made after the backward before."""
        own = [number for number, one in self._runs if self._is_own(one)]
        if own and self.own and not _runs_backward(self.own.text):  # a call that runs backward, and may compute before
            is_before = own[1:] and any(number < own[-2] for number in self.freed.graph.freed)
            return own[-2] if is_before else own[-1]
        if self._runs[1:]:
            return self._runs[-2][0]
        return self.scene.built.spans[-1].first if self.scene.built.spans else 0

    @cached_property
    def _first(self) -> int | None:
        """The freed node that the backward met first."""
        return max((number for number in self.freed.graph.freed if number < self._since), default=None)

    @property
    def _is_within(self) -> bool:
        """Whether the backward before ran in this cell."""
        return len(self._runs) > 1

    @property
    def _freed_by(self) -> Site | None:
        return self._runs[-2][1].site() if self._is_within else None

    def _way(self) -> LeadingIn:
        """Return the variable that led to the freed part, how, and the statement that computed from it."""
        if self._first is None:
            return None, "shares", None
        if self.freed.graph.root < self._since:
            return self._way_of_old_root()
        names = [number for number in self.freed.graph.below if number < self._since and self._paths(number)]
        user = self._site(min(self._users(), default=self.freed.graph.root))
        if names:
            number = max(names)
            return self._paths(number)[0], "leads" if self.freed.now.get(number) else self._carrying, user
        carried = next(iter(self._carried(user)), None)
        return carried, self._carrying if carried else "shares", user

    @property
    def _carrying(self) -> How:
        """How a state leads there that is computed from itself: without new leaves, it needs its old graph."""
        below, since = self.freed.graph.below, self._since
        is_alone = all(one < since or one in below for number in below if number >= since for one in below[number])
        return "leads" if is_alone else "goes-on"

    def _way_of_old_root(self) -> LeadingIn:
        before = self._freed_by
        root = backward_root(tree) if before and (tree := parse_cell(before.text)) else None
        if before is None or root == self.raised.root or self._is_own(self._runs[-2][1]):
            return None, "is", None
        names = [number for number in self.freed.graph.below if number < self.freed.graph.root and self._paths(number)]
        return (self._paths(max(names))[0], "leads", None) if names else (None, "shares", None)

    def _users(self) -> Iterator[int]:
        """Yield the new nodes that have an old one below."""
        for number, below in self.freed.graph.below.items():
            if number >= self._since and any(one < self._since and one in self.freed.graph.below for one in below):
                yield number

    def _paths(self, number: int) -> Sequence[str]:
        return self.freed.now.get(number) or self.freed.earlier.get(number) or ()

    def _node(self, name: str | None) -> int | None:
        """Return the old node that made a variable."""
        return max(
            (one for one in self.freed.graph.below if one < self._since and name in self._paths(one)), default=None
        )

    def _carried(self, user: TypedLine | None) -> Iterator[str]:
        """Yield what a statement reads and the cell binds, or what a called object keeps of this graph."""
        read = read_paths(user.text) if user else []
        bound = {name for _, one in self._entries for name in one.binds}
        read.sort(key=lambda path: parse_path(path).root not in _names_bound(user))  # a state that it rebinds itself
        yield from (self._spelled(path) for path in read if path in bound and self._is_computed(path))
        kept = (path for number, paths in self.freed.now.items() if number >= self._since for path in paths)
        yield from (path for path in kept if "." in path and path.split(".")[0] in read)

    def _spelled(self, path: str) -> str:
        """Return the path of a tensor, or of the first of several in a tuple."""
        every = [one for paths in self.freed.now.values() for one in paths]
        return path if path in every else min(one for one in every if one.startswith(f"{path}["))

    def _is_computed(self, path: str) -> bool:
        return any(one == path or one.startswith(f"{path}[") for paths in self.freed.now.values() for one in paths)

    def _made(self, number: int | None) -> tuple[int | None, Site | None]:
        cell = None if number is None else self.scene.built.cell_of(number)
        return cell, self.scene.timeline(cell).maker(number) if cell is not None and number is not None else None

    def _site(self, number: int) -> TypedLine | None:
        cell, site = self._made(number)
        return None if cell is None else typed_line(cell, site)

    def _fix(self, name: str | None, how: How, user: TypedLine | None, made: Site | None) -> Fix:
        if how in ("is", "shares") or user is None:
            return Fix(kind="retain-graph", code=retaining(self._freed_by))
        states = [*dict.fromkeys(self._states())] if how == "goes-on" else []
        if name is not None and stands_for_itself(name):  # as `h_prev, c_prev` do for the state of the round before
            past = (
                self._spelled(one) for one in read_paths(user.text) if stands_for_itself(one) and self._is_computed(one)
            )
            states = [*dict.fromkeys((*states, *past))]
        if name in states:
            code = "; ".join(dict.fromkeys(detached(one, self._source) for one in states))
            return Fix(kind="detach-state", code=code, other=user.text, target=user)
        kept = self._kept(self._paths(self._node(name) or 0), user)
        if kept is not None and self._carrying == "goes-on":
            return kept
        return fix_freed(name, user, made, is_covered=how == "goes-on", source=self._source)

    def _kept(self, paths: Sequence[str], user: TypedLine | None) -> Fix | None:
        """Return the fix that detaches what a container keeps."""
        old = [number for number in self.freed.graph.below if number < self._since]
        beside = [path for number in old for path in self.freed.now.get(number, ())]
        cells = {one.cell: one.plain for one in self.scene.built.spans}
        return kept_without_graph(paths, user, cells, self.scene.reasoning.trace.notebook, beside)

    def _states(self) -> Iterator[str]:
        """Yield what the statements of this round take over from the round before."""
        bound: set[str] = set()
        for user in dict.fromkeys(map(self._site, sorted(self._users()))):
            bound |= self._bound_before(user)
            yield from (one for one in self._carried(user) if parse_path(one).root not in bound)
            bound |= _names_bound(user)

    def _bound_before(self, user: TypedLine | None) -> set[str]:
        """Return the names that this round has bound before a statement."""
        found: set[str] = set()
        for number, one in self._entries:
            if user is not None and (one.line, one.text) == (user.line, user.text) and number >= self._since:
                return found
            found.update(one.binds if number >= self._since else ())
        return set()

    @property
    def _source(self) -> str:
        """The cells that may have bound the first state."""
        return "\n".join(one.plain for one in self.scene.built.spans)


def _names_bound(line: TypedLine | None) -> frozenset[str]:
    return frozenset[str]().union(*(one.binds for one in parse_statements(line.text if line else "")))


def _runs_backward(text: str) -> bool:
    tree = parse_cell(text)
    return tree is not None and find_backward(tree) is not None


def carried_around(source: str, line: int, computed: Collection[str]) -> tuple[str, TypedLine] | None:
    r"""Return the only state that the innermost loop around a line reads and rebinds in one statement, and that line.

    Parameters
    ----------
    computed
        The paths of the tensors that have a history.

    Examples
    --------
    >>> carried_around("for x in xs:\n    out, h = net(x, h)\n    out.backward()", 3, {"out", "h"})[0]
    'h'
    """
    tree = parse_cell(source)
    loops = [one for one in all_nodes(tree) if isinstance(one, ast.For | ast.While)] if tree else []
    around = [one for one in loops if covers_line(one, line)]
    if not around:
        return None
    lines, found = source.split("\n"), list[tuple[str, TypedLine]]()
    for one in walk_statements(max(around, key=lambda loop: loop.lineno).body):
        text = spell_header(one, lines)
        bound = _bound(one) if isinstance(one, ast.Assign) else ()
        for path in read_paths(text):
            item = next((each for each in sorted(computed) if each == path or each.startswith(f"{path}[")), None)
            if path in bound and item is not None:
                found.append((item, TypedLine(line=one.lineno, text=text)))
    return found[0] if len(found) == 1 else None


def _bound(one: ast.Assign) -> set[str | None]:
    parts = (part for target in one.targets for part in all_nodes(target))
    return {spell_path(part) for part in parts if isinstance(part, ast.expr)}


def explain_second(scene: ErrorScene) -> Hazard:
    """Return the hazard that explains it: the variable that led to the freed part, or what is known without it."""
    freed, local = scene.error.freed, _carried_in_function(scene)
    if freed is None or local is not None:
        return local or _hazard(FreedGraph(root=scene.raised.root, how="shares", raised=scene.raised), None)
    if freed.foretold is not None:
        code = LiveCode(scene.standing.built, scene.reasoning.trace.notebook)
        return foretold_freed(freed.foretold, scene.raised, code)
    return SecondBackward(scene=scene, freed=freed, raised=scene.raised, own=scene.site).hazard()


def _hazard(fact: FreedGraph, fix: Fix | None) -> Hazard:
    fix = fix or Fix(kind="retain-graph")
    return Hazard(code="TW213", outcome="raises", paths=(), fact=fact, fix=fix, happened=True)


def _carried_in_function(scene: ErrorScene) -> Hazard | None:
    """Return the explanation by the only local state that a loop of a function on the traceback carries on."""
    for frame in scene.error.frames:
        if frame.is_cell:
            return None
        computed = {str(path) for path, reading, _ in frame.local if not reading.is_leaf}
        found = carried_around(frame.source, frame.spot.line, computed)
        if found is not None:
            name, line = found
            target = statement_of(frame)
            target = replace(target, line=line.line + target.line - frame.line, text=line.text)
            fact = FreedGraph(root=scene.raised.root, name=name, how="goes-on", raised=scene.raised)
            return _hazard(
                fact, Fix(kind="detach-state", code=detached(name, frame.source), other=line.text, target=target)
            )
    return None
