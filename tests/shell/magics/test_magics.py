"""`%tensorwatch` and the line magic `%tensordiff`, in a real shell."""

from __future__ import annotations

import pytest
from IPython.core.error import UsageError

from ipy_tensorwatch.shell.ipython.find_path import normalize
from ipy_tensorwatch.shell.ipython.magic_options import diff_parser, split, watch_parser
from tests.support.notebook import Notebook, silent

ALIASED = "import torch, numpy as np\nx = torch.zeros(6)\ny = x.view(2, 3)\nbatch = {'img': x[:3], (1, 2): torch.ones(2)}\nxs = [torch.ones(1), y[0]]"


@pytest.fixture
def aliased(notebook: Notebook) -> Notebook:
    notebook.run(ALIASED)
    return notebook


def said(nb: Notebook, line: str) -> str:
    """Run a magic that succeeds and return what it printed."""
    ran = nb.cell(line)
    assert ran.error is None, ran.error
    assert ran.result is None
    return ran.stdout


def error_message(nb: Notebook, line: str) -> str:
    """Run a magic that is nonsense and return its one line."""
    ran = nb.cell(line)
    assert isinstance(ran.error, UsageError)
    told = (ran.stdout + ran.stderr).strip()
    assert told.count("\n") == 0
    assert "Traceback" not in told
    return told.removeprefix("UsageError: ")


# --- no argument -----------------------------------------------------------------------------------


def test_the_overview_tells_the_last_cell_that_did_more_than_ask(aliased: Notebook):
    aliased.run("y.add_(1);")
    first = said(aliased, "%tensorwatch")
    second = said(aliased, "%tensorwatch")

    assert first == second
    assert " ▲ x " in first
    assert "Shared memory" in first


def test_before_any_cell_there_is_nothing_to_show(notebook: Notebook):
    assert error_message(notebook, "%tensorwatch") == "no cell has been watched yet: run one first"
    said(notebook, "%tensorwatch off")
    assert error_message(notebook, "%tensorwatch") == "no cell has been watched yet: run %tensorwatch on first"


def test_a_magic_leaves_no_trace_in_the_namespace_or_in_out(aliased: Notebook):
    before = {name for name in aliased.ns if not name.startswith("_")}
    outs = dict(aliased.shell.user_ns["Out"])
    for line in (
        "%tensorwatch",
        "%tensorwatch why x",
        "%tensorwatch history",
        "%tensorwatch status",
        "%tensordiff",
        "%tensordiff x y",
    ):
        said(aliased, line)

    assert {name for name in aliased.ns if not name.startswith("_")} == before
    assert aliased.shell.user_ns["Out"] == outs


def test_a_magic_changes_nothing(aliased: Notebook):
    aliased.run("w = torch.ones(3, requires_grad=True)\nloss = (w * 2).sum()\nstate = torch.get_rng_state()")
    for line in ("%tensorwatch", "%tensorwatch why w", "%tensordiff w w.detach()", "%tensordiff"):
        report = aliased.run(line)
        assert [one for one in report["changes"] if one["kind"] != "bound"] == []

    assert aliased.cell("loss.backward()\nbool((torch.get_rng_state() == state).all()), w.grad.tolist()").result == (
        True,
        [2.0] * 3,
    )


# --- on, off, status, config -----------------------------------------------------------------------


def test_off_leaves_cells_alone_and_on_goes_on_without_telling_what_happened_between(aliased: Notebook):
    assert "cells are not watched until %tensorwatch on" in said(aliased, "%tensorwatch off")
    assert aliased.cell("y.add_(1);").stdout == ""
    assert "cells are watched" in said(aliased, "%tensorwatch on")
    assert silent(aliased.run("a = 1")) == set()
    assert silent(aliased.run("y.add_(1);")) >= {"x"}


def test_while_off_a_cell_has_no_probes(aliased: Notebook):
    said(aliased, "%tensorwatch off")

    assert aliased.cell("import builtins\nhasattr(builtins, '__tensorwatch_probes__')").result is False


