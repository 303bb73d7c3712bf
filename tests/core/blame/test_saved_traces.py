"""The traces of real cells, saved: what follows from them is what followed when they were saved, without PyTorch."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest

from ipy_tensorwatch.core.blame.reasoning import Reasoning
from ipy_tensorwatch.core.hazards.codes import OUTCOMES
from ipy_tensorwatch.core.records.snapshots.outline import Outline, OutlineRun
from ipy_tensorwatch.core.records.snapshots.snapshot import RootSnapshot, Snapshot
from ipy_tensorwatch.core.records.trace.evidence import Position, SeenWrite
from tests.support.records import reading
from tests.support.trace_json import read_trace, write_trace
from tests.support.traces import SAVED, load, make_trace, outcomes

STORIES = sorted(one.stem for one in SAVED.glob("*.json"))


@pytest.mark.parametrize("name", STORIES)
def test_what_followed_from_real_cells_follows_again(name):
    if name == "more_refused_writes" and sys.version_info < (3, 11):
        pytest.skip("ast.unparse of Python 3.10 writes `(a, b) = c` for `a, b = c`")
    traces, said = load(name)
    assert said == json.loads(json.dumps([*outcomes(traces)]))


def test_every_hazard_of_real_cells_has_an_outcome_that_its_code_may_have():
    told = [one for name in STORIES for cell in load(name)[1] for one in cell.get("hazards", ())]
    assert len(told) > 200
    assert [] == [one for one in told if one["outcome"] not in OUTCOMES[one["code"]]]


@pytest.mark.parametrize("name", STORIES)
def test_a_trace_that_is_read_back_is_the_same(name):
    for trace in load(name)[0]:
        text = write_trace(trace)
        again = read_trace(text)
        assert text == write_trace(again)
        assert (trace.cell, trace.own, trace.notebook, trace.graphs, trace.error) == (
            again.cell,
            again.own,
            again.notebook,
            again.graphs,
            again.error,
        )
        assert [*trace.after.entries()] == [*again.after.entries()]


@pytest.mark.parametrize("name", STORIES)
def test_no_trace_says_where_a_machine_keeps_its_libraries(name):
    text = (SAVED / f"{name}.json").read_text(encoding="utf-8")
    assert [] == [one for one in re.findall(r'"file":"(/[^"]*)"', text) if not one.startswith("/lib/")]


def test_masks_and_odd_numbers_are_read_back():
    mask = bytes([0, 1] * 50)
    writes = {
        1: (
            SeenWrite(
                storage=1, positions=frozenset((Position(0, ("there", 2), blind=False), Position(1))), mask=mask, low=4
            ),
        )
    }
    trace = make_trace("f(x)", {"x": reading(1)}, evidence={"writes": writes})
    again = read_trace(write_trace(trace))
    assert trace.own == again.own
    assert again.seconds == float("inf")


def test_a_scene_of_two_snapshots_is_written_once():
    scene = RootSnapshot(outline=Outline(runs=[OutlineRun(0, "name", ("x",))]), readings=(reading(1),))
    both = Snapshot(scenes={"": scene})
    again = read_trace(write_trace(make_trace("f(x)", {"x": reading(1)}, before=both, after=both)))
    assert again.before.scenes[""] is again.after.scenes[""]


def test_gradients_stay_with_their_leaves():
    leaf, grad = reading(1, requires_grad=True), reading(2, 2)
    again = read_trace(write_trace(make_trace("f(x)", {"net.w": leaf, "net.w.grad": grad})))
    assert [str(path) for path, _ in again.after.entries()] == ["net.w", "net.w.grad"]
    assert again.after.scenes[""].gradients == ((0, 1),)


@pytest.mark.parametrize(
    "text",
    ['{"schema": 0, "trace": null}', '{"schema": 1, "trace": {"@": "Cell"}}', '{"schema": 1, "trace": {"@": "x"}}'],
)
def test_what_is_no_trace_is_refused(text):
    with pytest.raises((ValueError, TypeError)):
        read_trace(text)


def test_reasoning_needs_no_torch():
    name = "second_backward"
    program = (
        "import sys, json; from tests.support.traces import load, outcomes; "
        f"traces, said = load({name!r}); list(outcomes(traces)); assert not {{'torch', 'IPython'}} & {{*sys.modules}}"
    )
    subprocess.run([sys.executable, "-c", program], check=True, cwd=SAVED.parent.parent.parent)


def test_a_silent_change_is_found_without_making_the_others():
    traces, _ = load("best_state_dict_is_a_reference")
    reasoning = Reasoning(traces[-2])
    silent = reasoning.silent
    assert {one.path for one in silent} == {"best['weight']", "best['bias']"}
    assert "changes" not in vars(reasoning)
    assert silent == tuple(one for one in reasoning.changes if one.silent)
