"""Say of each change which statement caused it, through which variable, and whether anybody would have expected it."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from ..interpreter.reached_by_calls import Reach
from ..model.path import AccessPath, count_alike
from ..model.records import Site
from ..statements.target_matching import name_targets
from ..statements.write_calls import is_followed_by, may_write, mentions, runs_backward
from ..syntax.magic_calls import runs_magic
from .course import Course
from .path_evidence import Sightings
from .silent import Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from ..interpreter.inferred_lines import Inferred, Reached
    from ..model.diff import Difference
    from ..model.reading import Reading
    from ..model.records import Cause, Inner
    from ..statements.statement import Statement
    from ..statements.target_matching import Named
    from ..statements.write_target import Target
    from .evidence import Evidence, Position, Step

    Candidates = tuple[Inferred, ...]
    Entry = tuple[AccessPath, Reading]
    _Finding = tuple[Cause, tuple[Site, ...], Callable[[], list[str]]]

_ORDER: tuple[Cause, ...] = ("direct", "call", "alias", "optimizer", "backward", "module")
"""A cell that writes a tensor in several ways is told by the first of these that applies."""


@dataclass(frozen=True, kw_only=True)
class Blame:
    """Explains the mutations of one cell.

    Attributes
    ----------
    watched
        All paths, spelled, so that the longest one that a statement names can be told.
    neighbours
        Gives the other entries that share a byte with a reading.
    reach
        Follows a statement's calls into the notebook's functions.
    """

    evidence: Evidence
    watched: Mapping[str, Reading]
    neighbours: Callable[[Reading], Iterable[Entry]]
    reach: Callable[[Statement, AccessPath, frozenset[AccessPath]], Reached]

    def explain(self, difference: Difference) -> Verdict:
        """Explain why the bytes behind a path differ."""
        return _Case(self, difference).close()

    def sharing(self, difference: Difference) -> list[AccessPath]:
        """Give the path of a difference, and the paths that share a byte with it."""
        reading = difference.after or difference.before
        return [difference.path, *(path for path, _ in self.neighbours(reading))] if reading else []

    @cached_property
    def crowds(self) -> Mapping[int, int]:
        """How many paths lead into each storage."""
        return Counter(reading.storage for reading in self.watched.values())

    def is_one_module(self, one: AccessPath, other: AccessPath) -> bool:
        """Tell whether two paths to a buffer go through one and the same module: they agree in all that it holds."""
        shared = count_alike([path.steps[::-1] for path in (one, other)])
        starts = tuple(str(AccessPath(path.root, path.steps[: len(path.steps) - shared])) for path in (one, other))
        if starts not in self._compared:
            self._compared[starts] = self._below(starts[0]) == self._below(starts[1])
        return self._compared[starts]

    @cached_property
    def _compared(self) -> dict[tuple[str, ...], bool]:
        """The pairs of modules that were compared."""
        return {}

    def _below(self, start: str) -> dict[str, int]:
        """Give the objects behind a path, by how they are spelled from there on."""
        behind = (f"{start}.", f"{start}[")
        watched = self.watched.items()
        return {spelled[len(start) :]: reading.object for spelled, reading in watched if spelled.startswith(behind)}

    def named_by(self, statement: Statement) -> Named:
        """Tell what a statement names as written."""
        index = statement.index
        if index not in self._named:
            self._named[index] = name_targets(statement, self.evidence.values.get(index) or ({},), self.watched)
        return self._named[index]

    @cached_property
    def _named(self) -> dict[int, Named]:
        """What was found of the statements that were asked for."""
        return {}

    @cached_property
    def numbered(self) -> Mapping[int, Statement]:
        """The cell's statements by their place."""
        return {one.index: one for one in self.evidence.statements}

    @cached_property
    def able(self) -> frozenset[int]:
        """The statements that may run any code at all: not one like `y = 1`, which cannot have written a tensor."""
        return frozenset(index for index, one in self.numbered.items() if may_write(one))

    def spelling(self, words: Iterable[str]) -> frozenset[int]:
        """Give the statements in whose text one of some names stands."""
        return frozenset[int]().union(*(self._words.get(word, ()) for word in words))

    @cached_property
    def _words(self) -> Mapping[str, set[int]]:
        found: dict[str, set[int]] = {}
        for one in self.evidence.statements:
            for word in set(_WORD.findall(one.text)):
                found.setdefault(word, set()).add(one.index)
        return found

    def leading_to(self, objects: Iterable[int]) -> frozenset[int]:
        """Give the statements of which some name led to one of some tensors as they were entered."""
        return frozenset[int]().union(*(self._leading.get(one, ()) for one in objects))

    @cached_property
    def _leading(self) -> Mapping[int, set[int]]:
        found: dict[int, set[int]] = {}
        for index, names in self.evidence.targets.items():
            for serial in frozenset[int]().union(*names.values()):
                found.setdefault(serial, set()).add(index)
        return found


