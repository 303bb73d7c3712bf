"""Bugs that people really met, on the test accelerator: the same changes, lines, silence and hazards as on the CPU."""

from __future__ import annotations

import os
from typing import Any

import torch

from tests.support.accelerator import accelerator
from tests.support.notebook import Notebook, changes, lines, silent
from tests.support.own_process import run_apart
from tests.support.story import Story, StoryCell, stories

UNLIKE = {
    "dlpack_neighbour": "the device has no `__dlpack__`",
    "failing_write_has_written": "the operator that fails has not written there",
    "transposed_view_is_written": "the device copies what is a view on the CPU",
    "windows_overlap_each_other": "an operator on elements that overlap gives other numbers",
}
"""What the device itself does in another way."""
SAMPLED = {
    "averaged_model_is_a_copy",
    "batch_norm_shared_by_two_networks",
    "best_state_dict_is_a_reference",
    "buffer_refilled_in_a_function",
    "data_copy_is_zeroed",
    "detached_copy_is_zeroed",
    "encoder_column_overwritten_while_decoding",
    "inplace_relu_eats_the_skip_connection",
    "kept_gradient_is_zeroed",
    "tied_weights",
    "two_optimizers_share_their_state",
    "weight_surgery_through_data",
}


def chosen() -> list[Story]:
    every = [one.values[0] if hasattr(one, "values") else one for one in stories("bugs")]
    there = [one for one in every if one.name not in UNLIKE and not any("np." in c.source for c in one.cells)]
    if os.environ.get("TENSORWATCH_PROFILE") == "deep":
        return there
    return [one for one in there if one.name in SAMPLED]


def play(cells: tuple[StoryCell, ...], device: str) -> list[dict[str, Any]]:
    """Run cells whose factories make tensors on a device; return what was told of each."""
    found = []
    with Notebook() as nb:
        nb.run(f"import torch\ntorch.set_default_device({device!r})")
        try:
            for cell in cells:
                ran, report = nb.cell(cell.source), nb.report()
                told = changes(report, "mutated").items()
                found.append(
                    {
                        "error": type(ran.error),
                        "changes": {p: (lines(one), one["cause"], p in silent(report)) for p, one in told},
                        "hazards": [
                            (one["code"], one["outcome"], one["paths"], (one["written_at"] or {}).get("line"))
                            for one in report["hazards"]
                        ],
                    }
                )
        finally:
            torch.set_default_device(None)
    return found


def compare() -> None:
    accelerator()
    for story in chosen():
        assert play(story.cells, "sim") == play(story.cells, "cpu"), story.name


def test_a_bug_is_told_as_on_the_cpu():
    """In a process of its own: autograd counts the devices at the first backward."""
    accelerator()
    ran = run_apart("from tests.end_to_end.changes.test_stories_on_devices import compare; compare()")

    assert (0, "") == (ran.returncode, ran.stderr[-2000:] if ran.returncode else "")
