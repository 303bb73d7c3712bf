"""What a graph saved for its backward, and what has become of it, as plain values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..model.reading import Reading
    from ..model.records import Cause, Site


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedTensor:
    """One tensor that a node of a graph needs for its backward.

    Attributes
    ----------
    op, argument
        The node's name, and what the tensor is called in its formula.
    sequence
        The node's number: nodes are numbered as they are made, and backward runs the highest first.
    place
        Which of the tensors that the node saved.
    cell
        The cell after which it was first seen.
    reading
        How it lay in memory then.
    version
        The version that it was saved with.
    is_checked
        Whether backward compares the versions; it does not for what is kept on a node by hand.
    is_read_again
        Whether backward computes the forward again with it, under `torch.utils.checkpoint`.
    """

    op: str
    argument: str
    sequence: int
    place: int
    cell: int
    reading: Reading
    version: int
    is_checked: bool
    is_read_again: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Overwritten:
    """A saved tensor that is not what it was, in a graph that lives.

    Attributes
    ----------
    version
        Its version now.
    roots
        The paths whose backward would need it.
    """

    saved: SavedTensor
    version: int
    roots: tuple[str, ...]

    @property
    def will_raise(self) -> bool:
        """Whether backward will see it: by the version counter alone."""
        return self.saved.is_checked and self.version != self.saved.version

    @property
    def key(self) -> object:
        """What stays the same of it from cell to cell."""
        saved = self.saved
        who = (saved.reading.storage, saved.reading.layout) if saved.reading.storage else (saved.sequence, saved.place)
        return who, saved.version, saved.cell, self.will_raise


@dataclass(frozen=True, slots=True, kw_only=True)
class Spoiled:
    """The saved tensor at which a backward stopped.

    Attributes
    ----------
    reading
        How it lies in memory.
    now, expected
        Its version, and the one that it was saved with.
    is_output
        Whether it is what the node's operator gave, not what it was given.
    is_detached
        Whether it lost its history by `detach_()`, not its bytes by a write.
    writer
        The node whose operator wrote first, and its number, where the graph itself proves it.
    users
        The names of the nodes that were given what the node made.
    """

    op: str
    argument: str
    sequence: int
    reading: Reading
    now: int
    expected: int
    is_output: bool
    is_detached: bool = False
    writer: tuple[str, int] | None = None
    users: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Writing:
    """The write that overwrote a saved tensor.

    Attributes
    ----------
    path
        The variable that was written.
    is_leaf
        Whether that is a leaf that requires grad.
    """

    cell: int
    path: str | None = None
    site: Site | None = None
    cause: Cause | None = None
    is_array: bool = False
    is_leaf: bool = False
