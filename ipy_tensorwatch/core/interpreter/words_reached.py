"""The words of a cell, and of the notebook's functions and classes that it may lead to."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from ..syntax.statement_text import words_in

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..records.trace.notebook import Definition

_METHOD = re.compile(r"^\s+(?:async\s+)?def\s+(\w+)", re.MULTILINE)
_CLASS = re.compile(r"^(?:@.*\n)*class\b")
_CALLED_BY_PYTHON = re.compile(r"__(?!init__)\w+__")
_ANY_NAME = frozenset(("exec", "eval", "globals", "locals", "vars", "setattr", "get_ipython", "run", "user_ns"))
"""What may lead to variables without their names."""


def words_reached(source: str, definitions: Mapping[str, Definition]) -> frozenset[str] | None:
    """Return the words of a cell, with those of the functions and classes of the notebook that it may run.

    A class counts if it is named, or one of its methods, or if it has a method that Python calls by itself. None stands
    for any word: the cell may lead to variables without naming them.
    """
    found, left = frozenset(words_in(source)), dict(definitions)
    while reached := [name for name, one in left.items() if _is_reached(name, one.source, found)]:
        found = found.union(*(words_in(left.pop(name).source) for name in reached))
    return None if found & _ANY_NAME else found


def _is_reached(name: str, source: str, words: frozenset[str]) -> bool:
    return (
        name in words
        or not words.isdisjoint(methods := _methods_of(source))
        or any(map(_CALLED_BY_PYTHON.fullmatch, methods))
    )


@lru_cache(maxsize=1024)
def _methods_of(source: str) -> frozenset[str]:
    return frozenset(_METHOD.findall(source)) if _CLASS.match(source) else frozenset()
