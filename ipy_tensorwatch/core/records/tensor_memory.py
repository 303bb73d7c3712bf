"""The holders of one tensor's memory, and the writes to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..runtime.record import record

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .report_parts import Change, Origin, Relation, TensorRecord


@record
class Holder:
    """A holder of a tensor's storage, and how its memory relates to the tensor's.

    Attributes
    ----------
    is_variable
        False for one of IPython's own names.
    origin
        Where the two became one memory; None if it is not known.
    """

    path: str
    relation: Relation
    shape: tuple[int, ...]
    is_variable: bool = True
    origin: Origin | None = None


@record
class Memory:
    """What is known of one tensor's memory.

    Attributes
    ----------
    unnamed
        The number of tensors without a name that hold the storage; None if PyTorch does not count them.
    """

    record: TensorRecord
    holders: tuple[Holder, ...]
    unnamed: int | None
    past: Sequence[tuple[int, Change]]
