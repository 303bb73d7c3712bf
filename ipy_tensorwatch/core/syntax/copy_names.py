"""What a name promises: that it keeps a copy of what was there before."""

from __future__ import annotations

import re
from functools import lru_cache

_COPIES = ("before", "old", "best", "saved", "backup", "copy", "copied", "ckpt", "checkpoint")
_OF_NAMES = ("prev", "previous")
_STEMS = ("snap", "init", "orig")
"""The words, and the beginnings of words, in a name that say that it is a copy."""
_HOW_MADE = ("initializ", "initialis")
"""The beginnings of words that only say how something was made: `net_no_initialization`."""

_AVERAGES = ("ema", "ewma", "shadow", "averaged")


@lru_cache(maxsize=4096)
def says_copy(name: str) -> bool:
    """Return whether a variable, or a step to an attribute or a key, says that it keeps what was there before.

    Some words say so of a variable or a key, but not of an attribute: `layer.prev`, or `weight_orig`, as PyTorch calls
    the parameter behind a parametrized one.

    Examples
    --------
    >>> [says_copy(one) for one in ("best_w", "oldPolicy", "threshold", "init_w", ".best", ".weight_orig")]
    [True, True, False, True, True, False]
    >>> [says_copy(one) for one in ("initial", "net_no_initialization")]
    [True, False]
    """
    words = [one for one in _words(name) if not one.startswith(_HOW_MADE)]
    if any(one in _COPIES for one in words):
        return True
    return not name.startswith(".") and any(one in _OF_NAMES or one.startswith(_STEMS) for one in words)


@lru_cache(maxsize=4096)
def says_own_values(name: str) -> bool:
    """Return whether a variable or a step says that it keeps values of its own: a copy, or a moving average.

    Examples
    --------
    >>> [says_own_values(one) for one in ("best_w", "ema_params", "emaNet", "schema")]
    [True, True, True, False]
    """
    return says_copy(name) or any(one in _AVERAGES for one in _words(name))


def _words(name: str) -> list[str]:
    return [one.lower() for one in re.findall(r"[A-Z]?[a-z]+|[A-Z]+", name)]
