"""Find the statement that caused each change, the variable it wrote through, and whether the change was expected."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING

from ..interpreter.ranking import MAY_REACH, NAMES_IT
from ..interpreter.reached_by_calls import Reach
from ..statements.told_by_text import calls_collective, mentions, runs_backward
from ..syntax.magic_calls import puts_back
from ..syntax.name_promises import says_state
from .evidence.loop_writes import names_led
from .evidence.module_calls import computes_parameter, is_inside_call, was_called
from .evidence.path_writes import PathWrites
from .evidence.possible_writers import FEW, PossibleWriter, WriterSearch
from .evidence.seen_lines import SeenLines
from .expected.changed_path import ChangedPath
from .expected.own_arrays import changes_itself
from .expected.updates import (
    counts_as_parameter,
    gives_back,
    is_by_optimizers_method,
    is_gradient_by_hand,
    is_replicated,
    is_update_by_hand,
    may_be_trained,
    only_stores,
    stands_for_parameters,
    was_data,
)
from .site_order import order_sites, unwrap
from .verdict import SILENT, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from ..interpreter.inferred_lines import Reached
    from ..records.path import AccessPath
    from ..records.report_parts import Cause, Inner, Site
    from ..records.snapshots.difference import Difference
    from ..records.snapshots.snapshot import Entry
    from ..records.trace.evidence import OptimizerStep
    from ..statements.statement import Statement
    from ..statements.writes.write_target import Target
    from .evidence.cell_index import CellIndex

    _Finding = tuple[Cause, tuple[Site, ...], Callable[[], list[str]]]

_ORDER: tuple[Cause, ...] = ("direct", "call", "alias", "optimizer", "backward", "module", "object")
"""The precedence of causes, for a cell that writes a tensor in several ways."""


def find_cause(cell: CellIndex, difference: Difference) -> Verdict:
    """Explain from a cell's evidence why the bytes behind a path differ."""
    return _Case(cell, difference).close()


