"""Indexes over a cell's evidence: which statements may have written what."""

from __future__ import annotations

import ast
import copy
import math
import re
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

from ...interpreter.ranking import Elsewhere
from ...interpreter.statement_effects import StatementEffects, known_effects
from ...runtime.deadline import Deadline
from ...runtime.grouped import grouped, tally
from ...statements.assigned_value import may_write_in
from ...statements.exchanged_names import exchanged_names
from ...statements.handed_parameters import handed_parameters
from ...statements.leftover_names import leftover_names
from ...statements.statement import Statement, parse_statements
from ...statements.target_matching import Named, match_targets
from ...statements.told_by_text import is_followed_by, may_write
from ...syntax.cell_lines import Listing
from ...syntax.parsing import parse_path
from ...syntax.statement_text import words_in
from .detours import Detours
from .loop_writes import LoopWrites
from .statement_timeline import Timeline

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator, Mapping, Sequence

    from ...interpreter.definitions import ClassKind, RunningFunction
    from ...interpreter.inferred_lines import Effects, Reached
    from ...records.path import AccessPath
    from ...records.reading import Reading
    from ...records.report_parts import Inner, Place
    from ...records.trace.cell_trace import CellTrace
    from ...records.trace.evidence import Evidence, Move, SeenWrite
    from ...statements.aliases.reference import Reference
    from .snapshot_index import SnapshotIndex

_Seen = TypeVar("_Seen", "SeenWrite", "Move")
_WORD = re.compile(r"\w+")
_INDEXERS = {(f".{name}",) for name in ("at", "iat", "loc", "iloc")}
"""The attributes of a frame that stand for the frame itself where items are assigned: `df.loc[0, "a"] = 1`."""
_FRAMES = ("DataFrame", "Series")
_DEFINED = re.compile(r"\bdef\s+(\w+)")


