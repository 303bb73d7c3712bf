"""Hazards of memory: gradients, overlapping elements, state dicts, freed storages, writes without a record."""

from __future__ import annotations

import pytest

from ipy_tensorwatch.core.hazards.backward.assigned_gradients import Assignment
from ipy_tensorwatch.core.hazards.backward.shared_gradients import aliased_grads
from ipy_tensorwatch.core.hazards.fix import Fix
from ipy_tensorwatch.core.hazards.hazard_facts import (
    AssignedGradients,
    GoneMemory,
    KeptReference,
    OverlappingElements,
    UnrecordedWrite,
)
from ipy_tensorwatch.core.hazards.kept_memory.freed_memory import gone_memory
from ipy_tensorwatch.core.hazards.kept_memory.state_dict_reference import kept_by_reference
from ipy_tensorwatch.core.hazards.overwritten.overlapping_elements import overlaid_writes
from ipy_tensorwatch.core.hazards.overwritten.unrecorded_write import unrecorded_writes
from ipy_tensorwatch.core.records.reason import FREED, Reason
from ipy_tensorwatch.core.records.snapshots.outline import Outline, OutlineRun
from ipy_tensorwatch.core.records.snapshots.snapshot import RootSnapshot, Snapshot
from ipy_tensorwatch.core.records.trace.graph_state import GraphState
from tests.support.records import change, reading, site, snapshot, typed

WRITTEN = site(2, "h.add_(1)")


def hazards(found):
    return [one.hazard for one in found]


def with_gradients(*grads, leaves=None) -> Snapshot:
    """Make leaves `a`, `b`, … with these gradients."""
    names = "abcdef"[: len(grads)]
    leaves = leaves or [reading(place + 1, 50 + place) for place in range(len(grads))]
    outline = Outline(
        nodes=[(-1, "")], runs=[OutlineRun(0, "name", names), OutlineRun(0, "grad", tuple(range(len(grads))))]
    )
    return Snapshot(scenes={"": RootSnapshot(outline=outline, readings=(*leaves, *grads))})


def grads_of(snap: Snapshot):
    return [one.paths for one in hazards(aliased_grads(snap, 3, lambda: site(2, "loss.backward()")))]


def test_gradients_of_two_leaves_in_one_memory():
    snap = with_gradients(reading(11, 9), reading(12, 9))

    [found] = aliased_grads(snap, 3, lambda: site(2, "loss.backward()"))

    one = found.hazard
    assert ("TW203", "wrong", ("a.grad", "b.grad"), "AccumulateGrad", None) == (
        one.code,
        one.outcome,
        one.paths,
        one.op,
        one.fact,
    )
    assert (site(2, "loss.backward()"), 3) == (one.written_at, one.written_cell)
    assert Fix(kind="part-gradients", code="b.grad = b.grad.clone()") == one.fix
    assert (("a.grad", 11, 9), ("b.grad", 12, 9)) == found.anchors


def test_gradients_that_share_no_byte_are_no_hazard():
    part = {"shape": (3,), "high": 12}

    assert [] == grads_of(
        with_gradients(reading(11, 9, **part), reading(12, 9, low=12, shape=(3,), data_ptr=4096 * 9 + 12))
    )
    assert [] == grads_of(with_gradients(reading(11, 9), reading(12, 8)))
    assert [] == grads_of(with_gradients(reading(11, 0), reading(12, 0)))
    assert [] == grads_of(with_gradients(reading(11, 9), reading(12, 9, unknown=Reason("meta"))))
    assert [] == grads_of(with_gradients(reading(11, 9, unknown=Reason("meta")), reading(12, 9)))


def test_one_leaf_under_two_names_has_one_gradient():
    leaf = reading(1, 50)

    assert [] == grads_of(with_gradients(reading(11, 9), reading(11, 9), leaves=[leaf, leaf]))


