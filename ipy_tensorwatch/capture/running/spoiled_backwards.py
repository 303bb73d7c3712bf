"""Saved tensors that were overwritten, past the version counter, before a statement of the same cell runs backward."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from time import perf_counter, thread_time
from types import FunctionType
from typing import TYPE_CHECKING, Any

from ...core.host.guard import GUARD
from ..autograd.known_bytes import KnownBytes
from ..autograd.note_saved import Aids
from ..compare.compare_bytes import Fingerprints
from ..host.gc_pause import quiet_collector
from ..host.torch_private import plain_reads
from ..objects.containers import is_array
from ..objects.look_limits import EXACT_OBJECTS, Limits
from ..objects.walk import walk
from ..tensors.plain_reads import is_leaf, is_plain
from ..tensors.read_tensor import bearer_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from ...core.model.evidence import SeenWrite
    from ...core.model.saved_tensor import Overwritten
    from ..autograd.graph import Graphs
    from ..autograd.saved_by_nodes import Root
    from ..compare.byte_history import ByteHistory
    from ..tensors.serials import ObjectSerials, StorageSerials
    from .look_budget import Allowance

_OPENED = (list, tuple, dict)


@dataclass(slots=True)
class SpoiledBackwards:
    """What the backwards of a running cell compute with, although it was overwritten.

    Attributes
    ----------
    names
        The user's names.
    names_of, text_of
        Return the names that a statement mentions, and its text.
    graphs
        The graphs as of the end of the cell before.
    cell
        The count of the running cell.
    """

    names: Mapping[str, Any]
    names_of: Callable[[int], frozenset[str]]
    text_of: Callable[[int], str]
    graphs: Graphs
    objects: ObjectSerials
    storages: StorageSerials
    cell: int
    _found: dict[object, Overwritten] = field(default_factory=dict)

    def before(self, statement: int, writes: Sequence[SeenWrite], past: ByteHistory, allowance: Allowance) -> None:
        """Look at the graphs that a statement is about to run backward through.

        Parameters
        ----------
        writes, past
            What the cell was seen to write so far, and the bytes then.
        """
        names = self._starts_of(statement)
        if not names:
            return
        began, seconds = thread_time(), allowance.left(perf_counter()) / 2
        with quiet_collector():
            GUARD.run("reading graphs", self._look, statement, names, writes, past, seconds, default=None)
        allowance.charge(thread_time() - began)

    def _look(
        self, statement: int, names: set[str], writes: Sequence[SeenWrite], past: ByteHistory, seconds: float
    ) -> None:
        with plain_reads():
            roots = [*self._roots(names, seconds)]
            known = KnownBytes(Fingerprints(), past)
            aids = Aids(self.objects, self.storages, known, self.cell, perf_counter() + seconds)
            written = {one.storage for one in writes}
            for one in self.graphs.copy_of_saved().look(roots, aids, written) if roots else ():
                if not one.will_raise:
                    key = statement, one.saved.op, one.saved.argument, one.saved.place
                    self._found[key] = replace(one, ran=statement)  # of a loop, the last turn: its variables are alive

    def found(self, unfinished: int | None = None) -> Iterator[Overwritten]:
        """Yield what backwards have computed with, but for a statement that raised."""
        return (one for one in self._found.values() if one.ran != unfinished)

    def _starts_of(self, statement: int) -> set[str]:
        """Return the names from whose graphs a statement may run backward: it or a function that it calls says so."""
        mentioned, text = {*self.names_of(statement)}, self.text_of(statement)
        called = [one for name in mentioned if type(one := self.names.get(name)) is FunctionType]
        running = [one for one in called if not _BACKWARDS.isdisjoint(one.__code__.co_names)]
        if not running and "backward(" not in text and "autograd.grad(" not in text:
            return set()
        return mentioned.union(*(one.__code__.co_names for one in running))

    def _roots(self, names: set[str], seconds: float) -> Iterator[Root]:
        """Yield the tensors with a history that some names lead to, themselves or in a container."""
        values = {name: self.names[name] for name in sorted(names) if name in self.names}
        chosen = {name: one for name, one in values.items() if is_array(type(one)) or type(one) in _OPENED}
        for branch in walk(chosen, limits=Limits(seconds, objects=EXACT_OBJECTS)).branches.values():
            for path, thing in zip(branch.outline.paths(), branch.objects, strict=True):
                if is_plain(thing) and not is_leaf(thing):
                    yield str(path), bearer_of(thing)


_BACKWARDS = frozenset(("backward", "autograd"))
"""The names in the code of a function that may run backward."""
