"""An elementwise operation reads what it has overwritten where an element is read after its turn, as it lies in memory."""

from __future__ import annotations

import pytest

from ipy_tensorwatch.core.memory.element_order import reads_overwritten
from ipy_tensorwatch.core.memory.view_layouts import ViewLayout

GRID = ViewLayout((4, 5), (20, 4))


@pytest.mark.parametrize(
    ("written", "read", "expected"),
    [
        (GRID, GRID, False),
        (GRID, ViewLayout((4, 5), (20, 0)), True),
        (GRID, ViewLayout((4, 5), (20, 0), 16), False),
        (GRID._replace(offset=4), GRID, True),
        (GRID, GRID._replace(offset=4), False),
        (ViewLayout((5, 4), (4, 20)), ViewLayout((5, 4), (0, 20)), True),
        (ViewLayout((4, 2), (4, 20)), ViewLayout((4, 2), (4, 20), 12), False),
        (ViewLayout((2, 4), (20, 4)), ViewLayout((2, 4), (20, 4), 200), False),
        (ViewLayout((), ()), ViewLayout((), ()), False),
        (ViewLayout((0, 5), (20, 4)), ViewLayout((0, 5), (20, 0)), False),
    ],
)
def test_the_turn_of_an_element_decides(written, read, expected):
    assert expected == reads_overwritten(written, read)


def test_in_any_order_each_other_element_that_is_written_counts():
    shifted = GRID._replace(offset=4)

    assert reads_overwritten(GRID, shifted, in_order=False)
    assert not reads_overwritten(GRID, GRID, in_order=False)
    assert not reads_overwritten(GRID, GRID._replace(offset=400), in_order=False)


def test_of_more_elements_than_fit_into_memory_the_inner_dimensions_are_compared():
    rows = ViewLayout((10**9, 10**6), (4 * 10**6, 4))

    assert reads_overwritten(rows, rows._replace(strides=(4 * 10**6, 0)))
