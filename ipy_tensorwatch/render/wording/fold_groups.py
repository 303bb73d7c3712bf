"""Fold alias groups that are alike into one line: the 40 parameters of a model, each with its entry of a state dict."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ...core.syntax.parsing import parse_path
from ..page import Line, words
from .fold_changes import FOLD_FROM, label
from .measure import count_of, spell_bytes
from .phrases import names

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from ...core.model.records import AliasGroup


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupFold:
    """Alias groups that are told in one line; `group` is one of them, or stands for all."""

    group: AliasGroup
    count: int = 1


def fold_groups(groups: Iterable[AliasGroup]) -> tuple[GroupFold, ...]:
    """Fold groups whose members come from the same variables and relate alike, and leave the others as they are."""
    alike: dict[object, list[AliasGroup]] = {}
    for group in groups:
        alike.setdefault(_key(group), []).append(group)
    return tuple(one for part in alike.values() for one in _fold(part))


def _key(group: AliasGroup) -> object:
    roots = tuple(parse_path(path).root for path in group.members)
    return group.device, roots, tuple(pair.relation for pair in group.pairs), group.pairs_left_out


def _fold(groups: Sequence[AliasGroup]) -> Iterator[GroupFold]:
    labels = [label(paths) for paths in zip(*(one.members for one in groups), strict=True)]
    if len(groups) < FOLD_FROM or len(set(labels)) < len(labels):
        yield from (GroupFold(group=one) for one in groups)
        return
    first = groups[0]
    named = dict(zip(first.members, labels, strict=True))
    pairs = tuple(replace(pair, a=named[pair.a], b=named[pair.b]) for pair in first.pairs)
    nbytes = sum(one.nbytes for one in groups)
    yield GroupFold(group=replace(first, members=tuple(labels), pairs=pairs, nbytes=nbytes), count=len(groups))


def block(fold: GroupFold) -> Line:
    """Name a block of memory by its device and its size, several of them by their number too."""
    several = f"{count_of(fold.count, 'block')} · " if fold.count > 1 else ""
    return words(f"{fold.group.device} · {several}{spell_bytes(fold.group.nbytes)}")


def members(fold: GroupFold) -> Line:
    """List who lies in a block."""
    return names(fold.group.members)
