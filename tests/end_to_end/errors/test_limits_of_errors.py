"""Explaining an error reads each thing once, stops where time is up, and keeps no more than there is room for."""

from __future__ import annotations

import ast

import pytest
import torch

from ipy_tensorwatch.capture.frames import traceback_frames
from ipy_tensorwatch.core.explain import node_log
from ipy_tensorwatch.core.interpreter.candidate_lines import list_candidates, only_writer
from ipy_tensorwatch.core.interpreter.cell_definitions import definitions_in
from ipy_tensorwatch.core.records.trace.notebook import Notebook as Known
from ipy_tensorwatch.core.runtime.deadline import Deadline
from ipy_tensorwatch.core.statements.statement import parse_statements
from ipy_tensorwatch.core.syntax.parsing import parse_cell, walk_statements
from ipy_tensorwatch.shell.ipython import cell_sources
from tests.support.notebook import Notebook
from tests.support.traces import make_trace

STOP = "x = torch.ones(3, requires_grad=True); h = x.exp(); h.add_(1); h.sum().backward()"
DEEP = f"import torch\ndef down(n):\n    if n:\n        return down(n - 1)\n    {STOP}"


def stopped() -> RuntimeError:
    h = torch.ones(3, requires_grad=True).exp()
    h.add_(1)
    with pytest.raises(RuntimeError) as found:
        h.sum().backward()
    return found.value


# ---------------------------------------------------------------- frames, chains, messages


def test_a_recursion_is_read_once_for_all_of_its_frames(monkeypatch):
    parsed, parse = [], ast.parse
    with Notebook() as nb:
        nb.run(DEEP)
        monkeypatch.setattr(
            ast, "parse", lambda source, *rest, **more: (parsed.append(source), parse(source, *rest, **more))[1]
        )
        [hazard] = nb.run("down(40)", raises=RuntimeError)["hazards"]
        assert (hazard["code"], hazard["happened"]) == ("TW201", True)
    assert len([one for one in parsed if one == DEEP]) < 10, "of 40 frames"


def test_of_a_long_traceback_only_the_innermost_frames_are_kept():
    def down(n: int) -> None:
        if n:
            down(n - 1)
        else:
            raise ValueError(n)

    with pytest.raises(ValueError, match="0") as found:
        down(300)
    assert len(traceback_frames.spots_of(found.value)) == traceback_frames.MAX_FRAMES


def test_causes_in_a_circle_and_in_a_long_chain_come_to_an_end():
    error = stopped()
    around = ValueError()
    around.__cause__, error.__cause__ = error, around
    assert traceback_frames.find_error_message(around)[-1] is error
    for _ in range(10_000):
        last, around = around, ValueError()
        around.__cause__ = last
    assert traceback_frames.find_error_message(around) is None, "it lies too deep to be looked for"


def test_an_endless_message_is_not_searched(monkeypatch):
    monkeypatch.setattr(
        traceback_frames, "read_error_message", lambda text: pytest.fail(f"searched {len(text)} characters")
    )
    assert traceback_frames.find_error_message(RuntimeError("modified by an inplace operation" * 100_000)) is None


# ---------------------------------------------------------------- suspects


def test_a_line_is_not_called_the_only_one_where_not_all_were_seen():
    source = "def f(t):\n    t.mul_(2)\n    t.add_(1)"
    notebook, ran = Known(definitions=definitions_in(source, 1)), parse_statements("f(x)")
    assert only_writer(list_candidates(ran, notebook), ["MulBackward0"]).inner.text == "t.mul_(2)"
    assert list_candidates(ran, notebook, Deadline.after(0)) == []


# ---------------------------------------------------------------- odd sources


def test_statements_that_stand_in_each_other_a_thousand_times_are_walked():
    source = "if a == 0: x.add_(0)\n" + "".join(f"elif a == {i}: x.add_({i})\n" for i in range(1, 900))
    tree = parse_cell(source)
    assert [node.lineno for node in walk_statements(tree.body)][::2] == [*range(1, 901)]
    with Notebook() as nb:
        nb.run("import torch\na = 7; x = torch.zeros(2)")
        [change] = nb.run(source)["changes"]
        assert change["cause"] == "direct"


@pytest.mark.parametrize(
    "odd",
    [
        "a = [" + "1, " * 5_000 + "]",
        "a = " + "+".join("1" * 400),
        "a = 'b[0].c ' * 1\n" + "#" + "x.y[0] " * 100_000,
        "a = " + "[" * 90 + "]" * 90,
        "a = x" + ".view(-1)" * 300,
    ],
    ids=["a long list", "a long sum", "a long comment", "deep brackets", "a long chain"],
)
def test_odd_source_costs_no_report(odd):
    with Notebook() as nb:
        nb.run("import torch\nx = torch.zeros(2); y = x.view(-1)")
        report = nb.run(f"{odd}\ny.add_(1)")
        change = next(one for one in report["changes"] if one["path"] == "x")
        assert change["silent"]
        assert [one["text"] for one in change["sites"]] == ["y.add_(1)"]


# ---------------------------------------------------------------- what is kept


def test_the_sources_of_cells_are_bounded_and_the_newest_stay(monkeypatch):
    monkeypatch.setattr(cell_sources, "MAX_CHARACTERS", 10_000)
    sources = cell_sources.Sources()
    for count in range(500):
        sources.add(count, f"def f{count}(x):\n    x.add_({count})\n" + "a = 1\n" * 20)
    assert sum(map(len, sources.cells.values())) <= 10_000
    assert sum(len(one.source) for one in sources.definitions.values()) <= 10_000
    assert 499 in sources.cells
    assert "f499" in sources.definitions
    assert "f0" not in sources.definitions


def test_a_function_that_is_defined_anew_is_kept_once():
    sources = cell_sources.Sources()
    for count in range(100):
        sources.add(count, f"def f(x):\n    x.add_({count})")
    assert [*sources.definitions] == ["f"]
    assert sources.definitions["f"].cell == 99


def test_the_cells_that_a_failure_may_ask_for_are_bounded(monkeypatch):
    monkeypatch.setattr(node_log, "MAX_CHARACTERS", 1000)
    log = node_log.NodeLog()
    for count in range(100):
        log.add(make_trace("a" * 100, {}, count=count), alive=())
    assert len(log.spans) == 10
    assert (log.plain_of(99), log.plain_of(0)) == ("a" * 100, "")
