"""Ordinary notebooks: tutorials and courses, in which nothing happens that a person would want to be told."""

from __future__ import annotations

import pytest

from tests.support.story import NO_LOOKS, Story, faults, measure, stories


@pytest.mark.parametrize("story", stories("corpus"))
def test_every_cell_runs_without_the_extension(story: Story):
    """The marked changes are true, and no cell raises."""
    verdicts = measure(story)

    assert [cell.changed() - verdict.mutated for cell, verdict in zip(story.cells, verdicts, strict=True)] == [
        set()
    ] * len(verdicts)


@pytest.mark.parametrize("story", stories("corpus"))
def test_nothing_is_said_and_nothing_is_called_silent_unless_it_is_marked(story: Story):
    """Every change is reported, and none of them as a surprise; nothing is printed."""
    assert faults(story) == []


@pytest.mark.parametrize("story", stories("corpus"))
def test_nothing_is_said_either_where_there_was_no_time_to_look(story: Story):
    """The cells stay quiet where what wrote is inferred from the text."""
    assert faults(story, NO_LOOKS) == []


def test_the_corpus_is_large_enough_to_mean_something():
    cells = [cell for parameter in stories("corpus") for story in parameter.values for cell in story.cells]

    assert len(cells) >= 150