GIVEN = Assignment(site(4, "q.grad = p.grad"), True, Fix(kind="assign-copy", code="q.grad = p.grad.clone()"))


def test_gradients_that_were_assigned_are_one_risk_with_the_line_of_the_assignment():
    snap = with_gradients(*(reading(11, 9), reading(11, 9), reading(12, 8), reading(12, 8)))

    [found] = hazards(aliased_grads(snap, 3, lambda: site(2, "loss.backward()"), lambda: GIVEN))

    assert ("risk", ("a.grad", "b.grad", "c.grad", "d.grad")) == (found.outcome, found.paths)
    assert (AssignedGradients(groups=2), GIVEN.site, GIVEN.fix) == (found.fact, found.written_at, found.fix)


def test_gradients_of_one_object_were_assigned_even_where_no_line_is_found():
    [found] = hazards(aliased_grads(with_gradients(reading(11, 9), reading(11, 9)), 3, lambda: None))

    assert ("risk", None, "part-gradients") == (found.outcome, found.written_at, found.fix.kind)


def test_an_assignment_of_something_else_explains_no_gradients_of_different_tensors():
    snap = with_gradients(reading(11, 9), reading(12, 9))
    other = GIVEN._replace(is_of_gradient=False)

    assert ["wrong"] == [one.outcome for one in hazards(aliased_grads(snap, 3, lambda: None, lambda: other))]


def test_the_fix_parts_all_gradients_or_names_none():
    three, many = (with_gradients(*(reading(11 + n, 9) for n in range(count))) for count in (3, 6))

    assert (
        "b.grad = b.grad.clone(); c.grad = c.grad.clone()" == hazards(aliased_grads(three, 3, lambda: None))[0].fix.code
    )
    assert "" == hazards(aliased_grads(many, 3, lambda: None))[0].fix.code


def test_of_three_gradients_those_that_overlap_are_told():
    apart = reading(13, 9, low=24, high=48, data_ptr=4096 * 9 + 24)

    assert [("a.grad", "b.grad")] == grads_of(with_gradients(reading(11, 9), reading(12, 9), apart))


EXPANDED = reading(1, shape=(3, 4), strides=(0, 4), high=16)


def test_a_write_by_name_to_elements_over_each_other():
    [found] = overlaid_writes([change("h", cause="direct", sites=(WRITTEN,))], snapshot(h=EXPANDED), 3)

    one = found.hazard
    assert ("TW206", "risk", ("h",), OverlappingElements(elements=12, room=4)) == (
        one.code,
        one.outcome,
        one.paths,
        one.fact,
    )
    assert Fix(kind="own-elements", code="h = h.clone()", target=typed("h.add_(1)")) == one.fix
    assert (WRITTEN, 3, (("h", 1, 1),)) == (one.written_at, one.written_cell, found.anchors)


@pytest.mark.parametrize(
    ("changed", "lies"),
    [
        (change("h", cause="alias"), EXPANDED),
        (change("h", kind="touched", cause="direct"), EXPANDED),
        (change("h", cause="direct"), reading(1)),
        (change("other", cause="direct"), EXPANDED),
    ],
)
def test_other_writes_are_no_hazard_of_overlapping_elements(changed, lies):
    assert [] == [*overlaid_writes([changed], snapshot(h=lies), 3)]


STEP = site(2, "opt.step()")
TRAINED = change("net.weight", cause="optimizer", silent=False, sites=(STEP,))


def kept(*changes, **readings):
    names = {"net.weight": reading(1, 5), "net.bias": reading(2, 6), **readings}
    return [*kept_by_reference(changes, snapshot(**names), 3)]


def follower(path: str, **more):
    return change(path, sites=(STEP,), via=("net.weight",), **more)


