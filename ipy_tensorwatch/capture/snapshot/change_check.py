"""Cheap facts that show whether anything about many tensors may have changed, read in columns."""

from __future__ import annotations

import operator
from contextlib import suppress
from itertools import chain, compress
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch

from ...core.records.snapshots.outline import OutlineRun
from ...core.runtime.guard import GUARD
from ..objects.containers import PLAIN_IDS, TORCH_IDS
from ..objects.inspect_object import are_all, same_things
from ..objects.walk_state import Branch
from ..runtime.torch_private import attributes_of, data_address, is_fake, is_functorch, quick_version_of, read_grad
from ..tensors import plain_reads
from ..tensors.read_tensor import are_laid_out_as, is_laid_out_as, may_be_stale
from .tensor_parts import add_parts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...core.records.reading import Reading

_plain_grad = operator.attrgetter("grad")

LEAF = 2
"""The flag of a leaf that requires grad, where others may have a history."""
CHUNK = 1024
"""The number of tensors read together: few enough to stay in the cache while each fact is read."""


class Chunk(NamedTuple):
    """One list for each fact, one row for each tensor; equal chunks mean that no tensor must be read again.

    Attributes
    ----------
    tokens
        Proof that the object is the same: its own `__dict__`, which no other tensor can have while we hold
        it. Compared by identity.
    versions, addresses, flags
        Every change of a tensor's layout raises its version or moves its address, except an
        assignment to `.data`. Of tensors the flags tell whether they require grad, and whether they are leaves. For
        arrays, which have no version, they contain the whole layout.
    """

    tokens: list[object]
    versions: list[int | None]
    addresses: list[int]
    flags: list[object]

    def same_as(self, other: Chunk) -> bool:
        """Return whether nothing differs."""
        return (
            self.versions == other.versions
            and self.addresses == other.addresses
            and self.flags == other.flags
            and (self.tokens is other.tokens or same_things(self.tokens, other.tokens))
        )

    def compare(
        self, known: Chunk, last: Sequence[Reading], things: Sequence[torch.Tensor], *, hurried: bool
    ) -> tuple[list[tuple[int, int]], list[int]]:
        """Return which tensors changed only their version, each with it, and which must be read again.

        Parameters
        ----------
        known, last
            The chunk and the readings of the last look.
        hurried
            Whether to compare only tensors with a differing fact.
        """
        columns = zip(known.tokens, self.tokens, known.flags, self.flags, last, self.addresses, things, strict=True)
        alike, others = list[int](), list[int]()
        for row, (token, now, flag, is_grad, reading, address, thing) in enumerate(columns):
            is_there = token is now and flag == is_grad and address == reading.data_ptr and not reading.unknown
            version, has_history = self.versions[row], is_grad and type(thing) is torch.Tensor
            if not is_there or version is None or (has_history and not (hurried and version == reading.version)):
                others.append(row)
            elif version != reading.version or not hurried:
                alike.append(row)
        if not are_laid_out_as([things[row] for row in alike], [last[row] for row in alike]):
            others += [row for row in alike if not is_laid_out_as(things[row], last[row])]
            alike = [row for row in alike if row not in {*others}]
        return [
            (row, version) for row in alike if (version := self.versions[row]) not in (None, last[row].version)
        ], others


class BranchFacts(NamedTuple):
    """The chunks of one branch, and whether their tokens alone prove identity; arrays have no tokens."""

    chunks: list[Chunk]
    all_torch: bool

    def same_as(self, other: BranchFacts) -> bool:
        """Return whether nothing differs; identical chunk objects were carried over."""
        return len(self.chunks) == len(other.chunks) and all(map(operator.is_, self.chunks, other.chunks))


