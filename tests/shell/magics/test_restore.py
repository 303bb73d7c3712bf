"""The bytes from before a cell come back, exactly, for every alias, or one line says why they cannot."""

from __future__ import annotations

import weakref

import numpy as np
import pytest
from hypothesis import given, settings
from IPython.core.error import UsageError

from tests.end_to_end.changes.test_channels import CHANNELS, FAMILY, INFERENCE, NORM, Channel
from tests.support import oracle
from tests.support.notebook import Notebook, changes, silent
from tests.support.older_pytorch import needs
from tests.support.programs import Program, programs

OTHER_MEMORY = {"data is replaced", "set_ to another tensor"}
RESTORABLE = [one for one in CHANNELS if one.name not in OTHER_MEMORY]


def written_in(channel: Channel) -> str:
    return {FAMILY: "x", INFERENCE: "x", NORM: "norm"}.get(channel.setup, "p")


def refusal(nb: Notebook, line: str) -> str:
    """Ask for what is refused, and return its one line; nothing is written."""
    before = oracle.copies(nb.ns)
    ran = nb.cell(line)
    assert isinstance(ran.error, UsageError), ran.stdout
    assert oracle.compare(before, oracle.walk(nb.ns)).mutated == set()
    told = (ran.stdout + ran.stderr).strip()
    assert "\n" not in told
    return told.removeprefix("UsageError: ")


@pytest.mark.parametrize("channel", RESTORABLE, ids=lambda c: c.name)
def test_what_any_channel_wrote_is_put_back_for_every_alias(notebook: Notebook, channel: Channel):
    notebook.run(channel.setup)
    before = oracle.copies(notebook.ns)
    notebook.run(channel.write, raises=channel.raises)
    notebook.run(f"%tensorwatch restore {written_in(channel)}")

    left = oracle.compare(before, oracle.walk(notebook.ns)).mutated & channel.changed.keys()
    assert left == set()


@pytest.mark.parametrize("channel", [c for c in CHANNELS if c.name in OTHER_MEMORY], ids=lambda c: c.name)
def test_a_tensor_that_was_given_other_memory_is_refused(notebook: Notebook, channel: Channel):
    notebook.run(channel.setup)
    notebook.run(channel.write)

    assert (
        refusal(notebook, "%tensorwatch restore x")
        == "x cannot be restored: the storage of x changed in cell 2 or later"
    )


def test_the_cell_that_restores_names_every_alias_as_written(notebook: Notebook):
    notebook.run("import torch\nx = torch.zeros(4)\ny, n = x[:2], x.numpy()")
    notebook.run("x.add_(1)")
    report = notebook.run("%tensorwatch restore y")

    assert {"direct"} == {changes(report)[path]["cause"] for path in ("x", "y", "n")}
    assert set() == silent(report)
    assert "restored: y, 8 B" in notebook.last.stdout
    assert "changed with it: x, n" in notebook.last.stdout
    assert notebook.ns["x"].tolist() == [0, 0, 1, 1]


def test_each_restore_goes_back_one_change_further_or_to_before_a_given_cell(notebook: Notebook):
    notebook.run("import torch\nx = torch.zeros(2)")
    for value in (1, 2, 3):
        notebook.run(f"x.fill_({value});")
    notebook.run("1 + 1")
    seen = []
    for asked in ("x", "x", "x", "x 8", "x 4"):
        notebook.run(f"%tensorwatch restore {asked}")
        seen.append(notebook.ns["x"].tolist())

    assert [[2, 2], [1, 1], [0, 0], [1, 1], [2, 2]] == seen


def test_a_change_after_a_restore_is_the_next_to_be_undone(notebook: Notebook):
    notebook.run("import torch\nx = torch.zeros(2)")
    seen = []
    for cell in ("x.fill_(1);", "%tensorwatch restore x", "x.fill_(2);", *["%tensorwatch restore x"] * 2):
        notebook.cell(cell)
        seen.append(notebook.ns["x"].tolist())

    assert [[1, 1], [0, 0], [2, 2], [0, 0], [0, 0]] == seen
    assert "every change that was seen is undone already" in notebook.last.stdout + notebook.last.stderr


