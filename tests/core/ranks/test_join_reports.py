"""What the ranks told of one cell, joined; with reports written by hand."""

from __future__ import annotations

from dataclasses import replace

from ipy_tensorwatch.core.ranks.join_reports import OnRanks, join_reports
from ipy_tensorwatch.core.ranks.rank_report import RankReport
from ipy_tensorwatch.core.records.report_parts import Cell, Change, Elements, Site

CELL = Cell(count=7, source="y.add_(1)", status="ok", duration=0.1, overhead=0.01)
SITE = Site(line=1, end_line=1, text="y.add_(1)")
CHANGE = Change(path="x", kind="mutated", cause="alias", silent=True, via=("y",), sites=(SITE,), verified=True)


def told(rank: int, *changes: Change, cell: Cell = CELL) -> RankReport:
    return RankReport(rank=rank, engine=rank, world=4, cell=cell, changes=changes)


def of(size: float) -> Change:
    return replace(CHANGE, elements=Elements(changed=1, total=4, max_abs=size))


def test_a_change_on_all_ranks_is_one():
    joined = join_reports([told(rank, CHANGE) for rank in (2, 0, 3, 1)])

    assert joined.ranks == (0, 1, 2, 3)
    assert joined.changes == (OnRanks(what=CHANGE, ranks=(0, 1, 2, 3)),)


def test_a_change_on_some_ranks_is_said_with_them():
    joined = join_reports([told(0), told(1, CHANGE), told(2), told(3, CHANGE)])

    assert joined.changes == (OnRanks(what=CHANGE, ranks=(1, 3)),)


def test_amounts_may_differ_and_the_largest_is_kept():
    joined = join_reports([told(0, of(1.0)), told(1, of(3.0)), told(2, of(2.0))])

    assert joined.changes == (OnRanks(what=of(3.0), ranks=(0, 1, 2)),)


def test_changes_by_different_lines_stay_apart():
    other = replace(CHANGE, sites=(replace(SITE, line=2),))

    joined = join_reports([told(0, CHANGE), told(1, other)])

    assert [one.ranks for one in joined.changes] == [(0,), (1,)]


def test_the_cell_has_failed_if_it_failed_on_one_rank():
    joined = join_reports([told(0), told(1, cell=replace(CELL, status="error", duration=2.0))])

    assert joined.cell == replace(CELL, status="error", duration=2.0)


def test_without_reports_nothing_is_joined():
    assert join_reports([]).cell is None