def test_the_status_tells_on_and_off_and_what_was_compared(aliased: Notebook):
    assert "on\n" in said(aliased, "%tensorwatch status").split("\n\n")[0] + "\n"
    said(aliased, "%tensorwatch off")
    told = said(aliased, "%tensorwatch status")

    assert told.startswith(" tensorwatch  ")
    assert told.split("\n")[0].endswith("off")
    assert "bytes compared" in told


def test_a_setting_is_changed_and_told(aliased: Notebook):
    assert "5 (default 10000)" in said(aliased, "%tensorwatch config history_length = 5")
    assert "5 (default 10000)" in said(aliased, "%tensorwatch config history_length")
    told = said(aliased, "%tensorwatch config")
    assert "budget_share" in told
    assert "…" not in told


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("config histori_length=5", "there is no setting histori_length: did you mean history_length?"),
        ("config history_length=many", "history_length cannot be 'many'"),
        ("config enabled=perhaps", "enabled cannot be 'perhaps': it is True or False"),
        ("config budget_floor=-1", "%tensorwatch config: budget_floor cannot be '-1': it is a number from 0"),
        ("config budget_share = 99", "budget_share cannot be '99': it is a number from 0 to 1"),
        ("config budget_share=nan", "budget_share cannot be 'nan': it is a number from 0 to 1"),
        ("config block=half", "block cannot be 'half': it is one of auto, whole, line, off"),
        ("config history_length=0", "history_length cannot be '0': it is a whole number from 1"),
        ("histroy x", "there is no command 'histroy': did you mean history?"),
        ("FIX", "there is no command 'FIX': did you mean fix?"),
        ("config zzz", "there is no setting zzz: the settings are block, budget_floor"),
        (
            "nonsense",
            "%tensorwatch: there is no command 'nonsense': the commands are help, on, off, status, why, history, freeze, thaw, frozen, blame, restore, preview, fix, ranks, config; see %tensorwatch --help",
        ),
        ("why", "the following arguments are required: PATH"),
        ("why x y", "%tensorwatch why: unrecognized arguments: y; see %tensorwatch why --help"),
        ("history -n none", "argument -n: 'none' is not a whole number; see %tensorwatch history --help"),
        ("history -n 0", "argument -n: 0 is less than 1"),
        ("--nonsense", "unrecognized arguments: --nonsense"),
        ("why batch", "batch holds 2 tensors: name one of them, for example batch['img']"),
        ("why batch['imh']", "did you mean batch['img']?"),
    ],
)
def test_nonsense_is_answered_with_one_line(aliased: Notebook, line: str, expected: str):
    told = error_message(aliased, f"%tensorwatch {line}")

    assert expected in told
    assert "inf" not in told


UNWATCHED = {
    "nobody": "there is no variable nobody",
    "bacth": "there is no variable bacth: did you mean batch?",
    "xs[7]": "there is no xs[7]: did you mean xs[1], xs[0]?",
    "x[": "x[ is not a path: write a variable with attributes and items, like model.layers[0].weight",
    "1+1": "is not a path: write a variable with attributes and items, like model.layers[0].weight",
    "number": "no tensor was found in number, which is of type int",
    "x[0]": "x[0] is a new tensor each time that it is read: name x",
}


@pytest.mark.parametrize("command", ["why", "blame", "history", "restore", "freeze"])
@pytest.mark.parametrize("spelled", UNWATCHED)
def test_each_command_says_in_the_same_line_why_there_is_no_tensor(aliased: Notebook, command: str, spelled: str):
    aliased.run("number = 5")
    if (command, spelled) == ("freeze", "x[0]"):  # the memory of a view can be frozen
        assert "frozen: x[0]" in said(aliased, "%tensorwatch freeze x[0]")
    else:
        assert UNWATCHED[spelled] in error_message(aliased, f"%tensorwatch {command} {spelled}")


