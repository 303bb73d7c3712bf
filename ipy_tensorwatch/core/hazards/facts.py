"""What is known of a hazard beyond the fields that all have: one record for each kind of message."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from ..model.reading import Reading
    from ..model.records import Inner, Site
    from ..model.saved_tensor import Spoiled, Writing
    from .codes import HazardCode

Trouble = Literal[
    "overwritten", "detached",
    "leaf", "view-of-leaf", "marked-leaf",
    "one-of-several", "made-by-function", "no-grad-view", "inference-view",
    "inference", "detached-view", "out", "marked-view", "captured",
    "expanded", "shared",
]  # fmt: skip
"""What PyTorch may complain about, each with words of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TypedLine:
    """A statement as typed, and where it stands: in a cell of the notebook, or in a file."""

    line: int
    text: str
    cell: int | None = None
    file: str = ""


def typed_line(cell: int, site: Site | Inner | None) -> TypedLine | None:
    """Return where a statement of a cell stands, or one that it led to."""
    if site is None:
        return None
    return TypedLine(cell=getattr(site, "cell", cell), line=site.line, text=site.text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Raised:
    """Where an error arose.

    Attributes
    ----------
    statement
        The innermost statement that is the user's; None where none could be read.
    is_elsewhere
        Whether it stands outside the cell that raised.
    root
        The variable that a backward began from, as typed.
    """

    statement: TypedLine | None = None
    is_elsewhere: bool = False
    root: str | None = None

    @property
    def text(self) -> str:
        """The statement as typed."""
        return self.statement.text if self.statement else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OverwrittenSave:
    """Saved tensors were overwritten by one statement.

    Attributes
    ----------
    names
        The variables that were overwritten, one for each saved tensor.
    shape
        That of the first saved tensor.
    via
        The variable that was written, where it is none of these.
    root
        The variable whose backward is in danger.
    is_scalar
        Whether `backward()` needs no argument there.
    will_raise
        Whether backward will see it: by the version counter alone.
    is_read_again
        Whether a checkpoint computes with them again.
    """

    names: tuple[str, ...]
    shape: tuple[int, ...]
    via: str | None
    root: str | None
    is_scalar: bool
    will_raise: bool
    is_read_again: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class OverlappingElements:
    """A tensor of so many elements lies in the memory of fewer."""

    elements: int
    room: int


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptReference:
    """The tensors of a container are those of its owner, a module or an optimizer."""

    container: str
    owner: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GoneMemory:
    """Memory that is gone: its storage was freed or cut, or whoever owned it has let go of it."""

    how: Literal["freed", "let-go"]


@dataclass(frozen=True, slots=True, kw_only=True)
class UnrecordedWrite:
    """A tensor was overwritten while its history stayed the same, through another variable where `via` is one."""

    via: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stopped:
    """A saved tensor that was overwritten, and at which a backward stopped.

    Attributes
    ----------
    paths
        The variables whose bytes overlap it, one that is the very tensor first.
    owner
        The function to which the names are local; None for variables of the notebook.
    inside
        The line that likely wrote, in a function that the error came through.
    reader
        The line inside a function that reads it by name, where only one does.
    writing
        The write that overwrote it; None where nobody saw it.
    recorded
        Whether the cell ran under `%%tensordiff`, so that it need not be asked for.
    modules
        The modules that may have written, being made to write in place: their paths and classes.
    carried
        The variables that lead from one round of a loop into the next, where an earlier round saved the tensor.
    rebinds
        Of a write inside a function: the names that this function binds itself.
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
    rebinds: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class StoppedUnread:
    """A backward stopped at a node that cannot be read: that of a write to a view, or of a subclass.

    Attributes
    ----------
    names
        The variables of which the message may speak.
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A refused write, with what is known of the tensor by name.

    Attributes
    ----------
    late
        Of a view: whether it was its base, or another view of that, that was written, so that it cannot be used.
    op
        The node that made the tensor, as the message calls it.
    path
        How the failing statement spells the tensor; None where it does not, or where no tensor that fits was found.
    names
        The variables of the notebook that lie in the same memory, the tensor's own first.
    reading
        The tensor itself.
    base, portion
        What it is a view of, by name, and which part of that it is: `[:, 1:3]`.
    base_is_leaf
        Whether that is a leaf that requires grad.
    also
        What else the tensor is called, where `path` is a name for the moment.
    binds
        Whether the failing statement may bind `path` anew: in a function, only names of its own and attributes.
    loop
        The head of the loop that takes the tensor from a larger one, with what to write instead.
    module
        The class of the module, made with `inplace=True`, that wrote.
    writing
        Of a view that cannot be used any more: who wrote to the memory.
    is_written
        Whether the numbers were changed although the write was refused.
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
    loop: tuple[TypedLine, str] | None = None
    module: str | None = None
    writing: Writing | None = None
    is_written: bool = False

    @property
    def is_parameter(self) -> bool:
        """Whether the tensor is a parameter, so that the write is an update of it."""
        return self.reading is not None and self.reading.kind == "parameter"


Fact = (
    OverwrittenSave
    | OverlappingElements
    | KeptReference
    | GoneMemory
    | UnrecordedWrite
    | Stopped
    | StoppedUnread
    | Refused
)
