"""Restore the bytes from before a cell, in place, so that every alias has them again."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from torch.autograd.graph import increment_version

from ...core.memory.neighbours import Neighbourhood
from ...core.records.reading import Reading, changed_fields
from ...core.records.restoring import RefusedError, Restored, RestoreRefusal
from ...core.runtime.record import mutable, record
from ..device.accelerator_api import is_capturing, is_idle
from ..device.kept_copy import LARGEST
from ..device.known_streams import others_work
from ..device.left_errors import has_left_error
from ..memory.byte_block import holds_references
from ..objects.walk import walk
from ..runtime.torch_private import plain_reads, version_of
from ..tensors.plain_reads import is_tensor, storage_of
from ..tensors.read_tensor import read
from .byte_place import BytePlace, place_of

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Mapping

    from ...core.records.path import AccessPath
    from ..snapshot.snapshotter import Snapshotter
    from .byte_archive import Archive
    from .freezer import Freezer


@record(kw_only=False, slots=False)
class _Seen:
    """The present state of one tensor or array."""

    path: str
    thing: Any
    reading: Reading
    own: Container[int]

    @cached_property
    def place(self) -> BytePlace | None:
        """Where its bytes lie."""
        return place_of(self.thing, self.reading, self.own)

    def copy(self) -> Any:  # noqa: ANN401
        """Copy the present bytes; None if they cannot be read."""
        return None if self.place is None else self.place.copy()

    def are_equal(self, a: Any, b: Any) -> bool:  # noqa: ANN401
        """Return whether two copies of its bytes are the same."""
        return self.place is not None and self.place.are_equal(a, b)


@mutable
class Restorer:
    """Restores bytes.

    They are written byte for byte, below autograd: this works on a leaf that requires grad, where an in-place operator
    raises outside `no_grad`, and for any dtype, conjugate or negative bit. If an alias still has the version that it
    had with these bytes, it keeps it: a graph that saved them is valid again. The version counters of all others,
    those of `.data` and DLPack included, are raised, because a graph that saved one of them must raise in backward
    rather than compute with other values.
    """

    snapshotter: Snapshotter
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
            try:
                return self._restore(seen, paths, cell)
            except RuntimeError:  # a device is out of memory, or was lost, or the user's own kernel failed
                raise RefusedError(RestoreRefusal(code="device-failed", path=paths[0])) from None

    def _restore(self, seen: list[_Seen], paths: list[str], cell: int) -> Restored:
        plan = [(one, self._kept(one, cell)) for one in seen if one.path in paths]
        changed = [(one, old) for one, old in plan if not one.are_equal(old, one.copy())]
        if not changed:
            raise RefusedError(RestoreRefusal(code="same-bytes", path=paths[0], cell=cell))
        return self._write(seen, changed, cell)

    def _write(self, seen: list[_Seen], changed: list[tuple[_Seen, Any]], cell: int) -> Restored:
        near = _near(seen, [one for one, _ in changed])
        before = [one.copy() for one in near]
        then = {str(path): reading for one in near for path, reading in self._readings_of(one, cell)}
        versions = [(one.thing, one.reading.version) for one in near if _has_moved(one.reading, then.get(one.path))]
        for one, old in changed:
            if one.place is None or not one.place.write(old):
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
                one.path for one, was in others if one.path not in asked and not one.are_equal(was, one.copy())
            ),
        )

    def _kept(self, one: _Seen, cell: int) -> Any:  # noqa: ANN401
        """Return the bytes of a tensor from before a cell.

        Raises
        ------
        RefusedError
            If they were not kept, or the tensor has another layout now, is frozen, or holds references, or its device
            is at work.
        """
        if holds_references(one.thing):
            raise RefusedError(RestoreRefusal(code="references"))
        frozen = self.freezer.owner_of(one.reading)
        if frozen is not None:
            raise RefusedError(RestoreRefusal(code="frozen", known=frozen.record()))
        _refuse_at_work(one)
        kept = self.archive.find(one.reading.storage, cell)
        if kept is None:
            raise RefusedError(_not_kept(one, cell))
        then = next((reading for path, reading in kept.readings if str(path) == one.path), None)
        fields = changed_fields(then, one.reading) if then else ()
        lost = tuple(name for name in ("shape", "strides", "dtype", "storage") if name in fields)
        if lost:
            raise RefusedError(RestoreRefusal(code="another-form", path=one.path, fields=lost))
        if kept.first < cell:
            raise RefusedError(RestoreRefusal(code="not-compared", path=one.path, cell=cell))
        covered = None if one.place is None else one.place.kept(kept.mark)
        if covered is None:
            raise RefusedError(_not_kept(one, cell))
        return covered

    def _readings_of(self, one: _Seen, cell: int) -> tuple[tuple[AccessPath, Reading], ...]:
        """Return the readings of a storage's variables from when it had the bytes from before a cell."""
        kept = self.archive.find(one.reading.storage, cell)
        return kept.readings if kept else ()

    def _look(self, names: Mapping[str, object]) -> Iterator[_Seen]:
        for branch in walk(names).branches.values():
            serials = self.snapshotter.objects.number(branch.objects)
            for path, thing, serial in zip(branch.outline.paths(), branch.objects, serials, strict=True):
                reading = read(thing, "", serial, self.snapshotter.storages)
                if not reading.unknown:
                    yield _Seen(str(path), thing, reading, self.snapshotter.storages.own)


def _near(seen: list[_Seen], targets: list[_Seen]) -> list[_Seen]:
    neighbours = Neighbourhood((one, one.reading) for one in seen)
    found = {one.path: one for target in targets for one, _ in neighbours.of(target.reading)}
    return list(found.values())


def _refuse_at_work(one: _Seen) -> None:
    """Refuse what the device would have to be waited for."""
    if one.reading.device == "cpu" or not is_tensor(one.thing):
        return
    device = storage_of(one.thing).device
    if has_left_error(device):
        raise RefusedError(RestoreRefusal(code="device-failed", path=one.path))
    if is_capturing(device):
        raise RefusedError(RestoreRefusal(code="device-captured", path=one.path))
    if not is_idle(device) or others_work(device):
        raise RefusedError(RestoreRefusal(code="device-busy", path=one.path))


def _not_kept(one: _Seen, cell: int) -> RestoreRefusal:
    is_large = one.reading.device != "cpu" and storage_of(one.thing).nbytes() > LARGEST
    return RestoreRefusal(code="not-kept-there" if is_large else "not-kept", path=one.path, cell=cell)


def _has_moved(now: Reading, then: Reading | None) -> bool:
    return now.version is not None and (then is None or now.version != then.version)