def complete(branch: Branch, known: BranchFacts | None) -> BranchFacts:
    """Add to a branch its tensors' own tensors, such as `.grad`, and read the facts of everything.

    Parameters
    ----------
    branch
        Extended by the gradients and components found.
    known
        The facts of the last look; equal chunks are reused.
    """
    old = known.chunks if known else []
    if branch.kinds <= TORCH_IDS and plain_reads.is_unpatched():
        try:
            chunks = _complete_fast(branch, old, may_have_history=id(torch.Tensor) in branch.kinds)
        except RuntimeError:  # the chunk has an inference, sparse or wrapped tensor, or one with attributes
            pass
        else:
            return BranchFacts(_carry(chunks, old), all_torch=True)
    if branch.kinds <= PLAIN_IDS and id(np.ndarray) in branch.kinds and plain_reads.is_unpatched():
        with suppress(RuntimeError):  # a tensor is odd, or has a gradient
            return BranchFacts(_carry([_read_mixed(branch.objects)], old), all_torch=False)
    add_parts(branch)
    _take_grads(branch, list(enumerate(map(_grad, branch.objects))))
    return BranchFacts(_carry([_read_each(branch.objects)], old), all_torch=False)


def _complete_fast(branch: Branch, old: list[Chunk], *, may_have_history: bool) -> list[Chunk]:
    tensors = branch.objects
    chunks: list[Chunk] = []
    grads: list[tuple[int, Any]] = []
    for start in range(0, len(tensors), CHUNK):
        part = tensors[start : start + CHUNK]
        chunks.append(_read_fast(part, _tokens(old, len(chunks)), may_have_history=may_have_history))
        careful = any(chunks[-1].flags) and (may_have_history or not all(map(plain_reads.is_leaf, part)))
        read = map(_careful_grad, part, map(plain_reads.is_view, part)) if careful else map(_plain_grad, part)
        grads += _grads([*read], start)
    if grads:
        more = [grad for _, grad in grads]
        if not all(map(plain_reads.is_plain, more)):
            raise RuntimeError
        for start in range(0, len(more), CHUNK):
            chunks.append(_read_fast(more[start : start + CHUNK], _tokens(old, len(chunks)), may_have_history=True))
        _take_grads(branch, grads)
    return chunks


def _tokens(old: list[Chunk], place: int) -> list[object]:
    return old[place].tokens if place < len(old) else []


def _carry(chunks: list[Chunk], old: list[Chunk]) -> list[Chunk]:
    carried = [known if known.same_as(chunk) else chunk for chunk, known in zip(chunks, old, strict=False)]
    return carried + chunks[len(carried) :]


def _is_leaf(tensor: Any) -> bool:  # noqa: ANN401
    """Return whether a tensor is a leaf; no view is, and to ask a stale one would make a node."""
    return not plain_reads.is_view(tensor) and plain_reads.is_leaf(tensor)


def _read_fast(tensors: Sequence[torch.Tensor], known: list[object], *, may_have_history: bool) -> Chunk:
    tokens: list[object] = [tensor.__dict__ for tensor in tensors]
    if same_things(tokens, known):
        tokens = known
    elif not are_all(tokens, dict):
        raise RuntimeError
    if any(tokens):  # the user's own attributes, which we must not keep alive
        raise RuntimeError
    flags: list[object] = [tensor.requires_grad for tensor in tensors]
    if may_have_history and True in flags:  # `detach_().requires_grad_()` changes nothing else
        flags = [is_grad and (LEAF if _is_leaf(one) else True) for is_grad, one in zip(flags, tensors, strict=True)]
    return Chunk(
        tokens,
        [*map(quick_version_of, tensors)],
        [*map(data_address, tensors)],
        flags,
    )


def _grads(grads: list[Any], start: int) -> list[tuple[int, torch.Tensor]]:
    if not [1 for grad in grads if grad is not None]:  # the usual case, five times faster
        return []
    return [(start + i, grad) for i, grad in enumerate(grads) if grad is not None]


def _careful_grad(tensor: torch.Tensor, is_view: bool) -> Any:  # noqa: ANN401, FBT001
    """Return a gradient, without PyTorch's warning for a tensor that cannot have one."""
    if is_view:
        return _grad(tensor)
    may_have = not tensor.requires_grad or plain_reads.is_leaf(tensor) or plain_reads.retains_grad(tensor)
    return read_grad(tensor) if may_have else None


