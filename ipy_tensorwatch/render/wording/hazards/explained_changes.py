"""The changes that a hazard explains: all tensors of a container that is not a copy are one line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ....core.hazards.hazard_facts import KeptReference, OneMemory
from ....core.records.path import is_part_of
from ..changes.fold_changes import FOLD_FROM, Fold, fold, fold_together

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from ....core.hazards.hazard import Hazard
    from ....core.records.report_parts import Change


def explains_any(hazard: Hazard, changes: Mapping[str, Change]) -> bool:
    """Return whether a hazard is about one of some changes, by path, or about the container of what changed."""
    if any(path in changes for path in hazard.paths):
        return True
    return bool(_container(hazard)) and any(is_of_its_container(hazard, one) for one in changes.values())


def unexplained(changes: Iterable[Change], hazards: Sequence[Hazard]) -> list[Change]:
    """Return the changes that none of some hazards is about."""
    named = {path for one in hazards for path in one.paths}
    keeping = [one for one in hazards if _container(one)]
    left = (one for one in changes if one.path not in named)
    return [one for one in left if not any(is_of_its_container(each, one) for each in keeping)]


def is_of_its_container(hazard: Hazard, change: Change) -> bool:
    """Return whether something in the container that a hazard names has changed."""
    return _is_in(change, _container(hazard))


def fold_explained(changes: Sequence[Change], hazards: Sequence[Hazard]) -> tuple[Fold, ...]:
    """Fold the changes of a container that a hazard is about, if they are several; fold others if they are similar."""
    containers = [one for hazard in hazards if (one := _container(hazard))]
    return tuple(_fold(list(changes), containers))


def _fold(left: list[Change], containers: Sequence[str]) -> Iterator[Fold]:
    for one in containers:
        inside = [change for change in left if _is_in(change, one)]
        if len(inside) >= FOLD_FROM:
            left = [change for change in left if not _is_in(change, one)]
            yield fold_together(inside)
    yield from fold(left)


def _container(hazard: Hazard) -> str:
    fact = hazard.fact
    return fact.container if isinstance(fact, KeptReference | OneMemory) else ""


def _is_in(change: Change, container: str) -> bool:
    return bool(container) and is_part_of(change.path, container)