class CellIndex:
    """Indexes over one cell's evidence, each built on first use.

    Attributes
    ----------
    curtailed
        The paths whose cause was not searched to the end, because the deadline passed.
    judges_born
        Whether it tells of what the cell bound itself: then a statement that names it does not speak for others.
    """

    judges_born = False

    def __init__(self, evidence: Evidence, trace: CellTrace, places: SnapshotIndex) -> None:
        self.evidence, self.places, self._trace = evidence, places, trace
        self.curtailed: dict[str, None] = {}
        self._named: dict[int, Named] = {}
        self._lines: dict[Place, Inner | None] = {}
        self._called: dict[int, tuple[AccessPath, ...]] = {}
        self._storages: dict[int, frozenset[int]] = {}
        self._led_to: dict[Reference, frozenset[str] | None] = {}

    @cached_property
    def statements(self) -> tuple[Statement, ...]:
        """The cell's own statements."""
        return parse_statements(self.evidence.plain)

    @cached_property
    def numbered(self) -> Mapping[int, Statement]:
        """The statements by their index."""
        return {one.index: one for one in self.statements}

    @cached_property
    def timeline(self) -> Timeline:
        """When the statements ran."""
        return Timeline(self.evidence.plain, self.evidence.entered)

    @property
    def defines(self) -> Container[str]:
        """The names of the notebook's functions and classes."""
        return self._trace.notebook.definitions

    @property
    def renamed(self) -> Container[str]:
        """The paths of tensors that have a second name since they were made leaves."""
        return self._trace.notebook.renamed

    @cached_property
    def handed(self) -> frozenset[str]:
        """The names of what this cell, or a function of the notebook, calls modules with."""
        sources = (self.evidence.plain, *(one.source for one in self._trace.notebook.definitions.values()))
        return frozenset[str]().union(*map(handed_parameters, sources))

    @cached_property
    def looped(self) -> frozenset[str]:
        """The names that loops have left over, those of this cell too."""
        return leftover_names(self.evidence.plain, self._trace.notebook.leftovers)

    @cached_property
    def able(self) -> frozenset[int]:
        """The statements that may run arbitrary code: `y = 1`, which cannot write a tensor, is excluded."""
        return frozenset(one.index for one in self.statements if may_write(one))

    def able_among(self, indices: frozenset[int]) -> frozenset[int]:
        """Return which statements may have written: if none may by a call, those that run an object's own code."""
        return indices & self.able or frozenset(
            one for one in indices if one in self.numbered and self.numbered[one].operates
        )

    def since(self, look: int, ran: frozenset[int], until: int | None = None) -> CellIndex:
        """Return an index of what was observed between two looks; `ran` are the statements that ran between."""
        _ = self.numbered, self.able, self._effects, self._words, self._leading
        later, known = copy.copy(self), self.evidence
        later.judges_born = look > 0
        later.evidence = replace(
            known, writes=_between(look, known.writes, until), moves=_between(look, known.moves, until), ran=ran
        )
        return later

    def named_by(self, statement: Statement) -> Named:
        """Return what a statement names as written."""
        index = statement.index
        if index not in self._named:
            known = self.evidence.values.get(index) or ({},)
            self._named[index] = match_targets(statement.targets, known, self.places.watched)
        return self._named[index]

    def names_as_written(self, path: AccessPath, names: frozenset[str] = frozenset()) -> bool:
        """Return whether a statement that ran names this very path as written, or the whole that it is a part of."""
        spelled = names or frozenset((str(path),))
        ran = (index for index in sorted(self.spelling([path.root])) if index in (self.evidence.ran or self.numbered))
        return any(not spelled.isdisjoint(self.named_by(self.numbered[index]).exact) for index in ran)

    def written_components(self, path: AccessPath) -> list[Reading]:
        """Return the components of a sparse tensor that were seen to be written; all of them if none was."""
        every = [part for _, part in self.places.components.get(path, ())]
        return [part for part in every if part.storage in self.evidence.writes] or every

    @cached_property
    def loops(self) -> LoopWrites:
        """What the statements write through loop variables."""
        return LoopWrites(self.evidence, self.places.watched)

    @cached_property
    def detours(self) -> Detours:
        """The statements that take a second way to a container."""
        return Detours(self.places.snapshot.ways)

    def exchanges(self, statement: Statement, path: AccessPath) -> bool:
        """Return whether a statement names what the cell exchanges with a variable, as by `old, new = new, old`."""
        mine = [names for names in self._exchanged if path.root in names and not path.steps]
        return any(one.root in names for names in mine for one in statement.mentions)

    @cached_property
    def _exchanged(self) -> Sequence[frozenset[str]]:
        """The variables that statements exchange; where two of them are one memory, it is no second buffer."""
        several = [exchanged_names(one.text) for one in self.statements if len(one.binds) > 1]
        return [names for names in several if names and all(map(_are_apart, self._readings_of(names)))]

    def _readings_of(self, names: Iterable[str]) -> Iterator[list[Reading]]:
        """Yield what some variables led to before and after the cell."""
        for snapshot in (self._trace.before, self._trace.after):
            found = (snapshot.get(name) for name in names)
            yield [one for one in found if one is not None]

    def sets(self, statement: Statement, path: AccessPath, others: frozenset[AccessPath]) -> bool:
        """Return whether a statement writes behind an object by assigning to it, as the setter of a property does."""
        named = (*self.named_by(statement).owners, *self.loops.owners(statement))
        owners = [one.owner if one.steps[-1:] in _INDEXERS else one for one in named]
        value, classes = statement.value, self._trace.notebook.classes
        if value is None or path.is_grad or not any(one.leads_to(path) and str(one) in classes for one in owners):
            return False
        if may_write_in(value, path, self._trace.notebook.definitions):
            return False
        return not self.effects_of(ast.unparse(value)).narrow(path, others).candidates

    def reach(
        self, statement: Statement, path: AccessPath, others: frozenset[AccessPath], *, steps_elsewhere: bool = False
    ) -> Reached:
        """Return what a statement reaches inside the notebook's functions for a path."""
        family = frozenset((str(path), *map(str, others)))
        elsewhere = Elsewhere(has=lambda one: self._is_apart(one, family), steps=steps_elsewhere)
        reached = self.effects_of(statement).narrow(path, others, elsewhere)
        if reached.is_cut:
            self.curtailed[str(path)] = None
        return reached

    def _is_apart(self, reference: Reference, family: frozenset[str]) -> bool:
        """Return whether a reference leads to memory outside a family of paths, as far as paths lead there."""
        found = self._paths_of(reference)
        if found is None:
            return reference.path.steps[-1:] != () and self._is_plain(reference.path)
        return family.isdisjoint(found) and self._rebound.isdisjoint(found)

    def _is_plain(self, path: AccessPath) -> bool:
        """Return whether an attribute of a known object, or of one that the code has just made, is no array."""
        notebook, owner = self._trace.notebook, str(path.owner)
        if owner in notebook.objects or not owner.startswith("<"):
            return owner in notebook.objects
        made = owner[1:].partition(" ")[0]
        alike = [parse_path(one) for one, name in notebook.classes.items() if name == made]
        return bool(alike) and not any(self.places.led_to(one.then(path.steps[-1])) for one in alike)

    @cached_property
    def _rebound(self) -> frozenset[str]:
        """The paths that led to several tensors while the cell ran."""
        arrived = tally(one.path for one in self._trace.arrivals if one.reading is not None)
        return frozenset(path for path, count in arrived.items() if count > 1 or self._trace.before.get(path))

    def _paths_of(self, reference: Reference) -> frozenset[str] | None:
        """Return the watched paths that a reference of a function leads to; None if not known."""
        if reference not in self._led_to:
            find = self.places.behind if reference.below else self.places.led_to
            self._led_to[reference] = find(reference.path)
        return self._led_to[reference]

    def storages_named_in(self, index: int) -> frozenset[int]:
        """Return the storages that functions called by a statement name as written."""
        if index not in self._storages:
            self._storages[index] = frozenset(one.storage for one in self.written_in(self.numbered[index]))
        return self._storages[index]

    def written_in(self, statement: Statement, within: tuple[RunningFunction, ...] | None = None) -> Iterator[Reading]:
        """Yield the tensors that functions called by a statement name as written; `within` are those that must run."""
        events = self.effects_of(statement).events if statement.calls else ()
        known = (one for one in events if one.kind == "write" and within in (None, one.within))
        refs = {one.reference for one in known if one.reference and one.reference.sure}
        paths = frozenset[str]().union(*(self._paths_of(one) or () for one in refs))
        return (self.places.watched[path] for path in paths)

    def changed_in(self, statement: Statement, reading: Reading) -> bool:
        """Return whether the memory of a tensor was seen to change in a statement.

        If nobody saw it, it may have where it changed in the cell and no optimizer stepped in another statement.
        """
        own, storage = self._trace.own, reading.storage
        at = {position.statement for one in own.writes.get(storage, ()) for position in one.positions}
        at.update(one.statement for one in own.steps if one.statement is not None and storage in one.storages)
        return statement.index in at if at else storage in self._changed

    @cached_property
    def _changed(self) -> frozenset[int]:
        ends = (one.after or one.before for one, *_ in self._trace.found)
        return frozenset(one.storage for one in ends if one is not None)

    def steps_in(self, statement: Statement) -> bool:
        """Return whether an optimizer stepped in a statement."""
        return any(one.statement in (None, statement.index) for one in self.evidence.steps)

    def would_train(self, statement: Statement) -> bool:
        """Return whether a statement computes gradients and steps, by its source: it may have raised before that."""
        effects = self.effects_of(statement)
        return effects.backward and any(one.kind == "optimizer" for one in effects.events)

    def effects_of(self, statement: Statement | str) -> Effects:
        """Return every write a statement reaches inside the notebook's functions."""
        return self._effects.of(statement)

    def kind_of(self, path: AccessPath) -> ClassKind:
        """Return whether a path leads to a module or to an optimizer."""
        return self._effects.library.kind_of(self._effects.library.class_of(path))

    def is_frame(self, path: AccessPath) -> bool:
        """Return whether a path leads to a frame or a series of pandas, or to what selects a part of one."""
        return self._effects.library.class_of(path) in _FRAMES

    def is_defined(self, path: AccessPath) -> bool:
        """Return whether the class of an object is one of the notebook's own."""
        return self._trace.notebook.classes.get(str(path)) in self._trace.notebook.definitions

    def is_of_module(self, path: AccessPath) -> bool:
        """Return whether a path leads to an attribute of a module."""
        return self.kind_of(path.owner) == "module"

    def is_of_optimizer(self, path: AccessPath) -> bool:
        """Return whether a path goes through an optimizer."""
        return any(parse_path(one).leads_to(path) for one in self._trace.notebook.optimizers)

    def called_by(self, statement: Statement) -> tuple[AccessPath, ...]:
        """Return the paths that a statement calls: `net` of `net(x)`, `net[*]` of `f(x)` in `for f in net`."""
        if statement.index not in self._called:
            found = [one for one in statement.mentions if is_followed_by("(", str(one), statement)]
            self._called[statement.index] = (*found, *(statement.called_in_loops if found else ()))
        return self._called[statement.index]

    def has_moved(self, path: str) -> bool | None:
        """Return whether the version counter of a tensor moved in this cell; None if that is not known."""
        before, after = self._trace.before.get(path), self._trace.after.get(path)
        if before is None or after is None or before.object != after.object or None in (before.version, after.version):
            return None
        return before.version != after.version

    def initializes(self, path: AccessPath) -> bool:
        """Return whether a path goes through a module of an imported file that initializes itself when first called."""
        known = self._trace.notebook.initializing
        return bool(known) and any(str(path.first(length)) in known for length in range(len(path.steps)))

    def paths_to(self, path: AccessPath) -> tuple[AccessPath, ...]:
        """Return all paths to the object behind a path, as far as the notebook's objects are known."""
        number = self._trace.notebook.objects.get(str(path))
        return (path, *self._objects.get(number, ()))

    @cached_property
    def _objects(self) -> Mapping[int | None, list[AccessPath]]:
        numbers = self._trace.notebook.objects
        return {number: [*map(parse_path, texts)] for number, texts in grouped(numbers, numbers.__getitem__).items()}

    @cached_property
    def deadline(self) -> Deadline:
        """The deadline for a full explanation of the cell's changes, started on first use."""
        return Deadline.after(self._trace.seconds)

    @cached_property
    def _effects(self) -> StatementEffects:
        notebook, cell, source = self._trace.notebook, self.evidence.cell, self.evidence.plain
        known = known_effects(notebook, cell, source)
        return StatementEffects(notebook, cell=cell, source=source, deadline=self.deadline, known=known)

    def line(self, place: Place) -> Inner | None:
        """Return the cell line behind a line of a file."""
        if place not in self._lines:
            self._lines[place] = self._listing.line(place)
        return self._lines[place]

    @cached_property
    def _listing(self) -> Listing:
        files = self._trace.files
        return Listing({name: one.cell for name, one in files.items()}, lambda name: files[name].text)

    def spelling(self, words: Iterable[str]) -> frozenset[int]:
        """Return the statements whose text contains one of these names, or that are led to them by a loop."""
        return frozenset[int]().union(*(self._words.get(word, ()) for word in words))

    @cached_property
    def _words(self) -> Mapping[str, set[int]]:
        found: dict[str, set[int]] = {}
        for one in self.statements:
            for word in {*words_in(one.text), *(element.target.path.root for element in one.elements)}:
                found.setdefault(word, set()).add(one.index)
        for root, targets in self.detours.roots.items():
            for target in targets:
                found.setdefault(target, set()).update(found.get(root, ()))
        return found

    @cached_property
    def calling(self) -> frozenset[int]:
        """The statements that contain the name of a function or method of the notebook, or of an instance."""
        notebook = self._trace.notebook
        roots = {_WORD.match(path) for path, name in notebook.classes.items() if name in notebook.definitions}
        return self.naming_functions | self.spelling(one.group() for one in roots if one)

    @cached_property
    def naming_functions(self) -> frozenset[int]:
        """The statements that contain the name of a function or method of the notebook."""
        definitions = self._trace.notebook.definitions
        sources = {one.source for one in definitions.values()}
        return self.spelling({*definitions, *(name for one in sources for name in _DEFINED.findall(one))})

    def leading_to(self, objects: Iterable[int]) -> frozenset[int]:
        """Return the statements in which some name led to one of these tensors when they were entered."""
        return frozenset[int]().union(*(self._leading.get(one, ()) for one in objects))

    @cached_property
    def _leading(self) -> Mapping[int, set[int]]:
        found: dict[int, set[int]] = {}
        for index, names in self.evidence.targets.items():
            for serial in frozenset[int]().union(*names.values()):
                found.setdefault(serial, set()).add(index)
        return found


def _between(look: int, seen: Mapping[int, tuple[_Seen, ...]], until: int | None) -> dict[int, tuple[_Seen, ...]]:
    end = math.inf if until is None else until
    later = {number: tuple(one for one in several if look < one.look < end) for number, several in seen.items()}
    return {number: several for number, several in later.items() if several}


def _are_apart(several: Sequence[Reading]) -> bool:
    return len({one.storage for one in several}) == len(several)
