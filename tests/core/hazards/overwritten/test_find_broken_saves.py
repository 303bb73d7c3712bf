"""The hazards after a cell, from its trace: which begin, which stand, which are over; who saved and who wrote."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ipy_tensorwatch.core.blame.evidence.statement_timeline import Timeline
from ipy_tensorwatch.core.blame.reasoning import Reasoning
from ipy_tensorwatch.core.hazards.find_hazards import find_hazards
from ipy_tensorwatch.core.hazards.hazard import Turn
from ipy_tensorwatch.core.hazards.overwritten import find_broken_saves
from ipy_tensorwatch.core.hazards.overwritten.find_broken_saves import remember_cell
from ipy_tensorwatch.core.hazards.standing_hazards import Standing
from ipy_tensorwatch.core.records.reason import FREED
from ipy_tensorwatch.core.records.trace.evidence import OptimizerStep
from ipy_tensorwatch.core.records.trace.graph_state import GraphState
from ipy_tensorwatch.core.records.trace.saved_tensor import RootOrigin
from tests.support.records import hazard, overwritten, reading, saved_tensor, site
from tests.support.traces import make_trace

H = reading(1, grad_fn="MulBackward0")
LOSS = reading(8, 8, shape=(), high=4)
SAVED = GraphState(overwritten=(overwritten(),), cells=frozenset((2, 3)))
BUILT = {2: Timeline("h = w * 2\nloss = (h * w).sum()", ((5, 0), (7, 1)))}


def find(plain="h.add_(1)", readings=None, standing=None, graphs=SAVED, **more) -> Standing:
    trace = make_trace(plain, readings or {"h": H, "loss": LOSS}, graphs=graphs, **({"changed": ("h",)} | more))
    return find_hazards(Reasoning(trace), standing or Standing(built=BUILT))


def codes(standing: Standing) -> list[str]:
    return [one.code for one in standing.hazards]


def test_an_overwritten_save_is_told_with_who_saved_and_who_wrote_and_with_its_edits():
    found = find()

    [one] = found.hazards
    assert ("TW201", ("h",), "loss", True) == (one.code, one.paths, one.fact.root, one.fact.is_scalar)
    assert (site(2, "loss = (h * w).sum()"), site(1, "h.add_(1)"), 2, 3) == (
        one.saved_at, one.written_at, one.saved_cell, one.written_cell,
    )  # fmt: skip
    assert [(3, 1, 1, "h = h.add(1)")] == [(e.cell, e.line, e.end_line, e.text) for e in one.fix.edits]
    assert (Turn(cell=3, hazard=one),) == found.turned


@pytest.mark.parametrize(
    ("kind", "plain", "root", "outcome"),
    [
        ("parameter", "net.w.fill_(1)", "out", "risk"), ("parameter", "net.w.fill_(1)", "loss", "raises"), ("tensor", "net.w.fill_(1)", "out", "raises"),
        ("parameter", "v = net.w.numpy(); v[0] = 1", "out", "raises"),
    ],
)  # fmt: skip
def test_outputs_from_before_a_parameter_was_set_by_name_are_old(kind, plain, root, outcome):
    readings = {"net.w": reading(1, kind=kind), "out": reading(9, 9), "loss": LOSS}
    graphs = GraphState(overwritten=(overwritten(roots=(root,)),), cells=frozenset((2, 3)))
    found = find(plain, readings, graphs=graphs, changed=("net.w",))
    assert [("TW201", outcome)] == [(one.code, one.outcome) for one in found.hazards if one.code == "TW201"]


def test_of_several_results_that_are_due_those_are_told_that_no_other_was_computed_from():
    origins = {
        "total": RootOrigin(cell=2, sequence=9, through=("a", "b")),
        "again": RootOrigin(cell=2, sequence=9, through=("a", "b")),
        "a": RootOrigin(cell=2, sequence=8), "b": RootOrigin(cell=2, sequence=7), "c": RootOrigin(cell=2, sequence=6),
    }  # fmt: skip
    graphs = GraphState(overwritten=(replace(overwritten(tuple(origins)), origins=origins),), cells=frozenset((2, 3)))
    [one] = find(readings={"h": H} | dict.fromkeys(origins, LOSS), graphs=graphs).hazards

    assert ("total", ("c",)) == (one.fact.root, one.fact.others)


@pytest.mark.parametrize(
    ("after", "root", "outcome"),
    [
        ("plot(out.detach().numpy())", "out", "risk"), ("plot(out[0].cpu().data.numpy())", "out", "risk"), ("x = out.data_of", "out", "raises"),
        ("best = torch.argmax(out, dim=1); print(len(out), out.shape)", "out", "risk"), ("right += (out > 0).sum()", "out", "risk"),
        ("print(out.shape)", "out", "raises"), ("best = out.argmax(); total += out.sum()", "out", "raises"), ("plot(out.detach()); show(out)", "out", "raises"), ("show(x.out)", "out", "raises"),
        ("plot(loss.detach())", "loss", "raises"), ("print(score.squeeze().item())", "score", "risk"), ("print(score)", "score", "raises"),
    ],
)  # fmt: skip
def test_a_result_of_which_only_values_are_read_needs_no_backward(after, root, outcome):
    readings = {"h": H, "out": reading(9, 9), "loss": LOSS, "score": reading(7, 7, shape=(1, 1), high=4)}
    graphs = GraphState(overwritten=(overwritten(roots=(root,)),), cells=frozenset((2, 3)))
    first = find(f"h.add_(1)\n{after}", readings, graphs=graphs)
    assert [("TW201", outcome)] == [(one.code, one.outcome) for one in first.hazards]
    later = find("x = 1", readings, first, graphs, changed=(), count=4)
    assert [("TW201", outcome)] == [(one.code, one.outcome) for one in later.hazards]


def test_who_wrote_first_is_remembered_and_the_hazard_begins_once():
    first = find()

    second = find("x = 1", standing=first, changed=(), found=(), outside=())

    assert (codes(first), ()) == (codes(second), second.turned)
    third = find("h.mul_(2)", standing=first)
    assert (first.hazards, ()) == (third.hazards, third.turned)


def test_without_a_change_nothing_is_looked_for_again():
    first = find()
    trace = make_trace("x = 1", {"h": H}, graphs=SAVED, changed=())
    standing = Standing(hazards=first.hazards, seen=(SAVED.overwritten, trace.after, (), (), ()), turned=first.turned)

    again = find_hazards(Reasoning(trace), standing)

    assert (first.hazards, ()) == (again.hazards, again.turned)


@pytest.mark.parametrize(
    ("one", "graphs", "expected"),
    [
        (hazard(), GraphState(fates={7: "backward-done"}), "backward-done"),
        (hazard(node=None), GraphState(), "memory-replaced"),
        (hazard("gone", node=None), GraphState(), "variable-gone"),
    ],
)
def test_a_hazard_that_is_found_no_more_is_over(one, graphs, expected):
    found = find(graphs=graphs, standing=Standing(hazards=(one,)))

    assert [Turn(cell=3, hazard=one, why=expected)] == [turn for turn in found.turned if turn.why]


def test_hazards_of_memory_last_while_their_paths_lead_where_they_led():
    lies = {"x": reading(1, shape=(3, 4), strides=(0, 4), high=16)}
    first = find("x[0] = 1", lies, graphs=GraphState(), changed=("x",))
    trace = make_trace("y = 1", lies, changed=(), graphs=GraphState(overwritten=(overwritten(roots=()),)))

    assert ["TW206"] == codes(first)
    assert "TW206" in codes(find_hazards(Reasoning(trace), first))
    assert [] == codes(find("x = 1", {"x": reading(2, 2)}, graphs=GraphState(), standing=first, changed=("x",)))


def test_what_is_said_of_a_saved_tensor_is_not_said_of_its_unrecorded_write():
    unrecorded = GraphState(overwritten=SAVED.overwritten, same=frozenset(("h",)), cells=SAVED.cells)

    assert ["TW201"] == codes(find("c[0] = 0", graphs=unrecorded))
    assert ["TW209"] == codes(find("c[0] = 0", graphs=GraphState(same=frozenset(("h",)))))


def test_memory_that_is_gone_is_a_hazard_as_long_as_it_is():
    assert ["TW208"] == codes(find("x = 1", {"x": reading(1, unknown=FREED)}, graphs=GraphState()))
    assert ["TW208"] == codes(find("x = 1", {"x": reading(1, 5)}, graphs=GraphState(), gone=(5,)))


GRADS = {"a": reading(1), "a.grad": reading(3, 9), "b": reading(2, 2), "b.grad": reading(4, 9)}


@pytest.mark.parametrize(
    ("plain", "ran", "expected"),
    [
        ("x = 1\nloss.backward()", (0, 1), site(2, "loss.backward()", certainty="inferred")),
        ("if c:\n    loss.backward()", (0,), None),
        ("loss.backward()\nloss.backward()", (0, 1), None),
        ("f()", (0,), None),
    ],
)
def test_gradients_in_one_memory_come_from_the_one_statement_that_ran_backward(plain, ran, expected):
    found = find(plain, GRADS, graphs=GraphState(), changed=("a.grad",), evidence={"ran": frozenset(ran)})

    assert [("TW203", expected)] == [(one.code, one.written_at) for one in found.hazards]


def test_what_the_cell_died_of_is_news_before_what_is_still_ahead():
    found = find()
    died = Turn(cell=3, hazard=hazard("k", happened=True))
    over = Turn(cell=3, hazard=hazard("m"), why="graph-gone")
    standing = Standing(turned=(*found.turned, over))

    assert (died, over) == standing.with_failure(died, ()).turned
    assert (died, *found.turned, over) == standing.with_failure(died, found.hazards).turned


def test_a_variable_that_the_statement_names_is_told_before_one_that_shares_its_bytes():
    [one] = find("y.add_(1)", {"h": H, "y": reading(2), "loss": LOSS}, changed=("h", "y")).hazards

    assert (("h", "y"), "y = y.add(1)") == (one.paths, one.fix.code)


def test_a_variable_that_lies_just_so_is_named_first():
    part = reading(3, shape=(3,), high=12)

    [one] = find("f()", {"part": part, "h": H, "loss": LOSS}, changed=("h",)).hazards

    assert ("h", "part") == one.paths


def test_a_write_beside_the_saved_bytes_moves_the_version_too():
    beside = reading(2, shape=(1,), low=24, high=28, data_ptr=4096 + 24)

    [one] = find("beside.add_(1)", {"beside": beside, "loss": LOSS}, changed=("beside",)).hazards

    assert ((), "beside", site(1, "beside.add_(1)")) == (one.paths, one.fact.via, one.written_at)


def test_a_write_to_what_no_variable_leads_to_is_told_by_the_looks():
    seen = find("a = 1\nf()", {"loss": LOSS}, changed=(), writes={1: [[1]]})
    unsure = find("a = 1\nf()", {"loss": LOSS}, changed=(), writes={1: [[0, 1]]})

    assert [site(2, "f()")] == [one.written_at for one in seen.hazards]
    assert [None] == [one.written_at for one in unsure.hazards]


def test_of_several_writes_after_the_save_the_first_is_told():
    graphs = GraphState(overwritten=(overwritten(cell=3, sequence=7),), cells=frozenset((3,)))

    [one] = find(
        "h.add_(1)\ny = h * w\nh.mul_(2)", graphs=graphs, evidence={"entered": ((6, 0), (7, 1), (8, 2))}
    ).hazards

    assert ("y = h * w", "h.mul_(2)") == (one.saved_at.text, one.written_at.text)


def test_leaves_arrays_and_steps_are_told_as_such():
    leaf = reading(1, requires_grad=True)
    array = reading(1, kind="ndarray")

    assert "save-copy" == find(readings={"h": leaf, "loss": LOSS}).hazards[0].fix.kind
    assert "h = h.copy()" == find("h[0] = 1", {"h": array, "loss": LOSS}).hazards[0].fix.code
    step = (
        OptimizerStep(statement=0, paths=frozenset(("opt",)), parameters=frozenset((1,)), storages=frozenset((1,))),
    )
    assert "compute-again" == find("opt.step()", {"h": leaf, "loss": LOSS}, steps=step).hazards[0].fix.kind


def test_of_cells_whose_nodes_are_alive_the_newest_are_remembered(monkeypatch):
    def kept(alive, built=BUILT):
        trace = make_trace("h.add_(1)", {"h": H}, graphs=GraphState(cells=frozenset(alive)))
        return [*remember_cell(Reasoning(trace), built)]

    assert ([2, 3], [3], [2], []) == (kept((2, 3)), kept((3,)), kept((2,)), kept(()))
    monkeypatch.setattr(find_broken_saves, "MAX_CELLS", 1)
    assert [3] == kept((2, 3))
    monkeypatch.undo()
    monkeypatch.setattr(find_broken_saves, "MAX_CHARACTERS", 100)
    assert [3] == kept((2, 3))


def test_the_cell_of_a_save_that_is_not_remembered_has_no_line():
    assert find(standing=Standing()).hazards[0].saved_at is None
    assert saved_tensor().cell == 2
