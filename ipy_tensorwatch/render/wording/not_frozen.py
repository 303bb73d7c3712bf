"""What is frozen, why something cannot be or is not any more, and what wrote to it, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .changes.sites import statement
from .not_compared import is_kind, why

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ...core.records.freezing import Culprit, FreezeRefusal, FrozenRecord, RefusalCode, Release

_WHY: Mapping[RefusalCode, str] = {
    "unknown-memory": "{unknown}",
    "inference": "it is an inference tensor",
    "no-version": "its version cannot be read",
    "let-go": "its memory belonged to another object, which has released it",
    "references": "its bytes are references to Python objects, or to text",
    "unreadable": "its memory cannot be read",
    "frozen-already": "{path} is frozen already{since}",
}
_RELEASES: Mapping[Release, str] = {
    "let-go": _WHY["let-go"],
    "lost": "it was written to, and its bytes could not be put back",
}

_WHO = {"cell": "this cell", "cells": "this cell, or one that ran beside it,", "block": "this block"}


def not_frozen(refusal: FreezeRefusal) -> str:
    """Return why a tensor cannot be frozen."""
    unknown, known = refusal.unknown, refusal.known
    told = "" if unknown is None else f"it is {why(unknown)}" if is_kind(unknown) else why(unknown)
    return _WHY[refusal.code].format(unknown=told, path=known.path if known else "", since=_since(known))


def released(release: Release) -> str:
    """Return why something is not frozen any more."""
    return _RELEASES[release]


def frozen(record: FrozenRecord) -> str:
    """Return that it is frozen."""
    return f"{record.path} is frozen{_since(record)}"


def stopped(record: FrozenRecord, writer: str) -> str:
    """Return which line or operator was stopped before it wrote."""
    return f"{frozen(record)}: {statement(writer)} would write to it"


def written(record: FrozenRecord, culprit: Culprit, more: int = 0, then: str = "its bytes have been put back") -> str:
    """Return what wrote to it, and to how many more; `then` is what became of it."""
    others = f" (and {more:,} more)" if more else ""
    return f"{frozen(record)}{others}: {_who(culprit)} wrote to it; {then}"


def _who(culprit: Culprit) -> str:
    if not culprit.lines:
        return _WHO[culprit.place]
    first, last = min(culprit.lines), max(culprit.lines)
    return f"{culprit.text} (line {first})" if culprit.text else f"one of the lines {first} to {last}"


def written_between(record: FrozenRecord) -> str:
    """Return that something wrote to it while no cell ran."""
    return f"tensorwatch: {frozen(record)}: it was written to between cells; its bytes have been put back"


def let_go(record: FrozenRecord, release: Release) -> str:
    """Return that it is not frozen any more, and why."""
    return f"tensorwatch: {frozen(record)}: {released(release)}, so it is not frozen any more"


def _since(record: FrozenRecord | None) -> str:
    return "" if record is None or record.cell is None else f" (cell {record.cell})"
