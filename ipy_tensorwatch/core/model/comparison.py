"""Two tensors, compared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .records import Elements, Relation


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """The layout of one of the two tensors."""

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
        How many elements differ; None if they cannot be compared, and `why` gives the reason.
    """

    a: Form
    b: Form
    relation: Relation
    elements: Elements | None
    why: str = ""
