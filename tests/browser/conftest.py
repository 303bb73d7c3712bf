"""Fixtures: one server and one browser for all tests, one tab a file, and no error on the page in any of them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect, sync_playwright

from tests.browser.chromium import FLAGS, find_chromium
from tests.browser.lab import WAIT, Lab
from tests.browser.server import Server
from tests.browser.stage import Stage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import BrowserContext, Page

# What is said in the console of JupyterLab without this extension, each with the reason.
OF_JUPYTERLAB = {
    "Canceled future for create_subshell_request": "the kernel was shut down while a subshell was asked for",
    "Could not restore the debugger state: Canceled future": "a notebook was closed while its debugger looked for one",
    "Command 'filebrowser:open-path' not registered": "Notebook 7 opens a path before it has a file browser",
    "reading 'schema'": "Notebook 7 looks for the settings of an extension that it does not have",
    "reading 'promise'": "a notebook was closed while its toolbar was about to be laid out",
}

WATCHED = [
    "%load_ext tensorwatch",
    "import torch\nx = torch.zeros(6)\ny = x.view(2, 3)",
    "a = 1\ny.add_(1);",
    "z = x + 1",
]


@pytest.fixture(scope="session")
def server(tmp_path_factory) -> Iterator[Server]:
    """Run JupyterLab."""
    with Server(tmp_path_factory.mktemp("jupyter")) as running:
        yield running


@pytest.fixture(scope="session")
def browser() -> Iterator[BrowserContext]:
    """Run Chromium."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=find_chromium(), args=FLAGS)
        context = chromium.new_context(viewport={"width": 1200, "height": 800}, reduced_motion="reduce")
        context.set_default_timeout(WAIT)
        expect.set_options(timeout=WAIT)
        yield context
        chromium.close()


@pytest.fixture(scope="module")
def tab(server, browser) -> Iterator[Lab]:
    """Open a tab with JupyterLab as it is at first: what another file left behind decides about no test."""
    lab = Lab(browser.new_page(), server)
    lab.go("lab?reset")
    yield lab
    lab.page.close()
    server.end_sessions()


@pytest.fixture(autouse=True)
def problems(browser) -> Iterator[None]:
    """Hear what goes wrong on any page, and let the test fail for it."""
    heard: list[str] = []

    def hear_console(message) -> None:
        if message.type == "error":
            heard.append(message.text)

    def hear_error(error) -> None:
        heard.append(f"{error.error}\n{error.error.stack}")

    browser.on("console", hear_console)
    browser.on("weberror", hear_error)
    yield
    browser.remove_listener("console", hear_console)
    browser.remove_listener("weberror", hear_error)
    assert [text for text in heard if not any(re.search(known, text) for known in OF_JUPYTERLAB)] == []


@pytest.fixture
def lab(tab) -> Iterator[Lab]:
    """Use the tab, and leave nothing open in it."""
    yield tab
    tab.page.evaluate("for (const one of [...jupyterapp.shell.widgets('main')]) one.dispose()")


@pytest.fixture(scope="session")
def kernel(server) -> str:
    """Write the notebook whose kernel is shared by the tests of a file that leave it as it was."""
    return server.write("watched.ipynb", WATCHED)


@pytest.fixture
def watched(lab, server, kernel) -> str:
    """Open the notebook, as it was written, with the extension loaded in its kernel and the tensors made."""
    server.write(kernel, WATCHED)
    lab.open(kernel)
    lab.run(kernel, 0, 1)
    return kernel


@pytest.fixture(scope="module")
def bare(browser) -> Iterator[Page]:
    """Open one tab for all tests: each begins with a panel of its own."""
    page = browser.new_page()
    Stage.load(page)
    yield page
    page.close()


@pytest.fixture
def stage(bare) -> Iterator[Stage]:
    """Give a page as wide as JupyterLab's side bar."""
    bare.set_viewport_size({"width": 360, "height": 900})
    bare.emulate_media(color_scheme="light", forced_colors="none")
    yield Stage(bare)
    bare.evaluate("stage.end()")
