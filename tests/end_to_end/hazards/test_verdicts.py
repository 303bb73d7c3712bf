"""What backward will do is told rightly for every bug pattern: that it raises, is silently wrong, or is right."""

from __future__ import annotations

import pytest

from tests.support.notebook import Notebook
from tests.support.story import Story, stories

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


def verdict(story: Story) -> tuple[str, str, str] | str:
    """Run a story; give what is told before a backward or while it fails, with the variable and the line."""
    known: list[dict] = []
    with Notebook() as nb:
        for cell in story.cells:
            nb.cell(cell.source)
            now = nb.report()["hazards"]
            for one in [*known, *now] if "backward(" in cell.source else ():
                if one["outcome"] in ("raises", "wrong"):
                    inner = one["written_at"]["inner"] or one["written_at"]
                    return one["outcome"], one["paths"][0], inner["text"]
            known = now
    return "ok"


@pytest.mark.parametrize("story", stories("bugs"))
def test_the_verdict_on_a_bug_names_its_variable_and_its_line(story: Story):
    expected = ("raises", *RAISES[story.name]) if story.name in RAISES else "ok"
    expected = ("wrong", *WRONG[story.name]) if story.name in WRONG else expected

    assert expected == verdict(story)
