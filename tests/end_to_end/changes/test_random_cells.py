"""The random programs with all their cells in one: what is bound, shared and changed within it, judged by byte copies."""

from __future__ import annotations

from typing import Any

from hypothesis import given, note

from tests.end_to_end.changes.test_random_programs import (
    fault_of_walk,
    faults_of_births,
    faults_of_changes,
    faults_of_lines,
    faults_of_silence,
)
from tests.support import oracle
from tests.support.notebook import Notebook
from tests.support.programs import Cell, Program, programs


def joined(program: Program) -> Cell:
    """Put the cells after the prelude into one, without the errors that end them."""
    whole = Cell("", {}, {})
    for cell in program.cells[1:]:
        above = whole.source.count("\n")
        for told, into in ((cell.names, whole.names), (cell.hints, whole.hints)):
            into.update({line + above: names for line, names in told.items()})
        whole.source += cell.source.removesuffix("1 / 0").rstrip("\n") + "\n"
    return whole


@given(programs())
def test_a_report_of_one_cell_is_what_the_bytes_say(program: Program):
    namespace: dict[str, Any] = {}
    cell = joined(program)
    note(f"{program.cells[0].source}\n# %%\n{cell.source}")
    with Notebook(settings={"probe_floor": 2.0}) as nb:
        for source in (program.cells[0].source, cell.source):
            before = oracle.copies(namespace)
            written = oracle.run_by_line(source, namespace)
            verdict = oracle.compare(before, oracle.walk(namespace))
            written.tell_born(verdict, oracle.walk(namespace))
            nb.cell(source)
        report = nb.report()

    assert [
        *fault_of_walk(report, namespace),
        *faults_of_changes(report, verdict, namespace, written.left),
        *faults_of_lines(report, verdict, written),
        *faults_of_births(report, verdict),
        *faults_of_silence(report, verdict, written, cell, namespace),
    ] == []
