"""The memory of an abstract run: new tensors, views, and the writes in their order."""

from __future__ import annotations

from functools import lru_cache
from math import prod
from typing import TYPE_CHECKING, Literal, NamedTuple

from ...memory.overlap import overlaps_itself
from ...memory.view_layouts import ViewLayout, dense_strides
from ...records.reading import Reading, extent
from ...runtime.record import field, mutable
from .abstract_values import AbstractObject, AbstractTensor, AbstractValue, Either, GraphNode
from .stopped_error import StoppedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from ...hazards.error_facts import Trouble
    from ...records.trace.evidence import Position
    from ...records.trace.saved_tensor import Overwritten

FIRST_SERIAL = 1 << 44
"""The serial of the first object or storage that only an abstract run made."""
_NO_NODES = frozenset[GraphNode]()
_SPACING = 40
"""The addresses of made storages are `1 << _SPACING` apart, so that none overlaps."""
_ITEM_SIZES = {"64": 8, "32": 4, "16": 2, "8": 1, "bool": 1}
MOST_WRITES = 4000
"""The number of writes after which no more are recorded."""


Writer = Literal["", "step", "backward", "module"]


class AbstractWrite(NamedTuple):
    """One write of the abstract run.

    Attributes
    ----------
    reading
        The elements that are written, and the tensor that is written through.
    is_certain
        Whether it happens whenever the cell runs, to exactly these elements.
    by
        What writes, if that is expected to: an optimizer's step, a backward, or a module to its buffers.
    is_recorded
        Whether autograd records it.
    """

    reading: Reading
    position: Position
    is_certain: bool
    is_counted: bool
    by: Writer = ""
    is_recorded: bool = False


