"""When hazards began and were over, as a table."""

from __future__ import annotations

from ipy_tensorwatch.core.hazards.hazard import Turn
from ipy_tensorwatch.render.pages.history_page import turn_table
from ipy_tensorwatch.render.wording.hazards.hazard_sentences import message
from tests.support.records import hazard


def rows(table):
    return [tuple(map(str, row.cells)) for row in table.rows]


def test_turns_tell_when_and_why_the_oldest_first():
    table = turn_table([Turn(cell=3, hazard=hazard()), Turn(cell=1204, hazard=hazard("k"), why="graph-gone")], 5)

    assert ("Hazards by cell", ("cell", "hazard", "tensors", "what happened"), "") == (
        table.caption,
        table.head,
        table.more,
    )
    assert [
        ("[3]", "TW201", "h", str(message(hazard()))),
        ("[1204]", "TW201", "k", "over: its graph is gone"),
    ] == rows(table)


def test_of_many_turns_the_latest_are_shown_and_the_others_counted():
    turns = [Turn(cell=place, hazard=hazard()) for place in range(1003)]

    table = turn_table(turns, 2)

    assert (["[1001]", "[1002]"], "… and 1,001 earlier") == ([row[0] for row in rows(table)], table.more)
    assert "" == turn_table(turns[:2], 2).more


def test_of_many_tensors_the_first_are_named_those_of_one_variable_as_one():
    one = hazard(paths=("h[0]", "h[1]", "h[2]", "a", "b", "c", "d", "e"))

    [row] = rows(turn_table([Turn(cell=3, hazard=one)], 5))

    assert "h[…], a, b and 3 more" == row[2]
