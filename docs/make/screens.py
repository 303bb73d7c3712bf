"""The pictures of the panel: a notebook that is run in the real JupyterLab, in a real browser."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from playwright.sync_api import expect, sync_playwright

from tests.browser.chromium import FLAGS, find_chromium
from tests.browser.lab import Lab
from tests.browser.server import Server

from .images import animate, shrink

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import FloatRect, Locator, Page

NAME = "embedding.ipynb"

STORY = (
    "%load_ext tensorwatch",
    """\
import torch
from torch import nn

torch.manual_seed(0)
emb = nn.Embedding(4, 2)
optimizer = torch.optim.SGD(emb.parameters(), lr=0.1)""",
    """\
best = emb.state_dict()  # keep the best weights so far
x, y = emb.weight.detach().T  # for a plot""",
    "x -= x.mean()  # centre it",
    """\
for _ in range(3):
    optimizer.zero_grad()
    emb(torch.tensor([2])).square().sum().backward()
    optimizer.step()""",
)
"""Two mistakes that nobody sees in the code: a plot that moves the model, and a copy that is none."""

SELECTED = "emb.weight"
"""The variable of which the details are shown."""

SECONDS = (1.2, 1.2, 1.6, 2.2, 3.4)
"""How long the animation stays with each cell."""

VIEWPORT = {"width": 1048, "height": 730}
TALL = VIEWPORT | {"height": 1600}
PANEL_WIDTH = 400

LIGHT, DARK = "JupyterLab Light", "JupyterLab Dark"
THEMES = {"": LIGHT, "-dark": DARK}

# What is not about the panel. What is printed under a cell is the same news, and wider than the notebook here.
STYLE = """
#jp-left-stack, .jp-SideBar.jp-mod-left, .jp-cell-menu, .jp-Cell-outputWrapper { display: none !important; }
"""
RESIZE = """(width) => {
    jupyterapp.shell.collapseLeft();
    jupyterapp.shell._hsplitPanel.setRelativeSizes([0, innerWidth - width, width]);
}"""
# What watching took is another number each time.
UNTIMED = "(times) => times.forEach((time) => { time.textContent = ''; })"


def make_screens() -> dict[str, bytes]:
    """Run the story and return the pictures by the names of their files."""
    made = {}
    with _notebook() as lab:
        frames = [_run(lab, index) for index in range(len(STORY))]
        for mark, theme in THEMES.items():
            _wear(lab, theme)
            made[f"panel{mark}.png"] = shrink(_shoot(lab.page))
            made[f"panel-details{mark}.png"] = shrink(_shoot_details(lab.page))
    return made | {"panel.gif": animate(frames, SECONDS)}


@contextmanager
def _notebook() -> Iterator[Lab]:
    """Open the story in a browser."""
    with tempfile.TemporaryDirectory() as folder, Server(Path(folder)) as server, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=FLAGS)
        page = browser.new_page(viewport=VIEWPORT, device_scale_factor=2, reduced_motion="reduce")
        lab = Lab(page, server)
        lab.go(f"lab/tree/{server.write(NAME, list(STORY))}")
        lab.wait_for_kernel(NAME)
        page.add_style_tag(content=STYLE)
        yield lab
        browser.close()


def _run(lab: Lab, index: int) -> bytes:
    """Run a cell, wait until the panel tells of it, and take a picture."""
    lab.run(NAME, index)
    cells = _panel(lab.page).get_by_role("region", name="Timeline").get_by_role("columnheader")
    expect(cells).to_have_count(1 + index + 1)
    lab.page.evaluate(RESIZE, PANEL_WIDTH)
    return _shoot(lab.page)


def _wear(lab: Lab, theme: str) -> None:
    lab.command("apputils:change-theme", {"theme": theme})
    is_light = "true" if theme == LIGHT else "false"
    expect(lab.page.locator("body")).to_have_attribute("data-jp-theme-light", is_light)


def _shoot(page: Page) -> bytes:
    """Take a picture of the notebook and all to the right of it, when everything has come to rest."""
    page.wait_for_timeout(1000)
    _panel(page).locator("header .tw-time").evaluate_all(UNTIMED)
    notebook = _box(page.locator("#jp-main-dock-panel"))
    return _picture(page, {**notebook, "width": VIEWPORT["width"] - notebook["x"]})


def _shoot_details(page: Page) -> bytes:
    """Open the details of a variable where there is room for all of them, take a picture, and close them again."""
    page.set_viewport_size(TALL)
    _panel(page).get_by_role("treeitem", level=2).filter(has_text=SELECTED).click()
    details = page.get_by_role("region", name=f"Details of {SELECTED}")
    expect(details).to_contain_text("What happened to it")
    taken = _picture(page, _box(details))
    details.get_by_role("button", name="Close the details").click()
    page.set_viewport_size(VIEWPORT)
    return taken


def _picture(page: Page, clip: FloatRect) -> bytes:
    return page.screenshot(clip=clip, animations="disabled")


def _panel(page: Page) -> Locator:
    return page.get_by_role("region", name="tensorwatch", exact=True)


def _box(locator: Locator) -> FloatRect:
    box = locator.bounding_box()
    if box is None:
        raise RuntimeError("what is to be in the picture is not to be seen")
    return box
