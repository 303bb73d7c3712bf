"""Serial numbers of objects and storages: exact although addresses are reused, and keeping nothing alive."""

from __future__ import annotations

import itertools
import weakref
from collections import deque
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from ..host.torch_private import attributes_of
from .plain_reads import is_ndarray

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    import numpy as np
    import torch

    Token = object


@dataclass(slots=True)
class ObjectSerials:
    """Identifies tensor objects by their own `__dict__`, arrays by a weak reference.

    A tensor's empty `__dict__` lives as long as we hold it and belongs to no other tensor, so it proves identity
    after ids have been recycled. A weak reference to a tensor would break `torch.utils.swap_tensors`.
    """

    _known: dict[int, tuple[Token, int]] = field(default_factory=dict)
    _count: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    def number(self, objects: Iterable[object]) -> list[int]:
        """Return the serial of each object, a new one if it was not seen since the last `keep_only`."""
        owners: dict[int, int] = {}
        return [self._number(thing, owners) for thing in objects]

    def of_id(self, address: int) -> int | None:
        """Return the serial of the object last seen at an address."""
        known = self._known.get(address)
        return known[1] if known else None

    def of_ids(self, addresses: Iterable[int]) -> frozenset[int]:
        """Return the serials of the objects last seen at some addresses."""
        known = self._known
        return frozenset([known[one][1] for one in addresses if one in known])

    def keep_only(self, objects: Iterable[object]) -> None:
        """Forget every object except these."""
        known = self._known
        self._known = {address: known[address] for address in map(id, objects) if address in known}

    @property
    def count(self) -> int:
        """The number of remembered objects."""
        return len(self._known)

    def keep_serials(self, serials: Collection[int]) -> None:
        """Forget every object except those with these serials."""
        self._known = {address: one for address, one in self._known.items() if one[1] in serials}

    def release_arrays(self) -> None:
        """Drop the weak references to arrays, which `ndarray.resize` would refuse; ids must suffice."""
        self._known = {
            address: (None if type(token) is weakref.ref else token, serial)
            for address, (token, serial) in self._known.items()
        }

    def _number(self, thing: Any, owners: dict[int, int]) -> int:  # noqa: ANN401  (a tensor or an array)
        known = self._known.get(id(thing))
        token = known[0] if known else None
        if known and (token is None or _is_token_of(token, thing)):
            return known[1]
        if known and self._was_swapped(thing, owners):
            self._known[id(thing)] = (_token_of(thing), known[1])
            return known[1]
        serial = next(self._count)
        self._known[id(thing)] = (_token_of(thing), serial)
        return serial

    def _was_swapped(self, thing: Any, owners: dict[int, int]) -> bool:  # noqa: ANN401
        """Return whether an object has another live object's `__dict__`: `torch.utils.swap_tensors` exchanges them."""
        if is_ndarray(thing):
            return False
        if not owners:
            owners.update((id(token), address) for address, (token, _) in self._known.items() if token is not None)
        return owners.get(id(attributes_of(thing)), id(thing)) != id(thing)


def _token_of(thing: Any) -> Token:  # noqa: ANN401
    if is_ndarray(thing):
        return weakref.ref(thing)
    attributes = attributes_of(thing)
    is_blank = type(attributes) is dict and not attributes
    return attributes if is_blank else None  # its contents are the user's, and we must not keep them alive


def _is_token_of(token: Token, thing: Any) -> bool:  # noqa: ANN401
    if type(token) is weakref.ref:
        return token() is thing
    return token is attributes_of(thing) if not is_ndarray(thing) else False


@dataclass(slots=True)
class StorageSerials:
    """Numbers storages; a serial dies with its storage.

    When a storage dies, in any thread, no Python code of ours runs: a method in C appends its weak reference to a
    queue, and the next look empties it. In Python code a Ctrl-C would be lost, and other threads could see half a
    change.
    """

    _known: dict[int, tuple[weakref.ref[Any], int]] = field(default_factory=dict)
    _references: dict[int, weakref.ref[Any]] = field(default_factory=dict)
    _places: dict[int, tuple[int, int]] = field(default_factory=dict)
    _dead: deque[weakref.ref[Any]] = field(default_factory=deque)
    _own: set[int] = field(default_factory=set)
    _foreign: set[int] = field(default_factory=set)
    _lost: set[int] = field(default_factory=set)
    _count: itertools.count[int] = field(default_factory=lambda: itertools.count(1))
    _last: int = 0

    @property
    def own(self) -> set[int]:
        """The serials of storages that PyTorch's allocator made, as they were resizable when first seen.

        Later this is no evidence, because `.numpy()` makes a storage non-resizable.
        """
        self._bury()
        return self._own

    @property
    def foreign(self) -> set[int]:
        """The serials of storages over foreign memory."""
        self._bury()
        return self._foreign

    @property
    def lost(self) -> set[int]:
        """The serials of storages that died since this was last emptied; their addresses may be reused."""
        self._bury()
        return self._lost

    def of_torch(self, storage: torch.UntypedStorage) -> int:
        """Return the serial of a PyTorch storage."""
        serial = self._number(id(storage), storage)
        if serial == self._last and storage.resizable():
            self._own.add(serial)
        return serial

    def of_array(self, owner: np.ndarray[Any, Any]) -> int:
        """Return the serial of the memory that an array owns or wraps."""
        return self._number(id(owner), owner)

    def references(self) -> Mapping[int, weakref.ref[Any]]:
        """Return a live mapping of weak references to the numbered storages."""
        self._bury()
        return MappingProxyType(self._references)

    def at(self, address: int) -> int | None:
        """Return the serial of the PyTorch storage object at an address, if it has one."""
        self._bury()
        known = self._known.get(address)
        return known[1] if known else None

    def at_each(self, addresses: Iterable[int]) -> frozenset[int]:
        """Return the serials of the PyTorch storage objects at some addresses."""
        self._bury()
        known = self._known
        return frozenset([known[one][1] for one in addresses if one in known])

    @property
    def addresses(self) -> Collection[int]:
        """The addresses of the live numbered storages, later ones included."""
        self._bury()
        return self._known.keys()

    def release_arrays(self) -> None:
        """Drop the weak references to arrays, which `ndarray.resize` would refuse."""
        for address, (reference, serial) in list(self._known.items()):
            if is_ndarray(reference()):
                self._places.pop(id(reference), None)
                del self._known[address], self._references[serial]

    def _number(self, address: int, thing: object) -> int:
        known = self._known.get(address)
        if known and known[0]() is thing:
            return known[1]
        self._bury()
        self._last = serial = next(self._count)
        reference = weakref.ref(thing, self._dead.append)
        self._known[address], self._places[id(reference)] = (reference, serial), (address, serial)
        self._references[serial] = reference
        return serial

    def _bury(self) -> None:
        """Forget the storages that died."""
        while self._dead:
            reference = self._dead.popleft()
            address, serial = self._places.pop(id(reference), (0, 0))
            if self._known.get(address, (None,))[0] is reference:
                del self._known[address]
            self._references.pop(serial, None)
            self._own.discard(serial)
            self._foreign.discard(serial)
            if serial:
                self._lost.add(serial)