_WORD = re.compile(r"\w+")


class _Case:
    """One mutated path on its way to a verdict."""

    def __init__(self, blame: Blame, difference: Difference) -> None:
        self.blame, self.path = blame, difference.path
        reading = difference.after or difference.before
        if reading is None:
            raise ValueError(difference)
        whole = AccessPath(self.path.root, self.path.steps[:-1]) if reading.kind == "component" else self.path
        self.reading, self.spelled = reading, str(difference.path)
        self.names = {self.spelled, str(whole)}
        self.evidence = blame.evidence
        self.group = [entry for entry in blame.neighbours(reading) if str(entry[0]) != self.spelled]
        self.others = frozenset(path for path, _ in self.group)
        self.family = {self.spelled, *map(str, self.others)}
        self.sightings = Sightings(blame.evidence)
        together = sum(one.storage == reading.storage for _, one in self.group) + 1
        is_alone = together >= blame.crowds[reading.storage]
        self.course = Course(before=difference.before or reading, after=reading, is_alone=is_alone)
        self.recorded: dict[int, list[Inner | None]] = {}
        for one in self.evidence.recorded.get(self.spelled, ()):
            self.recorded.setdefault(one.statement, []).append(one.inner)

    def close(self) -> Verdict:
        findings = [self._finding(statement, certain) for statement, certain in self._suspects()]
        if not findings:
            return Verdict(cause="outside", sites=(), via=())
        cause = "direct" if self._is_direct() else min((found[0] for found in findings), key=_ORDER.index)
        via = dict.fromkeys(name for _, _, through in findings if cause != "direct" for name in through())
        sites = tuple(site for _, found, _ in findings for site in found)
        return Verdict(cause=cause, sites=sites, via=tuple(via))

    def _is_direct(self) -> bool:
        """Tell whether a statement that ran names this very path as written."""
        spelling = self.blame.spelling([self.path.root])
        ran = (one for index in sorted(spelling) if self._ran(one := self.blame.numbered[index]))
        return any(self.names & self.blame.named_by(one).exact for one in ran)

    def _ran(self, statement: Statement) -> bool:
        return not self.evidence.ran or statement.index in self.evidence.ran

    def _suspects(self) -> list[tuple[Statement, bool]]:
        """Find the statements that wrote, each with whether it was seen to."""
        statements = self.blame.numbered
        seen: dict[int, bool] = {}
        for positions in dict.fromkeys(self.course.writes(self.evidence)):
            places: dict[int, list[Position]] = {}
            for one in positions:
                places.setdefault(one.statement, []).append(one)
            ran = frozenset(places)
            able = ran & self.blame.able
            for index in self._likeliest(able):
                seen[index] = seen.get(index, False) or len(ran) == 1 or index in self.recorded
                self.sightings.add(statements[index], places[index], certain=len(ran) == 1)
        if not seen:
            every = self.evidence.ran or frozenset(statements)
            ran = frozenset(every) & self.blame.able
            seen = {index: len(ran) == 1 or index in self.recorded for index in self._likeliest(ran)}
        return [(statements[index], seen[index]) for index in sorted(seen) if index in statements]

    def _likeliest(self, indices: frozenset[int]) -> list[int]:
        """Choose among statements that ran between two looks those that name the memory, or may reach it."""
        if len(indices) <= 1:
            return list(indices)
        telling = [
            one
            for index in sorted(indices & self._telling)
            if self._is_told_to_write(one := self.blame.numbered[index])
        ]
        if telling:
            return [one.index for one in telling]
        statements = [self.blame.numbered[index] for index in sorted(indices)]
        tiers: tuple[Callable[[Statement], bool], ...] = (
            lambda one: one.calls and bool(self.blame.reach(one, self.path, self.others).candidates),
            lambda one: one.calls and self._mentions(one),
            lambda one: one.calls,
        )
        found = ([one.index for one in statements if belongs(one)] for belongs in tiers)
        return next(filter(None, found), [one.index for one in statements])

    @cached_property
    def _telling(self) -> frozenset[int]:
        """Give the statements that can name this memory as written, and those that were seen to write there."""
        roots = {self.path.root, *(path.root for path in self.others)}
        steps = [one.statement for one in self.evidence.steps if one.storages & self._storages]
        stepping = frozenset(one for one in steps if one is not None)
        every = frozenset(self.blame.numbered) if None in steps else frozenset[int]()
        spelling, leading = self.blame.spelling(roots), self.blame.leading_to(self._objects)
        return spelling | leading | stepping | every | frozenset(self.recorded)

    @cached_property
    def _objects(self) -> frozenset[int]:
        return frozenset((self.reading.object, *(reading.object for _, reading in self.group)))

    @cached_property
    def _storages(self) -> frozenset[int]:
        return frozenset((self.reading.storage, *(reading.storage for _, reading in self.group)))

    def _is_told_to_write(self, statement: Statement) -> bool:
        """Tell a statement that names this memory as written, or was seen to write there."""
        if not self.family.isdisjoint(self.blame.named_by(statement).exact):
            return True
        if statement.index in self.recorded or self._step(statement) is not None or self._is_named(statement):
            return True
        return any(not self._objects.isdisjoint(self._led_to(statement, target)) for target in statement.targets)

    def _led_to(self, statement: Statement, target: Target) -> frozenset[int]:
        """Give the tensors that the name of a target led to as the statement was entered; not of their gradients."""
        if target.grad or target.path.steps[:1] == (".grad",):
            return frozenset()
        return self.evidence.targets.get(statement.index, {}).get(target.path.root, frozenset())

    def _finding(self, statement: Statement, certain: bool) -> _Finding:  # noqa: FBT001
        step = self._step(statement)
        reached = Reach(
            lambda: self.blame.reach(statement, self.path, self.others),
            lambda candidates: self.sightings.narrow(statement, candidates),
        )
        cause = self._cause(statement, step, reached)
        inner = step.inner if step and cause == "optimizer" else None
        lines = self._lines(statement)
        explained = bool(lines) or inner is not None or self._tells_itself(statement, step, cause)
        inferred = reached.possible[0].inner if not explained and reached.possible else None
        site = Site(
            line=statement.line,
            end_line=statement.end_line,
            text=statement.text,
            certainty="observed" if certain and inferred is None else "inferred",
            inner=inner or inferred,
        )
        sites = tuple(replace(site, inner=one or inner) for one in lines) if lines else (self._unwrapped(site),)
        return cause, sites, lambda: self._via(statement, step, reached)

    def _lines(self, statement: Statement) -> list[Inner | None]:
        """Give the lines that were seen to write, by an operator or between two looks."""
        recorded = self.recorded.get(statement.index, ())
        return list(dict.fromkeys([*recorded, *self.sightings.exact.get(statement.index, ())]))

    def _unwrapped(self, site: Site) -> Site:
        """Tell the line of a magic's body as the line of the cell that it is."""
        inner = site.inner
        if inner is None or inner.cell != self.evidence.cell or not runs_magic(site.text):
            return site
        return Site(line=inner.line, end_line=inner.line, text=inner.text, certainty="inferred")

    def _tells_itself(self, statement: Statement, step: Step | None, cause: Cause) -> bool:
        """Tell a statement of the cell that is itself the line that wrote, so that no inner line is looked for."""
        if cause == "optimizer":
            return step is not None
        if cause == "backward":
            return runs_backward(statement)
        return bool(self.names & self.blame.named_by(statement).exact)

    def _cause(self, statement: Statement, step: Step | None, reached: Reach) -> Cause:
        if step is not None and self._belongs_to(step):
            return "optimizer"
        if self._is_named(statement):
            return "direct"
        if self._is_update_by_hand(statement, reached):
            return "optimizer"
        if self.path.is_grad and self._is_backward(statement, reached):
            return "backward"
        if self.reading.kind == "buffer" and statement.calls and not self._named_others(statement):
            return "module" if self._is_own_buffer(statement) else "call" if self._mentions(statement) else "alias"
        if step is not None:
            return "alias"
        if statement.calls and (self._mentions(statement) or self._is_reached(reached)):
            return "call"
        return "alias"

    def _is_reached(self, reached: Reach) -> bool:
        """Tell whether a called function of the notebook names this very path."""
        return any(one.origin == self.path for one in reached.candidates[:1])

    def _step(self, statement: Statement) -> Step | None:
        """Find the optimizer's step, in this statement, that wrote this memory."""
        for step in self.evidence.steps:
            if step.statement in (None, statement.index) and step.storages & self._storages:
                return step
        return None

    def _belongs_to(self, step: Step) -> bool:
        if any(self.spelled.startswith(path) for path in step.paths):
            return True
        return self.reading.object in step.parameters or self.reading.kind == "parameter"

    def _is_named(self, statement: Statement) -> bool:
        named = self.blame.named_by(statement)
        return bool(self.names & named.exact) or named.is_behind(self.path)

    def _is_update_by_hand(self, statement: Statement, reached: Reach) -> bool:
        """Tell a parameter that was written through the very same tensor object under another name."""
        if not (self.reading.requires_grad and self.reading.is_leaf):
            return False
        same = {str(path) for path, reading in self.group if reading.object == self.reading.object}
        for target in statement.targets:
            named = self._led_to(statement, target)
            if target.same_object and (self.reading.object in named or self.blame.named_by(statement).exact & same):
                return True
        if not reached.candidates:  # where time was up, nobody knows whether a library wrote or the notebook did
            return not reached.is_cut and self._is_updated_by_a_library(statement)
        likeliest = reached.candidates[0]
        return likeliest.same_object and self._is_origin(likeliest.origin, same)

    def _is_updated_by_a_library(self, statement: Statement) -> bool:
        """Tell a parameter handed to a function that nobody here can read, and not written through another object.

        A module that is called writes its own parameters for another reason, as an embedding with `max_norm` does; and
        what hangs on the parameter, `w.detach()` or `w[0]`, is another object.
        """
        others = [path for path, reading in self.group if reading.object != self.reading.object]
        if not statement.calls or any(mentions(statement, path) for path in others):
            return False
        called = any(is_followed_by("(", str(one), statement) for one in statement.mentions if one.leads_to(self.path))
        return not called and not any(is_followed_by(".[", name, statement) for name in self.names)

    def _is_origin(self, origin: AccessPath | None, same: set[str]) -> bool:
        return origin is None or origin.leads_to(self.path) or str(origin) in same

    def _is_backward(self, statement: Statement, reached: Reach) -> bool:
        if runs_backward(statement) or reached.backward:
            return True
        return statement.calls and not reached.candidates and not self._named_others(statement)

    def _is_own_buffer(self, statement: Statement) -> bool:
        """Tell a buffer reached through the module that was called from one reached through another module."""
        rivals = [path for path, reading in self.group if reading.kind == "buffer" and path.root != self.path.root]
        if not rivals or self._mentions(statement):
            return True
        called = [rival for rival in rivals if mentions(statement, rival)]
        return not called or any(self.blame.is_one_module(self.path, rival) for rival in called)

    def _named_others(self, statement: Statement) -> list[str]:
        named = self.blame.named_by(statement)
        return [str(path) for path, _ in self.group if str(path) in named.exact or named.is_behind(path)]

    def _mentions(self, statement: Statement) -> bool:
        return mentions(statement, self.path)

    def _via(self, statement: Statement, step: Step | None, reached: Reach) -> list[str]:
        named = self._named_others(statement)
        if named:
            return named
        if step is not None:
            return [str(path) for path, reading in self.group if reading.object in step.parameters]
        origins = [one.origin for one in reached.candidates[:1] if one.origin is not None]
        through = [str(path) for path in self.others if path in origins]
        mentioned = [path for path, _ in self.group if mentions(statement, path)]
        return through or [str(path) for path in mentioned if path.root not in statement.binds]
