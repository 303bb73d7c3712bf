"""What the other threads of the process are at: a write between two statements may have been theirs."""

from __future__ import annotations

import sys
from threading import get_ident
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Container, Iterator
    from types import CodeType, FrameType


def names_in_other_threads(files: Container[str]) -> frozenset[str]:
    """Give the global names that the notebook's functions use which other threads run at this moment.

    Parameters
    ----------
    files
        The file names of the notebook's cells.
    """
    frames = (frame for thread, frame in sys._current_frames().items() if thread != get_ident())
    return frozenset(
        name for frame in frames for code in _codes(frame) if code.co_filename in files for name in code.co_names
    )


def _codes(frame: FrameType | None) -> Iterator[CodeType]:
    while frame is not None:
        yield frame.f_code
        frame = frame.f_back
