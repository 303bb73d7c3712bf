"""Containers that lead to no tensor are found by a search, and the walk finds all tensors in the others."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ipy_tensorwatch.capture.objects import barren, containers, look_limits
from ipy_tensorwatch.capture.objects import walk as walk_module
from ipy_tensorwatch.capture.objects.barren import TRIES, BarrenSearch
from ipy_tensorwatch.capture.objects.walk import walk
from tests.support.nested import INNER, PARTS, TENSORS, WRAPPERS, Plain, grow


def paths(namespace: dict[str, object]) -> dict[str, list[str]]:
    return {name: [str(path) for path in one.outline.paths()] for name, one in walk(namespace).branches.items()}


@given(INNER)
def test_what_holds_no_tensor_leads_nowhere(thing: object):
    assert BarrenSearch().leads_nowhere([thing])


@given(st.lists(st.sampled_from(WRAPPERS), max_size=5), st.sampled_from(TENSORS), INNER)
def test_what_holds_a_tensor_somewhere_does_not(wrappers, make, beside):
    thing = make()
    for wrap in wrappers:
        thing = [beside, wrap(thing)]

    assert not BarrenSearch().leads_nowhere([thing])


@given(PARTS)
def test_the_walk_finds_the_same_with_the_search_and_without(parts):
    things = [grow(inner, wrappers, holds=holds) for inner, wrappers, holds in parts]
    namespace: dict[str, object] = {f"v{number}": one for number, one in enumerate(things)} | {"every": things}
    with pytest.MonkeyPatch.context() as patched:
        found = paths(namespace)
        patched.setattr(BarrenSearch, "leads_nowhere", lambda *_: False)
        assert paths(namespace) == found


@pytest.mark.parametrize("holds", [False, True])
def test_a_ring_leads_where_any_of_it_does(holds: bool):
    first, second = Plain(None), Plain(None)
    first.value, second.value = [second], {"back": first, "t": torch.zeros(1) if holds else 0}

    assert BarrenSearch().leads_nowhere(second) is not holds
    assert paths({"second": second, "first": first}).keys() == ({"second"} if holds else set())


def test_what_was_found_barren_is_not_searched_again_under_another_name():
    rows = [{"a": [number]} for number in range(100)]
    search = BarrenSearch()
    assert search.leads_nowhere(rows)
    searched = search.limits.searched

    assert search.leads_nowhere(rows)
    assert search.leads_nowhere([*rows])
    assert (201, 202) == (searched, search.limits.searched)


def test_where_most_hold_a_tensor_the_search_ends_until_the_next_name():
    search = BarrenSearch()
    for _ in range(TRIES + 1):
        assert not search.leads_nowhere([torch.zeros(1)])
    assert not search.leads_nowhere([1])

    search.begin()
    assert search.leads_nowhere([1])


def test_what_would_take_long_is_left_to_the_walk(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(barren, "EXACT_OBJECTS", 100)
    monkeypatch.setattr(barren, "HUGE", 300)
    assert BarrenSearch().leads_nowhere([[[number]] for number in range(40)])
    assert not BarrenSearch().leads_nowhere([[[[number]]] for number in range(200)])
    assert not BarrenSearch().leads_nowhere([[number] for number in range(301)])
    assert not BarrenSearch().leads_nowhere({number: [number] for number in range(301)})
    assert BarrenSearch().leads_nowhere([[*range(301)], dict.fromkeys(range(301), "a")])

    monkeypatch.setattr(barren, "MOST_ATOMS", 300)
    assert not BarrenSearch().leads_nowhere([*range(301)])
    assert not BarrenSearch().leads_nowhere(dict.fromkeys(range(301), "a"))
    assert not BarrenSearch().leads_nowhere([[*range(301)]])


def test_the_arrays_of_a_class_of_the_notebook_are_found():
    kind = type("Mine", (), {"__module__": "__main__", "table": torch.zeros(1)})
    other = type("Mine", (), {"__module__": "__main__", "size": 3})

    assert [False, True] == [BarrenSearch().leads_nowhere([one]) for one in (kind, other)]


def test_what_cannot_be_opened_is_left_to_the_walk_which_says_why():
    kind = type("Odd", (), {"__module__": "__main__", "__dict__": property(lambda _: 1 / 0)})
    box = [kind()]

    assert not BarrenSearch().leads_nowhere(box)
    assert ["box[0]"] == [path for path, _ in walk({"box": box}).skipped]


def test_the_walk_opens_only_what_leads_to_a_tensor(monkeypatch: pytest.MonkeyPatch):
    rows: list[object] = [{"a": [number]} for number in range(50)]
    holding = [*rows, {"t": [torch.zeros(1)]}]
    assert (0, 3) == (walk({"rows": rows}).containers, walk({"holding": holding}).containers)

    for module in (look_limits, containers):
        monkeypatch.setattr(module, "SEGMENT", 20)
    monkeypatch.setattr(look_limits, "HUGE", 40)
    monkeypatch.setattr(walk_module, "SEGMENT", 20)
    found = walk({"holding": holding})
    assert ["holding[50]['t'][0]"] == [str(one) for branch in found.branches.values() for one in branch.outline.paths()]
    assert 3 == found.containers


def test_searching_counts_as_a_part_of_walking():
    assert look_limits.Limits(seconds=-1.0, searched=look_limits.EXACT_OBJECTS).may_walk()
    assert not look_limits.Limits(seconds=-1.0, searched=5 * look_limits.EXACT_OBJECTS).may_walk()


def test_a_list_of_very_many_numbers_is_large():
    few, many = [1.0] * 50_000, [1.0] * 100_000
    inside, parts = {"a": [*many]}, [{"a": [1.0] * 10_000} for _ in range(10)]
    found = walk({"few": few, "many": many, "inside": inside, "parts": parts}).large

    assert {"many": id(many), "inside": id(inside), "parts": id(parts)} == found
