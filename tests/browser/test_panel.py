"""The panel beside a notebook whose kernel is watched: what it tells, and where."""

from __future__ import annotations

import re

from playwright.sync_api import expect

SILENT, QUIET = 2, 3
SHORTCUT = "Alt+Shift+M"

HAZARD = [
    "%load_ext tensorwatch",
    "import torch\nw = torch.ones(3, requires_grad=True)\nh = w * 2\nloss = (h * w).sum()",
    "c = h.detach()\nc[0] = 0",
    "a = 1",
]


def expect_focus_in(locator) -> None:
    expect(locator.locator(":focus").or_(locator.and_(locator.page.locator(":focus"))).first).to_be_attached()


def test_a_silent_change_shows_in_the_panel_on_its_tab_and_behind_the_line(lab, watched):
    lab.run(watched, SILENT)

    expect(lab.facts).to_contain_text("x changed through y")
    expect(lab.tab("tensorwatch: 1 silent change")).to_be_visible()
    expect(lab.marks).to_have_text(["also changes x"])
    expect(lab.line("y.add_(1);").filter(has=lab.marks)).to_have_count(1)


def test_the_tab_says_nothing_more_when_the_next_cell_was_quiet_and_the_mark_stays(lab, watched):
    lab.run(watched, SILENT, QUIET)

    expect(lab.tab("tensorwatch")).to_be_visible()
    expect(lab.marks).to_have_text(["also changes x"])


def test_a_new_hazard_shows_in_the_panel_on_its_tab_and_behind_its_line(lab, server):
    name = lab.open(server.write("hazard.ipynb", HAZARD))
    lab.run(name, 0, 1, 2)

    expect(lab.facts).to_contain_text("loss.backward() will raise")
    expect(lab.tab("tensorwatch: 1 silent change · 1 hazard")).to_be_visible()
    expect(lab.marks).to_have_text(["also changes h; loss.backward() will raise"])
    expect(lab.line("c[0] = 0").filter(has=lab.marks)).to_have_count(1)

    lab.facts.get_by_role("button", name="cell 2, line 4").click()
    expect(lab.page.get_by_text("Ln 4, Col 1")).to_be_visible()
    lab.run(name, 3)

    expect(lab.tab("tensorwatch")).to_be_visible()
    expect(lab.marks).to_have_count(1)
    expect(lab.facts).to_contain_text("loss.backward() will raise")
    server.end_session(name)


def test_a_saved_notebook_holds_nothing_of_the_panel(lab, server, watched):
    lab.run(watched, SILENT)
    expect(lab.facts).to_contain_text("x changed through y")

    lab.command("docmanager:save")

    saved = server.read(watched)
    assert "widgets" not in saved["metadata"]
    assert "1 silent change" in str(saved["cells"][SILENT]["outputs"]), "what is said below a cell is saved"
    assert "widget-view" not in str(saved)


def test_while_the_panel_is_visible_one_line_below_the_cell_leads_to_it(lab, watched):
    lab.show_panel()
    lab.run(watched, SILENT)
    expect(lab.facts).to_contain_text("x changed through y")
    lab.run(watched, SILENT)
    link = lab.page.get_by_role("button", name="in the panel")
    expect(lab.page.locator(".ipytw")).to_have_text(re.compile(r"1 silent change: x in the panel$"))

    link.click()

    expect_focus_in(lab.side)


def test_a_mark_does_not_come_back_for_a_line_that_was_edited_before_the_page_is_reloaded(lab, watched):
    lab.show_panel()
    lab.run(watched, SILENT)
    expect(lab.marks).to_have_count(1)
    lab.line("y.add_(1);").click(position={"x": 30, "y": 8})  # beside the mark
    lab.page.keyboard.type("# ")
    expect(lab.marks).to_have_count(0)
    lab.command("docmanager:save")

    lab.reload()

    expect(lab.facts).to_contain_text("x changed through y")
    expect(lab.marks).to_have_count(0)


def test_the_panel_comes_back_when_the_page_is_reloaded(lab, watched):
    lab.show_panel()
    lab.run(watched, SILENT)

    lab.reload()

    expect(lab.facts).to_contain_text("x changed through y")
    expect(lab.tab("tensorwatch: 1 silent change")).to_be_visible()
    expect(lab.marks).to_have_text(["also changes x"])


def test_the_panel_comes_back_with_its_notebook(lab, watched):
    lab.run(watched, SILENT)
    lab.show_panel()

    lab.close(watched)
    expect(lab.notice).to_have_text("Open a notebook or a console to watch its tensors.")
    expect(lab.tab("tensorwatch")).to_be_visible()
    lab.open(watched)

    expect(lab.facts).to_contain_text("x changed through y")


def test_the_panel_follows_the_notebook_in_front(lab, server, watched):
    lab.run(watched, SILENT)
    lab.show_panel()

    other = lab.open(server.write("other.ipynb", ["1"]))
    expect(lab.notice).to_contain_text("tensorwatch is not loaded in this kernel")
    expect(lab.facts).to_have_count(0)
    expect(lab.tab("tensorwatch")).to_be_visible()
    lab.activate(watched)

    expect(lab.facts).to_contain_text("x changed through y")
    expect(lab.notice).to_be_empty()
    server.end_session(other)