def test_a_state_dict_that_follows_training():
    other = change("net.bias", cause="optimizer", silent=False)

    [found] = kept(
        TRAINED, other, follower("best['a.weight']"), follower("best['a.bias']"),
        **{"best['a.weight']": reading(3, 5), "best['a.bias']": reading(4, 6)},
    )  # fmt: skip

    one = found.hazard
    assert ("TW207", "risk", ("best['a.weight']", "best['a.bias']")) == (one.code, one.outcome, one.paths)
    assert KeptReference(container="best", owner="net") == one.fact
    assert Fix(kind="deep-copy", code="best = copy.deepcopy(best)") == one.fix
    assert (STEP, 3) == (one.written_at, one.written_cell)
    assert (("best['a.weight']", 3, 5), ("net.weight", 1, 5)) == found.anchors


def test_a_name_of_one_parameter_is_not_what_a_state_dict_belongs_to():
    first = change("first", cause="optimizer", silent=False)
    [found] = kept(first, TRAINED, follower("best['w']"), **{"first": reading(1, 5), "best['w']": reading(3, 5)})

    assert KeptReference(container="best", owner="net") == found.hazard.fact


def test_dicts_of_several_names_are_several_hazards_and_dicts_inside_are_named():
    found = kept(
        TRAINED, follower("best['w']"), follower("log[0]['w']"), follower("saved.state['x']['w']"),
        **{"best['w']": reading(3, 5), "log[0]['w']": reading(4, 5), "saved.state['x']['w']": reading(6, 5)},
    )  # fmt: skip

    assert ["best", "log[0]", "saved.state['x']"] == [one.hazard.fact.container for one in found]


@pytest.mark.parametrize(
    ("dict_", "owner", "is_told"),
    [
        ("net.by_name['w']", "net.weight", False),
        ("trainer.net.by_name['w']", "trainer.net.a.weight", False),
        ("net.best['w']", "net.weight", True),
        ("trainer.by_name['w']", "trainer.net.weight", True),
        ("net.by_name['w']", "other.weight", True),
    ],
)
def test_a_dict_that_a_module_keeps_of_its_own_parameters_is_no_reference(dict_, owner, is_told):
    changes = change(owner, cause="optimizer", silent=False), follower(dict_)
    modules = {"net", "other", "trainer.net"}
    snap = snapshot(**{owner: reading(1, 5), dict_: reading(3, 5)})

    assert is_told == bool([*kept_by_reference(changes, snap, 3, modules)])


def test_a_dict_beside_its_model_is_copied_without_the_model():
    changes = change("run.net.weight", cause="optimizer", silent=False), follower("run.best['w']")
    [found] = kept_by_reference(
        changes, snapshot(**{"run.net.weight": reading(1, 5), "run.best['w']": reading(3, 5)}), 3
    )

    assert KeptReference(container="run.best", owner="run.net") == found.hazard.fact
    assert Fix(kind="deep-copy", code="run.best = copy.deepcopy(run.best)") == found.hazard.fix


@pytest.mark.parametrize(
    ("one", "lies"),
    [
        (follower("copy_.weight"), 5),
        (follower("opt.state[net.weight]['step']"), 5),
        (follower("best['w']"), 8),
        (follower("best['w']", silent=False), 5),
        (follower("lost['w']"), None),
    ],
)
def test_what_is_no_item_of_a_kept_dict_or_was_not_trained_is_no_hazard(one, lies):
    readings = {} if lies is None else {one.path: reading(3, lies)}

    assert [] == kept(TRAINED, one, **readings)


def test_without_an_optimizer_no_dict_follows_training():
    assert [] == kept(change("net.weight", cause="direct"), follower("best['w']"), **{"best['w']": reading(3, 5)})


def test_what_an_optimizer_changed_and_is_gone_or_has_no_memory_leads_nowhere():
    by_step = [change(path, cause="optimizer", silent=False) for path in ("gone", "net.weight")]

    assert [] == kept(*by_step, follower("best['w']"), **{"net.weight": reading(1, 0), "best['w']": reading(3, 0)})


