"""The variables that lead to plain values: numbers, texts, None, and which are lists or dicts."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

LONGEST_TEXT = 200
_PLAIN = (int, float, bool, type(None))
_CONTAINERS = (list, dict)


def plain_variables(namespace: Mapping[str, object]) -> dict[str, object]:
    """Return the plain values by name; for a list or a dict its type. Only exact types count: nothing is called.

    Examples
    --------
    >>> plain_variables({"n": 3, "kept": [], "f": print})
    {'n': 3, 'kept': <class 'list'>}
    """
    found: dict[str, object] = {}
    for name, value in namespace.items():
        kind = type(value)
        if kind in _PLAIN or (kind is str and len(value) < LONGEST_TEXT):  # type: ignore[arg-type]
            found[name] = value
        elif kind in _CONTAINERS:
            found[name] = kind
    return found
