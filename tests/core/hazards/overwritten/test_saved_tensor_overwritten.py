"""Saved tensors that were overwritten: which hazard each is, and which are told as one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ipy_tensorwatch.core.hazards.hazard_facts import OverwrittenSave
from ipy_tensorwatch.core.hazards.overwritten.saved_copy import Saving
from ipy_tensorwatch.core.hazards.overwritten.saved_tensor_overwritten import BrokenSave, overwritten_saves
from ipy_tensorwatch.core.hazards.overwritten.stale_results import Stale
from ipy_tensorwatch.core.records.report_parts import Inner
from ipy_tensorwatch.core.records.trace.saved_tensor import RootOrigin
from tests.support.records import overwritten, site, writing

SAVED_AT = site(4, "loss = (h * w).sum()")


def broken(found=None, paths=("h",), scalars=("loss",), write=None, saved_at=SAVED_AT) -> BrokenSave:
    return BrokenSave(
        found=found or overwritten(),
        paths=paths,
        scalars=scalars,
        due=scalars,
        roots=scalars or (found or overwritten()).roots[:1],
        writing=write or writing(),
        saving=Saving(2, saved_at, is_output=False, paths=paths),
    )


def only(*breaks: BrokenSave):
    [found] = overwritten_saves(breaks)
    return found


def test_a_version_that_moved_makes_backward_raise():
    found = only(broken())

    assert ("TW201", "raises", ("h",), "MulBackward0") == (found.code, found.outcome, found.paths, found.op)
    assert (
        OverwrittenSave(
            names=("h",), shape=(6,), via=None, root="loss", is_scalar=True, will_raise=True, is_read_again=False
        )
        == found.fact
    )
    assert (SAVED_AT, site(2, "h.add_(1)"), 2, 3, 7, False) == (
        found.saved_at, found.written_at, found.saved_cell, found.written_cell, found.node, found.happened,
    )  # fmt: skip
    assert ("out-of-place", "h = h.add(1)") == (found.fix.kind, found.fix.code)


@pytest.mark.parametrize(
    ("found", "code"),
    [
        (overwritten(version=0), "TW202"),
        (overwritten(is_checked=False), "TW202"),
        (overwritten(version=0, is_read_again=True), "TW205"),
        (overwritten(is_read_again=True), "TW201"),
    ],
)
def test_what_backward_does_not_check_gives_wrong_gradients(found, code: str):
    told = only(broken(found))

    assert (code, "raises" if code == "TW201" else "wrong") == (told.code, told.outcome)
    assert (code == "TW201", found.saved.is_read_again) == (told.fact.will_raise, told.fact.is_read_again)


@pytest.mark.parametrize(("cause", "scalars", "outcome"), [("optimizer", (), "risk"), ("optimizer", ("loss",), "raises"), ("call", (), "raises")])  # fmt: skip
def test_what_a_step_makes_old_is_a_risk_where_no_scalar_waits_for_backward(cause, scalars, outcome):
    assert outcome == only(broken(scalars=scalars, write=writing(cause=cause))).outcome


def test_what_a_step_makes_old_is_a_risk_too_where_nothing_is_due_any_more():
    old = replace(broken(write=writing(cause="optimizer")), due=())
    by_hand = replace(old, writing=writing("h -= h.grad", is_leaf=True))
    other = replace(old, writing=writing("h.zero_()", is_leaf=True))

    assert ["risk", "risk", "raises"] == [only(one).outcome for one in (old, by_hand, other)]


def test_the_root_is_a_scalar_first_and_else_whatever_holds_the_graph():
    scalar, other, nobody = (
        only(one).fact
        for one in (broken(scalars=("total",)), broken(scalars=()), broken(overwritten(roots=()), scalars=()))
    )

    assert [("total", True), ("loss", False), (None, False)] == [
        (one.root, one.is_scalar) for one in (scalar, other, nobody)
    ]


def test_all_results_whose_backward_is_due_are_named():
    two = replace(broken(overwritten(sequence=9)), roots=("q", "p"))
    third = replace(broken(overwritten(sequence=3)), roots=("r", "q"))
    old = replace(broken(overwritten(sequence=2)), roots=("s",), due=())

    assert ("q", ("p", "r")) == ((fact := only(two, third, old).fact).root, fact.others)


def test_all_that_is_stale_of_all_results_that_are_due_is_computed_again():
    def stale(name, sequence):
        found = replace(overwritten(sequence=sequence), origins={name: RootOrigin(cell=2, sequence=sequence)})
        return replace(
            broken(found, write=writing(cause="optimizer")), roots=(name,), stale=Stale(names=(name,), is_due=True)
        )

    assert ("a", "b") == only(stale("b", 9), stale("a", 3)).fix.names


def test_the_variable_that_was_written_is_told_where_it_is_another():
    assert "c" == only(broken(write=writing("c[0] = 0", path="c"))).fact.via
    assert only(broken(write=writing(path="h"))).fact.via is None


def test_all_that_one_statement_overwrote_is_one_hazard_named_by_the_node_that_backward_runs_first():
    early = broken(overwritten(sequence=3, op="ExpBackward0"), paths=("a", "both"), saved_at=site(3))
    late = broken(overwritten(sequence=9), paths=("b", "both"))

    found = only(early, late, broken(overwritten(sequence=5), paths=()))

    assert (9, "MulBackward0", SAVED_AT) == (found.node, found.op, found.saved_at)
    assert (("b", "both", "a"), ("b", "a")) == (found.paths, found.fact.names)


@pytest.mark.parametrize(
    "other",
    [
        broken(overwritten(version=0)),
        broken(scalars=(), write=writing(cause="optimizer")),
        broken(write=writing(cell=4)),
        broken(write=writing(site=None)),
        broken(write=writing(site=site(3, "h.add_(1)"))),
        broken(write=writing(site=site(2, "h.add_(1)", inner=Inner(cell=1, line=3, text="t.add_(1)")))),
    ],
)
def test_another_outcome_or_another_line_is_another_hazard(other: BrokenSave):
    assert 2 == len(overwritten_saves([broken(), other, broken()]))
