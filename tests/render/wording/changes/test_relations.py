"""A group's relations in words."""

from __future__ import annotations

from itertools import combinations

import pytest

from ipy_tensorwatch.core.records.report_parts import AliasGroup, Pair
from ipy_tensorwatch.render.wording.changes.relations import relations


def group(relation, *members: str, left_out: int = 0) -> AliasGroup:
    """Make a group whose pairs relate as a function says, or all alike."""
    tell = relation if callable(relation) else lambda _a, _b: relation
    pairs = tuple(Pair(a=a, b=b, relation=tell(a, b)) for a, b in combinations(members, 2))
    return AliasGroup(id=1, device="cpu", nbytes=24, members=members, pairs=pairs, pairs_left_out=left_out)


@pytest.mark.parametrize(
    ("relation", "expected"),
    [
        ("same-object", "one tensor"),
        ("same-elements", "the same elements"),
        ("overlap", "overlap"),
        ("disjoint", "no byte in common"),
        ("unknown", "not known"),
    ],
)
@pytest.mark.parametrize("members", ["ab", "abcd"])
def test_a_relation_of_all_members_is_told_without_repeating_their_names(relation, members, expected):
    assert str(relations(group(relation, *members))) == expected


def test_a_row_and_a_column_overlap_their_matrix_which_is_named_once():
    def tell(a: str, b: str) -> str:
        return {("x", "y"): "same-elements", ("row", "col"): "overlap"}.get((a, b), "overlap")

    assert str(relations(group(tell, "x", "y", "row"))) == "the same elements: x, y; overlap: x and row"


def test_two_names_of_one_tensor_beside_a_view_of_it():
    def tell(a: str, b: str) -> str:
        return "same-object" if (a, b) == ("x", "z") else "same-elements"

    assert str(relations(group(tell, "x", "y", "z"))) == "one tensor: x, z; the same elements: x, y"


def test_the_items_of_a_container_are_told_together():
    def tell(a: str, _: str) -> str:
        return "overlap" if a == "x" else "disjoint"

    told = str(relations(group(tell, "x", "h[0]", "h[1]", "h[2]")))

    assert told == "overlap: x and h[…]; no byte in common: h[…]"


def test_items_that_relate_in_two_ways_are_not_all_said_to_relate_in_one():
    def tell(a: str, b: str) -> str:
        return "overlap" if int(b[2]) - int(a[2]) == 1 else "disjoint"

    told = str(relations(group(tell, "h[0]", "h[1]", "h[2]")))

    assert told == "overlap: some of h[…]; no byte in common: some of h[…]"


def test_many_pairs_are_counted():
    def tell(a: str, b: str) -> str:
        return "overlap" if (a, b) == ("a", "b") else "disjoint"

    assert (
        str(relations(group(tell, *"abcd")))
        == "overlap: a and b; no byte in common: a and c, a and d, b and c and 2 more"
    )


def test_pairs_beyond_the_cap_are_counted():
    assert (
        str(relations(group("same-elements", "a", "b", left_out=1200)))
        == "the same elements: a, b; 1,200 pairs not looked at"
    )
