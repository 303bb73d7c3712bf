"""The result of restoring bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from ..runtime.record import record

if TYPE_CHECKING:
    from .freezing import FrozenRecord

RestoreCode = Literal[
    "never-changed", "all-undone", "no-such-cell", "not-since", "another-tensor", "changed-form", "not-writable",
    "same-bytes", "references", "frozen", "not-kept", "another-form", "not-compared",
    "not-kept-there", "device-busy", "device-captured", "device-failed",
]  # fmt: skip


@record
class RestoreRefusal:
    """Why bytes cannot be restored.

    Attributes
    ----------
    cell
        The cell from before which they were asked for.
    latest
        The last cell, if there is none with that number.
    fields
        The fields of its reading that are others now.
    known
        The record of its memory, if that is frozen.
    """

    code: RestoreCode
    path: str = ""
    cell: int = 0
    latest: int = 0
    fields: tuple[str, ...] = ()
    known: FrozenRecord | None = None


class RefusedError(Exception):
    """Bytes cannot be restored; nothing was written."""

    def __init__(self, refusal: RestoreRefusal) -> None:
        """Store the reason."""
        super().__init__(refusal.code)
        self.refusal = refusal


@record
class Restored:
    """Bytes that were restored.

    Attributes
    ----------
    paths
        The requested variables that had changed.
    aliases
        The other variables that changed with them.
    """

    paths: tuple[str, ...]
    cell: int
    nbytes: int
    aliases: tuple[str, ...]
