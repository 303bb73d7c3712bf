"""The codes of hazards. A code always stands for the same kind of hazard; `docs/hazards.md` has a section for each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..model.records import Outcome

HazardCode = Literal[
    "TW201", "TW202", "TW203", "TW204", "TW205", "TW206", "TW207", "TW208", "TW209", "TW210", "TW211", "TW212", "TW213",
]  # fmt: skip


class CodeEntry(NamedTuple):
    """The meaning of a code: the module that finds it, its possible outcomes, and what will happen."""

    rule: str
    outcomes: tuple[Outcome, ...]
    meaning: str


_SAVED, _WRONG = "saved_tensor_overwritten", "gradients are silently wrong: "
CODES: Mapping[HazardCode, CodeEntry] = {
    "TW201": CodeEntry(_SAVED, ("raises",), "backward raises: a saved tensor's version has moved"),
    "TW202": CodeEntry(_SAVED, ("wrong",), _WRONG + "a saved tensor's bytes have moved, its version has not"),
    "TW203": CodeEntry("shared_gradients", ("wrong", "risk"), _WRONG + "the `.grad` of two leaves is one memory"),
    "TW204": CodeEntry("inplace_refused", ("raises",), "autograd refused a write in place: to a leaf, or to a view"),
    "TW205": CodeEntry(_SAVED, ("wrong",), _WRONG + "what a checkpoint computes with again was overwritten"),
    "TW206": CodeEntry(
        "overlapping_elements",
        ("risk", "raises"),
        "one write lands several times, or was refused: a tensor's elements share memory",
    ),
    "TW207": CodeEntry("state_dict_reference", ("risk",), "a state dict is not a copy: training changes it too"),
    "TW208": CodeEntry("freed_memory", ("risk",), "reading crashes the kernel: a tensor's memory is gone"),
    "TW209": CodeEntry("unrecorded_write", ("wrong",), _WRONG + "autograd did not record a write"),
    "TW210": CodeEntry("wrong_backward", ("wrong",), "the backward that ran was wrong: what it needed was overwritten"),
    "TW211": CodeEntry("one_memory", ("risk",), "all hold what was written last: one memory was kept several times"),
    "TW212": CodeEntry(
        "optimizer_wiring", ("wrong", "risk"), "parameters are silently not trained: no optimizer holds them"
    ),
    "TW213": CodeEntry("freed_graph", ("raises", "risk"), "backward raises: it meets a graph that another has freed"),
}
"""Every code. A new one needs an entry here, a rule, its sentences in `render/wording`, and a section in the page."""

OF_BACKWARD: frozenset[HazardCode] = frozenset(("TW201", "TW202", "TW205", "TW209", "TW212", "TW213"))
"""The codes that do harm only if a backward is run."""
