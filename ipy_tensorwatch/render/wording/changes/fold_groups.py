"""Fold similar alias groups into one line, such as 40 parameters of a model with their entries of a state dict."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ....core.runtime.grouped import grouped
from ....core.runtime.record import record
from ....core.syntax.parsing import parse_path
from ...page import Line, words
from ..quantities import count_of, spell_bytes
from .fold_changes import FOLD_FROM, label
from .phrases import names

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from ....core.records.report_parts import AliasGroup


@record
class GroupFold:
    """Alias groups shown in one line; `group` is the only one, or a summary of all `count`, `first` among them."""

    group: AliasGroup
    first: AliasGroup
    count: int = 1


def fold_groups(groups: Iterable[AliasGroup]) -> tuple[GroupFold, ...]:
    """Fold groups whose members come from the same variables and have the same relations; keep all others."""
    return tuple(one for alike in grouped(groups, _key).values() for one in _fold(alike))


def _key(group: AliasGroup) -> object:
    roots = tuple(parse_path(path).root for path in group.members)
    return group.device, roots, tuple(pair.relation for pair in group.pairs), group.pairs_left_out


def _fold(groups: Sequence[AliasGroup]) -> Iterator[GroupFold]:
    labels = [label(paths) for paths in zip(*(one.members for one in groups), strict=True)]
    if len(groups) < FOLD_FROM or len(set(labels)) < len(labels):
        yield from (GroupFold(group=one, first=one) for one in groups)
        return
    first = groups[0]
    named = dict(zip(first.members, labels, strict=True))
    pairs = tuple(replace(pair, a=named[pair.a], b=named[pair.b]) for pair in first.pairs)
    nbytes = sum(one.nbytes for one in groups)
    whole = replace(first, members=tuple(labels), pairs=pairs, nbytes=nbytes)
    yield GroupFold(group=whole, first=first, count=len(groups))


def block(fold: GroupFold) -> Line:
    """Return device and size of a block of memory; of several blocks also their number."""
    several = f"{count_of(fold.count, 'block')} · " if fold.count > 1 else ""
    return words(f"{fold.group.device} · {several}{spell_bytes(fold.group.nbytes)}")


def members(fold: GroupFold) -> Line:
    """List the variables in a block."""
    return names(fold.group.members)
