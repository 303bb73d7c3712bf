"""The page of `%tensorwatch blame PATH`."""

from __future__ import annotations

from ipy_tensorwatch.render.pages.blame_page import show_blame
from ipy_tensorwatch.render.paint.text import write_text
from tests.support.records import change, site


def lines(past):
    return [" ".join(line.split()) for line in write_text(show_blame(past, "x")).split("\n") if line.strip()]


def test_every_line_that_wrote_is_one_row_and_silent_ones_are_marked():
    both = change(silent=False, cause="direct", via=(), sites=(site(1, "x += 1"), site(3, "x.mul_(2)")), elements=None)
    past = [(2, both), (3, change("x", kind="rebound")), (4, change()), (5, change(sites=(), elements=None))]

    told = lines(past)
    assert "tensorwatch blame x 4 writes" == told[0]
    assert [("[2]", "line 1", False), ("[2]", "line 3", False), ("[4]", "line 2", True), ("[5]", "", True)] == [
        (
            one.split("[")[1][:1].join("[]"),
            next((f"line {n}" for n in "123" if f"line {n}" in one), ""),
            one.startswith("▲"),
        )
        for one in told
        if "[" in one
    ]
    assert any("3 of 6 elements" in one and "y.add_(1)" in one and "through y" in one for one in told)


def test_without_a_write_it_says_so():
    assert ["tensorwatch blame x", "no cell was seen to write to it"] == lines([(3, change("x", kind="bound"))])
