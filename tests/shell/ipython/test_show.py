"""Text in a terminal, text and HTML in a notebook; and what is said only once."""

from __future__ import annotations

import pytest

from tests.support.notebook import Notebook
from tests.support.older_pytorch import needs

ALIASED = "import torch\nx = torch.zeros(6)\ny = x.view(2, 3)"
NO_TIME = {"budget_floor": 0.0, "budget_share": 0.0, "budget_limit": 0.0, "idle_share": 0.0}


def test_a_terminal_gets_text(notebook: Notebook):
    notebook.run(ALIASED)
    ran = notebook.cell("y.add_(1);")

    assert ran.outputs == []
    assert (
        ran.told
        == " tensorwatch  [2]  1 silent change\n   x   changed through y   line 1   y.add_(1)   6 of 6 elements, max |Δ| 1   v0 → v1\n"
        "   x and y share memory since cell 1, line 3: y = x.view(2, 3)\n"
        "   fix: y = x.view(2, 3).clone()  (%tensorwatch fix)\n"
    )


@pytest.mark.parametrize(
    "line", ["y.add_(1);", "%tensorwatch", "%%tensordiff\ny.add_(1);", "%tensorwatch why x", "%tensordiff x y"]
)
def test_a_kernel_gets_text_and_html(notebook: Notebook, line: str):
    notebook.run(ALIASED)
    notebook.shell.kernel = object()
    ran = notebook.cell(line)
    del notebook.shell.kernel

    assert ran.stdout == ""
    assert [set(output["data"]) for output in ran.outputs] == [{"text/plain", "text/html"}]
    assert ran.outputs[0]["data"]["text/html"].startswith('<div class="ipytw">')


def test_a_display_that_fails_does_not_break_the_cell_nor_the_next_one(notebook: Notebook, monkeypatch):
    def fail(*_args, **_more):
        raise BrokenPipeError("the front end has gone")

    notebook.run(ALIASED)
    notebook.shell.kernel = object()
    with monkeypatch.context() as patched:
        patched.setattr(notebook.shell.display_pub.__class__, "publish", fail)
        patched.setattr("IPython.utils.capture.CapturedIO.outputs", [])
        ran = notebook.shell.run_cell("y.add_(1);")
    del notebook.shell.kernel

    assert ran.success
    assert "the front end has gone" in notebook.cell("%tensorwatch status").stdout
    assert "1 silent change" in notebook.cell("y.add_(1);").told


def test_that_checks_are_skipped_cell_after_cell_is_said_once():
    with Notebook(settings=NO_TIME) as nb:
        first = nb.cell(ALIASED).stdout
        *few, fifth, sixth, seventh = [nb.cell("x.sum()\n0;").stdout for _ in range(6)]

    assert [first, *few] == [""] * 4
    assert fifth == (
        " tensorwatch  [5]  x and 1 more were not compared: no time was left\n"
        "   they come first after later cells; this is said once: %tensorwatch status shows it for the last cell\n"
    )
    assert [sixth, seventh] == ["", ""]


def test_tensors_that_were_gone_in_between_are_not_said_to_be_skipped():
    with Notebook(settings=NO_TIME) as nb:
        nb.cell(ALIASED)
        said = [nb.cell(cell).stdout for cell in ("x.sum()\n0;", "x.sum()\n0;", "del x, y", ALIASED) * 3]

    assert said == [""] * 12


def test_a_quiet_cell_says_nothing(notebook: Notebook):
    assert [notebook.cell(cell).told for cell in (ALIASED, "x = x + 1", "x.add_(1);")] == ["", "", ""]


@pytest.mark.parametrize(
    ("block", "told"),
    [
        ("auto", " tensorwatch  [3]  1 silent change\n   x   changed through y"),
        ("whole", " tensorwatch  [3]  1 silent change\n   x   changed through y"),
        ("line", " tensorwatch  [3]  1 silent change: x  (more: %tensorwatch)\n"),
        ("off", ""),
    ],
)
def test_a_setting_says_how_much_is_shown_under_a_cell(notebook: Notebook, block: str, told: str):
    notebook.cell(f"%tensorwatch config block = {block}")
    notebook.run("import torch\nx = torch.zeros(3)\ny = x.view(3)")

    assert notebook.cell("y.add_(1);").told.startswith(told)
    assert bool(told) == bool(notebook.last.told)


@needs("no-saved-tensors")
def test_what_explains_an_error_is_whole_in_any_case(notebook: Notebook):
    notebook.cell("%tensorwatch config block=line")
    notebook.run("import torch\nw = torch.ones(3, requires_grad=True)\nh = w.exp()\nloss = h.sum()")
    notebook.cell("h.detach().add_(1);")

    assert "saved by ExpBackward0" in notebook.cell("loss.backward()").told
