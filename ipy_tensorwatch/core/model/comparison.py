"""Two tensors, compared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .records import Elements, Relation


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """What is said of one of the two before their values are compared."""

    text: str
    shape: tuple[int, ...]
    dtype: str
    device: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two tensors, compared.

    Attributes
    ----------
    elements
        How many elements differ; None where they cannot be compared, and `why` says so.
    """

    a: Form
    b: Form
    relation: Relation
    elements: Elements | None
    why: str = ""