def test_what_this_cell_made_is_not_watched_yet(aliased: Notebook):
    told = error_message(aliased, "late = {'w': torch.ones(2)}\n%tensorwatch why late")

    assert "late is not watched: it was made in this cell, or is made again each time that it is read" in told


CONTAINERS = """
net = torch.nn.Sequential(torch.nn.Linear(2, 2))
opt = torch.optim.SGD(net.parameters(), lr=0.1)
parts = {"net": net, "list": [*net.parameters()]}
"""


@pytest.mark.parametrize(
    "spelled", ["net", "net[0]", "opt", "parts", "parts['list']", "parts['list'][:1]", "net[0].weight"]
)
def test_each_command_takes_containers_elements_and_attributes(aliased: Notebook, spelled: str):
    aliased.run(CONTAINERS)
    aliased.run("for p in net.parameters(): p.data += 1")

    assert "p.data += 1" in said(aliased, f"%tensorwatch blame {spelled}")
    assert "p.data += 1" in said(aliased, f"%tensorwatch history {spelled}")
    assert "restored: " in said(aliased, f"%tensorwatch restore {spelled}")
    assert " frozen: " in said(aliased, f"%tensorwatch freeze {spelled}")
    if "weight" not in spelled and ":" not in spelled:
        assert ": name one of them, for example " in error_message(aliased, f"%tensorwatch why {spelled}")
    else:
        assert "why net[0].weight" in said(aliased, f"%tensorwatch why {spelled}")


# --- help ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "line",
    [
        "%tensorwatch --help",
        "%tensorwatch -h",
        "%tensorwatch help",
        "%tensorwatch why --help",
        "%tensordiff --help",
        "%tensorwatch history --help",
    ],
)
def test_help_is_printed_and_nothing_else_happens(aliased: Notebook, line: str):
    assert said(aliased, line).startswith("usage: %")


@pytest.mark.parametrize(("name", "parser"), [("tensorwatch", watch_parser), ("tensordiff", diff_parser)])
def test_a_question_mark_shows_the_help(aliased: Notebook, name: str, parser):
    printed = said(aliased, f"%{name} --help")

    assert aliased.shell.object_inspect(f"%{name}")["docstring"] + "\n" == printed == parser().format_help()


def test_every_option_is_explained():
    for parser in (watch_parser(), diff_parser()):
        assert [action.dest for action in parser._actions if not action.help and action.dest != "command"] == []


# --- why -------------------------------------------------------------------------------------------


def test_why_tells_group_history_and_ipythons_own_holders(aliased: Notebook):
    aliased.cell("x[2:4]")
    aliased.run("y.add_(1);")
    aliased.run("def f(t):\n    t.mul_(2)\nf(x)")
    told = said(aliased, "%tensorwatch why x")
    rows = [line.split() for line in told.split("\n")]

    words = " ".join(told.split())
    assert "y the same elements 2×3 cell 1, line 3 y = x.view(2, 3)" in words
    assert "batch['img'] overlaps 3 cell 1, line 4 batch = {'img': x[:3], (1, 2)" in words
    assert ["Out[2]", "(kept", "by", "IPython)", "overlaps", "2"] in rows
    assert ["_2", "(kept", "by", "IPython)", "overlaps", "2"] in rows
    assert [row[:3] for row in rows if row[:2] in (["▲", "[3]"], ["▲", "[4]"])] == [
        ["▲", "[3]", "x"],
        ["▲", "[4]", "x"],
    ]
    assert "no name leads to" not in told


def test_why_counts_what_a_closure_holds(aliased: Notebook):
    aliased.run("def hide(t):\n    kept = t.detach()\n    return lambda: kept\nhidden = hide(x)")

    assert "1 more tensor without a name holds its storage" in said(aliased, "%tensorwatch why x")


