"""What a notebook defines, and which classes its paths lead to."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """The statement of a cell that defines a function or a class, as plain Python.

    Attributes
    ----------
    offset
        How many lines of the cell lie before it.
    """

    name: str
    cell: int
    source: str
    offset: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Notebook:
    """What the analysis may know of a running notebook, as plain values.

    Attributes
    ----------
    definitions
        The functions and classes that its cells define, by name.
    classes
        For the text of an access path, the name of the class of what it leads to, or of the function that it leads to.
    inplace
        The access paths of modules that write to what they are called with, or to their own parameters.
    """

    definitions: Mapping[str, Definition] = field(default_factory=dict)
    classes: Mapping[str, str] = field(default_factory=dict)
    inplace: frozenset[str] = frozenset()
