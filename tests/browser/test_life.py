"""What the panel says of kernels that come and go, each time in words of its own."""

from __future__ import annotations

from contextlib import contextmanager

import pytest
from playwright.sync_api import expect

from tests.browser.lab import Lab

LOAD = "%load_ext tensorwatch"
DIE = "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)"
WAIT = "import pathlib, time\nwhile not pathlib.Path('go').exists():\n    time.sleep(0.05)"
UNLOAD = "%unload_ext tensorwatch"


@pytest.fixture
def notebook(lab, server, request):
    """Open a notebook with a kernel of its own, in which nothing is loaded."""
    name = lab.open(server.write(f"{request.node.originalname}.ipynb", [LOAD, DIE, WAIT, UNLOAD]))
    lab.show_panel()
    yield name
    server.end_session(name)


@pytest.fixture
def loaded(lab, notebook):
    """Load the extension in the kernel of the notebook."""
    lab.run(notebook, 0)
    expect(lab.facts).to_contain_text("0 tensors")
    lab.wait_for_kernel(notebook)  # a message of ours that is read meanwhile would make a busy kernel look idle
    return notebook


@contextmanager
def running(lab, server, name):
    """Have a cell run as long as it takes to look."""
    lab.begin(name, 2)
    yield
    (server.root / "go").touch()
    lab.wait_for_kernel(name)
    (server.root / "go").unlink()


def expect_the_past(lab, words: str) -> None:
    expect(lab.notice).to_have_text(words)
    expect(lab.facts).to_be_visible()
    expect(lab.facts.and_(lab.page.locator("[inert] *"))).to_have_count(1)


def test_without_a_notebook_it_says_what_to_do(lab):
    lab.show_panel()

    expect(lab.notice).to_have_text("Open a notebook or a console to watch its tensors.")
    expect(lab.load_button).to_be_hidden()


def test_a_notebook_without_a_kernel(lab, server, notebook):
    lab.command("kernelmenu:shutdown")

    expect(lab.notice).to_have_text("This notebook has no kernel. Select one in its toolbar.")
    expect(lab.load_button).to_be_hidden()


def test_the_button_loads_the_extension(lab, notebook):
    expect(lab.notice).to_contain_text("tensorwatch is not loaded in this kernel")

    lab.load_button.click()

    expect(lab.facts).to_be_visible()
    expect(lab.load_button).to_be_hidden()
    expect(lab.notice).to_be_empty()


def test_after_a_restart_the_facts_are_marked_as_past_until_it_is_loaded_again(lab, loaded):
    lab.restart()
    expect_the_past(lab, "The kernel was restarted. What is shown here is from before the restart.")

    lab.wait_for_kernel(loaded)
    lab.load_button.click()

    expect(lab.notice).to_be_empty()
    expect(lab.facts.and_(lab.page.locator("[inert] *"))).to_have_count(0)


def test_a_kernel_that_died(lab, loaded):
    lab.begin(loaded, 1)

    lab.page.get_by_role("dialog").get_by_role("button", name="Ok").click()
    expect_the_past(lab, "The kernel died. What is shown here is from before.")


def test_a_kernel_that_was_shut_down(lab, loaded):
    lab.command("kernelmenu:shutdown")

    expect_the_past(lab, "The kernel was shut down. What is shown here is from before.")
    expect(lab.load_button).to_be_hidden()


def test_a_kernel_that_is_busy_before_there_is_a_panel(lab, server, notebook):
    with running(lab, server, notebook):
        expect(lab.notice).to_have_text("The kernel is busy. The panel is here when the running cell has finished.")

    expect(lab.notice).to_contain_text("tensorwatch is not loaded in this kernel")


def test_a_kernel_that_is_busy_leaves_the_facts_readable(lab, server, loaded):
    with running(lab, server, loaded):
        expect(lab.side.get_by_role("img", name="A cell is running")).to_be_visible()
        expect(lab.facts).to_be_visible()

    expect(lab.notice).to_be_empty()


def test_unloading_takes_the_panel_away(lab, loaded):
    lab.run(loaded, 3)

    expect(lab.notice).to_contain_text("tensorwatch is not loaded in this kernel")
    expect(lab.facts).to_have_count(0)


def test_a_kernel_of_another_language(lab, server):
    name = lab.open(server.write("another_language.ipynb", ["1"], kernel="klingon"))
    lab.show_panel()

    expect(lab.notice).to_have_text(
        "tensorwatch watches Python kernels; this one runs Klingon. Open a notebook with a Python kernel."
    )
    expect(lab.load_button).to_be_hidden()
    server.end_session(name)


def test_a_lost_connection_is_said_and_forgotten_when_it_is_back(browser, server):
    lab = Lab(browser.new_page(), server)
    wires = Wires()
    lab.page.route_web_socket("**/channels*", wires.lay)
    lab.go("lab/workspaces/wires")
    name = lab.open(server.write("wires.ipynb", [LOAD]))
    lab.run(name, 0)
    expect(lab.facts).to_be_visible()

    wires.cut()
    expect(lab.notice).to_have_text("The connection to the kernel is lost. Reconnecting…")
    expect(lab.facts).to_be_visible()
    wires.mend()

    expect(lab.notice).to_be_empty()
    lab.page.close()
    server.end_session(name)


class Wires:
    """The connections of a page to its kernels."""

    def __init__(self) -> None:
        self._whole = True
        self._laid = []

    def lay(self, socket) -> None:
        self._laid.append(socket)
        if self._whole:
            socket.connect_to_server()
        else:
            socket.close(code=3000)

    def cut(self) -> None:
        self._whole = False
        for socket in self._laid:
            socket.close(code=3000)

    def mend(self) -> None:
        self._whole = True
