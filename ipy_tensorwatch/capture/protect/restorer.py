"""Restore the bytes from before a cell, in place, so that every alias has them again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from torch.autograd.graph import increment_version

from ...core.memory.footprint import footprint_of
from ...core.memory.neighbours import Neighbourhood
from ...core.model.reading import changed_fields
from ...core.model.restoring import RefusedError, Restored, RestoreRefusal
from ..host.torch_private import plain_reads, version_of
from ..memory.byte_block import block_of, holds_references
from ..objects.walk import walk
from ..tensors.read_tensor import read

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ...core.model.path import AccessPath
    from ...core.model.reading import Reading
    from ..memory.byte_block import Block, Bytes, Runs
    from ..snapshot.snapshotter import Lens
    from .byte_archive import Archive
    from .freezer import Freezer


@dataclass(frozen=True, slots=True)
class _Seen:
    """The present state of one tensor or array."""

    path: str
    thing: Any
    reading: Reading


@dataclass(slots=True)
class Restorer:
    """Restores bytes.

    They are written byte for byte, below autograd: this works on a leaf that requires grad, where an in-place operator
    raises outside `no_grad`, and for any dtype, conjugate or negative bit. If an alias still has the version that it
    had with these bytes, it keeps it: a graph that saved them is valid again. The version counters of all others,
    those of `.data` and DLPack included, are raised, because a graph that saved one of them must raise in backward
    rather than compute with other values.
    """

    lens: Lens
    archive: Archive
    freezer: Freezer

    def restore(self, names: Mapping[str, object], paths: list[str], cell: int) -> Restored:
        """Restore the bytes that the paths had before a cell.

        Raises
        ------
        RefusedError
            If one of the paths cannot be restored, or none has changed; then nothing is written.
        """
        with plain_reads():
            seen = list(self._look(names))
            if not any(one.path in paths for one in seen):
                raise RefusedError(RestoreRefusal(code="not-writable", path=paths[0]))
            plan = [(one, self._kept(one, cell)) for one in seen if one.path in paths]
            changed = [(one, old) for one, old in plan if not _are_same(old, self._bytes(one))]
            if not changed:
                raise RefusedError(RestoreRefusal(code="same-bytes", path=paths[0], cell=cell))
            return self._write(seen, changed, cell)

    def _write(self, seen: list[_Seen], changed: list[tuple[_Seen, Bytes]], cell: int) -> Restored:
        near = self._near(seen, [one for one, _ in changed])
        before = [self._bytes(one) for one in near]
        then = {str(path): reading for one in near for path, reading in self._readings_of(one, cell)}
        versions = [(one.thing, one.reading.version) for one in near if _has_moved(one.reading, then.get(one.path))]
        for one, old in changed:
            runs = _runs_of(one.reading)
            if runs is None or not self._block(one).write(runs, old):
                raise RefusedError(RestoreRefusal(code="not-writable", path=one.path))
        for tensor, version in versions:
            if version_of(tensor) == version:  # not raised yet through one of its views
                increment_version(tensor)
        asked = [one.path for one, _ in changed]
        others = zip(near, before, strict=True)
        return Restored(
            paths=tuple(asked),
            cell=cell,
            nbytes=sum(one.reading.nbytes for one, _ in changed),
            aliases=tuple(
                one.path for one, was in others if one.path not in asked and not _are_same(was, self._bytes(one))
            ),
        )

    def _kept(self, one: _Seen, cell: int) -> Bytes:
        """Return the bytes of a tensor from before a cell.

        Raises
        ------
        RefusedError
            If they were not kept, or the tensor has another layout now, is frozen, or holds references.
        """
        if holds_references(one.thing):
            raise RefusedError(RestoreRefusal(code="references"))
        frozen = self.freezer.owner_of(one.reading)
        if frozen is not None:
            raise RefusedError(RestoreRefusal(code="frozen", known=frozen.record()))
        kept = self.archive.find(one.reading.storage, cell)
        if kept is None:
            raise RefusedError(RestoreRefusal(code="not-kept", cell=cell))
        then = next((reading for path, reading in kept.readings if str(path) == one.path), None)
        fields = changed_fields(then, one.reading) if then else ()
        lost = tuple(name for name in ("shape", "strides", "dtype", "storage") if name in fields)
        if lost:
            raise RefusedError(RestoreRefusal(code="another-form", path=one.path, fields=lost))
        if kept.first < cell:
            raise RefusedError(RestoreRefusal(code="not-compared", path=one.path, cell=cell))
        covered = kept.mark.covered(one.reading)
        if covered is None:
            raise RefusedError(RestoreRefusal(code="not-kept", cell=cell))
        return covered.tobytes()

    def _readings_of(self, one: _Seen, cell: int) -> tuple[tuple[AccessPath, Reading], ...]:
        """Return the readings of a storage's variables from when it had the bytes from before a cell."""
        kept = self.archive.find(one.reading.storage, cell)
        return kept.readings if kept else ()

    def _look(self, names: Mapping[str, object]) -> Iterator[_Seen]:
        for branch in walk(names).branches.values():
            serials = self.lens.objects.number(branch.objects)
            for path, thing, serial in zip(branch.outline.paths(), branch.objects, serials, strict=True):
                reading = read(thing, "", serial, self.lens.storages)
                if reading.device == "cpu" and not reading.unknown:
                    yield _Seen(str(path), thing, reading)

    def _near(self, seen: list[_Seen], targets: list[_Seen]) -> list[_Seen]:
        neighbours = Neighbourhood((one, one.reading) for one in seen)
        found = {one.path: one for target in targets for one, _ in neighbours.of(target.reading)}
        return list(found.values())

    def _bytes(self, one: _Seen) -> Bytes | None:
        runs = _runs_of(one.reading)
        return None if runs is None else self._block(one).copy_runs(runs)

    def _block(self, one: _Seen) -> Block:
        reading = one.reading
        return block_of(one.thing, reading, self.lens.storages.own).part(reading.low, reading.high - reading.low)


def _has_moved(now: Reading, then: Reading | None) -> bool:
    return now.version is not None and (then is None or now.version != then.version)


def _runs_of(reading: Reading) -> Runs | None:
    """Return the runs of bytes that elements cover; None if there are too many."""
    footprint = footprint_of(reading)
    return None if footprint is None else footprint.runs()


def _are_same(a: Bytes | None, b: Bytes | None) -> bool:
    return a is not None and b is not None and a == b
