"""Alias groups that are alike make one line."""

from __future__ import annotations

from ipy_tensorwatch.core.records.report_parts import AliasGroup, Pair
from ipy_tensorwatch.render.wording.changes.fold_groups import block, fold_groups, members
from ipy_tensorwatch.render.wording.changes.relations import relations


def group(*names: str, relation="same-elements", device: str = "cpu") -> AliasGroup:
    """Make a group whose first member relates to each of the others alike."""
    pairs = tuple(Pair(a=names[0], b=name, relation=relation) for name in names[1:])
    return AliasGroup(id=1, device=device, nbytes=16, members=names, pairs=pairs)


def entries(count: int, **more) -> list[AliasGroup]:
    return [group(f"model[{n}].bias", f"best['{n}.bias']", **more) for n in range(count)]


def told(groups) -> list[tuple[str, ...]]:
    return [(str(block(one)), str(members(one)), str(relations(one.group))) for one in fold_groups(groups)]


def test_a_model_and_its_state_dict_make_one_line():
    assert told(entries(40)) == [("cpu · 40 blocks · 640 B", "model[…].bias, best[…]", "the same elements")]


def test_two_alike_are_told_apart():
    assert [one[0] for one in told(entries(2))] == ["cpu · 16 B", "cpu · 16 B"]


def test_groups_that_relate_otherwise_or_lie_elsewhere_are_not_folded():
    groups = [*entries(3), *entries(1, relation="overlap"), *entries(1, device="meta")]

    assert [one.count for one in fold_groups(groups)] == [3, 1, 1]


def test_relations_between_the_members_of_folded_groups_are_told_by_their_common_names():
    views = [group(f"a[{n}]", f"b[{n}]", f"c[{n}]", relation="overlap") for n in range(3)]

    assert told(views)[0][1:] == ("a[…], b[…], c[…]", "overlap")


def test_groups_whose_members_cannot_be_told_apart_by_their_common_names_are_not_folded():
    ties = [group(f"model.a{n}", f"model.b{n}") for n in range(3)]

    assert [one[1] for one in told(ties)] == ["model.a0, model.b0", "model.a1, model.b1", "model.a2, model.b2"]