def test_why_counts_the_base_of_a_view_and_the_tensor_behind_an_array(aliased: Notebook):
    aliased.run("v = torch.zeros(6).view(2, 3)\nt = torch.zeros(3)\na = t.numpy()")

    assert "1 more tensor without a name holds its storage" in said(aliased, "%tensorwatch why v")
    assert "more tensor" not in said(aliased, "%tensorwatch why t")


def test_why_of_an_array_that_is_alone(aliased: Notebook):
    aliased.run("a = np.zeros(3)")

    assert "no other variable holds its memory" in said(aliased, "%tensorwatch why a")


@pytest.mark.parametrize(
    ("spelled", "path"),
    [
        ("x", "x"),
        ('batch["img"]', "batch['img']"),
        ("batch[ 'img' ]", "batch['img']"),
        ("batch[1,2]", "batch[(1, 2)]"),
        ("xs[ 1 ]", "xs[1]"),
        ("xs[-1]", "xs[1]"),
        ("batch[key]", "batch['img']"),
        ("x.data", None),
    ],
)
def test_why_takes_any_spelling_that_leads_there(aliased: Notebook, spelled: str, path: str | None):
    aliased.run("key = 'img'")
    if path is None:
        assert "x.data is a new tensor each time" in error_message(aliased, f"%tensorwatch why {spelled}")
    else:
        assert said(aliased, f"%tensorwatch why {spelled}").startswith(f" tensorwatch  why {path}\n")


def test_why_calls_nothing(aliased: Notebook):
    """A call could do anything; names, attributes and items are followed."""
    aliased.run("calls = []\ndef f():\n    calls.append(1)\n    return x")

    assert "f() is not a path" in error_message(aliased, "%tensorwatch why f()")
    assert aliased.ns["calls"] == []


# --- history ---------------------------------------------------------------------------------------


def test_the_history_is_told_by_cell_and_cut_to_the_latest(aliased: Notebook):
    for value in range(1, 4):
        aliased.run(f"y.fill_({value});")
    all_of_x = said(aliased, "%tensorwatch history x")
    latest = said(aliased, "%tensorwatch history -n 1 x")

    assert [f"y.fill_({value})" in all_of_x for value in range(1, 4)] == [True] * 3
    assert [f"y.fill_({value})" in latest for value in range(1, 4)] == [False, False, True]
    assert "… and 2 earlier: %tensorwatch history -n 3" in latest


def test_the_history_of_a_tensor_that_is_gone_is_still_told(aliased: Notebook):
    aliased.run("y.add_(1);")
    aliased.run("del y")

    assert "y.add_(1)" in said(aliased, "%tensorwatch history y")


# --- %tensordiff -----------------------------------------------------------------------------------


def test_the_line_magic_tells_the_last_cell_without_running_anything(aliased: Notebook):
    aliased.run("y.add_(1);")
    said(aliased, "%tensorwatch status")
    told = said(aliased, "%tensordiff")

    assert told.startswith(" tensordiff  [2]  ")
    assert "[0] 0 → 1, [1] 0 → 1, [2] 0 → 1" in told
    assert "operator" not in told
    assert aliased.ns["x"].tolist() == [1.0] * 6


