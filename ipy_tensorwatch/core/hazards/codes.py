"""The codes of hazards. A code always stands for the same kind of hazard; `docs/hazards.md` has a section for each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..records.report_parts import Outcome

HazardCode = Literal[
    "TW201", "TW202", "TW203", "TW204", "TW205", "TW206", "TW207", "TW208", "TW209", "TW210", "TW211", "TW212", "TW213",
]  # fmt: skip

OUTCOMES: Mapping[HazardCode, tuple[Outcome, ...]] = {
    "TW201": ("raises", "risk"),
    "TW202": ("wrong", "risk"),
    "TW203": ("wrong", "risk"),
    "TW204": ("raises",),
    "TW205": ("wrong", "risk"),
    "TW206": ("wrong", "risk", "raises"),
    "TW207": ("risk", "wrong"),
    "TW208": ("risk",),
    "TW209": ("wrong", "risk"),
    "TW210": ("wrong",),
    "TW211": ("risk",),
    "TW212": ("wrong", "risk"),
    "TW213": ("raises", "risk"),
}
"""What each code may say. A new one needs an entry here, a rule, its sentences in `render/wording`, and a section."""

OF_BACKWARD: frozenset[HazardCode] = frozenset(("TW201", "TW202", "TW205", "TW209", "TW212", "TW213"))
"""The codes that do harm only if a backward is run."""
