"""What is known of a hazard beyond the common fields: one record for each kind of message."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from ..runtime.record import record
from .error_facts import Raised, Refused, Stopped, StoppedUnread

if TYPE_CHECKING:
    from ..records.typed_line import TypedLine


How = Literal["leads", "goes-on", "is", "shares"]
"""How a graph leads into one that a backward has freed."""


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
class OverwrittenOperand:
    """A statement reads elements of a tensor that it overwrites.

    Attributes
    ----------
    is_later
        Whether it reads them when it has written as a whole, as in an exchange of rows.
    """

    is_later: bool


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
    """The tensors of a container belong to a module or an optimizer.

    Attributes
    ----------
    loaded
        What loaded the latest values.
    is_shallow
        Whether the container is a shallow copy of the module that owns them.
    is_handed_over
        Whether the owner has loaded the container, which is of use only if it is read again.
    """

    container: str
    owner: str
    loaded: TypedLine | None = None
    is_shallow: bool = False
    is_handed_over: bool = False


@record
class ComparedWithItself:
    """A variable leads to the very parameters that a statement compares it with.

    Attributes
    ----------
    other
        What it is compared with: another path of the parameter, or the module over whose parameters a loop goes.
    """

    container: str
    other: str
    is_several: bool


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
class RepeatedModule:
    """Several items of a container are one module, because a list repeats it."""

    container: str
    count: int


@record
class CachedResult:
    """A tensor that a function gives to all its callers, as `functools` keeps it, was written in place."""

    function: str


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


Unheld = Literal["replaced", "unregistered", "added", "unfrozen", "left-out"]
"""Why an optimizer does not hold parameters.

It was made before them, or while they were frozen, or without them, or they lie in a plain list that no module lists.
"""


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


Fact = (
    OverwrittenSave
    | OverlappingElements
    | OverwrittenOperand
    | AssignedGradients
    | WrongBackward
    | KeptReference
    | ComparedWithItself
    | OneMemory
    | RepeatedModule
    | CachedResult
    | KeptByHook
    | GoneMemory
    | UnrecordedWrite
    | FreedGraph
    | NotTrained
    | Stopped
    | StoppedUnread
    | Refused
)
