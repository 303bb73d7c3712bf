"""The preview of a cell: the interface between the abstract run and every output."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..core.runtime.record import record
from .report import plain
from .wording.hazards.hazard_sentences import message
from .wording.quantities import count_of

if TYPE_CHECKING:
    from ..core.hazards.hazard import Hazard
    from ..core.preview.foresee import ForetoldChange, Unread

PREVIEW_SCHEMA = 1


@record
class Preview:
    """What a cell would change silently, and which hazards it would make, foretold without running it.

    Attributes
    ----------
    source
        The cell.
    changes
        The silent changes, each with its certainty.
    hazards
        The hazards that would begin.
    unread
        Why nothing is known of the cell, if so.
    """

    source: str = ""
    changes: tuple[ForetoldChange, ...] = ()
    hazards: tuple[Hazard, ...] = ()
    unread: Unread | None = None

    def __repr__(self) -> str:
        """Say how much is foretold."""
        told = count_of(len(self.changes), "silent change"), count_of(len(self.hazards), "hazard")
        return f"<Preview: {', '.join(told)}; to_dict() has all of it>"

    def to_dict(self) -> dict[str, Any]:
        """Return the preview as plain JSON values.

        Returns
        -------
        dict
            `schema`, `changes` and `hazards`.
        """
        return {
            "schema": PREVIEW_SCHEMA,
            "changes": [_change_dict(one) for one in self.changes],
            "hazards": [_hazard_dict(one) for one in self.hazards],
        }


def _change_dict(one: ForetoldChange) -> dict[str, Any]:
    change, site = one.change, one.change.site
    return {
        "path": change.path,
        "via": [*change.via],
        "line": site.line if site else None,
        "end_line": site.end_line if site else None,
        "text": site.text if site else None,
        "inner": plain(site.inner) if site else None,
        "cause": change.cause,
        "certainty": one.certainty,
    }


def _hazard_dict(one: Hazard) -> dict[str, Any]:
    site = one.written_at or one.saved_at
    return {
        "code": one.code,
        "outcome": one.outcome,
        "paths": [*one.paths],
        "line": site.line if site else None,
        "message": message(one).marked,
    }
