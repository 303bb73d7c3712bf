"""One tensor of a rank's state, as far as it matters to whether the ranks are replicas."""

from __future__ import annotations

from typing import Literal, NamedTuple

from ..runtime.record import record

StateKind = Literal["parameter", "buffer", "state", "plain"]
"""A parameter or a leaf that requires grad; a module's buffer; the state of an optimizer; a tensor like a parameter."""


class BranchKey(NamedTuple):
    """The state of one kind that one variable leads to."""

    name: str
    kind: StateKind


class BranchDigest(NamedTuple):
    """The digest of a branch, and how many tensors it has."""

    digest: bytes
    tensors: int


class DigestRun(NamedTuple):
    """The digest of neighbouring tensors of a branch."""

    first: int
    end: int
    digest: bytes


@record
class StateLeaf:
    """One tensor of a branch after a cell.

    Attributes
    ----------
    gradient
        The digest of its gradient; empty if it has none, or one of zeros.
    is_shard
        Whether each rank is known to hold another part.
    is_wrapped
        Whether `DistributedDataParallel` keeps it equal.
    is_renewed
        Whether the cell gave it another shape, or put a new parameter in its place that is not made of it.
    cause, line, text
        What changed it in the cell, if anything did.
    born
        The place, among the cells of this rank, of the cell that bound its variable; of a plain tensor, of the cell in
        which it appeared.
    born_cell, born_line, born_text
        That cell, and its statement.
    """

    path: str
    digest: bytes
    gradient: bytes = b""
    is_shard: bool = False
    is_wrapped: bool = False
    is_renewed: bool = False
    cause: str | None = None
    line: int = 0
    text: str = ""
    born: int = 0
    born_cell: int = 0
    born_line: int = 0
    born_text: str = ""
