"""What the panel says of kernels that come and go, each time in words of its own."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

LOAD = "%load_ext tensorwatch"
DIE = "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)"
WAIT = "import time\ntime.sleep(2)"
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
    expect(lab.facts).to_be_visible()
    return notebook


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

    expect(lab.notice).to_have_text("This notebook has no kernel.")
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


def test_a_kernel_that_is_busy_before_there_is_a_panel(lab, notebook):
    lab.begin(notebook, 2)

    expect(lab.notice).to_have_text("The kernel is busy. The panel is here when the running cell has finished.")
    expect(lab.notice).to_contain_text("tensorwatch is not loaded in this kernel")


def test_a_kernel_that_is_busy_leaves_the_facts_readable(lab, loaded):
    lab.begin(loaded, 2)

    expect(lab.notice).to_have_text("A cell is running.")
    expect(lab.facts).to_be_visible()
    expect(lab.notice).to_be_empty()


def test_unloading_takes_the_panel_away(lab, loaded):
    lab.run(loaded, 3)

    expect(lab.notice).to_contain_text("tensorwatch is not loaded in this kernel")
    expect(lab.facts).to_have_count(0)


def test_a_kernel_of_another_language(lab, server):
    name = lab.open(server.write("another_language.ipynb", ["1"], kernel="klingon"))
    lab.show_panel()

    expect(lab.notice).to_have_text("tensorwatch watches Python kernels; this one runs Klingon.")
    expect(lab.load_button).to_be_hidden()
    server.end_session(name)


def test_a_lost_connection_is_said_and_forgotten_when_it_is_back(lab, server):
    cut = False
    sockets = []

    def pass_on(socket) -> None:
        if cut:
            socket.close()
        else:
            sockets.append(socket)
            socket.connect_to_server()

    lab.page.route_web_socket("**/channels*", pass_on)
    name = lab.open(server.write("connection.ipynb", [LOAD]))
    lab.run(name, 0)
    expect(lab.facts).to_be_visible()

    cut = True
    for socket in sockets:
        socket.close()
    expect(lab.notice).to_have_text("The connection to the kernel is lost. Reconnecting…")
    expect(lab.facts).to_be_visible()
    cut = False

    expect(lab.notice).to_be_empty(timeout=20_000)
    lab.page.unroute_all()
    server.end_session(name)
