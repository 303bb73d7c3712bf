"""Tell why PyTorch refused a write in place, or the use of a view after one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .failure import MEMORY
from .phrase import quoted, typed, where
from .records import Hazard

if TYPE_CHECKING:
    from .failure import Complaint
    from .hazard import Writing
    from .phrase import Raised
    from .reading import Reading
    from .records import Site


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A refused write, with what is known of the tensor by name.

    Attributes
    ----------
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
    binds
        Whether the failing statement may bind `path` anew: in a function, only names of its own and attributes.
    loop
        The head of the loop that takes the tensor from a larger one, rewritten so that it may be written to.
    module
        The class of the module, made with `inplace=True`, that wrote.
    writing
        Of a view that cannot be used any more: who wrote to the memory.
    is_written
        Whether the numbers were changed although the write was refused.
    """

    complaint: Complaint
    raised: Raised
    site: Site | None
    path: str | None = None
    names: tuple[str, ...] = ()
    reading: Reading | None = None
    base: str | None = None
    portion: str | None = None
    base_is_leaf: bool = False
    binds: bool = True
    loop: str | None = None
    module: str | None = None
    writing: Writing | None = None
    is_written: bool = False

    @property
    def is_parameter(self) -> bool:
        """Whether the tensor is a parameter, so that the write is an update of it."""
        return self.reading is not None and self.reading.kind == "parameter"


def tell_refused(one: Refused, remedy: str) -> Hazard:
    """Tell it as a hazard that has come true."""
    return Hazard(
        code=one.complaint.code,
        outcome="raises",
        paths=one.names,
        op=one.reading.grad_fn if one.reading else None,
        message=f"{one.raised}: {_why(one)}",
        remedy=remedy,
        saved_at=None,
        written_at=one.site,
        happened=True,
    )


def _why(one: Refused) -> str:
    trouble = one.complaint.trouble
    if trouble in MEMORY:
        return _why_memory(one)
    if trouble in ("leaf", "view-of-leaf", "marked-leaf"):
        return _why_leaf(one)
    if trouble in ("one-of-several", "made-by-function", "no-grad-view", "inference-view"):
        return _why_late(one) if one.complaint.late else _why_view(one)
    return _why_other(one)


def _why_memory(one: Refused) -> str:
    if one.complaint.trouble == "shared":
        return f"it reads elements of {_what(one)} that it has overwritten by then"
    reading = one.reading
    if reading is None:
        return "it writes to elements that share memory, as those of an expanded tensor do"
    along = next(place for place, step in enumerate(reading.strides) if step == 0 and reading.shape[place] > 1)
    count = reading.shape[along]
    return f"`{one.path}` was expanded, and all {count} of its elements along dimension {along} are one and the same in memory"


def _why_leaf(one: Refused) -> str:
    why = "a write that autograd records would make it a result, which collects no gradient"
    if one.complaint.trouble == "view-of-leaf" and one.base:
        return f"{_what(one)} is a view of `{one.base}`, a leaf that requires grad: {why}"
    by = f", and a {one.module} with `inplace=True` writes to it" if one.module else ""
    return f"{_what(one)} is a leaf that requires grad{by}: {why}"


def _why_view(one: Refused) -> str:
    of = f" of `{one.base}`" if one.base else ""
    op = f"`{one.complaint.op}`" if one.complaint.op else "one call"
    match one.complaint.trouble:
        case "one-of-several":
            return f"{_what(one)} is one of several views{of} that {op} made at once, and autograd records no write to one of these"
        case "made-by-function":
            return f"{_what(one)} is a view{of} that a custom Function gave, and the write would pass by the Function's backward"
        case "no-grad-view":
            return f"{_what(one)} is a view{of} made under no_grad, so that it is not clear whether the write is to be recorded"
        case _:
            return f"{_what(one)} is a view{of} made in inference mode, and cannot be written to outside of it"


def _why_late(one: Refused) -> str:
    of = f" of `{one.base}`" if one.base else ""
    how = {
        "one-of-several": f"one of several views{of} that `{one.complaint.op}` made at once",
        "made-by-function": f"a view{of} that a custom Function gave",
        "no-grad-view": f"a view{of} made under no_grad",
        "inference-view": f"a view{of} made in inference mode",
    }[one.complaint.trouble]
    writing = one.writing
    who = f" in {where(writing.cell, writing.site)}{typed(writing.site)}" if writing else ""
    return f"{_what(one)}, {how}, cannot be used any more: its memory was written to{who}"


def _why_other(one: Refused) -> str:
    match one.complaint.trouble:
        case "inference":
            after = "; its numbers have been changed all the same" if one.is_written else ""
            return f"{_what(one)} was made in inference mode, and may be written to only there{after}"
        case "detached-view":
            return f"{_what(one)} is a view{f' of `{one.base}`' if one.base else ''}, which has the history of its base"
        case "out":
            return "autograd does not record what is written by `out=`, and one of the tensors requires grad"
        case "marked-view":
            return f"{_what(one)} is a view, and a Function that writes to a view may give but one tensor"
        case _:
            return f"{_what(one)} is not handed to the function that is transformed, so that it must not be written to"


def _what(one: Refused) -> str:
    return f"`{quoted(one.path)}`" if one.path else "what it writes to"
