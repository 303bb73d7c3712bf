"""All that the extension shows in JupyterLab, looked at with axe in its light, dark and high contrast themes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser.axe import find_barriers
from tests.browser.lab import WAIT, Lab

if TYPE_CHECKING:
    from tests.browser.server import Server

THEMES = ("JupyterLab Light", "JupyterLab Dark", "JupyterLab Dark High Contrast")
NOTEBOOK = [
    "%load_ext tensorwatch\nimport torch\nx = torch.zeros(6)\ny = x.view(2, 3)\nw = torch.ones(3, requires_grad=True)",
    "h = w * 2\nloss = (h * w).sum()",
    "y.add_(1)\nc = h.detach()\nc[0] = 0",
]


def show_findings(lab: Lab, server: Server, name: str) -> str:
    """Run a notebook with a silent change and a hazard, and show the details of a variable."""
    lab.open(server.write(name, NOTEBOOK))
    lab.show_panel()
    lab.run(name, 0, 1, 2)
    lab.facts.get_by_role("grid", name="Timeline").get_by_role("button", name="x", exact=True).click()
    return name


@pytest.fixture(scope="module")
def shown(tab, server):
    """Show a silent change and a hazard in the tab that all tests use."""
    name = show_findings(tab, server, "access.ipynb")
    yield tab
    tab.command("apputils:change-theme", {"theme": THEMES[0]})
    tab.page.evaluate("for (const one of [...jupyterapp.shell.widgets('main')]) one.dispose()")
    server.end_session(name)


@pytest.mark.parametrize("theme", THEMES)
def test_axe_finds_no_barrier_in_the_panel_and_at_the_marks(shown, theme):
    shown.command("apputils:change-theme", {"theme": theme})
    expect(shown.page.locator("body")).to_have_attribute("data-jp-theme-name", theme)
    shown.page.wait_for_timeout(1000)  # the colours of the theme are loaded

    assert [] == find_barriers(shown.page, "#ipy-tensorwatch-panel")
    assert [] == find_barriers(shown.page, ".ipytw-marked")


@pytest.fixture
def at_200_percent(browser, server):
    """Open a tab that shows everything at twice the size: half the pixels, each of them four."""
    context = browser.browser.new_context(viewport={"width": 600, "height": 400}, device_scale_factor=2)
    context.set_default_timeout(WAIT)
    lab = Lab(context.new_page(), server)
    lab.go("lab")
    yield lab
    context.close()


def test_at_200_percent_nothing_is_cut_at_the_side_and_axe_finds_no_barrier(at_200_percent, server):
    lab = at_200_percent
    name = show_findings(lab, server, "zoom.ipynb")
    lab.page.evaluate("jupyterapp.shell.collapseLeft()")
    lab.set_width(300)
    lab.page.wait_for_timeout(1000)

    wider = lab.page.evaluate(
        """() => [...document.querySelectorAll(".ipytw-side, .ipytw-host, .tw-panel, .tw-root, .tw-body, .tw-scroll")]
            .filter((one) => one.scrollWidth > one.clientWidth).map((one) => one.className)"""
    )

    assert [] == wider
    assert [] == find_barriers(lab.page, "#ipy-tensorwatch-panel")
    server.end_session(name)
