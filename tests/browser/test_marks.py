"""The marks behind lines of code: when they go, and that they can be switched off."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

SILENT = 2
PLUGIN = "ipy-tensorwatch:plugin"


@pytest.fixture
def marked(lab, watched) -> str:
    lab.run(watched, SILENT)
    expect(lab.marks).to_have_text(["also changes x"])
    return watched


def test_a_mark_goes_when_its_cell_is_edited(lab, marked):
    lab.line("a = 1").click()
    lab.page.keyboard.type("b")

    expect(lab.marks).to_have_count(0)


def test_a_mark_stays_when_another_cell_is_edited(lab, marked):
    lab.line("z = x").click()
    lab.page.keyboard.type("b")

    expect(lab.line("bz = x").or_(lab.line("z = x"))).to_be_visible()
    expect(lab.marks).to_have_count(1)


def test_a_mark_goes_when_its_cell_begins_to_run_again(lab, server, marked):
    lab.line("a = 1").click()
    lab.page.keyboard.press("Control+Home")
    lab.begin(marked, 3)
    expect(lab.marks).to_have_count(0)


def test_marks_can_be_switched_off_and_on_in_the_settings(lab, marked):
    change = "value => jupyterapp.serviceManager.settings"
    del change
    lab.command("settingeditor:open", {"query": "tensorwatch"})
    box = lab.page.get_by_label("Mark lines in the notebook")
    box.uncheck()
    lab.activate(marked)
    expect(lab.marks).to_have_count(0)
    lab.activate("Settings")
    box.check()
    lab.activate(marked)

    expect(lab.marks).to_have_text(["also changes x"])
