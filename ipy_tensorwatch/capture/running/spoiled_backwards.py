"""Saved tensors that were overwritten, past the version counter, before a statement of the same cell runs backward."""

from __future__ import annotations

from dataclasses import replace
from time import perf_counter, thread_time
from types import FunctionType
from typing import TYPE_CHECKING, Any, TypeGuard

from ...core.runtime.guard import GUARD
from ...core.runtime.record import field, mutable
from ..autograd.known_bytes import KnownBytes
from ..autograd.note_saved import SaveRecorder
from ..compare.compare_bytes import Fingerprints
from ..objects.containers import is_array
from ..objects.inspect_object import member_of, mro_of
from ..objects.look_limits import EXACT_OBJECTS, Limits
from ..objects.walk import walk
from ..runtime.gc_pause import quiet_collector
from ..runtime.torch_private import plain_reads
from ..tensors.plain_reads import is_leaf, is_plain
from ..tensors.read_tensor import bearer_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ...core.records.trace.evidence import SeenWrite
    from ...core.records.trace.saved_tensor import Overwritten
    from ...core.statements.statement import Statement
    from ..autograd.graph import Graphs
    from ..autograd.saved_by_nodes import Root
    from ..compare.byte_history import ByteHistory
    from ..tensors.serials import ObjectSerials, StorageSerials
    from .memory_watch.look_budget import LookBudget

_BACKWARDS = frozenset(("backward", "autograd"))
"""The names in the code of a function that may run backward."""


@mutable
class SpoiledBackwards:
    """What the backwards of a running cell compute with, although it was overwritten.

    Attributes
    ----------
    names
        The user's names.
    statements
        The statements of the cell.
    graphs
        The graphs as of the end of the cell before.
    cell
        The count of the running cell.
    """

    names: Mapping[str, Any]
    statements: Sequence[Statement]
    graphs: Graphs
    objects: ObjectSerials
    storages: StorageSerials
    cell: int
    _found: dict[object, Overwritten] = field(default_factory=dict)

    def before(self, statement: int, writes: Sequence[SeenWrite], past: ByteHistory, look_budget: LookBudget) -> None:
        """Look at the graphs that a statement is about to run backward through.

        Parameters
        ----------
        writes, past
            What the cell was seen to write so far, and the bytes then.
        """
        starts = self._starts_of(self.statements[statement])
        if not starts:
            return
        began, seconds = thread_time(), look_budget.left(perf_counter()) / 2
        with quiet_collector():
            GUARD.run("reading-graphs", self._look, statement, starts, writes, past, seconds, default=None)
        look_budget.charge(thread_time() - began)

    def _look(
        self, statement: int, starts: Mapping[str, Any], writes: Sequence[SeenWrite], past: ByteHistory, seconds: float
    ) -> None:
        with plain_reads():
            roots = [*_roots(starts, seconds)]
            known = KnownBytes(Fingerprints(), past)
            recorder = SaveRecorder(self.objects, self.storages, known, self.cell, perf_counter() + seconds)
            written = {one.storage for one in writes}
            for one in self.graphs.copy_of_saved().look(roots, recorder, written) if roots else ():
                if not one.will_raise:
                    key = statement, one.saved.op, one.saved.argument, one.saved.place
                    self._found[key] = replace(one, ran=statement)  # of a loop, the last turn: its variables are alive

    def found(self, unfinished: int | None = None) -> Iterator[Overwritten]:
        """Yield what backwards have computed with, but for a statement that raised."""
        return (one for one in self._found.values() if one.ran != unfinished)

    def _starts_of(self, statement: Statement) -> dict[str, Any]:
        """Return the variables from whose graphs a statement may run backward, if it or what it calls says so."""
        names = {one.root for one in statement.mentions}
        running = [one for name in names if _runs_backward(one := self.names.get(name))]
        owned = ((one.owner.root, one.name) for one in statement.methods if not one.owner.steps)
        owners = {root for root, name in owned if _runs_backward(_method(self.names.get(root), name))}
        if not (running or owners) and "backward(" not in statement.text and "autograd.grad(" not in statement.text:
            return {}
        names.update(*(one.__code__.co_names for one in running))
        values = {name: self.names[name] for name in sorted(names | owners) if name in self.names}
        return {name: one for name, one in values.items() if name in owners or _is_opened(type(one))}


def _is_opened(kind: type) -> bool:
    return is_array(kind) or kind in (list, tuple, dict)


def _runs_backward(called: object) -> TypeGuard[FunctionType]:
    return type(called) is FunctionType and not _BACKWARDS.isdisjoint(called.__code__.co_names)


def _method(thing: object, name: str) -> object:
    """Return the function behind a method."""
    return next((one for kind in mro_of(type(thing)) if (one := member_of(kind, name)) is not None), None)


def _roots(values: Mapping[str, Any], seconds: float) -> Iterator[Root]:
    """Yield the tensors with a history that some variables are, or lead to."""
    for branch in walk(values, limits=Limits(seconds, objects=EXACT_OBJECTS)).branches.values():
        for path, thing in zip(branch.outline.paths(), branch.objects, strict=True):
            if is_plain(thing) and not is_leaf(thing):
                yield str(path), bearer_of(thing)