def test_a_backward_through_what_was_put_back_raises_where_the_version_has_moved(notebook: Notebook):
    notebook.run("import torch\nw = torch.ones(3, requires_grad=True)\nh = w * 2\nloss = (h * h).sum()")
    notebook.run("h.detach().mul_(2)")
    notebook.run("%tensorwatch restore h")

    assert notebook.ns["h"].tolist() == [2, 2, 2]
    assert "modified by an inplace operation" in str(notebook.cell("loss.backward()").error)


@needs("no-saved-tensors")
def test_a_backward_through_what_was_put_back_is_right_again_where_no_version_had_moved(notebook: Notebook):
    notebook.run("import torch\nw = torch.ones(3, requires_grad=True)\nh = w * 2\nloss = (h * h).sum()")
    wrong = notebook.run("h.data.mul_(2)")
    right = notebook.run("%tensorwatch restore h")
    notebook.run("loss.backward()")

    assert (["TW202"], []) == ([one["code"] for one in wrong["hazards"]], right["hazards"])
    assert notebook.ns["w"].grad.tolist() == [8, 8, 8]


@needs("no-saved-tensors")
def test_what_was_saved_between_the_write_and_its_undoing_is_told(notebook: Notebook):
    notebook.run("import torch\nw = torch.ones(3, requires_grad=True)\nh = w * 2")
    notebook.run("h.data.mul_(2)")
    notebook.run("loss = (h * h).sum()")
    [hazard] = [one for one in notebook.run("%tensorwatch restore h")["hazards"] if one["code"] == "TW202"]

    assert (hazard["outcome"], hazard["written_at"]["text"]) == ("wrong", "%tensorwatch restore h")


def test_a_leaf_that_requires_grad_is_put_back(notebook: Notebook):
    notebook.run("import torch\nw = torch.ones(3, requires_grad=True)\nalias = w.data")
    notebook.run("alias.add_(1)")
    notebook.run("%tensorwatch restore w")
    w, alias = notebook.ns["w"], notebook.ns["alias"]

    assert (w.tolist(), w.is_leaf, w.requires_grad, w._version, alias._version) == ([1, 1, 1], True, True, 0, 2)


@pytest.mark.parametrize(
    "make",
    [
        "torch.randn(5, dtype=torch.complex64).conj()",
        "torch.randn(5, dtype=torch.complex64).conj().imag",
        "torch.randn(5).bfloat16()",
        "torch.tensor([True, False])",
        "torch.tensor([2143289345], dtype=torch.int32).view(torch.float32)",
        "torch.zeros(1).expand(4)",
        "torch.arange(6.0).unfold(0, 3, 1)",
        "torch.zeros(())",
        "np.arange(6.0)[::-2]",
        "torch.from_numpy(np.zeros(4))[::2]",
        "np.zeros(3, dtype='datetime64[s]')",
    ],
)
def test_any_bytes_come_back_as_they_were(notebook: Notebook, make: str):
    notebook.run(f"import torch, numpy as np\nx = {make}")
    before = oracle.copies(notebook.ns)
    is_array = isinstance(notebook.ns["x"], np.ndarray)
    notebook.run("x.view(np.int64)[...] = 3" if is_array else "x.untyped_storage().fill_(3);")
    notebook.run("%tensorwatch restore x")

    assert oracle.compare(before, oracle.walk(notebook.ns)).mutated == set()


def test_a_container_is_put_back_as_a_whole(notebook: Notebook):
    notebook.run(
        "import torch\nmodel = torch.nn.Sequential(torch.nn.Linear(3, 3), torch.nn.BatchNorm1d(3))\nopt = torch.optim.AdamW(model.parameters(), fused=True)\nmodel(torch.randn(8, 3)).sum().backward()"
    )
    before = oracle.copies({"model": notebook.ns["model"]})
    notebook.run("opt.step()\nmodel(torch.randn(8, 3));")
    notebook.run("%tensorwatch restore model")

    assert set(oracle.compare(before, oracle.walk({"model": notebook.ns["model"]})).mutated) == set()


# --- how much is kept ------------------------------------------------------------------------------


