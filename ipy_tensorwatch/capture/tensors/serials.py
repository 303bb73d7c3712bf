"""Serial numbers of objects and storages: exact although addresses are reused, and keeping nothing alive."""

from __future__ import annotations

import itertools
import weakref
from collections import deque
from itertools import repeat
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import torch

from ...core.runtime.record import field, mutable
from ..objects.inspect_object import are_all
from ..runtime.node_limit import MAX_NODES
from ..runtime.torch_private import attributes_of
from .plain_reads import are_plain, is_ndarray, is_tensor, storage_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    Token = object
    _Owners = dict[int, tuple[Token, int]]
    """By the id of a token, the token itself, so that no other gets its id meanwhile, and whose it was."""


@mutable
class ObjectSerials:
    """Identifies tensor objects by their own `__dict__`, arrays by a weak reference.

    A tensor's empty `__dict__` lives as long as we hold it and belongs to no other tensor, so it proves identity
    after ids have been recycled. A weak reference to a tensor would break `torch.utils.swap_tensors`. What a user has
    put into a `__dict__` we must not hold: of such a tensor the storage proves that it is another, if the old one died
    and no code can have given the tensor a new one.

    Attributes
    ----------
    may_move
        Whether code that ran since the last look may have given tensors other memory.
    refers
        Whether arrays are referred to; otherwise ids must suffice.
    asked, refused
        The tensors that were asked for their `grad_fn`, and whether any were not, because these are too many.
    """

    may_move: bool = True
    refers: bool = True
    asked: set[int] = field(default_factory=set)
    refused: bool = False
    _known: dict[int, tuple[Token, int]] = field(default_factory=dict)
    _count: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    def number(self, objects: Iterable[object]) -> list[int]:
        """Return the serial of each object, a new one if it was not seen since the last `keep_only`."""
        known = self._known
        owners: _Owners = {}
        things: list[Any] = [*objects]
        if are_all(things, np.ndarray):
            return [
                one[1]
                if (one := known.get(id(thing))) and type(one[0]) is weakref.ref and one[0]() is thing
                else self._renumber(thing, None, owners)
                for thing in things
            ]
        owns = map(attributes_of, things) if are_plain(things) else [_attributes_of(thing) for thing in things]
        return [
            one[1]
            if (one := known.get(id(thing))) and (one[0] is None or (one[0] is own and own is not None))
            else self._renumber(thing, own, owners)
            for thing, own in zip(things, owns, strict=True)
        ]

    def known(self, thing: Any) -> int | None:  # noqa: ANN401
        """Return the serial of an object if it was seen; what lies at the address of one that is gone was not."""
        token, serial = self._known.get(id(thing), (None, None))
        if type(token) is weakref.ref:
            return serial if token() is thing else None
        is_told_by_id = token is None or token is _BY_ID
        return serial if is_told_by_id or (is_tensor(thing) and attributes_of(thing) is token) else None

    def of_ids(self, addresses: Iterable[int]) -> frozenset[int]:
        """Return the serials of the objects last seen at some addresses."""
        known = self._known
        return frozenset([known[one][1] for one in addresses if one in known])

    def keep_only(self, objects: Iterable[object]) -> None:
        """Forget every object except these."""
        known = self._known
        self._known = {address: known[address] for address in map(id, objects) if address in known}
        self._forget_asked()

    @property
    def count(self) -> int:
        """The number of remembered objects."""
        return len(self._known)

    def keep_serials(self, serials: Collection[int]) -> None:
        """Forget every object except those with these serials."""
        self._known = {address: one for address, one in self._known.items() if one[1] in serials}
        self._forget_asked()

    def may_ask(self, serial: int) -> bool:
        """Return whether a tensor may be asked for its `grad_fn`: Python never forgets a node that it has seen."""
        may = len(self.asked) < MAX_NODES or serial in self.asked
        self.refused = self.refused or not may
        return may

    def has_room_again(self) -> bool:
        """Return whether tensors that were refused may be asked now."""
        return self.refused and len(self.asked) < MAX_NODES

    def _forget_asked(self) -> None:
        """Forget which tensors were asked that are gone, before there are too many."""
        if len(self.asked) > MAX_NODES // 2:
            self.asked.intersection_update([serial for _, serial in self._known.values()])

    def release_arrays(self) -> None:
        """Drop the weak references to arrays, and make none: `ndarray.resize` would refuse; ids must suffice."""
        self.refers = False
        self._known = {
            address: (_BY_ID if type(token) is weakref.ref else token, serial)
            for address, (token, serial) in self._known.items()
        }

    def hold_arrays(self) -> None:
        """Refer to arrays again when they are numbered next."""
        self.refers = True

    def _renumber(self, thing: Any, own: object, owners: _Owners) -> int:  # noqa: ANN401  (a tensor or an array)
        """Return the serial of an object whose `__dict__` is not the one known at its address."""
        address = id(thing)
        known = self._known.get(address)
        token: Token = None
        if own is None:
            if known and type(known[0]) is weakref.ref and known[0]() is thing:
                return known[1]
            token = weakref.ref(thing) if self.refers else _BY_ID
            if known and known[0] is _BY_ID:
                self._known[address] = token, known[1]
                return known[1]
        else:  # the contents of a `__dict__` are the user's, and we must not keep them alive
            token = own if type(own) is dict and not own else _storage_reference(thing)
            if known and type(known[0]) is _StorageReference and (self.may_move or known[0]() is not None):
                self._known[address] = token, known[1]
                return known[1]
            if known and not owners:
                owners.update((id(one), (one, owner)) for owner, (one, _) in self._known.items() if one is not None)
        # `torch.utils.swap_tensors` exchanges the `__dict__` of two objects.
        was_swapped = known and own is not None and owners.get(id(own), (own, address))[1] != address
        serial = known[1] if known and was_swapped else next(self._count)
        self._known[address] = token, serial
        return serial


