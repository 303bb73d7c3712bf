"""The marks behind lines of code: when they go, and that they can be switched off."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

SILENT = 2
SEVERAL = [
    "%load_ext tensorwatch\nimport torch\nx, z = torch.zeros(6), torch.zeros(6)\ny, w = x.view(2, 3), z.view(2, 3)",
    "y.add_(1);",
    "a = 1",
    f"w.add_(1) if {'True and ' * 40}True else None;",
]


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


def test_a_mark_goes_when_its_cell_runs_again_and_changes_nothing_silently(lab, server):
    cells = [SEVERAL[0], "if x[0] == 0:\n    y.add_(1)\nNone"]
    name = lab.open(server.write("again.ipynb", cells))
    lab.run(name, 0, 1)
    expect(lab.marks).to_have_text(["also changes x"])

    lab.run(name, 1)

    expect(lab.marks).to_have_count(0)
    server.end_session(name)


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


@pytest.fixture
def several(lab, server) -> str:
    """Run all cells of a notebook with two silent changes, one of them on a long line."""
    name = lab.open(server.write("several.ipynb", SEVERAL))
    lab.run(name, 0)
    lab.command("notebook:run-all-cells")
    yield name
    server.end_session(name)


def test_the_marks_of_all_cells_stay_after_run_all_and_come_back_when_the_page_is_reloaded(lab, several):
    expect(lab.marks).to_have_text(["also changes x", "also changes z"])
    lab.command("docmanager:save")

    lab.reload()

    expect(lab.marks).to_have_text(["also changes x", "also changes z"])


def test_a_mark_is_seen_at_both_edges_of_a_long_line_and_a_click_on_it_opens_the_panel_there(lab, several):
    expect(lab.marks).to_have_count(2)
    edge = lab.page.locator(".ipytw-edge").last
    before = edge.bounding_box()["x"]
    editor = lab.page.locator(".cm-scroller").filter(has_text="True and")
    editor.evaluate("one => { one.scrollLeft = 300; }")
    assert editor.evaluate("one => one.scrollLeft") > 100
    assert before == pytest.approx(edge.bounding_box()["x"], abs=2)
    lab.page.evaluate("jupyterapp.shell.collapseRight()")

    lab.page.locator(".ipytw-edge").first.click()

    expect(lab.facts.get_by_role("region", name="Earlier cell")).to_contain_text("x changed through y")


def test_a_key_and_a_button_go_through_the_marked_lines(lab, several):
    expect(lab.marks).to_have_count(2)
    lab.line("import torch").click()
    active = lab.page.locator(".jp-Cell.jp-mod-active")

    lab.page.keyboard.press("Alt+Shift+N")
    expect(active).to_contain_text("y.add_(1);")
    lab.side.get_by_role("button", name="Next").click()
    expect(active).to_contain_text("w.add_(1)")
    lab.page.keyboard.press("Alt+Shift+N")

    expect(active).to_contain_text("y.add_(1);")


@pytest.fixture
def setting(lab):
    """Switch settings on, and off again at the end."""
    switched = []

    def switch(label: str, *, on: bool) -> None:
        lab.command("settingeditor:open", {"query": "tensorwatch"})
        lab.page.get_by_label(label).set_checked(on)
        switched.append((label, not on))
        lab.page.wait_for_timeout(500)  # it is saved a little later

    yield switch
    for label, was in [*switched]:
        switch(label, on=was)


def test_with_the_setting_it_loads_by_itself_also_after_a_restart(lab, server, setting):
    setting("Load by itself", on=True)

    name = lab.open(server.write("itself.ipynb", ["1"]))
    expect(lab.facts).to_contain_text("0 tensors")
    lab.restart()

    expect(lab.facts.and_(lab.page.locator("[inert] *"))).to_have_count(0)
    expect(lab.notice).to_be_empty()
    server.end_session(name)
