"""Find the line of user code that called us."""

from __future__ import annotations

import contextlib
import linecache
import os
import sys
from pathlib import Path
from traceback import walk_stack
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from types import FrameType

_OURS = Path(__file__).parents[2]
_OTHERS = (
    *(f"{folder}{os.sep}" for folder in (Path(torch.__file__).parent, _OURS)),
    contextlib.__file__,
    "<eval_with_key>",
)
"""The places of frames that are not user code; the last is code written by PyTorch's compiler."""


def is_users(file_name: str) -> bool:
    """Return whether a file is user code, or a library that uses PyTorch, rather than PyTorch itself."""
    return not file_name.startswith(_OTHERS)


def calling_text() -> str:
    """Return the text of the running line of user code."""
    frame = _calling_frame()
    return linecache.getline(frame.f_code.co_filename, frame.f_lineno).strip() if frame else ""


def name_in_caller(thing: object) -> str | None:
    """Return the name of an object in the calling code."""
    frame = _calling_frame()
    names = (*frame.f_locals.items(), *frame.f_globals.items()) if frame else ()
    return next((name for name, one in names if one is thing and name[:1] != "_"), None)


def _calling_frame() -> FrameType | None:
    return next((frame for frame, _ in walk_stack(sys._getframe(1)) if is_users(frame.f_code.co_filename)), None)
