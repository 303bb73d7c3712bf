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
    """The module below `core` that finds a code's hazards, and their possible outcomes."""

    rule: str
    outcomes: tuple[Outcome, ...]


_SAVED = "hazards.overwritten.saved_tensor_overwritten"
CODES: Mapping[HazardCode, CodeEntry] = {
    "TW201": CodeEntry(_SAVED, ("raises",)),
    "TW202": CodeEntry(_SAVED, ("wrong",)),
    "TW203": CodeEntry("hazards.backward.shared_gradients", ("wrong", "risk")),
    "TW204": CodeEntry("explain.inplace_refused", ("raises",)),
    "TW205": CodeEntry(_SAVED, ("wrong",)),
    "TW206": CodeEntry("hazards.overwritten.overlapping_elements", ("risk", "raises")),
    "TW207": CodeEntry("hazards.kept_memory.state_dict_reference", ("risk",)),
    "TW208": CodeEntry("hazards.kept_memory.freed_memory", ("risk",)),
    "TW209": CodeEntry("hazards.overwritten.unrecorded_write", ("wrong",)),
    "TW210": CodeEntry("hazards.backward.wrong_backward", ("wrong",)),
    "TW211": CodeEntry("hazards.kept_memory.one_memory", ("risk",)),
    "TW212": CodeEntry("hazards.optimizers.optimizer_wiring", ("wrong", "risk")),
    "TW213": CodeEntry("hazards.backward.freed_graph", ("raises", "risk")),
}
"""Every code. A new one needs an entry here, a rule, its sentences in `render/wording`, and a section in the page."""

OF_BACKWARD: frozenset[HazardCode] = frozenset(("TW201", "TW202", "TW205", "TW209", "TW212", "TW213"))
"""The codes that do harm only if a backward is run."""
