"""What is said when frozen memory was about to be written, or was."""

from __future__ import annotations

from dataclasses import dataclass


class FrozenError(RuntimeError):
    """Frozen memory was about to be written to; or it was written to, and its bytes have been put back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FrozenRecord:
    """One frozen tensor or array.

    Attributes
    ----------
    cell
        The cell that froze it; None outside IPython.
    is_kept
        Whether its bytes are kept, so that a write which no operator makes can be undone.
    """

    path: str
    cell: int | None
    shape: tuple[int, ...]
    dtype: str
    device: str
    nbytes: int
    is_kept: bool

    def __str__(self) -> str:
        """Say that it is frozen."""
        return self.tell("frozen")

    def tell(self, what: str) -> str:
        """Say what it is, and since when."""
        return f"{self.path} is {what}" + ("" if self.cell is None else f" (cell {self.cell})")
