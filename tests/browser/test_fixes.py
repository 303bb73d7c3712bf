"""A fix in the panel and at the mark: applied, undone, refused; nothing is run by it."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.axe import find_barriers
from tests.browser.test_access import THEMES

SHARED = "import torch\nx = torch.zeros(6)\ny = x.detach()"
MENDED = "import torch\nx = torch.zeros(6)\ny = x.detach().clone()"
CELLS = ["%load_ext tensorwatch", SHARED, "y.add_(1);", "print(x)"]

SOURCES = """(name) => {
    const panel = [...jupyterapp.shell.widgets('main')].find((one) => one.context?.path === name);
    return panel.content.widgets.map(({ model }) => [model.sharedModel.getSource(), model.executionCount]);
}"""
RERUN = ["edited: run it again", "also changes x; run again: it uses what was edited"]


@pytest.fixture
def notebook(lab, server, request):
    """Open a notebook in which a line has silently changed what another line shares, with the panel beside it."""
    name = lab.open(server.write(f"{request.node.originalname}.ipynb", CELLS))
    lab.run(name, 0, 1, 2)
    lab.show_panel()
    expect(lab.marks).to_have_text(["also changes x"])
    yield name
    server.end_session(name)


def sources(lab, name: str) -> list[str]:
    return [source for source, _ in lab.page.evaluate(SOURCES, name)]


def offer_of(lab):
    return lab.facts.get_by_role("group", name="Fix")


def to_the_mark(lab) -> None:
    lab.line("y.add_(1)").click(position={"x": 5, "y": 5})


def test_the_panel_shows_a_fix_as_lines_and_applies_it_without_running_anything(lab, notebook):
    expect(offer_of(lab).locator("del")).to_have_text(["remove y = x.detach()"])
    expect(offer_of(lab).locator("ins")).to_have_text(["add y = x.detach().clone()"])
    before = [count for _, count in lab.page.evaluate(SOURCES, notebook)]

    offer_of(lab).get_by_role("button", name="Apply").click()

    expect(lab.marks).to_have_text(RERUN)
    assert [CELLS[0], MENDED, *CELLS[2:]] == sources(lab, notebook)
    assert before == [count for _, count in lab.page.evaluate(SOURCES, notebook)]
    lab.run(notebook, 1, 2)
    expect(lab.marks).to_have_count(0)


def test_a_fix_is_undone_in_one_step(lab, notebook):
    offer_of(lab).get_by_role("button", name="Apply").click()
    expect(lab.marks).to_have_text(RERUN)

    lab.line("y = x.detach().clone()").click(position={"x": 5, "y": 5})
    lab.page.keyboard.press("Control+z")

    expect(lab.marks).to_have_text(["also changes x"])
    assert CELLS == sources(lab, notebook)


def test_a_fix_is_refused_where_the_cell_has_been_edited_since_or_is_gone(lab, notebook):
    lab.line("import torch").click(position={"x": 5, "y": 5})
    lab.page.keyboard.type("#")
    offer_of(lab).get_by_role("button", name="Apply").click()
    expect(offer_of(lab).get_by_role("status")).to_have_text(
        "The cell has been edited since it ran: nothing was edited."
    )
    assert "x.detach().clone()" not in "".join(sources(lab, notebook))

    lab.line("import torch").click(position={"x": 5, "y": 5})
    lab.page.keyboard.press("Escape")
    lab.command("notebook:delete-cell")
    offer_of(lab).get_by_role("button", name="Apply").click()

    expect(offer_of(lab).get_by_role("status")).to_have_text("That cell is gone: nothing was edited.")


def test_by_keyboard_the_fix_is_offered_at_the_marked_line_and_applied(lab, notebook):
    to_the_mark(lab)
    lab.page.keyboard.press("Alt+Enter")
    card = lab.page.get_by_role("dialog", name="What mends line 1")
    expect(card.get_by_role("button", name="Apply")).to_be_focused()
    lab.page.keyboard.press("Escape")
    expect(card).to_have_count(0)
    expect(lab.page.locator(".jp-Cell.jp-mod-active .cm-content")).to_be_focused()

    lab.page.keyboard.press("Alt+Enter")
    expect(card.get_by_role("button", name="Apply")).to_be_focused()
    lab.page.keyboard.press("Enter")

    expect(card).to_have_count(0)
    expect(lab.marks).to_have_text(RERUN)
    assert [CELLS[0], MENDED, *CELLS[2:]] == sources(lab, notebook)


OTHER = ["%load_ext tensorwatch", "import torch\nt = torch.ones(4)", "a = t[:2]", "b = t[2:]", "a.add_(1); b.mul_(2);"]
OTHER_MENDED = [*OTHER[:2], "a = t[:2].clone()", "b = t[2:].clone()", OTHER[4]]


@pytest.fixture
def second(lab, server):
    """Open another notebook, with a kernel of its own, in which one fix edits two cells."""
    name = lab.open(server.write("second.ipynb", OTHER))
    lab.run(name, *range(len(OTHER)))
    expect(lab.marks).to_have_text(["also changes t"])
    yield name
    server.end_session(name)


def test_by_keyboard_the_fix_of_each_of_two_notebooks_edits_that_notebook_alone(lab, notebook, second):
    lab.line("a.add_(1); b.mul_(2);").click(position={"x": 5, "y": 5})
    lab.page.keyboard.press("Alt+Enter")
    card = lab.page.get_by_role("dialog", name="What mends line 1").filter(visible=True)
    expect(card.get_by_role("button", name="Apply")).to_be_focused()
    lab.page.keyboard.press("Enter")
    lab.page.wait_for_function(f"([name, text]) => ({SOURCES})(name)[3][0] === text", arg=[second, OTHER_MENDED[3]])
    assert (OTHER_MENDED, CELLS) == (sources(lab, second), sources(lab, notebook))

    lab.activate(notebook)
    expect(lab.marks).to_have_text(["also changes x"])
    to_the_mark(lab)
    lab.page.keyboard.press("Alt+Enter")
    expect(card.get_by_role("button", name="Apply")).to_be_focused()
    lab.page.keyboard.press("Enter")

    expect(lab.marks).to_have_text(RERUN)
    assert (OTHER_MENDED, [CELLS[0], MENDED, *CELLS[2:]]) == (sources(lab, second), sources(lab, notebook))


def test_at_another_line_the_key_does_what_it_does_in_jupyterlab(lab, notebook):
    lab.line("print(x)").click(position={"x": 5, "y": 5})

    lab.page.keyboard.press("Alt+Enter")

    lab.page.wait_for_function(f"(name) => ({SOURCES})(name).length === 5", arg=notebook)
    expect(lab.page.get_by_role("dialog")).to_have_count(0)


def test_pointing_at_a_mark_offers_its_fix_and_leaving_takes_the_offer_away(lab, notebook):
    lab.marks.first.hover()
    card = lab.page.get_by_role("dialog", name="What mends line 1")
    expect(card.locator("ins")).to_have_text(["add y = x.detach().clone()"])

    card.get_by_role("button", name="Apply").hover()
    lab.page.wait_for_timeout(500)
    expect(card).to_have_count(1)
    lab.page.mouse.move(2, 2)

    expect(card).to_have_count(0)


@pytest.mark.parametrize("theme", THEMES)
def test_axe_finds_no_barrier_at_a_fix(lab, notebook, theme):
    lab.command("apputils:change-theme", {"theme": theme})
    expect(lab.page.locator("body")).to_have_attribute("data-jp-theme-name", theme)
    to_the_mark(lab)
    lab.page.keyboard.press("Alt+Enter")
    expect(lab.page.get_by_role("dialog").get_by_role("button", name="Apply")).to_be_focused()
    lab.page.wait_for_timeout(1000)

    found = find_barriers(lab.page, ".tw-card") + find_barriers(lab.page, "#ipy-tensorwatch-panel .tw-fix")
    lab.page.keyboard.press("Escape")
    lab.command("apputils:change-theme", {"theme": THEMES[0]})

    assert [] == found
