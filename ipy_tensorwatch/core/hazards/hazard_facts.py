"""What is known of a hazard beyond the common fields: one record for each kind of message."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from ..host.record import field, record

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..model.reading import Reading
    from ..model.records import Inner, Site
    from ..model.trace.saved_tensor import Spoiled, Writing
    from .codes import HazardCode

Trouble = Literal[
    "overwritten", "detached", "freed",
    "leaf", "view-of-leaf", "marked-leaf",
    "one-of-several", "made-by-function", "no-grad-view", "inference-view",
    "inference", "detached-view", "out", "marked-view", "captured",
    "expanded", "shared",
]  # fmt: skip
"""The kinds of PyTorch's errors, each with its own message."""


How = Literal["leads", "goes-on", "is", "shares"]
"""How a graph leads into one that a backward has freed."""


@record
class TypedLine:
    """A statement as typed, and its place in a cell or in a file."""

    line: int
    text: str
    cell: int | None = None
    file: str = ""


def typed_line(cell: int, site: Site | Inner | None) -> TypedLine | None:
    """Return the place of a statement of a cell, or of an inner line that it reached."""
    if site is None:
        return None
    return TypedLine(cell=getattr(site, "cell", cell), line=site.line, text=site.text)


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
class OverwrittenSave:
    """Saved tensors were overwritten by one statement.

    Attributes
    ----------
    names
        The variables that were overwritten, one for each saved tensor.
    shape
        The shape of the first saved tensor.
    via
        The variable that was written, if it is none of `names`.
    root
        The variable whose backward needs the saved tensors.
    is_scalar
        Whether `root.backward()` needs no argument.
    will_raise
        Whether backward will raise, because the version counter changed.
    is_read_again
        Whether a checkpoint recomputes from them.
    is_moved
        Whether the first was given other memory instead of other bytes.
    others
        The other results whose backward is due and needs one of them.
    """

    names: tuple[str, ...]
    shape: tuple[int, ...]
    via: str | None
    root: str | None
    is_scalar: bool
    will_raise: bool
    is_read_again: bool
    is_moved: bool = False
    others: tuple[str, ...] = ()


@record
class OverlappingElements:
    """A tensor has more elements than its memory holds."""

    elements: int
    room: int


@record
class AssignedGradients:
    """Leaves were given the gradients of others; `groups` counts the gradients that several leaves have."""

    groups: int


@record
class WrongBackward:
    """A backward computed with what was overwritten while it still needed it.

    Attributes
    ----------
    writer
        The hook, or the Function's method, that wrote; empty for a lambda.
    hooked
        The tensor or module whose gradient it wrote to; None if it wrote to a saved tensor.
    """

    writer: str
    hooked: str | None = None


@record
class KeptReference:
    """The tensors of a container belong to a module or an optimizer; `loaded` is what loaded the latest values."""

    container: str
    owner: str
    loaded: TypedLine | None = None


@record
class OneMemory:
    """Several tensors of a container are one memory, which was filled for each of them.

    Attributes
    ----------
    times
        How often it was written; None if it has no version counter.
    memories
        How many memories they are.
    """

    container: str
    count: int
    times: int | None
    memories: int = 1


@record
class KeptByHook:
    """A hook kept a tensor without a copy, and what called the hook wrote to it afterwards."""


@record
class GoneMemory:
    """Memory that no longer exists: its storage was freed or cut, or its owner released it."""

    how: Literal["freed", "let-go"]


@record
class UnrecordedWrite:
    """A tensor was overwritten without autograd recording it; through another variable if `via` is given."""

    via: str | None


@record
class FreedGraph:
    """A graph leads into a part that a backward has freed.

    Attributes
    ----------
    root
        The variable whose backward meets it.
    is_scalar
        Whether `root.backward()` needs no argument.
    name
        The variable whose graph was freed.
    how
        Its graph leads through that of `name`, goes on from the round before, is itself the freed one, or shares nodes
        with it.
    raised
        Where the backward raised; None while it is foretold.
    """

    root: str | None
    is_scalar: bool = True
    name: str | None = None
    how: How
    raised: Raised | None = None


Unheld = Literal["replaced", "added", "unfrozen", "left-out"]
"""Why an optimizer does not hold parameters: it was made before them, or while they were frozen, or without them."""


@record
class NotTrained:
    """Parameters get gradients, but no optimizer holds them.

    Attributes
    ----------
    optimizer
        The path of the optimizer that holds what was or is beside them.
    made
        The statement that made it.
    is_hidden
        Whether no variable leads to the optimizer: then its name is one in a function.
    """

    optimizer: str
    how: Unheld
    made: TypedLine | None = None
    is_hidden: bool = False


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


Fact = (
    OverwrittenSave
    | OverlappingElements
    | AssignedGradients
    | WrongBackward
    | KeptReference
    | OneMemory
    | KeptByHook
    | GoneMemory
    | UnrecordedWrite
    | FreedGraph
    | NotTrained
    | Stopped
    | StoppedUnread
    | Refused
)