def test_the_panel_follows_a_console_on_the_same_kernel(lab, watched):
    lab.show_panel()
    lab.page.evaluate("jupyterapp.commands.execute('notebook:create-console', {activate: true})")
    prompt = lab.page.locator(".jp-CodeConsole-input .cm-content")
    prompt.click()
    prompt.type("y.add_(1);")
    prompt.press("Shift+Enter")

    expect(lab.facts).to_contain_text("x changed through y")
    expect(lab.page.locator(".jp-CodeConsole").get_by_role("note")).to_have_text("also changes x")


def test_the_keyboard_goes_to_the_panel_and_back(lab, watched):
    lab.run(watched, SILENT)
    lab.page.evaluate("jupyterapp.shell.collapseRight()")

    lab.page.keyboard.press(SHORTCUT)
    expect(lab.facts).to_be_visible()
    expect(lab.side.get_by_role("button", name="Next")).to_be_focused()
    lab.page.keyboard.press("Tab")
    expect_focus_in(lab.facts)
    lab.page.keyboard.press("Escape")

    expect_focus_in(lab.page.locator(".jp-NotebookPanel"))


def test_a_fresh_panel_leaves_the_keyboard_in_the_notebook(lab, watched):
    expect_focus_in(lab.page.locator(".jp-NotebookPanel"))


def test_the_panel_is_in_the_command_palette(lab, watched):
    lab.page.evaluate("jupyterapp.shell.collapseRight()")

    lab.page.keyboard.press("Control+Shift+C")
    lab.page.get_by_role("dialog").get_by_role("textbox").or_(lab.page.locator(".lm-CommandPalette-input")).first.fill(
        "tensorwatch"
    )
    lab.page.get_by_role("menuitem", name=re.compile("Show tensorwatch")).click()

    expect(lab.facts).to_be_visible()


def test_a_line_in_the_panel_leads_to_the_line_in_the_notebook(lab, watched):
    lab.run(watched, SILENT, QUIET, SILENT)
    lab.line("import torch").click()

    lab.facts.get_by_role("button", name="line 2").first.click()

    expect(lab.page.locator(".jp-Cell.jp-mod-active")).to_contain_text("y.add_(1);")
    expect(lab.page.get_by_text("Ln 2, Col 1")).to_be_visible()
    expect_focus_in(lab.page.locator(".jp-NotebookPanel .cm-editor"))


def test_a_line_of_a_cell_that_is_gone_leads_nowhere_and_says_so(lab, watched):
    lab.run(watched, SILENT)
    lab.command("notebook:delete-cell")

    lab.facts.get_by_role("button", name="line 2").first.click()

    expect(lab.notice).to_have_text("That cell is gone.")


def test_the_panel_is_wide_enough_the_first_time_and_then_as_the_user_left_it(lab, watched):
    lab.show_panel()
    lab.set_width(250)
    lab.page.evaluate("jupyterapp.shell.collapseRight()")
    lab.page.evaluate("localStorage.removeItem('ipy-tensorwatch:widened')")
    lab.show_panel()
    lab.page.wait_for_function("document.querySelector('#ipy-tensorwatch-panel').clientWidth >= 350")
    assert lab.side.evaluate("node => node.clientWidth") <= 365

    lab.set_width(300)
    lab.page.evaluate("jupyterapp.shell.collapseRight()")
    lab.show_panel()
    lab.page.wait_for_timeout(1500)

    assert 280 <= lab.side.evaluate("node => node.clientWidth") <= 302


def test_nothing_is_wider_than_a_narrow_panel(lab, watched):
    lab.run(watched, SILENT)
    lab.show_panel()
    lab.set_width(270)
    expect(lab.facts).to_be_visible()

    width, overflow = lab.side.evaluate("node => [node.clientWidth, node.scrollWidth - node.clientWidth]")
    host_overflow = lab.facts.evaluate("node => node.scrollWidth - node.clientWidth")

    assert width <= 280
    assert [overflow, host_overflow] == [0, 0]


def test_a_dark_theme_darkens_the_panel(lab, watched):
    lab.show_panel()
    lab.command("apputils:change-theme", {"theme": "JupyterLab Dark"})
    try:
        expect(lab.page.locator("body")).to_have_attribute("data-jp-theme-light", "false")
        background, text = lab.side.evaluate(
            "node => [getComputedStyle(node).backgroundColor, getComputedStyle(node).color]"
        )
    finally:
        lab.command("apputils:change-theme", {"theme": "JupyterLab Light"})

    assert brightness(background) < 60
    assert brightness(text) > 180


def brightness(color: str) -> float:
    channels = [float(number) for number in re.findall(r"[\d.]+", color)[:3]]
    return sum(channels) / 3
