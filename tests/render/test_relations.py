"""A group's relations in words."""

from __future__ import annotations

from itertools import combinations

from ipy_tensorwatch.core.records import AliasGroup, Pair
from ipy_tensorwatch.render.relations import block, relations


def group(relation, *members: str, left_out: int = 0) -> AliasGroup:
    """Make a group whose pairs relate as a function says, or all alike."""
    tell = relation if callable(relation) else lambda _a, _b: relation
    pairs = tuple(Pair(a=a, b=b, relation=tell(a, b)) for a, b in combinations(members, 2))
    return AliasGroup(id=1, device="cpu", nbytes=24, members=members, pairs=pairs, pairs_left_out=left_out)


def test_two_names_of_one_tensor():
    assert str(relations(group("same-object", "a", "b"))) == "a = b is one tensor"


def test_two_tensors_over_the_same_elements():
    assert str(relations(group("same-elements", "x", "y"))) == "the same elements: x, y"


def test_a_row_and_a_column_overlap_their_matrix_which_is_named_once():
    def tell(a: str, b: str) -> str:
        return {("x", "y"): "same-elements", ("row", "col"): "overlap"}.get((a, b), "overlap")

    assert str(relations(group(tell, "x", "y", "row"))) == "the same elements: x, y; overlap: x and row"


def test_two_halves_have_no_byte_in_common():
    assert str(relations(group("disjoint", "a", "b"))) == "no byte in common: a and b"


def test_what_cannot_be_told_is_said_to_be_unknown():
    assert str(relations(group("unknown", "a", "b"))) == "not known: a and b"


def test_many_pairs_are_counted():
    assert str(relations(group("disjoint", *"abcd"))) == "no byte in common: a and b, a and c, a and d and 3 more"


def test_pairs_beyond_the_cap_are_counted():
    assert (
        str(relations(group("same-elements", "a", "b", left_out=1200)))
        == "the same elements: a, b; 1,200 pairs not looked at"
    )


def test_a_block_is_named_by_device_and_size():
    assert str(block(group("overlap", "a", "b"))) == "cpu · 24 B"
