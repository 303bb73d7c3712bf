"""Two tensors, compared."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from ..runtime.record import record

if TYPE_CHECKING:
    from .report_parts import Elements, Relation


@record
class Form:
    """The layout of one of the two tensors."""

    text: str
    shape: tuple[int, ...]
    dtype: str
    device: str


@record
class Incomparable:
    """Why the values of two tensors were not compared.

    Attributes
    ----------
    detail
        The type of values that are not numbers, or what was raised.
    compared, changed
        How many elements were compared before the time was up, and how many of them differ.
    """

    code: Literal["shapes", "too-large", "no-numbers", "raised", "no-time"]
    detail: str = ""
    compared: int = 0
    changed: int = 0


@record
class Comparison:
    """Two tensors, compared.

    Attributes
    ----------
    elements
        How many elements differ, or why they were not compared.
    """

    a: Form
    b: Form
    relation: Relation
    elements: Elements | Incomparable
