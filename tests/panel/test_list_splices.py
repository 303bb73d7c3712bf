"""The difference of two lists, as splices."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ipy_tensorwatch.panel.list_splices import dropped, splices
from tests.support.frontend import splice

ITEMS = st.lists(st.tuples(st.integers(0, 12), st.integers(0, 2)), unique_by=lambda item: item[0], max_size=12)
"""Items that are known by their first number and change by their second."""


def of(before, after):
    return splices(before, after, key=lambda item: item[0])


@given(ITEMS, ITEMS)
def test_the_splices_turn_one_list_into_the_other(before, after):
    assert after == splice(before, of(before, after))


@given(ITEMS, ITEMS)
def test_what_is_dropped_is_what_the_new_list_has_not_in_this_place(before, after):
    edits = of(before, after)
    gone = [item for part in dropped(before, edits) for item in part]
    stayed = [item for item in before if item not in gone]
    put = [item for edit in edits for item in edit.put]
    assert [item for item in after if item not in put] == stayed


@given(ITEMS)
def test_nothing_is_to_be_done_for_equal_lists(items):
    assert () == of(items, list(items))


@given(ITEMS, st.data())
def test_an_item_that_moves_is_taken_out_and_put_in_and_nothing_else_is(items, data):
    if items:
        item = data.draw(st.sampled_from(items))
        moved = [one for one in items if one != item]
        moved.insert(data.draw(st.integers(0, len(moved))), item)
        edits = of(items, moved)
        assert 1 >= sum(edit.drop for edit in edits)
        assert 1 >= sum(len(edit.put) for edit in edits)


def test_neighbours_make_one_splice():
    before, after = [(n, 0) for n in range(9)], [(n, int(2 < n < 6)) for n in range(9)]
    assert [(3, 3, after[3:6])] == [tuple(edit) for edit in of(before, after)]
