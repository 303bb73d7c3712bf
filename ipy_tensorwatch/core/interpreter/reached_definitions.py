"""The functions and classes of the notebook that some words may lead to, from the words of their sources alone."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from ..syntax.statement_text import words_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from ..records.trace.notebook import Definition

_METHOD = re.compile(r"^\s+(?:async\s+)?def\s+(\w+)", re.MULTILINE)
_CLASS = re.compile(r"^(?:@.*\n)*class\b")
_CALLED_BY_PYTHON = re.compile(r"__(?!init__)\w+__")
_ANY_NAME = frozenset(
    ("exec", "eval", "globals", "locals", "vars", "setattr", "get_ipython", "run", "user_ns", "__main__", "f_globals",
     "f_locals", "__globals__", "get_objects", "get_referrers", "weakref")
)  # fmt: skip
"""What may lead to variables without their names."""


def _is_named(name: str, _: Definition, words: set[str]) -> bool:
    return name in words


def reached_definitions(
    words: set[str],
    definitions: Mapping[str, Definition],
    is_reached: Callable[[str, Definition, set[str]], bool] = _is_named,
) -> Iterator[Definition]:
    """Yield the definitions that some words lead to, and those that the words of these lead to, each once.

    Parameters
    ----------
    words
        Gets the words of what is reached.
    is_reached
        Returns whether a definition, given its name, is led to by some words: by default if its name is among them.
    """
    left = dict(definitions)
    while near := [name for name, one in left.items() if is_reached(name, one, words)]:
        for one in map(left.pop, near):
            words.update(words_in(one.source))
            yield one


def words_reached(source: str, definitions: Mapping[str, Definition]) -> frozenset[str] | None:
    """Return the words of a cell, with those of the functions and classes of the notebook that it may run.

    A class counts if it is named, or one of its methods, or if it has a method that Python calls by itself. None stands
    for any word: the cell may lead to variables without naming them.
    """
    found = {*words_in(source)}
    for _ in reached_definitions(found, definitions, _may_be_reached):
        pass  # their words are added
    return None if found & _ANY_NAME else frozenset(found)


def may_lead_anywhere(source: str) -> bool:
    """Return whether source itself may lead to variables, or bind them, without their names.

    Examples
    --------
    >>> may_lead_anywhere("globals()[name] = t"), may_lead_anywhere("x = t")
    (True, False)
    """
    return not _ANY_NAME.isdisjoint(words_in(source))


def _may_be_reached(name: str, one: Definition, words: set[str]) -> bool:
    return (
        name in words
        or not words.isdisjoint(methods := _methods_of(one.source))
        or any(map(_CALLED_BY_PYTHON.fullmatch, methods))
    )


@lru_cache(maxsize=1024)
def _methods_of(source: str) -> frozenset[str]:
    return frozenset(_METHOD.findall(source)) if _CLASS.match(source) else frozenset()
