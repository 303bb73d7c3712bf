"""Fixtures: one server and one browser for all tests, a tab of its own for each."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import sync_playwright

from tests.browser.chromium import FLAGS, find_chromium
from tests.browser.lab import Lab, workspace
from tests.browser.server import Server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

# What JupyterLab says in the console without this extension, and why.
OF_JUPYTERLAB: dict[str, str] = {}


@pytest.fixture(scope="session")
def server(tmp_path_factory) -> Iterator[Server]:
    """Run JupyterLab."""
    with Server(tmp_path_factory.mktemp("jupyter")) as running:
        yield running


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Run Chromium."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=find_chromium(), args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture
def blank(server, browser) -> Iterator[Lab]:
    """Open a tab with nothing in it, in which nothing may go wrong."""
    context = browser.new_context(viewport={"width": 1200, "height": 800}, reduced_motion="reduce")
    page = context.new_page()
    page.set_default_timeout(15_000)
    problems: list[str] = []
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: problems.append(str(error)))
    yield Lab(page, server)
    context.close()
    server.end_sessions()
    assert [text for text in problems if not any(re.search(known, text) for known in OF_JUPYTERLAB)] == []


@pytest.fixture
def lab(blank, request) -> Lab:
    """Open a tab with JupyterLab in it, and no notebook."""
    blank.go(workspace(request.node.name))
    return blank