class _StorageReference(weakref.ref["torch.UntypedStorage"]):
    """The token of a tensor that has attributes."""


def _storage_reference(thing: Any) -> _StorageReference | None:  # noqa: ANN401
    """Return a reference to the storage of a plain tensor; parameters are too many, and sparse tensors have none."""
    try:
        return _StorageReference(storage_of(thing)) if type(thing) is torch.Tensor else None
    except RuntimeError:
        return None


_BY_ID: Final = object()
"""The token of an array that is known by its id alone, because code may resize it."""


def _attributes_of(thing: Any) -> object:  # noqa: ANN401  (a tensor or an array)
    return None if is_ndarray(thing) else attributes_of(thing)


@mutable
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
    _refers: bool = True

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

    def of_each(self, storages: Sequence[torch.UntypedStorage]) -> list[int]:
        """Return the serials of many PyTorch storages."""
        known = self._known
        return [
            one[1] if (one := known.get(id(storage))) and one[0]() is storage else self.of_torch(storage)
            for storage in storages
        ]

    def of_component(self, component: torch.Tensor) -> int:
        """Return what identifies a sparse tensor's component, which is a new object over one storage at every look."""
        return -self.of_torch(storage_of(component))

    def of_array(self, owner: np.ndarray[Any, Any]) -> int:
        """Return the serial of the memory that an array owns or wraps; one for this time only while none is held."""
        return self._number(id(owner), owner) if self._refers else next(self._count)

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
        """Drop the weak references to arrays, and make none: `ndarray.resize` would refuse."""
        self._refers = False
        for address, (reference, serial) in list(self._known.items()):
            if is_ndarray(reference()):
                self._places.pop(id(reference), None)
                del self._known[address], self._references[serial]

    def hold_arrays(self) -> None:
        """Refer to the memory of arrays again when it is numbered next."""
        self._refers = True

    def _number(self, address: int, thing: object) -> int:
        known = self._known.get(address)
        if known and known[0]() is thing:
            return known[1]
        if self._dead:
            self._bury()
        self._last = serial = next(self._count)
        reference = weakref.ref(thing, self._dead.append)
        self._known[address], self._places[id(reference)] = (reference, serial), (address, serial)
        self._references[serial] = reference
        return serial

    def _bury(self) -> None:
        """Forget the storages that died."""
        if not self._dead:
            return
        dead = [self._dead.popleft() for _ in range(len(self._dead))]
        places = [*map(self._places.pop, map(id, dead), repeat((0, 0)))]
        serials = [serial for _, serial in places]
        for reference, (address, serial) in zip(dead, places, strict=True):
            if self._known.get(address, (None,))[0] is reference:
                del self._known[address]
            if serial in self._references:
                del self._references[serial]
        self._own.difference_update(serials)
        self._foreign.difference_update(serials)
        self._lost.update(filter(None, serials))
