"""What is said when bytes were put back."""

from __future__ import annotations

from dataclasses import dataclass


class RefusedError(Exception):
    """Bytes cannot be put back, for the reason given; nothing was written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """Bytes that were put back.

    Attributes
    ----------
    paths
        The variables that were asked for, as far as they had changed.
    aliases
        The other variables that changed with them.
    """

    paths: tuple[str, ...]
    cell: int
    nbytes: int
    aliases: tuple[str, ...]
