"""What stays as it is: the panel while cells run, and what a user does not want to hear again."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.lab import Lab
from tests.browser.test_life import WAIT

MADE = "import torch\nx = torch.zeros(6)\ny = x.view(2, 3)\nw = torch.ones(3, requires_grad=True)"
HAZARD = "h = (w * 2).exp()\nloss = h.sum()\nh.add_(1);"
IS_VISIBLE = "from ipy_tensorwatch.shell import extension\nprint(extension._loaded[0].panel_host.is_visible())"
CELLS = ["%load_ext tensorwatch", MADE, "a = 1", WAIT, HAZARD, IS_VISIBLE]

# Where everything stands that a person may be reading, in the panel and in the notebook.
PLACES = """() => {
    const read = "h3, header, [role=treeitem], .ipytw-title, .ipytw-title *, .jp-Notebook .jp-Cell, .jp-Notebook .cm-line";
    return [...document.querySelectorAll(read)].map((one) => {
        const { left, top, height } = one.getBoundingClientRect();
        return [one.tagName, left, top, height];
    });
}"""


@pytest.fixture
def notebook(lab, server, request):
    name = lab.open(server.write(f"{request.node.originalname}.ipynb", CELLS))
    lab.run(name, 0, 1, 2)
    lab.show_panel()
    expect(lab.facts).to_contain_text("3 tensors")
    yield name
    server.end_session(name)


def test_nothing_moves_when_a_cell_starts_and_when_it_ends(lab, server, notebook):
    lab.page.wait_for_timeout(500)
    before = lab.page.evaluate(PLACES)
    lab.begin(notebook, 3)
    expect(lab.side.get_by_role("img", name="A cell is running")).to_be_visible()
    during = lab.page.evaluate(PLACES)
    (server.root / "go").touch()
    lab.wait_for_kernel(notebook)
    (server.root / "go").unlink()
    expect(lab.facts.get_by_role("region", name="Last cell")).to_contain_text("[4]")
    lab.page.wait_for_timeout(500)

    assert before == during
    assert before == lab.page.evaluate(PLACES)


def test_a_hazard_is_not_told_again_after_a_restart(lab, notebook):
    lab.run(notebook, 4)
    lab.facts.get_by_role("button", name="Not again for this").click()
    expect(lab.facts.get_by_role("button", name="1 hazard not told again")).to_be_visible()

    lab.restart()
    expect(lab.notice).to_contain_text("The kernel was restarted.")
    lab.wait_for_kernel(notebook)
    lab.run(notebook, 0, 1, 4)

    expect(lab.facts.get_by_role("button", name="1 hazard not told again")).to_be_visible()
    expect(lab.marks).to_have_count(0)
    lab.page.evaluate(
        "localStorage.removeItem('ipy-tensorwatch:hushed:test_a_hazard_is_not_told_again_after_a_restart.ipynb')"
    )


def test_a_cell_is_told_whole_where_only_another_page_shows_or_showed_the_panel(lab, browser, server, notebook):
    lab.page.evaluate("jupyterapp.shell.collapseRight()")
    lab.page.wait_for_timeout(500)  # the kernel is told a little later
    output = lab.page.locator(".jp-OutputArea-output").last
    lab.run(notebook, 5)
    expect(output).to_have_text("False")
    other = Lab(browser.new_page(), server)
    other.go("lab/workspaces/other")
    other.open(notebook)
    other.show_panel()
    expect(other.facts).to_contain_text("3 tensors")
    lab.run(notebook, 5)
    expect(output).to_have_text("False")

    other.page.close()
    lab.show_panel()
    lab.page.wait_for_timeout(500)
    lab.run(notebook, 5)

    expect(output).to_have_text("True")
