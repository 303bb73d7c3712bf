"""The namespace that the statements of a trial run in, and the limit of their time."""

from __future__ import annotations

import copy
import math
from time import perf_counter
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch

from ...core.fixes.replay import TICK

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


TrialVerdict = Literal["safe", "unsafe", "useless", "unknown"]
"""The fix ends the change and all else is the same; or other values differ; or it does not end it; or not tried."""


class NotKnownError(Exception):
    """A value from before a cell is not known, or cannot be copied, or there is no room for it."""


class OutOfTimeError(Exception):
    """The time of a trial is over."""


def ticking(ends: float) -> Callable[[], bool]:
    """Return a function that is true until a time is reached, and raises from then on."""

    def tick() -> bool:
        if perf_counter() > ends:
            raise OutOfTimeError
        return True

    return tick


def new_namespace(given: Mapping[str, Any], tick: Callable[[], bool]) -> dict[str, Any]:
    """Return a namespace with the libraries, and copies of what is given."""
    names = {"torch": torch, "np": np, "numpy": np, "copy": copy, "math": math, "F": torch.nn.functional, TICK: tick}
    return names | {"__name__": "tensorwatch_trial", **copy.deepcopy(dict(given))}
