"""A snapshot: every path and its reading after one cell."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING

from .outline import Outline
from .reading import TOO_MANY
from .records import TensorRecord

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from .path import AccessPath
    from .reading import Reading


_LOOKED_AT = ("cpu", "meta", "unknown")


@dataclass(frozen=True, kw_only=True, eq=False)
class Scene:
    """What hangs on one name, read once. An unchanged scene is carried from snapshot to snapshot as it is."""

    outline: Outline = field(default_factory=Outline)
    readings: tuple[Reading, ...] = ()

    @cached_property
    def paths(self) -> tuple[AccessPath, ...]:
        """The paths, in the order of the readings."""
        return tuple(self.outline.paths())

    def with_readings(self, outline: Outline, readings: Iterable[Reading]) -> Scene | None:
        """Return a scene of the same paths, which need not be spelled again; None where the outline is another."""
        if outline != self.outline:
            return None
        scene = Scene(outline=self.outline, readings=tuple(readings))
        if "paths" in vars(self):
            vars(scene)["paths"] = self.paths
        return scene

    @cached_property
    def entries(self) -> tuple[tuple[AccessPath, Reading], ...]:
        """The paths, each with its reading."""
        return tuple(zip(self.paths, self.readings, strict=True))

    @cached_property
    def untold(self) -> tuple[tuple[AccessPath, Reading], ...]:
        """The entries whose bytes are not looked at: memory that cannot be told, or memory of a device."""
        found = [i for i, one in enumerate(self.readings) if one.unknown or one.device not in _LOOKED_AT]
        return tuple((self.paths[i], self.readings[i]) for i in found)

    @cached_property
    def with_history(self) -> tuple[int, ...]:
        """The places of the readings of tensors that were computed from others, under autograd."""
        return tuple(
            [i for i, one in enumerate(self.readings) if not one.is_leaf and one.grad_fn not in (None, TOO_MANY)]
        )

    @cached_property
    def gradients(self) -> tuple[tuple[int, int], ...]:
        """The places of tensors that have a gradient, each with that of the gradient."""
        found: list[tuple[int, int]] = []
        place = 0
        for run in self.outline.runs:
            if run.style == "grad":
                found += [(base, place + i) for i, base in enumerate(run.keys) if isinstance(base, int)]
            place += len(run.keys)
        return tuple(found)

    @cached_property
    def by_path(self) -> Mapping[str, Reading]:
        """The readings by their spelled path."""
        return dict(zip(map(str, self.paths), self.readings, strict=True))


@dataclass(frozen=True, kw_only=True, eq=False)
class Snapshot:
    """Every tensor and array reachable from the user's names after one cell."""

    scenes: Mapping[str, Scene] = field(default_factory=dict)

    def __len__(self) -> int:
        """Count the paths."""
        return sum(len(scene.readings) for scene in self.scenes.values())

    def entries(self) -> Iterator[tuple[AccessPath, Reading]]:
        """Go through all paths and readings."""
        return chain.from_iterable(scene.entries for scene in self.scenes.values())

    def get(self, path: str) -> Reading | None:
        """Find the reading of a spelled path."""
        return next((scene.by_path[path] for scene in self.scenes.values() if path in scene.by_path), None)

    @cached_property
    def by_storage(self) -> Mapping[int, tuple[tuple[AccessPath, Reading], ...]]:
        """The entries by the serial of their storage, those without one left out."""
        found: dict[int, list[tuple[AccessPath, Reading]]] = {}
        for path, reading in self.entries():
            if reading.storage and not reading.unknown:
                found.setdefault(reading.storage, []).append((path, reading))
        return {storage: tuple(entries) for storage, entries in found.items()}

    @cached_property
    def records(self) -> tuple[TensorRecord, ...]:
        """The entries as records of the report."""
        return tuple(_record(path, reading) for path, reading in self.entries())


def _record(path: AccessPath, reading: Reading) -> TensorRecord:
    item = reading.itemsize or 1
    return TensorRecord(
        path=path,
        kind=reading.kind,
        object=reading.object,
        storage=reading.storage,
        device=reading.device,
        dtype=reading.dtype,
        itemsize=reading.itemsize,
        shape=reading.shape,
        strides=tuple(stride // item for stride in reading.strides),
        data_ptr=reading.data_ptr,
        span=(reading.low, reading.high),
        version=reading.version,
        requires_grad=reading.requires_grad,
        is_leaf=reading.is_leaf,
        grad_fn=reading.grad_fn,
        unknown=reading.unknown,
    )
