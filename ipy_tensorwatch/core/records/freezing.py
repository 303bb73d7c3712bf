"""Errors and records of frozen memory."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ..runtime.record import record

if TYPE_CHECKING:
    from types import TracebackType

    from .reason import Reason

RefusalCode = Literal[
    "unknown-memory", "inference", "no-version", "let-go", "references", "unreadable", "frozen-already"
]
Release = Literal["let-go", "lost"]
"""Why something is no longer frozen: foreign memory, or bytes that could not be restored."""


_OURS = str(Path(__file__).parents[2])
_traceback: Any = vars(BaseException)["__traceback__"]


class FrozenError(RuntimeError):
    """Frozen memory was about to be written, or was written and its bytes have been restored."""

    @property
    def __traceback__(self) -> TracebackType | None:
        """The traceback without our frames at its end, also where another error shows this one as its context."""
        last = step = first = _traceback.__get__(self)
        while step is not None:
            if not step.tb_frame.f_code.co_filename.startswith(_OURS):
                last = step
            step = step.tb_next
        if last is not None:
            last.tb_next = None
        return first  # type: ignore[no-any-return]

    @__traceback__.setter
    def __traceback__(self, value: TracebackType | None) -> None:
        _traceback.__set__(self, value)

    @property
    def _render_traceback_(self) -> object:
        """Cut our frames off; IPython asks for this before it shows an error."""
        _ = self.__traceback__
        raise AttributeError  # so that IPython shows what is left as it shows any error


@record
class FrozenRecord:
    """One frozen tensor or array.

    Attributes
    ----------
    cell
        The cell that froze it; None outside IPython.
    is_kept
        Whether its bytes are kept, so that a write without an operator can be undone.
    """

    path: str
    cell: int | None
    shape: tuple[int, ...]
    dtype: str
    device: str
    nbytes: int
    is_kept: bool


@record
class Culprit:
    """What may have written to frozen memory.

    Attributes
    ----------
    place
        A cell, a cell or one that ran beside it, or a block of `freezing`.
    lines, text
        The lines of the cell's statements that may have written, and the text of the only one.
    """

    place: Literal["cell", "cells", "block"] = "cell"
    lines: tuple[int, ...] = ()
    text: str = ""


@record
class FreezeRefusal:
    """Why a tensor cannot be frozen.

    Attributes
    ----------
    unknown
        The reason why its memory is not known.
    known
        The record of its memory, if that is frozen already.
    """

    code: RefusalCode
    unknown: Reason | None = None
    known: FrozenRecord | None = None
