"""The order in which changes are shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ....core.model.records import Change


def most_telling(changes: Iterable[Change]) -> tuple[Change, ...]:
    """Sort silent changes first and new variables last."""
    return tuple(sorted(changes, key=lambda one: (not one.silent, one.kind == "bound")))
