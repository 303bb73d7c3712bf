"""The tensors that a graph saved for backward and their present state, as plain values."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...runtime.record import field, record

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..reading import Reading
    from ..report_parts import Cause, Site


@record
class SavedTensor:
    """One tensor that a node saved for its backward.

    Attributes
    ----------
    op, argument
        The node's name, and the tensor's name in the node's formula.
    sequence
        The node's sequence number; backward runs the highest first.
    place
        The index among the tensors that the node saved.
    cell
        The cell after which it was first seen.
    reading
        Its reading at that time.
    version
        Its version when it was saved.
    is_checked
        Whether backward checks the version; it does not for tensors that a custom function stores on its node.
    is_read_again
        Whether backward recomputes the forward from it (`torch.utils.checkpoint`).
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

    @property
    def is_result(self) -> bool:
        """Whether it is what the operator gave, not what it was given."""
        return self.argument.startswith(("result", "output"))


@record
class RootOrigin:
    """Where a result comes from.

    Attributes
    ----------
    cell, sequence
        The cell after which the node that made it was first seen, and that node's sequence number.
    leaves
        The storages of the leaves that its backward gives gradients to; 0 for a leaf that is not watched.
    through
        The variables between the overwritten tensor and this result, in the order of their computation.
    """

    cell: int
    sequence: int
    leaves: frozenset[int] = frozenset((0,))
    through: tuple[str, ...] = ()


@record
class Overwritten:
    """An overwritten saved tensor of a live graph.

    Attributes
    ----------
    version
        Its version now.
    roots
        The paths whose backward needs it, those of its node first.
    is_moved
        Whether it was given other memory, as by `x.data = y`.
    origins
        Where each of `roots` comes from.
    ran
        The statement of this cell whose backward has computed with it; None if that is still to come.
    others
        The sequence numbers of the other nodes that saved it.
    """

    saved: SavedTensor
    version: int
    roots: tuple[str, ...]
    is_moved: bool = False
    origins: Mapping[str, RootOrigin] = field(default_factory=dict)
    ran: int | None = None
    others: tuple[int, ...] = ()

    @property
    def will_raise(self) -> bool:
        """Whether backward will raise, because the version counter changed."""
        return self.saved.is_checked and self.version != self.saved.version

    @property
    def key(self) -> object:
        """The identity of the saved tensor, stable across cells."""
        saved = self.saved
        who = (saved.reading.storage, saved.reading.layout) if saved.reading.storage else (saved.sequence, saved.place)
        return who, saved.version, saved.cell, self.will_raise


@record
class Spoiled:
    """The saved tensor at which a backward raised.

    Attributes
    ----------
    reading
        Its reading.
    now, expected
        Its version, and its version when it was saved.
    is_output
        Whether it is an output of the node's operator, not an input.
    is_detached
        Whether it was detached by `detach_()`, not overwritten.
    is_kept_by_maker
        Whether the operator that made it saved it too, as its result.
    writer
        The node of the first write, and its sequence number, if the graph proves it.
    users
        The names of the nodes that use the node's output.
    """

    op: str
    argument: str
    sequence: int
    reading: Reading
    now: int
    expected: int
    is_output: bool
    is_detached: bool = False
    is_kept_by_maker: bool = False
    writer: tuple[str, int] | None = None
    users: tuple[str, ...] = ()


@record
class Writing:
    """The write that overwrote a saved tensor.

    Attributes
    ----------
    path
        The variable that was written.
    is_leaf
        Whether the variable is a leaf that requires grad.
    """

    cell: int
    path: str | None = None
    site: Site | None = None
    cause: Cause | None = None
    is_array: bool = False
    is_leaf: bool = False
