"""The namespace that the statements of a trial run in, and the limit of their time."""

from __future__ import annotations

import copy
import math
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch

from ...core.fixes.replay import TICK

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ...core.runtime.deadline import Deadline

TrialVerdict = Literal["safe", "unsafe", "useless", "unknown", "late"]
"""The fix ends the change and all else is the same; or other values differ; or it does not end it; or nothing is
proven; or its time was over."""


class NotKnownError(Exception):
    """A value from before a cell is not known, or cannot be copied, or there is no room for it."""


def ticking(ends: Deadline) -> Callable[[], bool]:
    """Return a function that is true until a deadline passes, and raises `LateError` from then on."""

    def tick() -> bool:
        ends.check()
        return True

    return tick


def new_namespace(given: Mapping[str, Any], tick: Callable[[], bool]) -> dict[str, Any]:
    """Return a namespace with the libraries, and copies of what is given."""
    names = {"torch": torch, "np": np, "numpy": np, "copy": copy, "math": math, "F": torch.nn.functional, TICK: tick}
    return names | {"__name__": "tensorwatch_trial", **copy.deepcopy(dict(given))}
