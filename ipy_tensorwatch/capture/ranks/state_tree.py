"""Digests of a rank's state as a tree: all of it, then what one variable leads to, then runs of tensors, then one."""

from __future__ import annotations

from functools import lru_cache
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

import xxhash

from ...core.ranks.state_leaf import BranchDigest, BranchKey, DigestRun, StateKind
from ...core.runtime.record import field, mutable
from ..compare.compare_bytes import Fingerprints, is_whole

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence

    from ...core.records.reading import Reading
    from ...core.records.snapshots.outline import Outline
    from ...core.records.snapshots.snapshot import RootSnapshot, Snapshot
    from ..memory.byte_block import Block
    from ..snapshot.snapshotter import Shot

    _Known = tuple[str, str, StateKind, Reading]  # the path, its root

FAN_OUT = 16
"""Into how many runs a run is split; a run of no more tensors is not split."""


_PLAIN = frozenset(("tensor", "ndarray"))
LATE_BYTES = 1 << 27
"""How many bytes are digested after a cell whose time budget was spent."""


class StatePlace(NamedTuple):
    """One tensor of a branch; its digest holds as long as its storage has the same mark."""

    path: str
    reading: Reading
    digest: bytes
    mark: object = None


@mutable
class StateTree:
    """The state after the last cell; only what changed is digested again.

    Attributes
    ----------
    left_out
        The serials of tensors that are known to be another thing on each rank, whichever of their names comes first.
    branches
        The tensors, by branch.
    born
        For each variable, its value's address, and the number and the count of the cell that bound it; a variable that
        is bound to something made of its old value, as a moving average is, stays the one that it was.
    appeared
        For each plain tensor, the number of the cell after which it was first compared.
    """

    left_out: set[int] = field(default_factory=set)
    branches: dict[BranchKey, list[StatePlace]] = field(default_factory=dict)
    born: dict[str, tuple[int, int, int]] = field(default_factory=dict)
    appeared: dict[str, int] = field(default_factory=dict)
    _late: int = 0
    _places: dict[str, StatePlace] = field(default_factory=dict)
    _snapshot: Snapshot | None = None
    _whole: bytes = b""
    _texts: dict[int, tuple[Outline, list[str]]] = field(default_factory=dict)

    def bind(self, names: Mapping[str, object], cell: tuple[int, int], is_carried: Callable[[str], bool]) -> None:
        """Note what the variables lead to after a cell.

        Parameters
        ----------
        cell
            The number of the cell among those of this rank, and its count.
        is_carried
            Whether the cell bound a name to something made of what it led to before.
        """
        self.born = {name: self._birth(name, id(value), cell, is_carried) for name, value in names.items()}

    def _birth(
        self, name: str, address: int, cell: tuple[int, int], is_carried: Callable[[str], bool]
    ) -> tuple[int, int, int]:
        known = self.born.get(name)
        if known is None or (known[0] != address and not is_carried(name)):
            return address, *cell
        return known if known[0] == address else (address, *known[1:])

    def take(self, shot: Shot, prints: Fingerprints, number: int, *, is_quiet: bool = False) -> bytes:
        """Digest the state; return the digest of all of it, empty if the bytes of some are not known.

        Parameters
        ----------
        shot, prints
            What was seen after the cell, and the digests of its storages.
        number
            The number of the cell among those of this rank.
        is_quiet
            Whether nothing was written since the last digest.
        """
        if is_quiet and shot.snapshot is self._snapshot and self._whole:
            return self._whole
        self._snapshot = shot.snapshot
        self.branches, self._late = {}, LATE_BYTES
        is_known = self._collect(shot, prints, number)
        plain = [one.path for key, branch in self.branches.items() if key.kind == "plain" for one in branch]
        self.appeared = {path: self.appeared.get(path, number) for path in plain}
        self._texts = {id(one.outline): self._texts[id(one.outline)] for one in shot.snapshot.scenes.values()}
        whole = _joined(one for branch in self.branches.values() for one in branch)
        self._whole = whole if is_known else b""
        return self._whole

    def _collect(self, shot: Shot, prints: Fingerprints, number: int) -> bool:
        """Fill the branches, each tensor once; return whether all bytes are known.

        A plain tensor is not compared while it is all zeros, as what is summed up on each rank is at first.
        """
        seen, places, is_known = set[int](), dict[str, StatePlace](), True
        known = {} if prints.waiting else self._places
        for path, root, kind, reading in chain(self._state(shot.snapshot), self._plain(shot.snapshot, number)):
            if reading.object in seen:
                continue
            seen.add(reading.object)
            if reading.object in self.left_out:
                continue
            mark = prints.mark_of(reading.storage)
            place = known.get(path)
            if place is None or place.mark is not mark or place.reading is not reading or not place.digest:
                digest = self._late_digest(reading, shot.blocks, prints) or _digest_of(reading, prints)
                is_empty = kind == "plain" and digest == _of_zeros(reading.nbytes)
                place = StatePlace(path, reading, b"" if is_empty else digest, mark)
            places[path] = place
            if kind == "plain" and not place.digest:
                continue
            is_known &= bool(place.digest)
            self.branches.setdefault(BranchKey(root, kind), []).append(place)
        self.left_out &= seen
        self._places = places
        return is_known

    def _late_digest(self, reading: Reading, blocks: Mapping[int, Block], prints: Fingerprints) -> bytes:
        """Digest a tensor that the time budget did not reach; return nothing for any other."""
        block = blocks.get(reading.storage) if reading.storage in prints.waiting else None
        if block is None or block.nbytes > self._late or not is_whole(reading, block):
            return b""
        self._late -= block.nbytes
        return block.digest() or b""

    def leave_out(self, paths: Iterable[str]) -> None:
        """Leave tensors out of the digests from now on."""
        self._whole = b""
        wanted = {*paths}
        self.left_out |= {
            one.reading.object for branch in self.branches.values() for one in branch if one.path in wanted
        }

    def _oldest_first(self, snapshot: Snapshot) -> list[RootSnapshot]:
        """Order the scenes, so that a tensor of several names goes by the same one on all ranks, the oldest."""

        def order(name: str) -> tuple[bool, int, int]:
            return not name, self.born.get(name, (0, 0, 0))[1], places.get(name, 0)

        places = {name: place for place, name in enumerate(self.born)}
        return [snapshot.scenes[name] for name in sorted(snapshot.scenes, key=order)]

    def digests(self) -> dict[BranchKey, BranchDigest]:
        """Return the digest of each branch."""
        return {key: BranchDigest(_joined(branch), len(branch)) for key, branch in self.branches.items()}

    def runs(self, key: BranchKey, first: int, end: int) -> list[DigestRun]:
        """Return the digests of the runs into which a run is split."""
        branch = self.branches.get(key, [])
        step = max(1, -(-(end - first) // FAN_OUT))
        starts = range(first, end, step)
        return [DigestRun(one, min(one + step, end), _joined(branch[one : min(one + step, end)])) for one in starts]

    def _state(self, snapshot: Snapshot) -> Iterator[_Known]:
        """Yield the parameters, buffers and optimizer states."""
        for scene in self._oldest_first(snapshot):
            for path, reading in zip(self._texts_of(scene), scene.readings, strict=True):
                root = path if path.isidentifier() else scene.paths[0].root
                if reading.kind == "parameter" or reading.collects_gradient:
                    yield path, root, "parameter", reading
                elif reading.kind == "buffer":
                    yield path, root, "buffer", reading
                elif ".state[" in path:
                    yield path, root, "state", reading

    def _plain(self, snapshot: Snapshot, number: int) -> Iterator[_Known]:
        """Yield the tensors like a parameter, with memory of their own, behind variables that earlier cells bound.

        So are moving averages of parameters and the state of an optimizer that is written by hand.
        """
        state = [one.reading for branch in self.branches.values() for one in branch]
        shapes = {one.shape for one in state if one.kind == "parameter" and len(one.shape)}
        storages = {one.storage for one in state}
        for name, scene in snapshot.scenes.items() if shapes else ():
            if self.born.get(name, (0, number))[1] == number:
                continue
            for path, reading in zip(self._texts_of(scene), scene.readings, strict=True):
                is_like = reading.kind in _PLAIN and reading.shape in shapes and reading.storage not in storages
                if is_like and not path.endswith(".grad"):
                    yield path, name, "plain", reading

    def _texts_of(self, scene: RootSnapshot) -> list[str]:
        known = self._texts.get(id(scene.outline))
        texts = known[1] if known else [str(path) for path in scene.paths]
        self._texts[id(scene.outline)] = scene.outline, texts
        return texts


def gradients_of(snapshot: Snapshot, paths: Container[str], prints: Fingerprints) -> dict[str, bytes]:
    """Return the digests of the gradients of some paths; those of zeros are left out."""
    found: dict[str, bytes] = {}
    for scene in snapshot.scenes.values():
        for place, grad in scene.gradients:
            path, reading = str(scene.path_at(place)), scene.readings[grad]
            if path in paths and (digest := _digest_of(reading, prints)) != _of_zeros(reading.nbytes):
                found[path] = digest
    return found


def _digest_of(reading: Reading, prints: Fingerprints) -> bytes:
    """Return the digest of a tensor's bytes; empty if it is not known."""
    mark = prints.mark_of(reading.storage)
    if reading.unknown or (mark is None and reading.nbytes) or reading.storage in prints.waiting:
        return b""
    if mark is None or not reading.nbytes:
        return _of_zeros(0)
    return (mark.digest if is_whole(reading, mark.block) else mark.part_digest(reading)) or b""


@lru_cache
def _of_zeros(nbytes: int) -> bytes:
    return xxhash.xxh3_128_digest(bytes(nbytes))


def _joined(places: Sequence[StatePlace] | Iterator[StatePlace]) -> bytes:
    return xxhash.xxh3_128_digest("\n".join([f"{one.path} {one.digest.hex()}" for one in places]).encode())
