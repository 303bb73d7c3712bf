"""What a cell would change, told behind its lines while a person types."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.axe import find_barriers
from tests.browser.test_access import THEMES
from tests.browser.test_life import running

MADE = "import torch\nx, z = torch.zeros(6), torch.zeros(6)\ny, v = x.view(2, 3), z.view(2, 3)"
WAIT = "import pathlib, time\nwhile not pathlib.Path('go').exists():\n    time.sleep(0.05)"
CELLS = ["%load_ext tensorwatch", MADE, WAIT, "a = 1", "b = v.add_(2)", "print('end')"]

X, Z = "would also change x", "would also change z"

# Where each line of code and each cell stands; what stands behind a line is no part of it.
PLACES = """() => [...document.querySelectorAll(".jp-Notebook .cm-line, .jp-Notebook .jp-Cell")].map((one) => {
    const { left, top, height } = one.getBoundingClientRect();
    return [left, top, height];
})"""


@pytest.fixture
def notebook(lab, server, request):
    """Open a notebook in which two tensors share memory with two others, with the cursor in the cell behind them."""
    name = lab.open(server.write(f"{request.node.originalname}.ipynb", CELLS))
    lab.run(name, 0, 1)
    lab.wait_for_kernel(name)
    lab.line("a = 1").click(position={"x": 5, "y": 5})
    lab.page.keyboard.press("End")
    yield name
    server.end_session(name)


def test_typing_shows_and_clears_what_the_cell_and_those_below_would_change(lab, notebook):
    expect(lab.marks).to_have_text([Z])

    lab.page.keyboard.type("\ny.add_(1)")
    expect(lab.marks).to_have_text([X, Z])
    lab.page.keyboard.press("Backspace")
    lab.page.keyboard.press("Backspace")

    expect(lab.marks).to_have_text([Z])


def test_what_has_run_since_is_not_foretold_again_and_what_happened_stands_in_its_place(lab, notebook):
    lab.page.keyboard.type("\ny.add_(1)")
    expect(lab.marks).to_have_text([X, Z])

    lab.run(notebook, 3)
    expect(lab.marks).to_have_text(["also changes x", Z])
    lab.run(notebook, 4)

    expect(lab.marks).to_have_text(["also changes x", "also changes z"])


def test_escape_hides_it_until_a_letter_is_typed(lab, notebook):
    expect(lab.marks).to_have_text([Z])

    lab.page.keyboard.press("Escape")
    expect(lab.marks).to_have_count(0)
    lab.page.wait_for_timeout(700)
    expect(lab.marks).to_have_count(0)
    lab.page.keyboard.press("Enter")
    lab.page.keyboard.type("0")

    expect(lab.marks).to_have_text([Z])


def test_escape_in_one_notebook_hides_nothing_in_another(lab, server, notebook):
    expect(lab.marks).to_have_text([Z])
    lab.page.keyboard.press("Escape")
    expect(lab.marks).to_have_count(0)

    other = lab.open(server.write("another.ipynb", CELLS))
    lab.run(other, 0, 1)
    lab.line("a = 1").filter(visible=True).click(position={"x": 5, "y": 5})

    expect(lab.marks).to_have_text([Z])
    server.end_session(other)


def test_the_setting_switches_it_off_and_on(lab, notebook):
    expect(lab.marks).to_have_text([Z])
    lab.command("settingeditor:open", {"query": "tensorwatch"})
    box = lab.page.get_by_label("Tell what a cell would change")
    box.uncheck()
    lab.activate(notebook)
    expect(lab.marks).to_have_count(0)
    lab.activate("Settings")
    box.check()
    lab.activate(notebook)

    expect(lab.marks).to_have_text([Z])


def test_no_line_and_no_cell_moves_by_it(lab, notebook):
    expect(lab.marks).to_have_text([Z])
    lab.page.keyboard.type(f"\nlonger = {'1 + ' * 8}1; y.add_(1)")
    before = lab.page.evaluate(PLACES)

    expect(lab.marks).to_have_text([X, Z])
    assert before == lab.page.evaluate(PLACES)
    lab.page.keyboard.press("Escape")
    expect(lab.marks).to_have_count(0)

    assert before == lab.page.evaluate(PLACES)


def test_what_does_not_fit_ends_with_an_ellipsis_inside_its_cell(lab, notebook):
    lab.page.keyboard.type("\ny.add_(1); c = 1234567890123456")
    expect(lab.marks).to_have_text([X, Z])

    mark = lab.marks.first
    cell = lab.page.locator(".cm-scroller").filter(has=lab.line("y.add_(1)"))
    box, place = mark.bounding_box(), cell.bounding_box()

    assert box["x"] + box["width"] <= place["x"] + place["width"]
    assert cell.evaluate("one => one.scrollWidth === one.clientWidth")
    assert mark.get_attribute("title") == X


def test_a_busy_kernel_is_asked_once_it_is_idle(lab, server, notebook):
    expect(lab.marks).to_have_text([Z])
    with running(lab, server, notebook):
        lab.line("a = 1").click(position={"x": 5, "y": 5})
        lab.page.keyboard.press("End")
        lab.page.keyboard.type("\ny.add_(1)")
        lab.page.wait_for_timeout(700)
        expect(lab.marks.filter(has_text="change x")).to_have_count(0)

    expect(lab.marks.filter(has_text="change x")).to_have_text([X])


def test_nothing_is_foretold_after_a_restart_or_without_a_kernel(lab, notebook):
    expect(lab.marks).to_have_text([Z])
    lab.restart()
    expect(lab.marks).to_have_count(0)
    lab.wait_for_kernel(notebook)
    lab.line("a = 1").click(position={"x": 5, "y": 5})
    lab.page.keyboard.type("0")
    lab.command("kernelmenu:shutdown")
    lab.page.keyboard.type("0")
    lab.page.wait_for_timeout(700)

    expect(lab.marks).to_have_count(0)


def test_two_notebooks_foretell_by_their_own_kernels(lab, server, notebook):
    expect(lab.marks).to_have_text([Z])
    other = lab.open(
        server.write("other.ipynb", ["%load_ext tensorwatch\nimport torch\nv = torch.zeros(6)", "v.add_(2)"])
    )
    lab.run(other, 0)
    lab.line("v.add_(2)").filter(visible=True).click(position={"x": 5, "y": 5})
    lab.page.keyboard.press("End")
    lab.page.keyboard.type("\n0")
    lab.page.wait_for_timeout(700)
    expect(lab.marks).to_have_count(0)

    lab.activate(notebook)

    expect(lab.marks).to_have_text([Z])
    server.end_session(other)


@pytest.mark.parametrize("theme", THEMES)
def test_axe_finds_no_barrier_at_what_is_foretold(lab, notebook, theme):
    expect(lab.marks).to_have_text([Z])
    lab.command("apputils:change-theme", {"theme": theme})
    expect(lab.page.locator("body")).to_have_attribute("data-jp-theme-name", theme)
    lab.page.wait_for_timeout(1000)

    found = find_barriers(lab.page, ".ipytw-mark")
    lab.command("apputils:change-theme", {"theme": THEMES[0]})

    assert [] == found
