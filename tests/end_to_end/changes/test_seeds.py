"""The examples of the texts that the project started from, each with its true answer, also where the text was mistaken."""

from __future__ import annotations

import pytest

from tests.support.notebook import Notebook, changes
from tests.support.story import Story, faults, measure, stories


@pytest.mark.parametrize("story", stories("seeds"))
def test_the_answers_are_what_pytorch_does(story: Story):
    """The cells assert what PyTorch does, and the marks name exactly the paths whose bytes change."""
    assert [v.mutated for v in measure(story)] == [cell.changed() for cell in story.cells]


@pytest.mark.parametrize("story", stories("seeds"))
def test_tensorwatch_gives_the_true_answer(story: Story):
    assert faults(story) == []


def test_a_sum_assigned_to_the_old_name_is_another_tensor():
    with Notebook() as nb:
        nb.run("import torch\nx = torch.ones(3)")
        report = nb.run("x = x + 1")

    assert {p: c["kind"] for p, c in changes(report).items()} == {"x": "rebound"}


def test_an_augmented_sum_is_the_same_tensor():
    with Notebook() as nb:
        nb.run("import torch\nx = torch.ones(3)")
        report = nb.run("x += 1")

    assert {p: c["kind"] for p, c in changes(report).items()} == {"x": "mutated"}
