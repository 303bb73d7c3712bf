"""The result of restoring bytes."""

from __future__ import annotations

from dataclasses import dataclass


class RefusedError(Exception):
    """Bytes cannot be restored, for the reason given; nothing was written."""


@dataclass(frozen=True, slots=True, kw_only=True)
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