@mutable
class AbstractMemory:
    """Makes tensors and records writes.

    Attributes
    ----------
    position
        The statement, and the line inside a function, that runs.
    doubt
        How many conditions that are not known lead here.
    is_lost
        Whether code ran that may have bound any variable: what a name leads to is in doubt from then on.
    records
        Whether autograd records operations.
    infers
        Whether inference mode is on.
    writes
        Each with the moments of its first, its second and its last time.
    now
        How many statements of the cell have been entered: what one of them makes is compared from the next one on.
    versions
        How far the version counter of each storage has moved.
    saved
        What the graphs from before the cell saved.
    paths
        The paths to the tensors that these graphs end in, by their serials.
    freed
        The paths whose graph a backward of the cell has freed.
    gone
        The nodes made by the cell that a backward of it has freed.
    reached
        The leaves that a backward of the cell surely gave gradients to.
    moved
        How far the writes that are certain have moved the version counter of each storage.
    spent
        The paths whose graph leads into a part that was freed before the cell, each with the number of its first node.
    filled
        Every value under which an object got a new part, with that object.
    every_leaf
        Returns the leaves from before the cell, which a graph from before it may lead to.
    next_serial
        The serial of what is made next.
    """

    position: Position
    doubt: int = 0
    is_lost: bool = False
    records: bool = True
    infers: bool = False
    writes: dict[AbstractWrite, tuple[int, ...]] = field(default_factory=dict)
    now: int = 0
    versions: dict[int, int] = field(default_factory=dict)
    saved: Sequence[Overwritten] = ()
    paths: Mapping[int, Sequence[str]] = field(default_factory=dict)
    freed: set[str] = field(default_factory=set)
    gone: set[GraphNode] = field(default_factory=set)
    reached: set[AbstractTensor] = field(default_factory=set)
    moved: dict[int, int] = field(default_factory=dict)
    spent: Mapping[str, int] = field(default_factory=dict)
    filled: list[tuple[AbstractObject, AbstractValue]] = field(default_factory=list)
    every_leaf: Callable[[], Iterable[AbstractTensor]] = tuple
    next_serial: int = FIRST_SERIAL

    def serial(self) -> int:
        """Return a new serial."""
        self.next_serial += 1
        return self.next_serial - 1

    def make(
        self,
        shape: tuple[int, ...] | None = None,
        dtype: str = "unknown",
        kind: str = "tensor",
        sources: Iterable[AbstractTensor] = (),
    ) -> AbstractTensor:
        """Return a tensor with memory of its own; `sources` are those that it was computed from."""
        size, known = item_size(dtype), shape or ()
        number = self.serial()
        strides = dense_strides(known, size)
        leaves = frozenset[AbstractTensor]().union(*map(leaves_of, sources)) if self.records else frozenset()
        reading = Reading(
            kind=kind,
            object=number,
            storage=number,
            device="cpu",
            dtype=dtype,
            itemsize=size,
            shape=known,
            strides=strides,
            data_ptr=(number - FIRST_SERIAL + 1) << _SPACING,
            high=prod(known) * size,
            version=None if kind == "ndarray" or self.infers else 0,
            requires_grad=bool(leaves),
            is_leaf=not leaves,
        )
        graph = _joined(sources) if leaves else _NO_NODES
        return AbstractTensor(reading, is_exact=shape is not None, leaves=leaves, graph=graph)

    def note_saved(self, result: AbstractTensor, saved: Iterable[AbstractTensor] = ()) -> None:
        """Note that the node of a result has saved something: some tensors, or others that nothing else leads to."""
        if self.records and result.leaves and not result.is_array:
            kept = tuple((one, self.moved.get(one.reading.storage, 0)) for one in saved)
            result.graph |= {GraphNode(self.serial(), kept, self.position)}

    def find_broken(self, graph: Iterable[GraphNode]) -> tuple[GraphNode, AbstractTensor] | None:
        """Return the node that backward meets first of which a saved tensor was overwritten, and that tensor."""
        for node in sorted(graph, key=lambda one: -one.number):
            for tensor, version in node.saved:
                if self.moved.get(tensor.reading.storage, 0) != version:
                    return node, tensor
        return None

    def run_own(self, roots: Iterable[AbstractTensor], *, keeps: bool) -> None:
        """Free the graphs that the cell has made.

        Raises
        ------
        StoppedError
            If something that they saved was overwritten, or a backward has freed it.
        """
        graph = _joined(roots)
        broken, gone = self.find_broken(graph), max((one.number for one in graph & self.gone), default=-1)
        if broken is not None and broken[0].number > gone:
            raise StoppedError(tensor=broken[1], position=self.position, node=broken[0])
        if gone >= 0:
            raise StoppedError(freed="?", position=self.position)
        if not keeps:
            self.gone |= graph

    def view(
        self, base: AbstractTensor, layout: ViewLayout | None = None, *, kind: str = "", tracked: bool = True
    ) -> AbstractTensor:
        """Return another tensor over the memory of one; over all of it if its layout is not known.

        Parameters
        ----------
        tracked
            Whether autograd takes it for a view; `x.detach()` is none.
        """
        old = base.reading
        whole = ViewLayout(old.shape, old.strides)
        found = layout or whole
        low, high = old.low, old.high
        if found != whole:
            start = old.data_ptr - old.address + old.low + found.offset
            low, high = (start + end for end in extent(found.shape, found.strides, old.itemsize))
        with_grad = tracked and self.records and bool(leaves_of(base))
        reading = old._replace(
            kind=kind or ("ndarray" if base.is_array else "tensor"),
            object=self.serial(),
            shape=found.shape,
            strides=found.strides,
            data_ptr=old.data_ptr + found.offset,
            low=low,
            high=high,
            requires_grad=with_grad,
            is_leaf=not with_grad,
            grad_fn="ViewBackward0" if with_grad else None,
        )
        refuses = tracked and not self.records and not base.is_array
        return AbstractTensor(
            reading,
            made_under=("inference-view" if self.infers else "no-grad-view") if refuses else "",
            is_exact=base.is_exact and layout is not None,
            base=(base.base or base) if tracked else None,
            leaves=leaves_of(base) if with_grad else frozenset(),
            graph=base.graph if with_grad else frozenset(),
            is_counted=base.is_counted,
        )

    def write(
        self,
        value: AbstractValue | None,
        *,
        certain: bool = True,
        sources: Iterable[AbstractTensor] = (),
        fills: bool = False,
        reads: bool = False,
    ) -> None:
        """Record an in-place write to a tensor, or to whichever it may be.

        Parameters
        ----------
        reads
            Whether it reads the elements of the sources one after the other, and must not have overwritten them.
        fills
            Whether the write gives every element the same value, which even an expanded tensor accepts.

        Raises
        ------
        StoppedError
            If PyTorch would refuse it.
        """
        if isinstance(value, Either):
            for one in value.options:
                self.write(one, certain=False, sources=sources, fills=fills, reads=reads)
        elif isinstance(value, AbstractTensor):
            sources = [*sources]
            trouble = self.refuses(value, sources)
            if trouble is None and reads and any(_is_overwritten(one, value) for one in sources):
                trouble = "shared"
            if trouble is not None and certain and not (fills and trouble == "expanded"):
                if trouble == "inference":
                    self.record(value)
                raise StoppedError(None if value.is_array else trouble, value, self.position)
            self.record(value, certain=certain, has_history=any(map(leaves_of, sources)))
            self._adopt(value, sources)

    def run_backward(self, paths: Sequence[str], *, keeps: bool) -> None:
        """Free the graphs from before the cell that some paths lead to.

        Raises
        ------
        StoppedError
            If something that they saved was overwritten, or a backward has freed it.
        """
        for path in paths:
            needed = [one for one in self.saved if path in one.roots]
            broken = [one for one in needed if self._is_broken(one)]
            last = max((one.saved.sequence for one in broken), default=-1)
            gone = [one for one in needed if not self.freed.isdisjoint(one.roots)]
            if last < max((*(one.saved.sequence for one in gone), self.spent.get(path, -1))):
                freed = next((each for one in gone for each in one.roots if each in self.freed), path)
                raise StoppedError(root=path, freed=freed, position=self.position)
            if broken:
                raise StoppedError(root=path)
        if not keeps:
            self.freed.update(paths)

    def _is_broken(self, one: Overwritten) -> bool:
        return one.will_raise or bool(one.saved.is_checked and self.versions.get(one.saved.reading.storage))

    def refuses(self, tensor: AbstractTensor, sources: Iterable[AbstractTensor] = ()) -> Trouble | None:
        """Return why PyTorch or NumPy refuses to write to a tensor, from tensors with these graphs; None if not."""
        if tensor.is_array:
            return "shared" if tensor.is_read_only else None
        if tensor.reading.version is None and not self.infers:
            return "inference"
        root = tensor.base or tensor
        if self.records and tensor.made_under and (leaves_of(root) or any(map(leaves_of, sources))):
            return tensor.made_under
        if self.records and tensor.is_leaf:
            return "leaf"
        if self.records and tensor.base is not None and tensor.base.is_leaf and tensor.leaves:
            return "view-of-leaf"
        if self.records and tensor.is_piece and (tensor.leaves or any(map(leaves_of, sources))):
            return "one-of-several"
        is_folded = tensor.is_exact and 0 in tensor.reading.strides and overlaps_itself(tensor.reading) is True
        return "expanded" if is_folded else None

    def record(
        self,
        tensor: AbstractTensor,
        *,
        certain: bool = True,
        by: Writer = "",
        is_counted: bool = True,
        has_history: bool = False,
    ) -> None:
        """Record a write that nothing refuses; `has_history` if what is written was computed from leaves."""
        if len(self.writes) >= MOST_WRITES or tensor.reading.unknown or not tensor.reading.storage:
            return
        is_sure = certain and not self.doubt and not self.is_lost
        sure = is_sure and tensor.is_exact
        is_counted = is_counted and tensor.is_counted
        is_recorded = self.records and (has_history or bool(tensor.leaves)) and not tensor.is_array
        one = AbstractWrite(tensor.reading, self.position, sure, is_counted, by, is_recorded)
        known = self.writes.get(one)
        self.writes[one] = (self.now,) if known is None else (*known[:2], self.now)
        if is_counted and not tensor.is_array:
            storage = tensor.reading.storage
            self.versions[storage] = self.versions.get(storage, 0) + 1
            if is_sure:
                self.moved[storage] = self.moved.get(storage, 0) + 1

    def touch(self, tensor: AbstractTensor) -> None:
        """Record that an operator moves a tensor's version counter, whichever bytes it changes."""
        own = tensor.reading
        self.record(AbstractTensor(own._replace(shape=(0,), strides=(own.itemsize,), high=own.low)))

    def replace(self, tensor: AbstractTensor, other: Reading) -> None:
        """Give a tensor the memory of another one: what leads to the very object changes, its views do not."""
        own = tensor.reading
        nothing = own._replace(shape=(0,), strides=(own.itemsize,), high=own.low)
        self.record(AbstractTensor(nothing, is_counted=False))
        tensor.reading = other._replace(
            kind=own.kind, object=own.object, requires_grad=own.requires_grad, is_leaf=own.is_leaf,
            version=own.version, grad_fn=own.grad_fn,
        )  # fmt: skip

    def _adopt(self, tensor: AbstractTensor, sources: Iterable[AbstractTensor]) -> None:
        """Make a tensor part of the graph of what was written to it."""
        leaves = frozenset[AbstractTensor]().union(*map(leaves_of, sources)) if self.records else frozenset()
        if leaves and not tensor.is_array and not tensor.is_leaf:
            tensor.leaves |= leaves
            tensor.graph |= _joined(sources)
            tensor.reading = tensor.reading._replace(requires_grad=True, is_leaf=False)


