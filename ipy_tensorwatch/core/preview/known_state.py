"""What is known before a cell runs: the only input of a preview beside the cell's source."""

from __future__ import annotations

import re
from collections import defaultdict
from functools import cached_property
from typing import TYPE_CHECKING

from ..blame.expected.updates import counts_as_parameter
from ..hazards.standing_hazards import Standing
from ..interpreter.source_index import Library
from ..origins.origins import Origins
from ..records.snapshots.snapshot import Snapshot
from ..records.trace.notebook import Notebook
from ..runtime.record import field, record
from ..syntax.parsing import parse_path

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..records.path import AccessPath
    from ..records.reading import Reading
    from ..records.trace.evidence import OptimizerHolding
    from ..records.trace.saved_tensor import Overwritten


_ROOT = re.compile(r"[.\[]")
_OF_SNAPSHOT = ("library", "by_object", "readings", "parameter_shapes", "scenes_of", "in_one_memory")
"""What follows from the snapshot and the notebook alone."""


UNREAD = object()
"""Stands for a value that is not plain."""


class PathBranch:
    """A step of the paths: what it leads to, and the steps from there.

    Attributes
    ----------
    plain
        Its plain value, or the type of its container; `UNREAD` if neither is known.
    size
        How many items it has, if that is known.
    """

    __slots__ = ("plain", "reading", "size", "steps", "target")

    def __init__(self) -> None:
        self.reading: Reading | None = None
        self.plain: object = UNREAD
        self.size: int | None = None
        self.steps: dict[str, PathBranch] = {}
        self.target: AccessPath | None = None


