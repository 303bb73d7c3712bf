"""The error that a cell raised, as plain values: the message, the frames, and what their names led to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from ...runtime.record import field, record

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..path import AccessPath
    from ..reading import Reading
    from ..report_parts import Inner
    from .graph_state import GraphAtError, HalfFreed
    from .saved_tensor import Spoiled

CELL = "<module>"
"""The name of the function of a frame that runs a cell itself."""


class Local(NamedTuple):
    """A tensor, as a name of a frame leads to it.

    Attributes
    ----------
    base
        The base of a view.
    """

    path: AccessPath
    reading: Reading
    base: Reading | None


@record
class Spot:
    """The position of one frame of a traceback.

    Attributes
    ----------
    span
        First line and column, last line and column of what ran; None before Python 3.11.
    function
        The name of the function, `CELL` of a cell itself.
    """

    file: str
    line: int
    span: tuple[int, int, int, int] | None
    function: str


@record
class ErrorFrame:
    """One frame of a traceback whose statement was found; of a compound statement its header only.

    Attributes
    ----------
    file
        The name of the file without its directory.
    inner
        The cell and line; None for code in a file.
    line, end_line, text
        The statement, with lines of `source`.
    written, read
        The paths that its failing part names as written, the outermost call's first, and those that it reads.
    iterated
        The paths that each name of a comprehension iterates over.
    root
        The variable that its backward starts from, as typed.
    runs_backward
        Whether it calls a backward by name.
    source
        The source of the whole cell or file; empty for PyTorch's.
    named
        The tensors behind the names in the statement, globals included.
    local
        The tensors behind the local names of a function.
    fixed
        The paths that cannot be assigned, among those of `named` and of the variables over the same memory.
    module
        The class of the module made with `inplace=True` whose `forward` the frame runs.
    """

    spot: Spot
    file: str
    inner: Inner | None = None
    line: int
    end_line: int
    text: str
    written: tuple[AccessPath, ...] = ()
    read: tuple[AccessPath, ...] = ()
    iterated: Mapping[str, tuple[AccessPath, ...]] = field(default_factory=dict)
    root: str | None = None
    runs_backward: bool = False
    source: str = ""
    named: tuple[Local, ...] = ()
    local: tuple[Local, ...] = ()
    fixed: frozenset[AccessPath] = frozenset()
    module: str | None = None

    @property
    def is_cell(self) -> bool:
        """Whether it runs a cell itself, not a function."""
        return self.spot.function == CELL


@record
class FreedAtError:
    """The graph of a backward that met freed nodes.

    Attributes
    ----------
    foretold
        The half-freed graph of the root, as seen before the cell.
    now, earlier
        The paths of the nodes that made watched tensors, after the cell and before it.
    """

    graph: GraphAtError
    foretold: HalfFreed | None = None
    now: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    earlier: Mapping[int, tuple[str, ...]] = field(default_factory=dict)


@record
class CellError:
    """An error of PyTorch's about an in-place write or a freed graph.

    Attributes
    ----------
    message
        What PyTorch said.
    frames
        The user's frames, innermost first.
    inside
        PyTorch's frames called from the innermost of these, innermost first.
    is_threaded
        Whether it comes from another thread; sequence numbers of nodes are per thread.
    spoiled
        The saved tensor at which a backward raised.
    seen_in
        The cell after which the node that saved it was first seen.
    freed
        The graph of a backward that met freed nodes.
    containers
        Which of the variables that the cell mentions are tuples or lists.
    """

    message: str
    frames: tuple[ErrorFrame, ...] = ()
    inside: tuple[ErrorFrame, ...] = ()
    is_threaded: bool = False
    spoiled: Spoiled | None = None
    seen_in: int | None = None
    freed: FreedAtError | None = None
    containers: Mapping[str, Literal["tuple", "list"]] = field(default_factory=dict)
