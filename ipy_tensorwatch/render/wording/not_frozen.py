"""Why something cannot be frozen, or is not frozen any more, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .not_compared import is_kind, why

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ...core.model.freezing import FreezeRefusal, RefusalCode, Release

_WHY: Mapping[RefusalCode, str] = {
    "unknown-memory": "{unknown}",
    "inference": "it is an inference tensor",
    "no-version": "its version cannot be read",
    "let-go": "its memory was another's, who has let go of it",
    "references": "its bytes are references to Python objects, or to text",
    "unreadable": "its memory cannot be read",
    "frozen-already": "{path} is frozen already{since}",
}
_RELEASES: Mapping[Release, str] = {
    "let-go": _WHY["let-go"],
    "lost": "it was written to, and its bytes could not be put back",
}


def not_frozen(refusal: FreezeRefusal) -> str:
    """Return why a tensor cannot be frozen."""
    unknown, known = refusal.unknown, refusal.known
    told = "" if unknown is None else f"it is {why(unknown)}" if is_kind(unknown) else why(unknown)
    return _WHY[refusal.code].format(unknown=told, path=known.path if known else "", since=known.since if known else "")


def released(release: Release) -> str:
    """Return why something is not frozen any more."""
    return _RELEASES[release]
