"""What each code of a hazard says will happen, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ....core.hazards.codes import HazardCode

CODE_MEANINGS: Mapping[HazardCode, str] = {
    "TW201": "backward raises: a saved tensor's version has moved",
    "TW202": "gradients are silently wrong: a saved tensor's bytes have moved, its version has not",
    "TW203": "gradients are silently wrong: the `.grad` of two leaves is one memory",
    "TW204": "autograd refused a write in place: to a leaf, or to a view",
    "TW205": "gradients are silently wrong: what a checkpoint computes with again was overwritten",
    "TW206": "a write lands several times, overwrites what it reads, or was refused: elements share memory",
    "TW207": "a state dict is not a copy: training changes it too",
    "TW208": "reading crashes the kernel: a tensor's memory is gone",
    "TW209": "gradients are silently wrong: autograd did not record a write",
    "TW210": "the backward that ran was wrong: what it needed was overwritten",
    "TW211": "one memory, or one module, was kept several times: what changes one changes all",
    "TW212": "parameters are silently not trained: no optimizer holds them",
    "TW213": "backward raises: it meets a graph that another has freed",
}
"""The table of `docs/hazards.md`."""
