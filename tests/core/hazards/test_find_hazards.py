"""How the hazards after a cell follow from its trace and from those before: when they begin, last, and are over."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ipy_tensorwatch.core.blame.evidence.statement_timeline import Timeline
from ipy_tensorwatch.core.blame.reasoning import Reasoning
from ipy_tensorwatch.core.hazards import find_hazards as hazards
from ipy_tensorwatch.core.hazards.find_hazards import find_hazards
from ipy_tensorwatch.core.hazards.hazard import Turn
from ipy_tensorwatch.core.hazards.overwritten import find_broken_saves
from ipy_tensorwatch.core.hazards.standing_hazards import Standing
from ipy_tensorwatch.core.records.trace.evidence import OptimizerStep
from ipy_tensorwatch.core.records.trace.graph_state import GraphState
from ipy_tensorwatch.core.records.trace.saved_tensor import Overwritten, SavedTensor, Writing
from tests.support.records import reading
from tests.support.traces import make_trace

X, Y = reading(1), reading(2)
VIEWS = {"x": X, "y": Y}


def saved(**more):
    values = {
        "op": "MulBackward0",
        "argument": "self",
        "sequence": 5,
        "place": 0,
        "cell": 3,
        "reading": X,
        "version": 0,
        "is_checked": True,
    }
    return SavedTensor(**(values | more))


def state(*, version=1, roots=("loss",), cells=(3,), **more):
    return GraphState(
        overwritten=(Overwritten(saved=saved(), version=version, roots=roots),), cells=frozenset(cells), **more
    )


def find(trace, standing=None):
    return find_hazards(Reasoning(trace), standing or Standing())


BROKEN = make_trace(
    "loss = (x * x).sum()\ny.add_(1)",
    VIEWS,
    graphs=state(),
    entered=((5, 0), (6, 1)),
    writes={1: [[1]]},
)


class TestOverwrittenSave:
    def test_it_begins_with_who_saved_and_who_wrote(self):
        after = find(BROKEN)
        [one] = after.hazards
        assert ("TW201", "raises", 5) == (one.code, one.outcome, one.node)
        assert ("loss = (x * x).sum()", "y.add_(1)") == (one.saved_at.text, one.written_at.text)
        assert (Turn(cell=3, hazard=one),) == after.turned

    def test_who_wrote_is_remembered_after_other_cells(self):
        first = find(BROKEN)
        second = find(make_trace("z.add_(1)", VIEWS, changed=[], graphs=BROKEN.graphs, count=4), first)
        assert first.hazards == second.hazards
        assert () == second.turned

    def test_it_is_over_when_its_graph_is(self):
        first = find(BROKEN)
        over = find(make_trace("del loss", VIEWS, changed=[], graphs=GraphState(fates={5: "graph-gone"})), first)
        assert () == over.hazards
        assert ["graph-gone"] == [turn.why for turn in over.turned]

    def test_of_the_writers_the_one_that_names_a_variable_over_it_is_said(self):
        [one] = find(BROKEN).hazards
        assert ("x", "y") == tuple(sorted(one.paths))
        assert 3 == one.written_cell

    def test_memory_that_no_variable_leads_to_has_a_writer_too(self):
        gone = reading(9, 9)
        trace = make_trace(
            "t = f()\ng()", {"x": X}, changed=[], entered=((5, 0), (6, 1)), writes={9: [[1]]},
            graphs=GraphState(overwritten=(Overwritten(saved=saved(reading=gone), version=1, roots=()),), cells=frozenset((3,))),
        )  # fmt: skip
        assert "g()" == find(trace).hazards[0].written_at.text

    def test_a_writing_that_is_known_is_not_asked_for_again(self):
        known = Writing(cell=2, path="x")
        [found] = BROKEN.graphs.overwritten
        [one] = find(BROKEN, Standing(writings={found.key: known})).hazards
        assert 2 == one.written_cell


class TestQuietCell:
    def test_nothing_is_looked_for_anew(self):
        first = find(make_trace("x.add_(1)", VIEWS))
        trace = make_trace("1 + 1", VIEWS, changed=[])
        same = replace(trace, after=first.seen[1])
        assert first.seen is find(same, first).seen

    def test_another_snapshot_is_looked_at(self):
        first = find(make_trace("x.add_(1)", VIEWS))
        second = find(make_trace("1 + 1", VIEWS, changed=[]), first)
        assert first.seen is not second.seen


LEAVES = {
    "a": reading(1, 1, requires_grad=True), "a.grad": reading(3, 3), "b": reading(2, 2, requires_grad=True), "b.grad": reading(4, 3),
}  # fmt: skip


class TestLasting:
    def test_shared_gradients_begin_last_and_are_over(self):
        first = find(make_trace("loss.backward()", LEAVES))
        assert ["TW203"] == [one.code for one in first.hazards]
        assert "loss.backward()" == first.hazards[0].written_at.text
        lasting = find(make_trace("1 + 1", LEAVES, changed=[]), first)
        assert first.hazards == lasting.hazards
        parted = LEAVES | {"b.grad": reading(5, 5)}
        over = find(make_trace("b.grad = b.grad.clone()", parted, changed=[]), lasting)
        assert (["memory-replaced"], ()) == ([one.why for one in over.turned], over.hazards)

    def test_a_variable_that_is_gone_ends_it(self):
        first = find(make_trace("loss.backward()", LEAVES))
        over = find(make_trace("del b", {"a": LEAVES["a"]}, changed=[]), first)
        assert ["variable-gone"] == [one.why for one in over.turned]

    def test_a_state_dict_that_goes_on_training_is_found_beside_what_is_settled(self):
        parameter, kept = reading(1, 4, requires_grad=True, kind="parameter"), reading(2, 4)
        step = OptimizerStep(statement=0, paths=frozenset(("opt",)), storages=frozenset((4,)))
        after = find(make_trace("opt.step()", {"net.w": parameter, "best['w']": kept}, steps=(step,)))
        assert [("TW207", ("best['w']",))] == [(one.code, one.paths) for one in after.hazards]

    @pytest.mark.parametrize(
        "path", ["before", "old_params[0]", "snapshot['w']", "bestModel.w", "init_w", "w_old", "ckpt", "net_copy.w"]
    )
    def test_a_parameter_under_the_name_of_a_copy_is_found_and_whose_it_is(self, path):
        parameter = reading(1, 4, requires_grad=True, kind="parameter")
        step = OptimizerStep(statement=0, paths=frozenset(("opt",)), storages=frozenset((4,)))
        trace = make_trace("opt.step()", {path: parameter, "ps[0]": parameter, "net.w": parameter}, steps=(step,))
        found = [(one.code, one.paths, one.fact.owner) for one in find(trace).hazards]
        assert found == [("TW207", (path,), "net")]

    @pytest.mark.parametrize("path", ["params[0]", "W", "threshold", "gold", "weights", "policy.w"])
    def test_under_a_plain_name_it_is_not(self, path):
        parameter = reading(1, 4, requires_grad=True, kind="parameter")
        step = OptimizerStep(statement=0, paths=frozenset(("opt",)), storages=frozenset((4,)))
        trace = make_trace("opt.step()", {path: parameter, "net.w": parameter}, steps=(step,))
        assert find(trace).hazards == ()

    def test_a_copy_that_is_trained_by_its_name_is_not(self):
        parameter = reading(1, 4, requires_grad=True, kind="parameter")
        step = OptimizerStep(statement=0, paths=frozenset(("opt",)), storages=frozenset((4,)))
        both = {"best.w": parameter, "nets[0].w": parameter}
        assert find(make_trace("fit(best)", both, steps=(step,))).hazards == ()
        assert find(make_trace("opt.step()", {"best.w": parameter}, steps=(step,))).hazards == ()

    def test_a_write_to_an_expanded_tensor_is_found(self):
        wide = reading(1, shape=(3, 6), strides=(0, 4))
        assert ["TW206"] == [one.code for one in find(make_trace("x.add_(1)", {"x": wide})).hazards]

    def test_an_unrecorded_write_to_what_has_a_history_is_found(self):
        h = reading(1, is_leaf=False, requires_grad=True, grad_fn="ExpBackward0")
        trace = make_trace("y.add_(1)", {"h": h, "y": Y}, graphs=GraphState(same=frozenset("h")))
        assert [("TW209", "wrong")] == [(one.code, one.outcome) for one in find(trace).hazards]
        used = make_trace("y.add_(1)", {"h": h, "y": Y}, graphs=GraphState(same=frozenset("h"), used=frozenset("h")))
        assert [("TW209", "risk")] == [(one.code, one.outcome) for one in find(used).hazards]


def test_only_cells_of_which_nodes_live_are_remembered_and_not_too_many(monkeypatch):
    monkeypatch.setattr(find_broken_saves, "MAX_CELLS", 20)
    built = {count: Timeline("a = 1\n" * 10, ((0, 0),) * 10) for count in range(100, 130)}
    trace = make_trace("1 + 1", {}, graphs=GraphState(cells=frozenset((3, *range(101, 130)))))
    kept = find_broken_saves.remember_cell(Reasoning(trace), built)
    assert [*range(111, 130), 3] == [*kept]
    monkeypatch.setattr(find_broken_saves, "MAX_CHARACTERS", 3000)
    assert 5 == len(find_broken_saves.remember_cell(Reasoning(trace), built))


def test_a_failure_leaves_only_what_is_still_ahead_as_news():
    standing = find(BROKEN)
    turn = Turn(cell=3, hazard=replace(standing.hazards[0], happened=True))
    assert (turn,) == standing.with_failure(turn, ()).turned
    assert (turn, *standing.turned) == standing.with_failure(turn, standing.hazards).turned


def test_the_lines_to_edit_are_looked_for_for_so_many_fixes(monkeypatch):
    names = [f"h{number}" for number in range(4)]
    readings = {one: reading(10 + number, 10 + number) for number, one in enumerate(names)}
    source = "loss = f()\n" + "\n".join(f"{one}.add_(1)" for one in names)
    overwritten = tuple(
        Overwritten(
            saved=saved(place=number, reading=readings[one], sequence=5 + number), version=number + 2, roots=("loss",)
        )
        for number, one in enumerate(names)
    )
    trace = make_trace(
        source,
        readings,
        graphs=GraphState(overwritten=overwritten, cells=frozenset((3,))),
        entered=((5, 0), (9, 1), (9, 2), (9, 3), (9, 4)),
        writes={10 + number: [[number + 1]] for number in range(4)},
    )

    def edited() -> list[bool]:
        return [bool(one.fix.edits) for one in find(trace).hazards]

    assert [True] * 4 == edited()
    monkeypatch.setattr(hazards, "MAX_EDITED", 3)
    assert [True, True, True, False] == edited()
