"""The codes of hazards. A code stands for one kind of hazard for good; `docs/hazards.md` has a section for each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..model.records import Outcome

HazardCode = Literal["TW201", "TW202", "TW203", "TW204", "TW205", "TW206", "TW207", "TW208", "TW209"]


class CodeEntry(NamedTuple):
    """What a code stands for.

    Attributes
    ----------
    slug
        Its name in a few words.
    meaning
        What will happen, and in which state of the variables.
    rule
        The module that finds it.
    """

    slug: str
    meaning: str
    outcomes: tuple[Outcome, ...]
    rule: str


CODES: Mapping[HazardCode, CodeEntry] = {
    "TW201": CodeEntry(
        "saved-tensor-overwritten",
        "backward raises: a saved tensor's version has moved",
        ("raises",),
        "saved_tensor_overwritten",
    ),
    "TW202": CodeEntry(
        "saved-tensor-overwritten-unversioned",
        "gradients are silently wrong: a saved tensor's bytes have moved, its version has not",
        ("wrong",),
        "saved_tensor_overwritten",
    ),
    "TW203": CodeEntry(
        "shared-gradients",
        "gradients are silently wrong: the `.grad` of two leaves is one memory",
        ("wrong",),
        "shared_gradients",
    ),
    "TW204": CodeEntry(
        "inplace-refused",
        "autograd refused a write in place: to a leaf, or to a view",
        ("raises",),
        "inplace_refused",
    ),
    "TW205": CodeEntry(
        "checkpoint-input-overwritten",
        "gradients are silently wrong: what a checkpoint computes with again was overwritten",
        ("wrong",),
        "saved_tensor_overwritten",
    ),
    "TW206": CodeEntry(
        "overlapping-elements",
        "one write lands several times, or was refused: a tensor's elements share memory",
        ("risk", "raises"),
        "overlapping_elements",
    ),
    "TW207": CodeEntry(
        "state-dict-reference",
        "a state dict is no copy: training goes on in it",
        ("risk",),
        "state_dict_reference",
    ),
    "TW208": CodeEntry(
        "freed-memory",
        "reading crashes the kernel: a tensor's memory is gone",
        ("risk",),
        "freed_memory",
    ),
    "TW209": CodeEntry(
        "unrecorded-write",
        "gradients are silently wrong: autograd did not record a write",
        ("wrong",),
        "unrecorded_write",
    ),
}
"""Every code. A new one needs an entry here, a rule, its sentences in `render/wording`, and a section in the page."""

OF_BACKWARD: frozenset[HazardCode] = frozenset(("TW201", "TW202", "TW205", "TW209"))
"""Those that do harm only if a backward is run."""