def test_large_tensors_are_put_back_within_the_budget(notebook: Notebook):
    notebook.run("import torch\nx = torch.zeros(1000, 1000)")
    notebook.run("x.add_(1);")
    notebook.run("%tensorwatch restore x")

    assert notebook.ns["x"].sum() == 0


def test_what_does_not_fit_the_budget_is_refused():
    with Notebook(settings={"restore_budget": 1_000_000}) as nb:
        nb.run("import torch\nx = torch.zeros(1000, 1000)")
        nb.run("x.add_(1);")

        told = "x cannot be restored: no copy of its bytes from before cell 2 was kept"
        assert refusal(nb, "%tensorwatch restore x") == told


def test_the_oldest_copies_are_dropped_first():
    with Notebook(settings={"restore_budget": 2 * 3 * 4500}) as nb:
        nb.run("import torch\nx = torch.zeros(1000)")
        for value in range(1, 6):
            nb.run(f"x.fill_({value});")
        told = refusal(nb, "%tensorwatch restore x 3")
        nb.run("%tensorwatch restore x 4")

        assert told == "x cannot be restored: no copy of its bytes from before cell 3 was kept"
        assert set(nb.ns["x"].tolist()) == {2}


def test_copies_of_cells_that_wrote_all_and_of_one_that_wrote_one_are_dropped_in_order():
    with Notebook(settings={"restore_budget": 2 * 11 * 4500}) as nb:
        nb.run("import torch\nxs = [torch.zeros(1000) for _ in range(5)]")
        nb.run("[x.fill_(1) for x in xs];")
        nb.run("xs[0].fill_(2);")
        nb.run("[x.fill_(3) for x in xs];")
        nb.run("xs[1].fill_(4);")
        told = refusal(nb, "%tensorwatch restore xs[0] 2")
        nb.run("%tensorwatch restore xs[0] 4")
        first = set(nb.ns["xs"][0].tolist())
        nb.run("%tensorwatch restore xs 3")

        assert told == "xs[0] cannot be restored: no copy of its bytes from before cell 2 was kept"
        assert first == {2}
        assert [set(x.tolist()) for x in nb.ns["xs"]] == [{1}] * 5


def test_a_copy_that_one_cell_made_alone_goes_before_those_of_later_cells():
    with Notebook(settings={"restore_budget": 2 * 11 * 4500}) as nb:
        nb.run("import torch\nxs = [torch.zeros(1000) for _ in range(5)]")
        nb.run("xs[0].fill_(1);")
        nb.run("[x.fill_(2) for x in xs];")
        nb.run("[x.fill_(3) for x in xs];")
        nb.run("xs[1].fill_(4);")
        told = refusal(nb, "%tensorwatch restore xs[0] 2")
        nb.run("%tensorwatch restore xs 3")

        assert told == "xs[0] cannot be restored: no copy of its bytes from before cell 2 was kept"
        assert [set(x.tolist()) for x in nb.ns["xs"]] == [{1}, {0}, {0}, {0}, {0}]


def test_copies_go_when_nobody_holds_the_memory_any_more(notebook: Notebook):
    from ipy_tensorwatch.shell import extension

    notebook.run("import torch\nx, big = torch.zeros(4), torch.zeros(1000, 1000)")
    notebook.run("x.add_(1)\nbig.add_(1);")
    archive = extension._loaded[0].watcher.archive
    held = archive.size
    dead = weakref.ref(notebook.ns["big"].untyped_storage())
    notebook.cell("Out.clear()\n_ = __ = ___ = None\ndel x, big")
    notebook.run("1")

    assert held > 16 + 4_000_000
    assert (dead(), archive.size, archive.kept, [*archive.cells], archive.copies) == (None, 0, {}, [], {})


