"""The parts of a report, as plain values: no record holds a tensor, a storage or a piece of the user's code."""

from __future__ import annotations

from typing import Literal

from ..runtime.record import record
from .path import AccessPath  # noqa: TC001  (dataclass fields are resolved at run time by the schema test)
from .reason import Reason  # noqa: TC001  (the same)

Relation = Literal["same-object", "same-elements", "overlap", "disjoint", "unknown"]
Kind = Literal["mutated", "touched", "bound", "unbound", "rebound", "metadata"]
Cause = Literal[
    "direct", "call", "alias", "optimizer", "backward", "module", "object", "leftover", "component", "outside"
]
Certainty = Literal["observed", "inferred"]
Status = Literal["ok", "error", "interrupted"]
Outcome = Literal["raises", "wrong", "risk"]

Place = tuple[str, int]
"""The file name of a cell, and a line in it."""


@record
class TensorRecord:
    """One tensor or array behind an access path after a cell.

    Attributes
    ----------
    object, storage
        Serial numbers that are never reused while a kernel lives.
    data_ptr, span
        Address of the first element, and the bytes `[low, high)` that the elements span in their storage.
    unknown
        Why its memory is not known (sparse, meta, lazy, …); None if `span` and `strides` are exact.
    """

    path: AccessPath
    kind: str
    object: int
    storage: int
    device: str
    dtype: str
    itemsize: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    data_ptr: int
    span: tuple[int, int]
    version: int | None
    requires_grad: bool
    is_leaf: bool
    grad_fn: str | None
    unknown: Reason | None = None


@record
class Pair:
    """How the memory of two access paths relates."""

    a: str
    b: str
    relation: Relation


@record
class Inner:
    """The innermost notebook line that wrote, inside a function that the cell called."""

    cell: int
    line: int
    text: str


@record
class Origin:
    """The statement after which two access paths were one memory.

    Attributes
    ----------
    how
        What made them so: the operation by its name, `same object`, `slice`, `DLPack`, or `call`.
    inner
        The line inside a function that the statement called, if that made them one memory.
    """

    a: str
    b: str
    cell: int
    line: int
    end_line: int
    text: str
    how: str
    certainty: Certainty = "observed"
    inner: Inner | None = None


@record
class AliasGroup:
    """The access paths in one block of memory.

    Attributes
    ----------
    pairs
        The pairs of members, up to a cap; `pairs_left_out` counts the others.
    origins
        Where the sharing of these pairs began, as far as it is known.
    """

    id: int
    device: str
    nbytes: int
    members: tuple[str, ...]
    pairs: tuple[Pair, ...]
    pairs_left_out: int = 0
    origins: tuple[Origin, ...] = ()


@record
class Site:
    """The statement of the cell that wrote."""

    line: int
    end_line: int
    text: str
    certainty: Certainty = "observed"
    inner: Inner | None = None


@record
class Example:
    """One element that changed, its index and its values; text for values that JSON cannot represent."""

    index: tuple[int, ...]
    before: float | str
    after: float | str


@record
class Values:
    """The elements of a small tensor before and after a cell, row by row; None for values JSON cannot represent."""

    shape: tuple[int, ...]
    before: tuple[float | None, ...]
    after: tuple[float | None, ...]


@record
class Elements:
    """The number of changed elements, the largest difference, and the first few; None if not known or not a number."""

    changed: int | None
    total: int
    max_abs: float | None = None
    examples: tuple[Example, ...] = ()


@record
class Change:
    """The effect of one cell on one access path.

    Attributes
    ----------
    via
        The variables through which the memory was written, if not through this path.
    born
        The statement of the cell that bound the path: `bound` and `mutated` are then two changes.
    versions
        The version counter before and after; None if the tensor has none.
    versioned
        Whether the version counter moved with the write; None if nothing was written.
    verified
        Whether the bytes were compared.
    fields
        The names of the metadata that changed: shape, strides, dtype, device, requires_grad, grad_fn, storage.
    since
        The cell after which the bytes were last known, if it is not the previous cell.
    shared_since
        Where the path and the first of `via` became one memory; None if it is not known.
    """

    path: str
    kind: Kind
    cause: Cause | None = None
    silent: bool = False
    via: tuple[str, ...] = ()
    sites: tuple[Site, ...] = ()
    born: Site | None = None
    versions: tuple[int | None, int | None] = (None, None)
    versioned: bool | None = None
    verified: bool = False
    elements: Elements | None = None
    fields: tuple[str, ...] = ()
    since: int | None = None
    shared_since: Origin | None = None

    @property
    def site(self) -> Site | None:
        """The statement that wrote, of several the one to show."""
        return self.sites[0] if self.sites else None


@record
class Unverified:
    """A path whose bytes were not compared, and why."""

    path: str
    why: Reason


@record
class Coverage:
    """How much of the watched memory was compared byte by byte after this cell.

    Attributes
    ----------
    curtailed
        The paths whose cause was not searched to the end, because the deadline passed.
    """

    tensors: int
    bytes: int
    verified_bytes: int
    unverified: tuple[Unverified, ...] = ()
    curtailed: tuple[str, ...] = ()


@record
class Cell:
    """The cell that ran; durations in seconds."""

    count: int
    source: str
    status: Status
    duration: float
    overhead: float


NOT_KEPT = "(more, not kept)"
"""Stands for the operators that ran after the recorder was full."""


@record
class OperatorWrite:
    """One operator that wrote, as recorded by `%%tensordiff`.

    Attributes
    ----------
    site
        The line of the cell, or the line inside a called notebook function, that ran it.
    paths
        The variables whose bytes it wrote.
    times
        How often it ran from this line on these variables.
    """

    site: Site | None
    op: str
    paths: tuple[str, ...]
    times: int = 1
