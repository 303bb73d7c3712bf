"""Which results were computed before a write, so that a backward needs them anew."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ipy_tensorwatch.core.blame.evidence.statement_timeline import Timeline
from ipy_tensorwatch.core.hazards.overwritten.stale_results import Stale, is_metric, stale_results
from ipy_tensorwatch.core.hazards.standing_hazards import Standing
from ipy_tensorwatch.core.records.trace.saved_tensor import RootOrigin
from tests.support.records import overwritten, site, writing

STANDING = Standing(built={3: Timeline("opt.step()\nloss = f(h)\nopt.step()", ((4, 0), (4, 1), (9, 2)))})
EARLY, LATE = site(1, "opt.step()"), site(3, "opt.step()")


def origin(cell, sequence=6, through=(), leaves=(1,)):
    return RootOrigin(cell=cell, sequence=sequence, through=through, leaves=frozenset(leaves))


@pytest.mark.parametrize(
    ("cell", "where", "is_stale"),
    [(2, LATE, True), (4, LATE, False), (3, LATE, True), (3, EARLY, False), (3, None, True)],
)
def test_a_result_from_before_the_write_is_stale(cell, where, is_stale):
    found = stale_results(
        replace(overwritten(), origins={"loss": origin(cell)}), ("loss",), writing(site=where), STANDING
    )
    assert (Stale(names=("loss",)) if is_stale else Stale(root="loss")) == found


def test_so_are_the_variables_on_the_way_to_it():
    origins = {"h": origin(2), "k": origin(4), "loss": origin(4, through=("h", "k"))}
    found = stale_results(replace(overwritten(), origins=origins), ("loss",), writing(site=LATE), STANDING)
    assert Stale(names=("h",), root="loss") == found


def test_of_a_root_that_nothing_is_known_of_the_root_is_stale():
    assert Stale(names=("loss",)) == stale_results(overwritten(), ("loss",), writing(), STANDING)
    assert Stale() == stale_results(overwritten(), (), writing(), STANDING)


def test_of_several_roots_all_that_is_stale_is_computed_again_in_its_order():
    origins = {"b": origin(2, 8, ("h",)), "a": origin(2, 7, ("h",)), "h": origin(2, 5)}
    found = stale_results(replace(overwritten(), origins=origins), ("b", "a"), writing(site=LATE), STANDING)
    assert Stale(names=("h", "a", "b")) == found


@pytest.mark.parametrize(
    ("root", "expected"),
    [
        (origin(4, through=("h",)), True), (origin(4, through=("h",), leaves=(1, 2)), False),
        (origin(2, through=("h",)), False), (origin(4), False),
    ],
    ids=["of old results alone", "through another parameter", "from before", "of no variable"],
)  # fmt: skip
def test_a_metric_is_computed_after_the_write_from_older_results_alone(root, expected):
    found = replace(overwritten(), origins={"h": origin(2), "err": root})
    assert expected == is_metric("err", found, writing(site=LATE), STANDING)