# --- what is refused -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cells", "asked", "told"),
    [
        (["x.add_(0)"], "x", "x cannot be restored: no cell was seen to change it"),
        (["x.add_(1)"], "x 9", "x cannot be restored: there is no cell 9, the last one is 3"),
        (["x.add_(1)", "1"], "x 3", "x cannot be restored: no change to it was seen since cell 3 began"),
        (["x.add_(1)"], "x 1", "x cannot be restored: no copy of its bytes from before cell 1 was kept"),
        (["x.add_(1)", "x = x + 1"], "x 2", "x cannot be restored: x was another tensor before cell 2"),
        (["x.add_(1)", "x.resize_(2)"], "x 2", "x cannot be restored: the shape of x changed in cell 2 or later"),
        (["x.add_(1)", "x.data = x.data.double()"], "x 2", "x cannot be restored: the dtype and the storage of x changed in cell 2 or later"),
        (["x.add_(1)", "%tensorwatch freeze y"], "x", "x cannot be restored: y is frozen (cell 3)"),
        (["x.add_(1)", "%tensorwatch freeze x"], "y", "y cannot be restored: x is frozen (cell 3)"),
        (["x.add_(1)", "%tensorwatch restore x"], "x 2", "x cannot be restored: x has the bytes that it had before cell 2: nothing to restore"),
        (["x.add_(1)"], "z", "there is no variable z"),
        (["x.add_(1)"], "x 0", "%tensorwatch restore: argument CELL: 0 is less than 1; see %tensorwatch restore --help"),
        (["%tensorwatch off", "x.add_(1)", "%tensorwatch on", "x.add_(1)"], "x 3", "x cannot be restored: no copy of its bytes from before cell 3 was kept"),
    ],
)  # fmt: skip
def test_one_line_says_why_nothing_is_put_back(notebook: Notebook, cells: list[str], asked: str, told: str):
    notebook.run("import torch\nx = torch.zeros(4)\ny = x[:3]")
    for cell in cells:
        notebook.cell(cell)

    assert refusal(notebook, f"%tensorwatch restore {asked}") == told


# --- blame -----------------------------------------------------------------------------------------


def test_blame_lists_every_line_that_wrote(notebook: Notebook):
    notebook.run("import torch\nx = torch.zeros(4)\nn = x.numpy()\ndef bump(t):\n    t.add_(1)")
    notebook.run("x[0] = 1\nbump(x)")
    notebook.run("n[2] = 5")
    told = notebook.cell("%tensorwatch blame x").stdout

    rows = [line.split() for line in told.splitlines() if "[" in line and "line" in line]
    assert told.startswith(" tensorwatch  blame x  3 writes")
    assert [" ".join(row[:4]).removeprefix("▲ ") for row in rows][:2] == ["[2] line 1 x[0]", "[2] line 2 bump(x)"]
    assert "cell 1, line 5: t.add_(1)" in told
    assert "changed through n" in told


def test_blame_of_a_container_folds_what_is_alike(notebook: Notebook):
    notebook.run(
        "import torch\nmodel = torch.nn.Sequential(*[torch.nn.Linear(2, 2) for _ in range(4)])\nopt = torch.optim.SGD(model.parameters(), lr=1)"
    )
    notebook.run("model(torch.ones(1, 2)).sum().backward()\nopt.step()")
    told = notebook.cell("%tensorwatch blame model").stdout

    assert "(8 tensors)" in told
    assert "opt.step()" in told


def test_blame_remembers_what_is_gone(notebook: Notebook):
    notebook.run("import torch\nx = torch.zeros(4)")
    notebook.run("x.add_(1)\ndel x")
    notebook.run("x = torch.zeros(4)")
    notebook.run("x.mul_(2)\nx.sub_(1);")
    notebook.run("del x")

    assert "x.sub_(1)" in notebook.cell("%tensorwatch blame x").stdout


def test_blame_of_what_nobody_wrote_says_so(notebook: Notebook):
    notebook.run("import torch\nx = torch.zeros(4)")

    assert "no cell was seen to write to it" in notebook.cell("%tensorwatch blame x").stdout


# --- random programs -------------------------------------------------------------------------------


@settings(max_examples=settings.default.max_examples // 4)
@given(programs())
def test_whatever_a_cell_wrote_is_put_back_or_refused(program: Program):
    with Notebook(check_leaks=False) as nb:
        for cell in program.cells:
            before = oracle.copies(nb.ns)
            nb.cell(cell.source)
            for path in sorted(oracle.compare(before, oracle.walk(nb.ns)).mutated)[:1]:
                ran = nb.cell(f"%tensorwatch restore {path} {nb.shell.execution_count - 1}")
                left = oracle.compare(before, oracle.walk(nb.ns)).mutated
                assert path not in left or isinstance(ran.error, UsageError)