@record(eq=False, slots=False)
class KnownState:
    """What is known before the cell runs.

    Attributes
    ----------
    snapshot
        What the names lead to.
    constants
        The plain values behind variables, by path, and `list`, `tuple` or `dict` for containers.
    sizes
        The numbers of items of such containers, by path, if all of their plain items are known.
    optimizers
        What each optimizer holds.
    saved
        What the living graphs saved, overwritten or not.
    users
        By the path of a tensor, the paths of what was computed from it, empty for what no path leads to.
    standing
        The hazards that stand.
    origins
        Where sharing began.
    read_only
        The arrays among the variables that refuse writes.
    closures
        For functions of the notebook, the tensors that their defaults and closures hold, by name.
    """

    count: int = 1
    snapshot: Snapshot = field(default_factory=Snapshot)
    notebook: Notebook = field(default_factory=Notebook)
    constants: Mapping[str, object] = field(default_factory=dict)
    sizes: Mapping[str, int] = field(default_factory=dict)
    optimizers: Sequence[OptimizerHolding] = ()
    saved: Sequence[Overwritten] = ()
    users: Mapping[str, frozenset[str]] = field(default_factory=dict)
    standing: Standing = field(default_factory=Standing)
    origins: Origins = field(default_factory=Origins)
    read_only: frozenset[str] = frozenset()
    closures: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    _branches: dict[str, PathBranch] = field(default_factory=dict, repr=False)

    @cached_property
    def library(self) -> Library:
        """What the notebook defines."""
        return Library(self.notebook)

    def take_over(self, earlier: KnownState) -> None:
        """Take over what was found before the last cell and still holds: most variables lead where they led."""
        if earlier.notebook != self.notebook or earlier.snapshot.several_ways != self.snapshot.several_ways:
            return
        mine, theirs = self.snapshot.scenes, earlier.snapshot.scenes
        changed = {name for name in mine.keys() | theirs.keys() if mine.get(name) is not theirs.get(name)}
        changed |= {
            name
            for name in self._plain_behind.keys() | earlier._plain_behind.keys()
            if self._plain_behind.get(name) != earlier._plain_behind.get(name)
        }
        self._branches.update({name: one for name, one in earlier._branches.items() if name not in changed})
        names = _OF_SNAPSHOT if not changed else ("library",)
        vars(self).update({name: one for name, one in vars(earlier).items() if name in names})

    @cached_property
    def by_object(self) -> Mapping[int, tuple[AccessPath, Reading]]:
        """A path to each tensor, by its serial."""
        found: dict[int, tuple[AccessPath, Reading]] = {}
        for scene in self.snapshot.scenes.values():
            for number, places in scene.by_object.items():
                found.setdefault(number, (scene.paths[places[0]], scene.readings[places[0]]))
        return found

    def alone(self, storage: int) -> tuple[AccessPath, Reading] | None:
        """Return the only path to a storage, and its reading; None if it has several, or lies in others' memory."""
        names = self.scenes_of.get(storage, ())
        if len(names) != 1 or storage in self.in_one_memory:
            return None
        [name] = names
        scene = self.snapshot.scenes[name]
        place = scene.by_storage[storage]
        return (scene.path_at(place), scene.readings[place]) if isinstance(place, int) else None

    @cached_property
    def readings(self) -> Mapping[str, Reading]:
        """What each path leads to, by its spelling."""
        return {str(path): reading for path, reading in self.snapshot.entries()}

    @cached_property
    def parameter_shapes(self) -> frozenset[tuple[int, ...]]:
        """The shapes of the parameters and leaves: a function may update what is like them, as a moving average."""
        every = (one for scene in self.snapshot.scenes.values() for one in scene.readings)
        return frozenset([one.shape for one in every if counts_as_parameter(one)])

    def branch_of(self, root: str) -> PathBranch | None:
        """Return the steps behind a variable."""
        if root not in self._branches:
            top = PathBranch()
            scene = self.snapshot.scenes.get(root)
            for path, reading in scene.entries if scene is not None else ():
                _descend(top, path.steps).reading = reading
            for path in self.library.paths.get(root, ()):
                _descend(top, path.steps)
            for text, value, size in self._plain_behind.get(root, ()):
                one = _descend(top, parse_path(text).steps)
                one.plain, one.size = value, size
            for way in self.snapshot.several_ways:
                if way.root == root:
                    _descend(top, way.path.steps).target = way.target
            self._branches[root] = top
        found = self._branches[root]
        return found if found.steps or found.plain is not UNREAD else None

    @cached_property
    def _plain_behind(self) -> Mapping[str, list[tuple[str, object, int | None]]]:
        """The plain values at and behind each variable."""
        found: dict[str, list[tuple[str, object, int | None]]] = defaultdict(list)
        for text, value in self.constants.items():
            found[_ROOT.split(text, maxsplit=1)[0]].append((text, value, self.sizes.get(text)))
        return found

    @cached_property
    def scenes_of(self) -> Mapping[int, frozenset[str]]:
        """The scenes in which each storage is, by its serial."""
        found: dict[int, set[str]] = defaultdict(set)
        for name, scene in self.snapshot.scenes.items():
            for storage in scene.by_storage:
                found[storage].add(name)
        return {storage: frozenset(names) for storage, names in found.items()}

    @cached_property
    def in_one_memory(self) -> Mapping[int, frozenset[int]]:
        """The storages that lie in the memory of each storage, where there are several."""
        spans: dict[int, tuple[int, int]] = {}
        for scene in self.snapshot.scenes.values():
            for storage, (low, high) in scene.spans.items():
                known = spans.get(storage, (low, high))
                spans[storage] = min(known[0], low), max(known[1], high)
        found: dict[int, frozenset[int]] = {}
        end, together = -1, list[int]()
        for storage, (low, high) in sorted(spans.items(), key=lambda item: item[1]):
            if low >= end:
                found.update(dict.fromkeys(together, frozenset(together)) if len(together) > 1 else {})
                together = []
            together.append(storage)
            end = max(end, high)
        return found | (dict.fromkeys(together, frozenset(together)) if len(together) > 1 else {})


def _descend(branch: PathBranch, steps: Sequence[str]) -> PathBranch:
    for step in steps:
        is_joined = step.startswith(".") and step.endswith("]")  # `.state[weight]` of an optimizer
        for one in (step[: step.index("[")], step[step.index("[") :]) if is_joined else (step,):
            inner = branch.steps.get(one)
            if inner is None:
                inner = branch.steps[one] = PathBranch()
            branch = inner
    return branch
