"""`%tensorwatch fix`: the difference of lines, the cells to run again, and the next input."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ipy_tensorwatch.render import report
from tests.support.notebook import Notebook
from tests.support.older_pytorch import needs

if TYPE_CHECKING:
    import pytest

PAIR = ["import torch\nx = torch.zeros(3)", "for i in range(1):\n    y = x.detach()  # share", "y.add_(1)"]


def asked(cells: list[str], line: str, monkeypatch: pytest.MonkeyPatch) -> tuple[str, list[str]]:
    """Run cells and the magic; return its text, and what became the next input."""
    put: list[str] = []
    with Notebook() as nb:
        monkeypatch.setattr(nb.shell, "set_next_input", lambda text, replace=False: put.append(text))
        for cell in cells:
            nb.cell(cell)
        ran = nb.cell(line)
        return ran.stdout + str(ran.error or ""), put


@needs("no-trials")
def test_it_shows_the_lines_and_puts_the_mended_cell_in_the_next_input(monkeypatch: pytest.MonkeyPatch):
    text, put = asked(PAIR, "%tensorwatch fix", monkeypatch)

    assert ["for i in range(1):\n    y = x.detach().clone()  # share"] == put
    rows = [" ".join(line.split()) for line in text.splitlines()]
    assert "- 2 y = x.detach() # share" in rows
    assert "+ y = x.detach().clone() # share" in rows
    assert "run again: cells 1, 2, 3; the mended cell 2 is where you type next" in rows
    assert "tried on copies: it mends this, and all else comes out the same" in rows


def test_cells_that_one_fix_edits_stand_in_the_next_input_one_after_the_other(monkeypatch: pytest.MonkeyPatch):
    cells = ["import torch\nx = torch.ones(3)", "y = x.detach()", "z = x.view(-1)", "y.add_(1)\nz.mul_(3)"]
    text, put = asked(cells, "%tensorwatch fix x", monkeypatch)

    assert ["y = x.detach().clone()\n\nz = x.view(-1).clone()"] == put
    rows = [" ".join(line.split()) for line in text.splitlines()]
    assert {"- 1 y = x.detach()", "- 1 z = x.view(-1)"} <= {*rows}
    assert "run again: cells 1, 2, 3, 4; the mended cells 2, 3 are where you type next" in rows


def test_it_names_all_that_the_fix_mends(monkeypatch: pytest.MonkeyPatch):
    text, _ = asked([PAIR[0] + "\nz = x[1:]", *PAIR[1:]], "%tensorwatch fix", monkeypatch)

    assert "x changed through y; the same mends z" in [" ".join(line.split()) for line in text.splitlines()]
    assert "More can be mended" not in text


@needs("no-saved-tensors")
def test_it_takes_a_path_or_the_code_of_a_hazard(monkeypatch: pytest.MonkeyPatch):
    cells = [
        *PAIR,
        "w = torch.ones(3, requires_grad=True)\nh = w * 2; loss = (h * h).sum()",
        "h.add_(1)\nz = x; z.add_(1)",
    ]

    assert "tensorwatch  fix x" in asked(cells, "%tensorwatch fix x", monkeypatch)[0]
    text, put = asked(cells, "%tensorwatch fix tw201", monkeypatch)
    assert "tensorwatch  fix TW201" in text
    assert 1 == len(put)


def test_it_says_where_there_is_nothing_to_mend(monkeypatch: pytest.MonkeyPatch):
    assert "the last cell changed nothing silently" in asked(["a = 1"], "%tensorwatch fix", monkeypatch)[0]
    text, put = asked(PAIR, "%tensorwatch fix y", monkeypatch)
    assert "y did not change silently in the last cell" in text
    assert [] == put


def test_what_leads_to_no_tensor_is_told_as_by_the_other_commands(notebook: Notebook):
    notebook.run("a = 1")

    assert "there is no variable q" == str(notebook.cell("%tensorwatch fix q").error)
    assert "no hazard TW201 stands" in notebook.cell("%tensorwatch fix tw201").stdout


def test_it_says_where_no_time_was_left(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(report, "FIX_SECONDS", 0.0)

    text = asked(PAIR, "%tensorwatch fix", monkeypatch)[0]
    assert "no time was left to look for what mends x" in text
    assert "no plain edit mends it" not in text
    assert "no time was left" not in asked(PAIR, "%tensorwatch fix other", monkeypatch)[0]


def test_a_cell_magic_stays_the_first_line(monkeypatch: pytest.MonkeyPatch):
    cells = ["import torch\nnet = torch.nn.Linear(1, 1)", "%%time\nbest = net.state_dict()", "net.weight.data.zero_()"]
    _, put = asked(cells, "%tensorwatch fix", monkeypatch)

    assert ["%%time\nimport copy\nbest = copy.deepcopy(net.state_dict())"] == put


def test_the_block_under_a_cell_tells_that_there_is_a_fix():
    with Notebook() as nb:
        nb.run(PAIR[0])
        assert "" == nb.cell(PAIR[1]).told
        told = nb.cell("y.add_(1)").told

    assert "fix: y = x.detach().clone()  (%tensorwatch fix)" in told


def test_a_fix_is_not_told_beside_the_remedy_of_a_hazard_that_explains_the_change():
    with Notebook() as nb:
        nb.run("import torch\nnet = torch.nn.Linear(1, 1, bias=False)\nsgd = torch.optim.SGD(net.parameters(), lr=0.5)")
        nb.run("best = net.state_dict()")
        told = nb.cell("net(torch.ones(1, 1)).sum().backward()\nsgd.step()").told

    assert "Keep a copy" in told
    assert "fix:" not in told


def test_the_lines_and_comments_of_a_statement_of_several_lines_stay(monkeypatch: pytest.MonkeyPatch):
    cells = [
        "import torch\nx = torch.ones(6)",
        "y = x.view(\n    2,  # rows\n    3,\n)\nz = x \\\n    .detach()",
        "z.add_(1)",
    ]
    _, put = asked(cells, "%tensorwatch fix x", monkeypatch)

    assert ["y = x.view(\n    2,  # rows\n    3,\n)\nz = x \\\n    .detach().clone()"] == put
