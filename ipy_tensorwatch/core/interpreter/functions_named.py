"""The notebook's functions that a statement names, and those that they name."""

from __future__ import annotations

import ast
from collections import deque
from functools import lru_cache
from typing import TYPE_CHECKING

from ..records.path import is_part_of
from ..syntax.parsing import LAST_SOURCES, parse_cell
from ..syntax.syntax_tree import all_nodes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..records.trace.notebook import Notebook

    Words = tuple[tuple[str, bool], ...]

MAX_FOLLOWED = 32


def functions_named(node: ast.AST | None, notebook: Notebook) -> dict[str, ast.stmt]:
    """Return the functions and classes of a notebook that a statement may run, at most `MAX_FOLLOWED`.

    A library's object may run those that it holds: a data loader its dataset and what collates its batches.

    Parameters
    ----------
    node
        The statement; None if it is not Python.
    """
    waiting, found = deque(_defined(_words_in(node), notebook)), dict[str, ast.stmt]()
    while waiting and len(found) < MAX_FOLLOWED:
        name = waiting.popleft()
        source = notebook.definitions[name].source
        tree = parse_cell(source) if name not in found else None
        if tree is not None:
            found[name] = tree.body[0]
            waiting += _defined(_words_of(source), notebook)
    return found


def _defined(words: Words, notebook: Notebook) -> Iterator[str]:
    """Yield the functions and classes of a notebook among some words, and the classes of the objects among them."""
    for word, is_variable in words:
        if word in notebook.definitions:
            yield word
        if is_variable and word in notebook.classes:
            yield from (one for one in _classes_of(word, notebook) if one in notebook.definitions)


def _classes_of(variable: str, notebook: Notebook) -> Iterator[str]:
    """Yield the class of an object; of a library's also those of its attributes, or what they name if functions."""
    own = notebook.classes[variable]
    yield own
    if own not in notebook.definitions:
        yield from (name for path, name in notebook.classes.items() if is_part_of(path, variable))


@lru_cache(maxsize=LAST_SOURCES)
def _words_of(source: str) -> Words:
    return _words_in(parse_cell(source))


def _words_in(tree: ast.AST | None) -> Words:
    """Return the variables and the attributes that a tree names, each once."""
    parts = [
        part for part in (all_nodes(tree) if tree is not None else ()) if isinstance(part, (ast.Name, ast.Attribute))
    ]
    words = [(part.id, True) if isinstance(part, ast.Name) else (part.attr, False) for part in parts]
    return tuple(dict.fromkeys(words))
