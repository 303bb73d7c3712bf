"""The golden reports are what the watcher reports and the panel sends today."""

from __future__ import annotations

import json

import pytest

from tests.support.golden import FOLDER, STORIES, play


@pytest.mark.parametrize("name", STORIES)
def test_a_golden_report_is_what_is_reported_and_sent(name):
    """`python -m tests.support.golden` writes them anew."""
    assert json.loads((FOLDER / f"{name}.json").read_text("utf-8")) == json.loads(json.dumps(play(STORIES[name])))


def test_every_golden_file_has_its_story():
    assert sorted(STORIES) == sorted(path.stem for path in FOLDER.glob("*.json"))