class _Case:
    """One mutated path, until its verdict is found."""

    def __init__(self, cell: CellIndex, difference: Difference) -> None:
        self.cell, self.path, self.evidence = cell, difference.path, cell.evidence
        reading = difference.after or difference.before
        if reading is None:
            raise ValueError(difference)
        self.reading, self.spelled = reading, str(difference.path)
        self.components = cell.written_components(difference.path) if reading.unknown else ()
        self.group = tuple(entry for entry in self._overlapping() if str(entry[0]) != self.spelled)
        self.paths = [self.path, *(path for path, _ in self.group)]
        detours, is_data = tuple(cell.detours.others(self.paths)), was_data(cell, difference)
        self.changed = ChangedPath(path=self.path, reading=reading, group=self.group, detours=detours, is_data=is_data)
        self.names, self.others = self.changed.names, self.changed.others
        self.family, self.sightings = {self.spelled, *map(str, self.others)}, SeenLines(cell)
        parts = [(part, part) for part in self.components] or [(difference.before or reading, reading)]
        around = (*self.group, (self.path, reading))
        self.courses = [PathWrites.of(cell.places, around, *both) for both in parts]
        self.recorded: dict[int, list[Inner | None]] = {}
        for one in self.evidence.recorded.get(self.spelled, ()):
            self.recorded.setdefault(one.statement, []).append(one.inner)

    def _overlapping(self) -> list[Entry]:
        """Return the entries that share bytes with this path; only the first few after the deadline."""
        is_late = self.cell.deadline.has_passed()
        most = FEW if is_late else None
        found = self.cell.places.overlapping(self.reading, most)
        for part in self.components:
            found += self.cell.places.overlapping(part, most)
        if is_late and len(found) >= FEW:
            self.cell.curtailed[self.spelled] = None
        return found

    def close(self) -> Verdict:
        found = [(one, self._finding(one.statement, one.certain)) for one in self._writers()]
        if not found:
            return Verdict(cause="outside", sites=(), via=())
        findings = [finding for _, finding in found]
        cause = self._cause_of_all([(one, finding[0]) for one, finding in found])
        findings.sort(key=lambda found: cause in SILENT and found[0] not in SILENT)
        via = dict.fromkeys(name for own, _, through in findings if "direct" not in (cause, own) for name in through())
        sites = order_sites([(own, found) for own, found, _ in findings], cause, self.path, via)
        return Verdict(cause=cause, sites=sites, via=tuple(via))

    def _cause_of_all(self, found: Sequence[tuple[PossibleWriter, Cause]]) -> Cause:
        """Return the cause of all writes: direct if a statement names the path, unless one was seen to write beside it.

        The second holds for what the cell bound itself: what one statement made, a later one changed.
        """
        seen = [cause for one, cause in found if self.cell.judges_born and one.certain and cause in SILENT]
        if not seen and self.cell.names_as_written(self.path, self.names):
            return "direct"
        seen = seen or [cause for one, cause in found if one.certain or one.is_named]
        return min(seen or [cause for _, cause in found], key=_ORDER.index)

    def _writers(self) -> Iterator[PossibleWriter]:
        """Yield the statements that wrote."""
        search = WriterSearch(
            cell=self.cell,
            family=(self.path, *self.others),
            telling=self._telling,
            tells=self._is_told_to_write,
            reach=self._reach,
            recorded=self.recorded,
            is_buffer=self.reading.kind == "buffer",
        )
        writes = chain.from_iterable(one.writes(self.evidence) for one in self.courses)
        return search.in_time(search.writers(dict.fromkeys(writes), self.sightings))

    def _reach(self, statement: Statement) -> Reached:
        elsewhere = self._step(statement) is None and self.cell.steps_in(statement)
        return self.cell.reach(statement, self.path, self.others, steps_elsewhere=elsewhere)

    @cached_property
    def _telling(self) -> frozenset[int]:
        """Return the statements that name this memory as written, and those that were seen to write to it."""
        roots = {self.path.root, *(path.root for path in self.others)}
        steps = {one.statement for one in self.evidence.steps if one.storages & self.changed.storages}
        stepping = frozenset(one for one in steps if one is not None)
        every = frozenset(self.cell.numbered) if None in steps else frozenset[int]()
        spelling, leading = self.cell.spelling(roots), self.cell.leading_to(self.changed.objects)
        if self.path.is_grad:
            spelling |= frozenset(one.index for one in self.cell.statements if runs_backward(one))
        return spelling | leading | stepping | every | frozenset(self.recorded)

    def _is_told_to_write(self, statement: Statement) -> bool:
        """Return whether a statement names this memory as written, or was seen to write to it."""
        if not self.family.isdisjoint(self.cell.named_by(statement).exact):
            return True
        if self.path.is_grad and runs_backward(statement):
            return True
        if statement.index in self.recorded or self._step(statement) is not None or self._is_named(statement):
            return True
        if self._named_by_detour(statement, self.paths):
            return True
        if any(not self.changed.objects.isdisjoint(self._led_to(statement, target)) for target in statement.targets):
            return True
        mine = (self.path, self.reading)
        return bool(statement.elements) and any(self.cell.loops.names(statement, *one) for one in (mine, *self.group))

    def _led_to(self, statement: Statement, target: Target) -> frozenset[int]:
        """Return the tensors, gradients excluded, that a target's name led to when the statement was entered."""
        is_of_grad = target.grad or target.path.steps[:1] == (".grad",)
        if is_of_grad or target.is_label or target.kind in ("module", "metadata"):
            return frozenset()
        return self.evidence.targets.get(statement.index, {}).get(target.path.root, frozenset())

    def _finding(self, statement: Statement, certain: bool) -> _Finding:  # noqa: FBT001
        step = self._step(statement)
        reached = Reach(
            lambda: self._reach(statement),
            lambda candidates: self.sightings.narrow(statement, candidates),
        )
        cause = self._cause(statement, step, reached, is_seen=certain)
        is_by_step = cause == "optimizer" or (cause in SILENT and not self._through_others(statement, reached))
        inner = step.inner if step and is_by_step else None
        lines = self._lines(statement)
        if step and step.inner in lines:
            lines.sort(key=lambda one: (one == step.inner) is not is_by_step)
        explained = bool(lines) or inner is not None or self._tells_itself(statement, step, cause)
        possible = () if explained else reached.possible
        inferred = next((one.inner for one in possible if one.score >= MAY_REACH), None)
        site = statement.site("observed" if certain and inferred is None else "inferred", inner or inferred)
        sites = (
            tuple(replace(site, inner=one or inner) for one in lines) if lines else (unwrap(site, self.evidence.cell),)
        )
        return cause, sites, lambda: self._via(statement, step, reached)

    def _lines(self, statement: Statement) -> list[Inner | None]:
        """Return the lines that were seen to write, by an operator or between two looks."""
        recorded = self.recorded.get(statement.index, ())
        return list(dict.fromkeys([*recorded, *self.sightings.exact.get(statement.index, ())]))

    def _tells_itself(self, statement: Statement, step: OptimizerStep | None, cause: Cause) -> bool:
        """Return whether the statement itself is the line that wrote, so that no inner line is needed."""
        if cause == "optimizer":
            return step is not None
        if cause == "backward":
            return runs_backward(statement)
        return bool(self.names & self.cell.named_by(statement).exact)

    def _cause(self, statement: Statement, step: OptimizerStep | None, reached: Reach, *, is_seen: bool) -> Cause:
        if step is not None and self._belongs_to(step) and not self._through_others(statement, reached):
            return "optimizer"
        if (named := self._cause_of_name(statement, step, reached)) is not None:
            return named
        if self.path.is_grad and self._is_backward(statement, reached):
            return "backward"
        if self._is_of_called_module(statement, reached) or self._is_own_state(statement, reached):
            return "module"
        if changes_itself(self.cell, self.changed, statement, reached):
            return "object"
        is_cut = reached.is_cut or (not is_seen and self.spelled in self.cell.curtailed)
        if is_cut and (expected := self._cause_in_doubt(statement)) is not None:
            return expected
        if step is None and statement.calls and (mentions(statement, self.path) or self._is_reached(reached)):
            return "call"
        return "alias"

    def _cause_in_doubt(self, statement: Statement) -> Cause | None:
        """Return what is expected of a path, if only a call can have written that no time was left to follow."""
        if not statement.calls or self._named_others(statement) or gives_back(self.changed, statement):
            return None
        if self.path.is_grad:
            return "backward"
        if counts_as_parameter(self.reading) or self.cell.is_of_optimizer(self.path):
            return "optimizer"
        if self.reading.kind == "buffer":
            return "module"
        trains = self.cell.steps_in(statement) or self.cell.would_train(statement)
        return "object" if trains and self.path.steps[:1] and self.path.steps[0].startswith(".") else None

    def _cause_of_name(self, statement: Statement, step: OptimizerStep | None, reached: Reach) -> Cause | None:
        """Return the cause if the statement names this path as written, its tensor object, or what makes replicas."""
        if is_replicated(self.changed, statement):
            return "module"
        if self._is_written_by_name(statement):
            return "direct"
        if self._is_update(statement, step, reached):
            return "optimizer"
        return "direct" if self._is_led_to(statement) else None

    def _is_written_by_name(self, statement: Statement) -> bool:
        """Return whether the statement names this path as written, puts its bytes back, or waits for its collective."""
        is_bound = bool(self.names & self.cell.named_by(statement).bound)
        return is_bound or self._is_named(statement) or puts_back(statement.text) or self._is_awaited(statement)

    def _is_led_to(self, statement: Statement) -> bool:
        """Return whether the statement binds what its call wrote (`x = norm(x)`), or a loop, setter or module leads."""
        if statement.calls and self.path.root in statement.binds and self.reading.kind not in ("parameter", "buffer"):
            return True
        if self.reading.kind == "buffer" and statement.targets:
            ways = self.cell.places.ways_through_module(self.path, self.changed.same)
            if not ways.isdisjoint(self._named_others(statement)):
                return True
        is_led = self.cell.exchanges(statement, self.path) or self.cell.loops.names(statement, self.path, self.reading)
        return is_led or self.cell.sets(statement, self.path, self.others)

    def _is_reached(self, reached: Reach) -> bool:
        """Return whether a called function of the notebook names this very path as written."""
        return any(one.origin == self.path for one in reached.candidates[:1])

    def _step(self, statement: Statement) -> OptimizerStep | None:
        """Return the optimizer step in this statement that wrote this memory."""
        for step in self.evidence.steps:
            if step.statement in (None, statement.index) and step.storages & self.changed.storages:
                return step
        return None

    def _belongs_to(self, step: OptimizerStep) -> bool:
        if self.spelled.startswith(tuple(step.paths)) or stands_for_parameters(self.cell, self.changed, step):
            return True
        return self.reading.object in step.parameters or (self.reading.kind == "parameter" and not self._follows(step))

    def _through_others(self, statement: Statement, reached: Reach) -> list[str]:
        """Return the other tensor over a parameter's memory that a called function names as written."""
        others = {path for path, reading in self.group if reading.object != self.reading.object}
        if not (others and statement.calls and counts_as_parameter(self.reading)):
            return []
        lines = (one for one in reached.candidates[:1] if one.kind == "write" and one.score >= NAMES_IT)
        return [str(one.origin) for one in lines if one.origin in others]

    def _follows(self, step: OptimizerStep) -> bool:
        """Return whether the step holds another tensor with the same elements: `load_state_dict(…, assign=True)`."""
        held = (one for one in self.group if one[1].object in step.parameters)
        return any(reading.is_permuted(self.reading) and not self.cell.is_of_optimizer(path) for path, reading in held)

    def _is_named(self, statement: Statement) -> bool:
        named = self.cell.named_by(statement)
        return bool(self.names & named.exact) or named.is_behind(self.path)

    def _is_awaited(self, statement: Statement) -> bool:
        """Return whether a statement waits for a collective that names this path as written: `work.wait()`."""
        started = self.cell.statements if ".wait(" in statement.text else ()
        return any(calls_collective(one.text) and self._is_named(one) for one in started)

    def _is_update(self, statement: Statement, step: OptimizerStep | None, reached: Reach) -> bool:
        """Return whether an optimizer's method, or an update by hand, wrote a parameter or an optimizer's state."""
        has_stepped = step is not None
        if is_by_optimizers_method(self.cell, self.changed, statement, reached, has_stepped=has_stepped):
            return True
        if may_be_trained(self.changed) and self._is_same_object_named(statement):
            return True
        differing = [one for one in self.group if one[1].object != self.reading.object]
        if any(self.cell.loops.names(statement, path, reading) for path, reading in differing):
            return False
        return is_update_by_hand(self.cell, self.changed, statement, reached, has_stepped=has_stepped)

    def _is_same_object_named(self, statement: Statement) -> bool:
        """Return whether the statement names the very tensor object as written, under whichever name."""
        same = {str(path) for path in self.changed.same}
        for target in statement.targets:
            named = self._led_to(statement, target)
            if target.same_object and (self.reading.object in named or self.cell.named_by(statement).exact & same):
                return True
        if self._named_by_detour(statement, (self.path,)) and all(one.same_object for one in statement.targets):
            return True
        return self.cell.loops.names(statement, self.path, self.reading, same_object=True)

    def _is_backward(self, statement: Statement, reached: Reach) -> bool:
        """Return whether a gradient was written by a backward, an optimizer, or by hand, through its leaf's `.grad`."""
        if runs_backward(statement) or reached.backward:
            return True
        if not statement.calls or self._named_others(statement):
            return False
        return not reached.candidates or is_gradient_by_hand(self.cell, self.changed, statement, reached)

    def _is_of_called_module(self, statement: Statement, reached: Reach) -> bool:
        """Return whether a buffer was reached through the module that was called, not through another one."""
        if self.reading.kind != "buffer" or self._named_others(statement):
            return False
        if not statement.calls:
            return computes_parameter(statement, self.path)
        rivals = [path for path, reading in self.group if reading.kind == "buffer" and path.root != self.path.root]
        mine = [rival for rival in rivals if self.cell.places.is_one_module(self.path, rival)]
        if rivals and not mentions(statement, self.path):
            called = {rival for rival in rivals if mentions(statement, rival)}
            if called and called.isdisjoint(mine):
                return False
        return was_called(self.cell, statement, (self.path, *mine), reached.candidates)

    def _is_own_state(self, statement: Statement, reached: Reach) -> bool:
        """Return whether a called module wrote a plain tensor of its own: a cache, or in a cell that trains."""
        is_state = bool(self.evidence.steps) or any(map(says_state, self.path.steps[-1:]))
        if not (is_state and statement.calls and reached.candidates) or self.reading.kind != "tensor":
            return False
        return self.cell.is_of_module(self.path) and is_inside_call(reached.candidates[0], (self.path,))

    def _named_others(self, statement: Statement) -> list[str]:
        named = self.cell.named_by(statement)
        led = [str(path) for path, reading in self.group if self.cell.loops.names(statement, path, reading)]
        exact = named.exact | named.bound
        found = [path for path, _ in self.group if str(path) in exact or named.writes_behind(path)]
        found = found or [path for path, _ in self.group if self.cell.sets(statement, path, self.others)]
        variables = {one.variable for one in statement.elements}  # each leads to an element that has a path of its own
        own = [str(path) for path in found if path.root not in variables]
        return [*led, *own] or self._named_by_detour(statement, self.paths) or [*map(str, found)]

    def _named_by_detour(self, statement: Statement, paths: Iterable[AccessPath]) -> list[str]:
        """Return the paths over second ways by which a statement names some paths as written."""
        elements = (one.target.path for one in statement.elements)
        return self.cell.detours.spell(paths, (*self.cell.named_by(statement).paths, *elements))

    def _via(self, statement: Statement, step: OptimizerStep | None, reached: Reach) -> list[str]:
        if named := self._named_others(statement):
            return named
        if step is not None:
            beside = self._through_others(statement, reached)
            held = (path for path, reading in self.group if reading.object in step.parameters)
            return beside or [*map(str, sorted(held, key=lambda one: one.root in self.cell.looped))]
        likeliest = [one for one in reached.candidates[:1] if one.origin is not None]
        through = [str(path) for path in self.others if path in [one.origin for one in likeliest]]
        if through and likeliest[0].score >= NAMES_IT:
            return through
        own = self.path.root if mentions(statement, self.path) else None  # its variable leads to the others as well
        mentioned = [path for path, _ in self.group if path.root != own and mentions(statement, path)]
        found = [str(path) for path in mentioned if not only_stores(statement, path.root)] or through
        found = found or self.cell.detours.spell(self.paths, statement.mentions) or self._held(reached)
        return found or names_led(self.cell.statements, statement, self.path)

    def _held(self, reached: Reach) -> list[str]:
        """Return the parameters in this memory, if a method of an optimizer wrote, which only holds them."""
        running = [one for likeliest in reached.candidates[:1] for one in likeliest.within]
        held = self.group if any(one.kind == "optimizer" for one in running) else ()
        return [str(path) for path, reading in held if reading.kind == "parameter"]
