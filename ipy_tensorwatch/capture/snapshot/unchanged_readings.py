"""Find what did not change where tensors moved to other paths: in a buffer that grew, or that dropped its oldest."""

from __future__ import annotations

from contextlib import suppress
from itertools import chain
from operator import eq, is_
from typing import TYPE_CHECKING, Any

from ..tensors.plain_reads import is_ndarray
from ..tensors.read_tensor import are_laid_out_as, is_laid_out_as

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from ...core.records.reading import Reading
    from ...core.records.snapshots.snapshot import RootSnapshot
    from ..objects.walk_state import Branch
    from .change_check import BranchFacts

    FactColumns = tuple[list[Any], ...]

_HOW = is_, eq, eq, eq, eq
"""How tokens, versions, addresses, flags and roles are compared."""


def unchanged_readings(
    old: tuple[RootSnapshot, BranchFacts],
    branch: Branch,
    facts: BranchFacts,
    number: Callable[[Sequence[Any]], list[int]],
    lost: Collection[int],
) -> list[Reading | None]:
    """Return for each tensor and array its last reading, or None for one that is to be read; nothing if all are.

    Only those that moved by as many places as the first one did are found.

    Parameters
    ----------
    old
        The branch at the last look, and its facts.
    facts
        The facts of the branch now.
    number
        Returns the serials of some objects.
    lost
        The serials of storages that were freed: other memory may have their addresses.
    """
    scene, known = old
    if not (known.chunks and facts.chunks):
        return []
    were, are = _columns(known, scene.outline.roles()), _columns(facts, branch.outline.roles())
    start = _place_of_first(were, are)
    same = zip(*(map(how, was[start:], now) for how, was, now in zip(_HOW, were, are, strict=True)), strict=True)
    last = zip(scene.readings[start:], same, strict=False)
    found = [one if all(alike) and _may_stay(one, lost) else None for one, alike in last]
    found += [None] * (len(branch.objects) - len(found))
    found = _of_same_objects(branch.objects, found, number)
    return _of_same_layout(branch.objects, found, all_torch=facts.all_torch)


def _columns(facts: BranchFacts, roles: list[str]) -> FactColumns:
    return *([*chain.from_iterable(parts)] for parts in zip(*facts.chunks, strict=True)), roles


def _place_of_first(were: FactColumns, are: FactColumns) -> int:
    """Return where the first row was; 0 if it was nowhere."""
    (token, _, address, *_), (tokens, _, addresses, *_) = (column[0] for column in are), were
    places = zip(tokens, addresses, strict=True)
    return next((row for row, (own, here) in enumerate(places) if own is token and here == address), 0)


def _may_stay(one: Reading, lost: Collection[int]) -> bool:
    may_have_another_history = one.requires_grad and one.kind == "tensor"
    return one.device == "cpu" and not (one.unknown or may_have_another_history or one.storage in lost)


def _of_same_objects(
    things: Sequence[Any], last: list[Reading | None], number: Callable[[Sequence[Any]], list[int]]
) -> list[Reading | None]:
    """Return the readings without those of other objects: of arrays ids are used again, and tensors can be swapped."""
    pairs = zip(number(things), last, strict=True)  # all at once: of two that were swapped, one tells of the other
    return [one if one and one.object == serial else None for serial, one in pairs]


def _of_same_layout(things: Sequence[Any], last: list[Reading | None], *, all_torch: bool) -> list[Reading | None]:
    """Return the readings without those of another layout than their tensor's."""
    there = [(thing, one) for thing, one in zip(things, last, strict=True) if one]
    if all_torch:
        with suppress(RuntimeError):  # a nested tensor has no strides to read
            if are_laid_out_as([thing for thing, _ in there], [one for _, one in there]):
                return last
    return [
        one if one and (is_ndarray(thing) or is_laid_out_as(thing, one)) else None
        for thing, one in zip(things, last, strict=True)
    ]
