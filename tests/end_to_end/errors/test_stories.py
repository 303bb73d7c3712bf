"""What backward will do is told rightly in every story, before and after it: that it raises, why, is wrong, or is right."""

from __future__ import annotations

import pytest

from tests.support.story import Story, Watched, stories, watch_once

ALL = [one for folder in ("bugs", "corpus", "seeds") for one in stories(folder)]
COMPLAINT = "modified by an inplace operation"
REFUSALS = ("in-place", "inplace", "single memory location")

RAISES = {
    "buffer_refilled_in_a_function": ("slot", "slot.copy_(torch.exp(rate))"),
    "critic_steps_between_two_backwards": ("critic[2].weight", "step_critic.step()"),
    "detached_copy_is_zeroed": ("act", "plain.zero_()"),
    "embedding_max_norm_writes_in_forward": ("table.weight", "some = table(picks) @ mix.t()"),
    "encoder_column_overwritten_while_decoding": (
        "memory[0]",
        "memory[0][:, :, column] = memory[0][:, :, column] * 0.5",
    ),
}
WRONG = {
    "data_copy_is_zeroed": ("act", "raw.zero_()"),
    "two_gradients_in_one_memory": ("left.grad", "(left.view(-1) + right.view(-1)).pow(2).sum().backward()"),
    "unbind_rows_scaled_in_place": ("doubled", "plane.mul_(factor)"),
}
"""The variable and the line of each story whose backward fails, or gives wrong gradients; all others are right."""


def verdict(cells: list[Watched]) -> tuple[str, str, str] | str:
    """Give what is told before a backward or while it fails, with the variable and the line."""
    known: list[dict] = []
    for cell in cells:
        for one in [*known, *cell.hazards] if "backward(" in cell.source else ():
            if one["outcome"] in ("raises", "wrong"):
                inner = one["written_at"]["inner"] or one["written_at"]
                return one["outcome"], one["paths"][0], inner["text"]
        known = cell.hazards
    return "ok"


@pytest.mark.parametrize("story", stories("bugs"))
def test_the_verdict_on_a_bug_names_its_variable_and_its_line(story: Story):
    expected = ("raises", *RAISES[story.name]) if story.name in RAISES else "ok"
    expected = ("wrong", *WRONG[story.name]) if story.name in WRONG else expected

    assert expected == verdict(watch_once(story))


@pytest.mark.parametrize("story", ALL)
def test_every_story_that_dies_of_a_write_in_place_is_told_why_and_no_other(story: Story):
    for cell in watch_once(story):
        told = [one for one in cell.hazards if one["happened"] and one["outcome"] == "raises"]
        due = cell.error.startswith("RuntimeError(") and any(word in cell.error for word in REFUSALS)

        assert len(told) == due, (cell.source, told)


@pytest.mark.parametrize("story", ALL)
def test_every_backward_that_raises_in_a_story_was_foretold_and_no_other(story: Story):
    """Only what one and the same cell saves, overwrites and needs cannot be foretold."""
    known, found = [], []
    for cell in watch_once(story):
        if COMPLAINT in cell.error and not any(one["code"] == "TW201" for one in known):
            found.append(f"not foretold: {cell.source}")
        if ".backward()" in cell.source and not cell.error:
            left = {(one["code"], one["message"]) for one in cell.hazards}
            found += [f"foretold, and gone: {one['message']}" for one in known
                      if one["outcome"] == "raises" and (one["code"], one["message"]) not in left]  # fmt: skip
        known = cell.hazards

    assert found == []
