"""The panel beside a notebook: how it comes, what it tells, and how it goes."""

from __future__ import annotations

from playwright.sync_api import expect

LOAD = "%load_ext tensorwatch"
SETUP = "import torch\nx = torch.zeros(6)\ny = x.view(2, 3)"
SILENT = "a = 1\ny.add_(1);"


def test_loading_the_extension_brings_the_panel_and_a_silent_change_shows_everywhere(lab, server):
    name = server.write("silent.ipynb", [LOAD, SETUP, SILENT])
    lab.open(name)

    lab.run(name, 0)
    expect(lab.facts).to_be_visible()
    lab.run(name, 1, 2)

    expect(lab.facts).to_contain_text("1 silent change")
    expect(lab.tab("tensorwatch: 1 silent change")).to_be_visible()
    assert lab.marks() == ["also changes x"]


def test_the_button_loads_the_extension(lab, server):
    name = server.write("button.ipynb", [SETUP])
    lab.open(name)
    lab.show_panel()

    expect(lab.notice).to_contain_text("tensorwatch is not loaded in this kernel")
    lab.load_button.click()

    expect(lab.facts).to_be_visible()
    expect(lab.load_button).to_be_hidden()
    expect(lab.notice).to_be_empty()
