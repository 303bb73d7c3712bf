"""What a statement reaches through the calls in it."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from .inferred_lines import Inferred, Reached

    Candidates = tuple[Inferred, ...]


class Reach:
    """What a statement reaches, followed only when it is asked for: most changes explain themselves."""

    def __init__(self, follow: Callable[[], Reached], narrow: Callable[[Candidates], Candidates]) -> None:
        self._follow, self._narrow = follow, narrow

    @cached_property
    def _found(self) -> Reached:
        return self._follow()

    @cached_property
    def possible(self) -> Candidates:
        """The lines that may have written, the likeliest first, and were not seen to do something else."""
        return () if self._found.is_cut else self._narrow(self._found.candidates)

    @property
    def candidates(self) -> Candidates:
        """The lines that tell why the statement wrote; where what was seen is not understood, any that may have."""
        return self.possible or self._found.candidates

    @property
    def is_cut(self) -> bool:
        """Whether time was up before all was followed."""
        return self._found.is_cut

    @property
    def backward(self) -> bool:
        """Whether gradients were computed or cleared on the way."""
        return self._found.backward
