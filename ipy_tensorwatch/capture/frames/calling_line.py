"""Find the statement of user code that called us."""

from __future__ import annotations

import contextlib
import linecache
import os
import sys
import sysconfig
from pathlib import Path
from traceback import walk_stack
from typing import TYPE_CHECKING

import torch

from ...core.explain.failing_statement import Failing, find_failing
from ...core.syntax.magic_calls import find_body
from .traceback_frames import spot_of

if TYPE_CHECKING:
    from types import FrameType

    from ...core.records.trace.cell_error import Spot

_OURS = Path(__file__).parents[2]
_OTHERS = (
    *(f"{folder}{os.sep}" for folder in (Path(torch.__file__).parent, _OURS)),
    contextlib.__file__,
    "<eval_with_key>",
)
"""The places of frames that are not user code; the last is code written by PyTorch's compiler."""
_UNNAMED = "<string>"
"""The code of any `exec`. Since Python 3.13 `linecache` gives what `python -c` was given."""
_LIBRARIES = tuple(sysconfig.get_path(name) + os.sep for name in ("stdlib", "purelib", "platlib"))


def is_users(file_name: str) -> bool:
    """Return whether a file is user code, or a library that uses PyTorch, rather than PyTorch itself."""
    return not file_name.startswith(_OTHERS)


def calling_statement() -> str:
    """Return the text of the running statement of user code, outside libraries; empty if its source is not known."""
    unread: Spot | None = None
    for frame, line in walk_stack(sys._getframe(1)):
        name = frame.f_code.co_filename
        if not is_users(name) or name.startswith(_LIBRARIES):
            continue
        spot = spot_of(frame.f_code, line, frame.f_lasti)
        lines = linecache.getlines(name) if name != _UNNAMED else []
        failing = find_failing("".join(lines), spot)
        if failing is not None:
            return _text_within(failing, unread) or failing.text
        if lines and spot.span is None:  # several statements beside each other may be it
            return ""
        unread = unread or spot
    return ""


def _text_within(failing: Failing, spot: Spot | None) -> str:
    """Return the text of a statement in the code that a magic was given and has compiled itself."""
    body = find_body(failing.node) if spot else None
    found = find_failing(body.source, spot) if body and spot else None
    return found.text if found else ""


def name_in_caller(thing: object) -> str | None:
    """Return the name of an object in the calling code."""
    frame = _calling_frame()
    names = (*frame.f_locals.items(), *frame.f_globals.items()) if frame else ()
    return next((name for name, one in names if one is thing and name[:1] != "_"), None)


def _calling_frame() -> FrameType | None:
    return next((frame for frame, _ in walk_stack(sys._getframe(1)) if is_users(frame.f_code.co_filename)), None)
