"""What a collective writes that an earlier cell started, on traces made by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ipy_tensorwatch.core.blame.reasoning import Reasoning
from ipy_tensorwatch.core.records.report_parts import Inner
from ipy_tensorwatch.shell.ipython.cell_sources import Sources
from tests.support.records import reading
from tests.support.traces import explain, make_trace

X, Y = reading(1), reading(2)
"""A tensor and a view of it."""
PARTS = {"parts[0]": reading(3, 3), "parts[1]": reading(4, 4)}
STARTED = {2: "n = 1\nw = dist.all_reduce(x, async_op=True)"}


def told(change):
    return change.cause, change.silent, change.via


def test_it_is_named_by_the_cell_that_started_it():
    changes = explain("w.wait()", {"x": X, "y": Y}, writes={1: [[0]]}, collectives=STARTED)

    assert told(changes["x"]) == ("direct", False, ())
    assert changes["x"].site.inner == Inner(cell=2, line=2, text="w = dist.all_reduce(x, async_op=True)")
    assert told(changes["y"]) == ("alias", True, ("x",))


@pytest.mark.parametrize(
    "starting",
    ["[dist.broadcast(p, 0, async_op=True) for p in parts]", "for p in parts:\n    ws += [dist.irecv(p, 0)]"],
)
def test_so_are_the_tensors_of_a_loop(starting):
    writes = {3: [[1]], 4: [[1]]}
    changes = explain("for w in ws:\n    w.wait()", PARTS, writes=writes, collectives={2: starting})

    assert [told(one) for one in changes.values()] == [("direct", False, ())] * 2


def test_so_it_is_where_it_is_written_between_cells():
    trace = make_trace("z = 1", {"x": X, "y": Y}, collectives=STARTED)
    changes = {one.path: told(one) for one in Reasoning(replace(trace, outside=trace.found, found=())).changes}

    assert changes == {"x": ("direct", False, ()), "y": ("alias", True, ("x",))}


def test_so_it_is_while_a_statement_runs_that_has_nothing_to_do_with_it():
    assert told(explain("time.sleep(1)", {"x": X}, writes={1: [[0]]}, collectives=STARTED)["x"]) == (
        "direct",
        False,
        (),
    )


def test_what_a_statement_of_the_cell_writes_is_told_as_ever():
    changes = explain("x.add_(1)", {"x": X, "y": Y}, writes={1: [[0]]}, collectives={2: "w = dist.irecv(y)"})

    assert told(changes["y"]) == ("alias", True, ("x",))


def test_a_cell_is_kept_until_one_after_it_has_waited():
    sources, kept = Sources(), []
    cells = ("w = dist.irecv(x)", "z = 1", "w.wait()", "z = 2", "w = dist.irecv(x)\nw.wait()", "z = 3")
    for count, source in enumerate(cells):
        sources.add(count, source)
        kept.append([*sources.collectives])

    assert kept == [[0], [0], [0], [], [], []]