def test_memory_that_was_freed_can_be_given_again():
    [one] = gone_memory(
        snapshot(h=reading(1, unknown=FREED), m=reading(2, 2, unknown=Reason("meta")), x=reading(3, 3)), ()
    )

    assert ("TW208", "risk", ("h",), None, GoneMemory(how="freed")) == (
        one.code,
        one.outcome,
        one.paths,
        one.op,
        one.fact,
    )
    assert Fix(kind="give-memory", code="h.untyped_storage().resize_(24)") == one.fix


def test_memory_that_somebody_else_took_back_is_dropped():
    readings = {"t": reading(1, 5), "d['a']": reading(2, 5, kind="ndarray"), "other": reading(3, 6)}

    assert [
        (("t",), GoneMemory(how="let-go"), Fix(kind="drop", code="del t", other=".clone()")),
        (("d['a']",), GoneMemory(how="let-go"), Fix(kind="drop", code="del d['a']", other=".copy()")),
    ] == [(one.paths, one.fact, one.fix) for one in gone_memory(snapshot(**readings), (5,))]


HISTORIES = GraphState(same=frozenset(("h", "used", "%")), used=frozenset(("used",)))


def unrecorded(one, **readings):
    known = {"h": reading(1, grad_fn="MulBackward0"), "c": reading(2), "used": reading(3), **readings}
    return [*unrecorded_writes([one], snapshot(**known), 3, HISTORIES)]


def test_a_silent_write_that_autograd_did_not_record():
    [found] = unrecorded(change("h", via=("c",), sites=(site(2, "c[0] = 0"),)))

    one = found.hazard
    assert ("TW209", "wrong", ("h",), "MulBackward0", UnrecordedWrite(via="c")) == (
        one.code,
        one.outcome,
        one.paths,
        one.op,
        one.fact,
    )
    assert Fix(kind="write-copy", code="c = c.clone()", other="h", tail="if-meant", target=typed("c[0] = 0")) == one.fix
    assert (site(2, "c[0] = 0"), 3, (("h", 1, 1),)) == (one.written_at, one.written_cell, found.anchors)


@pytest.mark.parametrize(
    "one",
    [
        change("h", via=("c",), silent=False),
        change("h", via=("c",), versioned=False),
        change("h", via=()),
        change("h", via=("h",)),
        change("used", via=("c",)),
        change("h", via=("gone",)),
    ],
)
def test_a_write_that_may_be_meant_is_a_risk(one):
    assert ["risk"] == [found.outcome for found in hazards(unrecorded(one))]


def test_a_scalar_that_was_overwritten_is_a_risk():
    assert ["risk"] == [one.outcome for one in hazards(unrecorded(change("h", via=("c",)), h=reading(1, shape=())))]


@pytest.mark.parametrize(
    "one",
    [
        change("h", kind="touched"),
        change("h", verified=False),
        change("c"),
        change("h", sites=(site(1, "%tensorwatch restore h"),)),
    ],
)
def test_what_was_recorded_or_not_overwritten_is_no_hazard(one):
    assert [] == unrecorded(one)


def test_a_write_by_name_is_computed_out_of_place():
    by_name = {"cause": "direct", "silent": False, "via": ()}

    [told] = hazards(unrecorded(change("h", sites=(WRITTEN,), **by_name)))
    [item] = hazards(unrecorded(change("h", sites=(site(2, "h[0] = 1"),), **by_name)))
    [unseen] = hazards(unrecorded(change("h", sites=(), **by_name)))
    [data] = hazards(unrecorded(change("h", sites=(site(2, "h.data.add_(1)"),), **by_name | {"versioned": False})))

    assert Fix(kind="record-out-of-place", code="h = h.add(1)") == told.fix
    assert Fix(kind="record-out-of-place") == item.fix
    assert Fix(kind="record-out-of-place") == unseen.fix
    assert Fix(kind="copy-or-later", other="h", tail="if-meant") == data.fix
    assert told.fact.via is None
