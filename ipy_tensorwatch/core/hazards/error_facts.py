"""What is known of an error that PyTorch raised: one record for each kind of message."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from ..runtime.record import field, record

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..records.reading import Reading
    from ..records.report_parts import Inner, Site
    from ..records.trace.saved_tensor import Spoiled, Writing
    from ..records.typed_line import TypedLine
    from .codes import HazardCode
    from .fix import Fix

Trouble = Literal[
    "overwritten", "detached", "freed",
    "leaf", "view-of-leaf", "marked-leaf",
    "one-of-several", "made-by-function", "no-grad-view", "inference-view",
    "inference", "detached-view", "out", "marked-view", "captured",
    "expanded", "shared",
]  # fmt: skip
"""The kinds of PyTorch's errors, each with its own message."""


@record
class Raised:
    """Where an error was raised.

    Attributes
    ----------
    statement
        The innermost statement of the user's code; None if none could be read.
    is_elsewhere
        Whether it is outside the cell that raised.
    root
        The variable that a backward started from, as typed.
    """

    statement: TypedLine | None = None
    is_elsewhere: bool = False
    root: str | None = None

    @property
    def text(self) -> str:
        """The statement as typed."""
        return self.statement.text if self.statement else ""


@record
class Stopped:
    """A saved tensor that was overwritten, and at which a backward raised.

    Attributes
    ----------
    paths
        The variables whose bytes overlap it, the tensor itself first.
    owner
        The function to which the names are local; None for variables of the notebook.
    inside
        The line that likely wrote, in a function on the traceback.
    reader
        The line inside a function that reads it by name, if there is only one.
    writing
        The write that overwrote it; None if it was not observed.
    recorded
        Whether the cell ran under `%%tensordiff`, so that the message need not suggest it.
    modules
        The in-place modules that may have written: their paths and classes.
    carried
        The variables carried between loop iterations, if an earlier iteration saved the tensor.
    containers
        Which of `carried` are tuples or lists of tensors.
    rebinds
        For a write inside a function, the names that this function binds.
    reading
        For a write inside a function that reads what it writes, the fix that lets it read copies.
    """

    code: HazardCode
    raised: Raised
    spoiled: Spoiled
    paths: tuple[str, ...] = ()
    owner: str | None = None
    saved_in: int | None = None
    saved_at: Site | None = None
    inside: TypedLine | None = None
    reader: Inner | None = None
    writing: Writing | None = None
    recorded: bool = False
    modules: tuple[tuple[str, str], ...] = ()
    carried: tuple[str, ...] = ()
    containers: Mapping[str, Literal["tuple", "list"]] = field(default_factory=dict)
    rebinds: frozenset[str] = frozenset()
    reading: Fix | None = None


@record
class StoppedUnread:
    """A backward raised at a node whose saved tensors cannot be read: of a write to a view, or of a subclass.

    Attributes
    ----------
    names
        The variables that the message may refer to.
    shape
        As PyTorch spells it: `2, 3`.
    now, expected
        The versions of the overwritten tensor.
    """

    raised: Raised
    is_detached: bool
    names: tuple[str, ...] = ()
    shape: str | None = None
    now: int | None = None
    expected: int | None = None


class IndexedLoop(NamedTuple):
    """A loop over the rows of a tensor, rewritten to count them.

    Attributes
    ----------
    head
        The header of the loop, or the whole statement of a comprehension.
    code
        What replaces it.
    name, row
        The loop variable, and what replaces it in the loop's body; empty for a comprehension.
    """

    head: TypedLine
    code: str
    name: str
    row: str


@record
class Refused:
    """A refused in-place write, with what is known of the tensor by name.

    Attributes
    ----------
    late
        Of a view: whether its base or a sibling view was written, so that it cannot be used.
    op
        The node that made the tensor, by its name in the message.
    path
        The tensor as spelled in the failing statement; None if it is not spelled or no matching tensor was found.
    names
        The notebook variables that share its memory, the tensor's own first.
    reading
        The reading of the tensor itself.
    base, portion
        The name of the base of the view, and the part that the view covers: `[:, 1:3]`.
    base_is_leaf
        Whether the base is a leaf that requires grad.
    also
        Another name of the tensor, if `path` is a temporary name.
    binds
        Whether the failing statement may rebind `path`: in a function, only local names and attributes.
    loop
        The loop that takes the tensor from a larger one, rewritten.
    module
        The class of the in-place module (`inplace=True`) that wrote.
    writing
        Of a view that cannot be used any more: the write to its memory.
    is_written
        Whether the values changed although the write was refused.
    has_read_grad
        Whether the notebook reads its gradient by its name, so that it has to stay the leaf.
    """

    code: HazardCode
    trouble: Trouble
    late: bool = False
    op: str | None = None
    raised: Raised
    path: str | None = None
    names: tuple[str, ...] = ()
    reading: Reading | None = None
    base: str | None = None
    portion: str | None = None
    base_is_leaf: bool = False
    also: str | None = None
    binds: bool = True
    loop: IndexedLoop | None = None
    module: str | None = None
    writing: Writing | None = None
    is_written: bool = False
    has_read_grad: bool = False

    @property
    def is_parameter(self) -> bool:
        """Whether the tensor is a parameter, so that the write is an update."""
        return self.reading is not None and self.reading.kind == "parameter"
