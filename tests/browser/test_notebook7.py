"""Notebook 7, which shows one notebook a page and has no tabs at its side."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.lab import Lab


@pytest.fixture
def notebook7(browser, server, kernel):
    lab = Lab(browser.new_page(), server)
    lab.go(f"notebooks/{kernel}")
    lab.wait_for_kernel(kernel)
    yield lab
    lab.page.close()
    server.end_sessions()


def test_the_panel_is_at_its_side_and_comes_back_when_the_page_is_reloaded(notebook7, kernel):
    notebook7.run(kernel, 0, 1, 2)
    notebook7.page.keyboard.press("Alt+Shift+M")

    expect(notebook7.facts).to_contain_text("x changed through y")
    expect(notebook7.marks).to_have_text(["also changes x"])

    notebook7.page.reload()
    notebook7.wait_for_kernel(kernel)
    notebook7.show_panel()

    expect(notebook7.facts).to_contain_text("x changed through y")
