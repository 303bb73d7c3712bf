"""Changes of one container that are alike make one line."""

from __future__ import annotations

import pytest

from ipy_tensorwatch.core.records.report_parts import Elements
from ipy_tensorwatch.render.wording.changes.fold_changes import fold, label
from tests.support.records import change, site


def of_best(*keys: str, **more) -> list:
    return [change(f"best['{key}']", via=(f"model.{key}",), **more) for key in keys]


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        (["best['w']", "best['b']"], "best[…]"),
        (["model.a", "model.b"], "model.…"),
        (["m.layers[0].weight", "m.layers[1].bias"], "m.layers[…]"),
        (["m.layers[0].weight", "m.layers[0].bias"], "m.layers[0].…"),
        (["m.layers[0].weight", "m.layers[1].weight"], "m.layers[…].weight"),
        (["m.a.grad", "m.b.c.grad", "m.d.grad"], "m.….grad"),
        (["h[0][1]", "h[1][0]", "h[1][1]"], "h[…]"),
        (["m.a.a", "m.a"], "m.a…"),
        (["x", "x.grad"], "x…"),
        (["d['a']", "d.b"], "d…"),
        (["d['a.b']['c']", "d['a.b']['d']"], "d['a.b'][…]"),
    ],
)
def test_several_paths_are_named_by_what_they_have_in_common(paths: list[str], expected: str):
    assert label(paths) == expected


def test_three_alike_are_told_in_one_line():
    (one,) = fold(of_best("a", "b", "c"))

    assert (one.label, one.count, one.via) == ("best[…]", 3, ("model.…",))


def test_what_some_of_them_changed_through_is_not_said_of_all():
    changes = [*of_best("a", "b"), change("best['c']", via=())]

    assert [(one.count, one.via) for one in fold(changes)] == [(3, ())]


def test_alike_is_what_reads_alike_where_a_header_and_its_body_stand_in_one_line():
    header, body = site(1, "for v in vs: v += 1", certainty="inferred"), site(1, "v += 1", certainty="inferred")
    below = site(2, "v += 2", certainty="inferred")
    alone, both, other = of_best("a", "b", sites=(body,)), of_best("c", sites=(body, header)), (body, below)

    assert [3] == [one.count for one in fold([*alone, *both])]
    assert [1, 1, 1] == [one.count for one in fold([*alone, *of_best("c", sites=other)])]


def test_two_alike_are_told_apart():
    assert [(one.label, one.count) for one in fold(of_best("a", "b"))] == [("best['a']", 1), ("best['b']", 1)]


def test_their_elements_are_added_and_the_largest_difference_is_kept():
    changes = [*of_best("a", "b"), *of_best("c", elements=Elements(changed=1, total=10, max_abs=7.0))]

    assert fold(changes)[0].elements == Elements(changed=7, total=22, max_abs=7.0)


def test_a_count_that_is_not_known_makes_the_sum_unknown():
    changes = [*of_best("a", "b"), *of_best("c", elements=Elements(changed=None, total=10))]

    assert fold(changes)[0].elements == Elements(changed=None, total=22, max_abs=1.0)


def test_versions_are_told_only_where_they_are_equal():
    same = fold(of_best("a", "b", "c"))[0].change.versions
    mixed = fold([*of_best("a", "b"), *of_best("c", versions=(4, 5))])[0].change.versions

    assert (same, mixed) == ((0, 1), (None, None))


@pytest.mark.parametrize(
    "other",
    [
        {"sites": (site(5),)},
        {"cause": "call"},
        {"silent": False, "cause": "direct"},
        {"verified": False},
        {"versioned": False},
        {"since": 3},
    ],
)
def test_changes_that_differ_in_what_is_told_are_not_folded(other: dict):
    changes = [*of_best("a", "b", "c"), *of_best("d", **other)]

    assert [one.count for one in fold(changes)] == [3, 1]


def test_changes_of_two_variables_are_not_folded():
    assert [one.label for one in fold([change("a[0]"), change("b[0]"), change("c[0]")])] == ["a[0]", "b[0]", "c[0]"]


def test_the_order_is_that_of_the_first_of_each():
    changes = [change("z"), *of_best("a", "b", "c"), change("y")]

    assert [one.label for one in fold(changes)] == ["z", "best[…]", "y"]
