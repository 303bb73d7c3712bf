"""What a statement reaches through its calls."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from .inferred_lines import Inferred, Reached

    Candidates = tuple[Inferred, ...]


class Reach:
    """What a statement reaches, interpreted on demand: most changes need no interpretation."""

    def __init__(self, follow: Callable[[], Reached], narrow: Callable[[Candidates], Candidates]) -> None:
        self._follow, self._narrow = follow, narrow

    @cached_property
    def _found(self) -> Reached:
        return self._follow()

    @cached_property
    def possible(self) -> Candidates:
        """The lines that may have written, likeliest first, and were not seen to do something else."""
        return () if self._found.is_cut else self._narrow(self._found.candidates)

    @property
    def candidates(self) -> Candidates:
        """The lines that explain the write; all that may have written if the observations do not match."""
        return self.possible or self._found.candidates

    @property
    def is_cut(self) -> bool:
        """Whether the deadline passed before everything was interpreted."""
        return self._found.is_cut

    @property
    def backward(self) -> bool:
        """Whether gradients were computed or cleared on the way."""
        return self._found.backward