def _is_overwritten(source: AbstractTensor, target: AbstractTensor) -> bool:
    """Return whether a write reads elements of a source after it has overwritten them, as far as PyTorch sees that."""
    one, other = source.reading, target.reading
    if source is target or one.storage != other.storage or source.is_array or target.is_array:
        return False
    is_known = source.is_exact and target.is_exact and one.is_dense and other.is_dense
    meet = is_known and one.numel and other.numel and one.address < other.end and other.address < one.end
    return bool(meet) and not (one.address == other.address and one.end == other.end and one.strides == other.strides)


def _joined(tensors: Iterable[AbstractTensor]) -> frozenset[GraphNode]:
    several = [one.graph for one in tensors if one.graph]
    return several[0].union(*several[1:]) if several else _NO_NODES


def is_one_memory(one: AbstractTensor, other: AbstractTensor) -> bool:
    """Return whether two tensors have the very same elements, so that copying one to the other changes nothing."""
    return one.reading.storage == other.reading.storage and one.reading.layout == other.reading.layout


def leaves_of(tensor: AbstractTensor) -> frozenset[AbstractTensor]:
    """Return the leaves that a backward through a tensor reaches."""
    return frozenset((tensor,)) if tensor.is_leaf else tensor.leaves


@lru_cache(maxsize=256)
def item_size(dtype: str) -> int:
    """Return the size of an element; 4 if the type is not known."""
    return next((size for end, size in _ITEM_SIZES.items() if dtype.endswith(end)), 4)