def test_the_line_magic_tells_operators_that_were_recorded(aliased: Notebook):
    aliased.cell("%%tensordiff\ny.add_(1);")

    assert "aten.add_" in said(aliased, "%tensordiff")
    assert "aten.add_" not in said(aliased, "%tensordiff --no-ops")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("x y", ["they share every element", "their shapes differ"]),
        ("x y.view(-1)", ["they share every element", "all 6 elements are equal"]),
        ("x x.clone()+1", ["they share no byte", "6 of 6 elements differ, max |Δ| 1"]),
        ("x[:4] x[2:]", ["they share some bytes", "all 4 elements are equal"]),
        ("x x", ["they are one tensor"]),
        ("x x.numpy()", ["they share every element", "cpu (NumPy)"]),
        ("torch.tensor([1.,float('nan')]) torch.tensor([1.,float('nan')])", ["all 2 elements are equal"]),
        ("torch.tensor([1.,float('inf')]) torch.tensor([1.,2.])", ["1 of 2 elements differs\n"]),
        ("torch.tensor([True,False]) torch.tensor([True,True])", ["1 of 2 elements differs, max |Δ| 1"]),
        ("torch.ones(2,dtype=torch.bfloat16) torch.ones(2)", ["bfloat16", "all 2 elements are equal"]),
        ("torch.ones(2,dtype=torch.complex64) torch.ones(2)", ["all 2 elements are equal"]),
        ("torch.eye(2).to_sparse() torch.eye(2)", ["all 4 elements are equal"]),
        ("torch.ones(2,device='meta') torch.ones(2)", ["their values cannot be compared"]),
        ("torch.empty(0) torch.empty(0)", ["all 0 elements are equal"]),
        ("torch.ones(1) torch.ones(1)", ["1 element is equal"]),
        ("torch.tensor(1.) torch.tensor(2.)", ["scalar", "1 of 1 element differs, max |Δ| 1"]),
    ],
)
def test_two_tensors_are_compared(aliased: Notebook, line: str, expected: list[str]):
    told = said(aliased, f"%tensordiff {line}")

    assert [one for one in expected if one not in told] == []


def test_as_many_values_are_shown_as_asked_for(aliased: Notebook):
    def shown(options: str) -> int:
        told = said(aliased, f"%tensordiff {options} x x+1")
        return sum(line.startswith("   [") for line in told.split("\n"))

    assert [shown(""), shown("--values 0"), shown("--values 5")] == [3, 0, 5]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("x", "%tensordiff compares two tensors: name another, or none to see what the last cell did"),
        ("x y x", "%tensordiff compares two tensors, not 3: x, y, x"),
        ("x nobody", "nobody: NameError: name 'nobody' is not defined"),
        ("x 1/0", "1/0: ZeroDivisionError"),
        ("x 5", "5 is neither a tensor nor an array; its type is int"),
        ("x if", "if: SyntaxError"),
        ("--nonsense", "unrecognized arguments: --nonsense"),
        ("--preview", "%tensordiff shows what has run: write %%tensordiff --preview above a cell"),
        ("--values 101", "101 is not between 0 and 100"),
        ("--max-rows no", "argument --max-rows: 'no' is not a whole number; "),
    ],
)
def test_nonsense_for_tensordiff_is_answered_with_one_line(aliased: Notebook, line: str, expected: str):
    assert expected in error_message(aliased, f"%tensordiff {line}")


# --- words -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("", []),
        ("why x", ["why", "x"]),
        ("why batch['a b']", ["why", "batch['a b']"]),
        ("x[:, 0] y", ["x[:, 0]", "y"]),
        ("f(a, b) 'it''s'", ["f(a, b)", "'it''s'"]),
        ("a] b", ["a]", "b"]),
        ('"x y', ['"x y']),
    ],
)
def test_words_are_split_at_spaces_outside_of_quotes_and_brackets(line: str, words: list[str]):
    assert split(line) == words


@pytest.mark.parametrize(("one", "other"), [('a["b"]', "a['b']"), ("a [ 0 ] . b", "a[0].b"), ("d[1,2]", "d[(1, 2)]")])
def test_two_spellings_of_one_path_are_equal(one: str, other: str):
    assert normalize(one) == normalize(other)


def test_a_command_of_ours_that_fails_says_so_in_one_line_and_the_status_tells_why(notebook: Notebook, monkeypatch):
    from ipy_tensorwatch.shell.magics import commands

    def fail(*_: object) -> None:
        raise ZeroDivisionError("ours")

    monkeypatch.setattr(commands, "overview", fail)
    notebook.run("x = 1")
    ran = notebook.cell("%tensorwatch")

    assert ran.stdout + ran.stderr == "UsageError: %tensorwatch failed; %tensorwatch status tells why\n"
    assert "ZeroDivisionError: ours" in notebook.cell("%tensorwatch status").stdout
