"""Bugs that people really met: every changed path, every silent one, and the line that wrote."""

from __future__ import annotations

import pytest

from tests.support.story import NO_LOOKS, Story, faults, measure, stories


@pytest.mark.parametrize("story", stories("bugs"))
def test_the_recorded_truth_is_what_the_bytes_say(story: Story) -> None:
    """The marks in the story name exactly the paths whose bytes change."""
    assert [v.mutated for v in measure(story)] == [cell.changed() for cell in story.cells]


@pytest.mark.parametrize("story", stories("bugs"))
def test_every_change_is_reported_with_its_silence_and_its_line(story: Story) -> None:
    """The report has every change and no other, calls silent what nobody named, and finds the line that wrote."""
    assert faults(story) == []


@pytest.mark.parametrize("story", stories("bugs"))
def test_the_text_and_the_names_tell_as_much_where_there_was_no_time_to_look(story: Story) -> None:
    """Silence and line of every change are found without a look between statements."""
    assert faults(story, NO_LOOKS) == []