def _take_grads(branch: Branch, grads: list[tuple[int, Any]]) -> None:
    found = [(base, grad) for base, grad in grads if grad is not None]
    if found:
        branch.take(OutlineRun(0, "grad", tuple(base for base, _ in found)), [grad for _, grad in found])


def _grad(thing: Any) -> Any:  # noqa: ANN401
    if not plain_reads.is_tensor(thing):
        return None
    try:
        if plain_reads.requires_grad(thing) and (may_be_stale(thing) or not plain_reads.is_leaf(thing)):
            return read_grad(thing) if plain_reads.retains_grad(thing) else None
        return read_grad(thing)
    except Exception as error:  # noqa: BLE001  (a stale view, or a functorch wrapper)
        GUARD.note_unless_odd("looking-at-variable", error)
        return None


def _read_each(objects: Sequence[Any]) -> Chunk:
    rows = [_row(thing) for thing in objects]
    return Chunk(*([*column] for column in zip(*rows, strict=True))) if rows else Chunk([], [], [], [])


def _read_mixed(things: Sequence[Any]) -> Chunk:
    """Read arrays and tensors without gradients, in columns."""
    are_arrays = [type(thing) is np.ndarray for thing in things]
    tensors = Branch(objects=[*compress(things, map(operator.not_, are_arrays))])
    count, chunks = len(tensors.objects), _complete_fast(tensors, [], may_have_history=True)
    if len(tensors.objects) > count:
        raise RuntimeError
    arrays = _read_arrays([*compress(things, are_arrays)])
    if not chunks:
        return arrays
    of_arrays: list[list[Any]] = [*arrays]
    of_tensors = [[*chain.from_iterable(parts)] for parts in zip(*chunks, strict=True)]
    return Chunk(*(_merged(are_arrays, *columns) for columns in zip(of_arrays, of_tensors, strict=True)))


def _merged(are_arrays: list[bool], of_arrays: list[Any], of_tensors: list[Any]) -> list[Any]:
    arrays, tensors = iter(of_arrays), iter(of_tensors)
    return [next(arrays) if is_array else next(tensors) for is_array in are_arrays]


def _read_arrays(arrays: Sequence[Any]) -> Chunk:
    """Read what `_read_each` does, of NumPy's own arrays, in columns."""
    layouts = map(plain_reads.array_shape, arrays), map(plain_reads.array_strides, arrays)
    types = _types_of([*map(plain_reads.array_dtype, arrays)])
    nothing = [None] * len(arrays)
    return Chunk(
        [*nothing], [*nothing], plain_reads.addresses_of(arrays), [*zip(map(id, arrays), *layouts, types, strict=True)]
    )


def _types_of(types: Sequence[np.dtype[Any]]) -> list[str]:
    """Spell some types, those of records with their fields."""
    found = [one.str for one in types]
    return [str(kind) if one[1] == "V" else one for one, kind in zip(found, types, strict=True)]


def _row(thing: Any) -> tuple[object, int | None, int, object]:  # noqa: ANN401
    try:
        if plain_reads.is_ndarray(thing):
            layout = (
                plain_reads.array_shape(thing),
                plain_reads.array_strides(thing),
                *_types_of([plain_reads.array_dtype(thing)]),
            )
            return None, None, plain_reads.address_of(thing), (id(thing), *layout)
        local = plain_reads.local_of(thing)
        if is_functorch(thing) or is_fake(thing) or plain_reads.is_wrapper(local):
            return object(), None, 0, None
        version, token = (
            plain_reads.version_of(thing) if plain_reads.has_version(thing) else None,
            attributes_of(thing),
        )
        own = (plain_reads.version_of(local),) if local is not thing and plain_reads.has_version(local) else ()
        layout = plain_reads.shape_of(local), plain_reads.stride_of(local), *own
        is_grad = plain_reads.requires_grad(thing)
        flags = id(thing), is_grad, is_grad and _is_leaf(thing), *layout
        return (token if type(token) is dict and not token else None), version, data_address(local), flags
    except Exception as error:  # noqa: BLE001  (sparse, lazy, functorch: read again at every cell)
        GUARD.note_unless_odd("looking-at-variable", error)
        return object(), None, 0, None
