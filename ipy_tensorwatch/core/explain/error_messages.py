"""Parse PyTorch's messages about refused in-place writes and failed backwards."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ..runtime.record import record

if TYPE_CHECKING:
    from ..hazards.codes import HazardCode
    from ..hazards.error_facts import Trouble

BACKWARD: frozenset[Trouble] = frozenset(("overwritten", "detached", "freed"))
"""The errors of a backward: about a write that was allowed before, or about one backward too many."""
MEMORY: frozenset[Trouble] = frozenset(("expanded", "shared"))
"""The errors that do not concern gradients: elements that share memory."""

_OVERWRITTEN = re.compile(
    r"one of the variables needed for gradient computation has been modified by an inplace operation: "
    r"\[(?P<type>\S+) \[(?P<shape>[\d, ]*)\]\](?:, which is output \d+ of (?P<op>[^,]+),)?"
    r" is at version (?P<now>\d+); expected version (?P<expected>\d+) instead"
)
_VIEW = re.compile(
    r"(?:Output \d+ of (?P<op>\S+) is a view|A view was created in (?P<early>\w+) mode|"
    r"Output \d+ of (?P<below>\S+) is a view of a view which was created in (?P<late>\w+) mode)"
    r" and (?P<how>is being|its base or another view of its base has been) modified inplace"
)
_WORDS: dict[str, Trouble] = {
    "modified by an inplace operation": "overwritten",
    "Trying to use a saved tensor that has been detached in-place": "detached",
    "Trying to backward through the graph a second time": "freed",
    "a view of a leaf Variable that requires grad is being used in an in-place operation": "view-of-leaf",
    "a leaf Variable that requires grad is being used in an in-place operation": "leaf",
    "a leaf Variable that requires grad has been used in an in-place operation": "marked-leaf",
    "output of a function that returns multiple views": "one-of-several",
    "created inside a custom Function": "made-by-function",
    "Inplace update to inference tensor outside InferenceMode": "inference",
    "Can't detach views in-place": "detached-view",
    "functions with out=... arguments don't support automatic differentiation": "out",
    "If your Function modifies inplace an input that is a view of another Tensor": "marked-view",
    "that would mutate a captured Tensor": "captured",
    "more than one element of the written-to tensor refers to a single memory location": "expanded",
    "some elements of the input tensor and the written-to tensor refer to a single memory location": "shared",
}


@record
class ErrorMessage:
    """The content of one of PyTorch's messages.

    Attributes
    ----------
    facts
        The part of the message that does not vary between runs.
    op
        The node that made the tensor, by its name in the message.
    shape
        As PyTorch spells it: `2, 3`.
    now, expected
        The versions of an overwritten tensor.
    late
        Of a view: whether its base or a sibling view was written, so that it cannot be used.
    """

    trouble: Trouble
    facts: str
    op: str | None = None
    shape: str | None = None
    now: int | None = None
    expected: int | None = None
    late: bool = False

    @property
    def code(self) -> HazardCode:
        """The code of the hazard that has come true."""
        if self.trouble == "freed":
            return "TW213"
        return "TW201" if self.trouble in BACKWARD else "TW206" if self.trouble in MEMORY else "TW204"


def read_error_message(message: str) -> ErrorMessage | None:
    """Parse an error's message; None if it is about something else.

    Examples
    --------
    >>> read_error_message("a leaf Variable that requires grad is being used in an in-place operation.").trouble
    'leaf'
    """
    overwritten, view = _OVERWRITTEN.search(message), _VIEW.search(message)
    if overwritten:
        return _overwritten(overwritten)
    if view:
        mode = view["early"] or view["late"]
        trouble = _trouble(message) if mode is None else "no-grad-view" if mode == "no_grad" else "inference-view"
        late, op = view["how"] != "is being", view["op"] or view["below"]
        return trouble and ErrorMessage(trouble=trouble, facts=view[0], op=op, late=late)
    found = _trouble(message)
    return found and ErrorMessage(trouble=found, facts=message)


def _trouble(message: str) -> Trouble | None:
    """Return the kind of trouble by its key phrase; a view of a leaf is tested before a leaf."""
    return next((trouble for words, trouble in _WORDS.items() if words in message), None)


def _overwritten(found: re.Match[str]) -> ErrorMessage:
    return ErrorMessage(
        trouble="overwritten",
        facts=found[0],
        op=found["op"],
        shape=found["shape"],
        now=int(found["now"]),
        expected=int(found["expected"]),
    )
