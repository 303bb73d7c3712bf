"""Freeze memory: stop every operator that would write to it, and undo every write without an operator."""

from __future__ import annotations

import itertools
from collections import deque
from threading import get_ident
from typing import TYPE_CHECKING, Any

from ...core.memory.neighbours import Neighbourhood
from ...core.records.freezing import FreezeRefusal, FrozenError, FrozenRecord, Release
from ...core.runtime.guard import GUARD
from ...core.runtime.record import field, mutable
from ..frames.calling_line import calling_statement
from ..memory.byte_block import holds_references
from ..objects.walk import walk
from ..running.dispatch_mode import OperatorMode, lays_out_anew, region_of, written_arguments, written_tensors
from ..runtime.torch_private import HAS_VERSIONS, plain_reads
from ..tensors.read_tensor import read
from ..tensors.serials import StorageSerials
from .frozen_memory import Frozen

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence

    from ...core.records.reading import Reading

_NOBODY = -1
"""The serial of an object that need not be identified."""


@mutable(eq=False)
class Freezer:
    """All that is frozen, in the order of freezing.

    Attributes
    ----------
    word
        Returns the message of the error that stops an operator, from what is frozen and the line or operator.
    lost
        Returns the storages whose memory belonged to another owner, who released it.
    let_go
        What was thawed because it could not be guarded, and why, until it is reported.
    """

    word: Callable[[FrozenRecord, str], str]
    storages: StorageSerials = field(default_factory=StorageSerials)
    lost: Callable[[], frozenset[int]] = frozenset
    let_go: list[tuple[Frozen, Release]] = field(default_factory=list)
    _frozen: dict[int, Frozen] = field(default_factory=dict)
    _gone: deque[object] = field(default_factory=deque)
    _count: itertools.count[int] = field(default_factory=itertools.count)
    _modes: dict[int, OperatorMode] = field(default_factory=dict)
    _near: Neighbourhood[Frozen] | None = None

    @property
    def frozen(self) -> dict[int, Frozen]:
        """The frozen tensors and arrays by number; those whose memory died are left out."""
        if self._gone:  # a tensor or a storage has died
            self._gone.clear()
            self._frozen = {number: one for number, one in self._frozen.items() if not one.is_gone}
            self._near = None
        return self._frozen

    def examine(self, root: str, thing: object, cell: int | None) -> tuple[list[Frozen], dict[str, FreezeRefusal]]:
        """Copy the bytes of a tensor, or of a container's tensors; return them, and why others cannot be frozen."""
        found: list[Frozen] = []
        refused: dict[str, FreezeRefusal] = {}
        with plain_reads():
            for path, one in _tensors_in(root, thing):
                reading = read(one, "", _NOBODY, self.storages)
                why = self._reason_against(reading, one)
                if why:
                    refused[path] = why
                    continue
                try:
                    found.append(Frozen.of(path, cell, one, reading, self.storages.own))
                except RuntimeError:  # PyTorch refuses the address, for instance of a zero tensor without memory
                    refused[path] = FreezeRefusal(code="unreadable")
        return found, refused

    def freeze(self, things: Iterable[Frozen]) -> None:
        """Freeze tensors and arrays whose bytes were copied by `examine`."""
        for one in things:
            number = next(self._count)
            self.frozen[number] = one
            one.on_release(self._gone.append)
        self._near = None

    def thaw(self, things: Container[Frozen]) -> None:
        """Thaw tensors and arrays."""
        for number, one in list(self.frozen.items()):
            if one in things:
                del self.frozen[number]
        self._near = None

    def open(self) -> None:
        """Start to intercept this thread's operators, if anything is frozen."""
        if get_ident() not in self._modes and self.frozen:
            self._near = None
            mode = self._modes[get_ident()] = OperatorMode(self._stop)
            mode.open()

    def close(self) -> None:
        """Stop intercepting the operators of this thread."""
        mode = self._modes.pop(get_ident(), None)
        if mode is not None:
            mode.close()

    def rest(self) -> None:
        """Stop intercepting the operators of all threads."""
        for mode in list(self._modes.values()):
            mode.rest()

    def mend(self) -> list[Frozen]:
        """Undo writes without an operator; return what was written, and thaw what could not be restored."""
        with plain_reads():
            self._let_go()
            every = list(self.frozen.values())
            found = [one for one in every if GUARD.run("keeping-frozen", one.mend, default=False)]
        lost = [one for one in found if one.is_lost]
        self.thaw(lost)
        self.let_go += [(one, "lost") for one in lost]
        return [one for one in found if not one.is_lost]

    def _let_go(self) -> None:
        """Thaw memory that may have been reused, before it is read or written."""
        lost = self.lost()
        found = [one for one in list(self.frozen.values()) if one.reading.storage in lost] if lost else []
        if found:
            self.thaw(found)
            self.let_go += [(one, "let-go") for one in found]

    def owner_of(self, reading: Reading) -> Frozen | None:
        """Return what is frozen of the memory that a reading covers."""
        if self._near is None:
            self._near = self._survey()
        found = self._near.of(reading)
        if any(_has_moved(one, then) for one, then in found):
            self._near = self._survey()
            found = self._near.of(reading)
        return next((one for one, _ in found), None)

    def _survey(self) -> Neighbourhood[Frozen]:
        return Neighbourhood((one, here) for one in list(self.frozen.values()) if (here := one.here()))

    def _reason_against(self, reading: Reading, thing: object) -> FreezeRefusal | None:
        if reading.unknown:
            return FreezeRefusal(code="unknown-memory", unknown=reading.unknown)
        if reading.version is None and reading.kind != "ndarray":
            return FreezeRefusal(code="inference" if HAS_VERSIONS else "no-version")
        if reading.storage in self.lost():
            return FreezeRefusal(code="let-go")
        same = (one for one in list(self.frozen.values()) if (here := one.here()) and _are_equal(here, reading))
        known = next(same, None)
        if known:
            return FreezeRefusal(code="frozen-already", known=known.record())
        return FreezeRefusal(code="references") if holds_references(thing) else None

    def _stop(self, function: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> FrozenError | None:  # noqa: ANN401
        """Return the error that stops an operator; one that we cannot analyse runs, and its write is undone later."""
        found = self._written(function, args, kwargs)
        if found is None:
            return None
        return FrozenError(self.word(found.record(), calling_statement() or str(function)))

    def _written(self, function: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Frozen | None:  # noqa: ANN401
        if lays_out_anew(function):
            return next((one for one in list(self.frozen.values()) if one.thing() is args[0]), None)
        name, slots = written_arguments(function)
        for tensor in written_tensors(name, slots, args, kwargs) if slots else ():
            found = self.owner_of(region_of(tensor, self.storages).reading())
            if found is not None:
                return found
        return None


def _tensors_in(root: str, thing: object) -> Iterator[tuple[str, Any]]:
    """Yield every tensor and array behind a name, once."""
    seen: set[int] = set()
    for branch in walk({root: thing}).branches.values():
        for path, one in zip(branch.outline.paths(), branch.objects, strict=True):
            if id(one) not in seen:
                seen.add(id(one))
                yield str(path), one


def _are_equal(a: Reading, b: Reading) -> bool:
    return (a.data_ptr, a.shape, a.strides, a.dtype) == (b.data_ptr, b.shape, b.strides, b.dtype)


def _has_moved(one: Frozen, then: Reading) -> bool:
    here = one.here()
    return here is None or here.data_ptr != then.data_ptr
