"""All that the extension shows in JupyterLab, looked at with axe in its light, dark and high contrast themes."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.axe import find_barriers

THEMES = ("JupyterLab Light", "JupyterLab Dark", "JupyterLab Dark High Contrast")
NOTEBOOK = [
    "%load_ext tensorwatch\nimport torch\nx = torch.zeros(6)\ny = x.view(2, 3)\nw = torch.ones(3, requires_grad=True)",
    "h = w * 2\nloss = (h * w).sum()",
    "y.add_(1)\nc = h.detach()\nc[0] = 0",
]


@pytest.fixture(scope="module")
def shown(tab, server):
    """Run a notebook with a silent change and a hazard, and show the details of a variable."""
    name = tab.open(server.write("access.ipynb", NOTEBOOK))
    tab.show_panel()
    tab.run(name, 0, 1, 2)
    tab.facts.get_by_role("grid", name="Timeline").get_by_role("button", name="x", exact=True).click()
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


def test_at_200_percent_nothing_is_cut_at_the_side_and_axe_finds_no_barrier(shown):
    """A browser that shows a page at twice the size gives it half the pixels, each of them four."""
    size = shown.page.viewport_size
    shown.command("apputils:change-theme", {"theme": THEMES[0]})
    session = shown.page.context.new_cdp_session(shown.page)
    half = {"width": size["width"] // 2, "height": size["height"] // 2, "deviceScaleFactor": 2, "mobile": False}
    session.send("Emulation.setDeviceMetricsOverride", half)
    shown.page.evaluate("jupyterapp.shell.collapseLeft()")
    shown.set_width(300)
    shown.page.wait_for_timeout(1000)

    wider = shown.page.evaluate(
        """() => [...document.querySelectorAll(".ipytw-side, .ipytw-host, .tw-panel, .tw-root, .tw-body, .tw-scroll")]
            .filter((one) => one.scrollWidth > one.clientWidth).map((one) => one.className)"""
    )
    found = find_barriers(shown.page, "#ipy-tensorwatch-panel")
    session.send("Emulation.clearDeviceMetricsOverride")
    session.detach()

    assert [] == wider
    assert [] == found
