"""Tell why PyTorch refused a write in place, or the use of a view after one."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..hazards.wording import quoted, typed, where
from ..model.records import Hazard
from .error_messages import MEMORY

if TYPE_CHECKING:
    from ..hazards.wording import Raised
    from ..model.reading import Reading
    from ..model.records import Site
    from ..model.saved_tensor import Writing
    from .error_messages import Complaint

_SPLITTING = frozenset(("Unbind", "Split", "SplitWithSizes", "UnsafeSplit", "TensorSplit"))
"""What gives several views at once; a message names the last view that was taken, which may be one of these' parts."""


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
    also
        What else the tensor is called, where `path` is a name for the moment.
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
    also: str | None = None
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
    return (
        f"{_what(one)} was expanded{f' from `{one.base}`' if one.base else ''}, "
        f"so that its {reading.shape[along]} parts along dimension {along} are one and the same memory"
    )


def _why_leaf(one: Refused) -> str:
    why = "a write that autograd records would make it a result, which collects no gradient"
    if one.complaint.trouble == "view-of-leaf" and one.base:
        return f"{_what(one)} is a view of `{one.base}`, a leaf that requires grad: {why}"
    by = f", and a {one.module} with `inplace=True` writes to it" if one.module else ""
    return f"{_what(one)} is a leaf that requires grad{by}: {why}"


def _why_view(one: Refused) -> str:
    who = f"{_what(one)} is {_view(one)}"
    match one.complaint.trouble:
        case "one-of-several":
            return f"{who}, and autograd records no write to one of these"
        case "made-by-function":
            return f"{who}, and the write would pass by the Function's backward"
        case "no-grad-view":
            return f"{who}, so that it is not clear whether the write is to be recorded"
        case _:
            return f"{who}, and cannot be written to outside of it"


def _why_late(one: Refused) -> str:
    writing = one.writing
    who = f" in {where(writing.cell, writing.site)}{typed(writing.site)}" if writing else ""
    return f"{_what(one)}, {_view(one)}, cannot be used any more: its memory was written to{who}"


def _view(one: Refused) -> str:
    of = f" of `{one.base}`" if one.base else ""
    match one.complaint.trouble:
        case "one-of-several":
            op = re.sub(r"Backward\d*$", "", one.complaint.op or "")
            return f"one of several views{of} that {f'`{op.lower()}`' if op in _SPLITTING else 'one call'} made at once"
        case "made-by-function":
            return f"a view{of} that a custom Function gave"
        case "no-grad-view":
            return f"a view{of} made under no_grad"
        case _:
            return f"a view{of} made in inference mode"


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
    also = f" (`{one.also}`)" if one.also else ""
    return f"`{quoted(one.path)}`{also}" if one.path else "what it writes to"
