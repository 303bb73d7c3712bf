"""With no time at all to explain, a report is still whole, and nothing in it is claimed that was not found out."""

from __future__ import annotations

import gc
import sys
from typing import Any

import pytest
from hypothesis import given, note, settings

from ipy_tensorwatch.capture.compare.compare_bytes import StorageMark
from ipy_tensorwatch.core.interpreter.cell_definitions import definitions_in
from ipy_tensorwatch.core.interpreter.statement_effects import KEEP_EVERY, StatementEffects
from ipy_tensorwatch.core.records.path import AccessPath
from ipy_tensorwatch.core.records.trace.notebook import Notebook as Known
from ipy_tensorwatch.core.runtime.deadline import NEVER, Deadline, LateError
from ipy_tensorwatch.core.runtime.guard import GUARD
from ipy_tensorwatch.core.statements.statement import parse_statements
from ipy_tensorwatch.core.syntax.parsing import parse_cell, parse_path
from tests.end_to_end.changes.test_random_programs import faults_of_changes
from tests.support import oracle
from tests.support.notebook import Notebook, changes, lines, silent
from tests.support.programs import Program, programs

NO_TIME = {"explain_floor": 0.0, "explain_share": 0.0}
BUMP = "import torch\nx = torch.zeros(4); y = x.view(-1)\ndef bump(t):\n    t.add_(1)"
SGD = (
    "import torch\nw = torch.nn.Parameter(torch.ones(3))\nw.grad = torch.ones(3)\n"
    "def update(p):\n    with torch.no_grad():\n        p.detach().sub_(p.grad)"
)


def deadline_after(checks: int) -> Deadline:
    """Give a deadline that has passed after so many looks at the clock."""

    class Counted(Deadline):
        left = checks

        def has_passed(self) -> bool:
            Counted.left -= 1
            return Counted.left < 0

    return Counted()


# ---------------------------------------------------------------- the deadline


def test_a_deadline_of_no_seconds_has_passed_at_once():
    assert Deadline.after(0).has_passed()
    with pytest.raises(LateError):
        Deadline.after(-1).check()
    assert not NEVER.has_passed()


# ---------------------------------------------------------------- following calls


def test_what_time_does_not_reach_is_said_and_nothing_is_guessed():
    notebook = Known(definitions=definitions_in(BUMP, 1))
    for checks in range(12):
        effects = StatementEffects(notebook, source="bump(y)", deadline=deadline_after(checks))
        found = effects.of(parse_statements("bump(y)")[0])
        reached = found.narrow(AccessPath("x"), [AccessPath("y")])
        assert reached.is_cut == found.is_cut
        assert [one.inner.text for one in reached.candidates] == ([] if reached.is_cut else ["t.add_(1)"])
    assert not found.is_cut, "so many looks are enough"


def test_the_statements_of_a_cell_are_each_followed_once(monkeypatch):
    runs = []
    monkeypatch.setattr(
        "ipy_tensorwatch.core.interpreter.statement_effects.interpret", lambda nodes, frame: runs.extend(nodes)
    )
    source = "\n".join(f"a{i} = f(a{i - 1})" for i in range(3 * KEEP_EVERY))
    effects, statements = StatementEffects(Known(), source=source), parse_statements(source)
    for one in statements:
        effects.of(one)
        effects.of(one)
    assert len(runs) <= 2 * len(statements), "each as itself, and each as what stands before the later ones"
    runs.clear()
    effects.of(parse_statements("pass\n" * 150 + "g()")[150])
    assert len(runs) <= KEEP_EVERY


def test_an_earlier_statement_is_told_as_if_it_had_been_asked_first():
    lists = "\n".join(f"h{i} = []" for i in range(KEEP_EVERY + 3))
    source = f"a = x\n{lists}\nbump(a)\na = z\nbump(a)\nk = lambda t: t.mul_(2)\nk(a)"
    notebook, statements = Known(definitions=definitions_in(BUMP, 1)), parse_statements(source)
    forwards, backwards = StatementEffects(notebook, source=source), StatementEffects(notebook, source=source)
    told = {one.index: tell(forwards, one) for one in statements}
    assert {one.index: tell(backwards, one) for one in reversed(statements)} == told
    alone = {one.index: tell(StatementEffects(notebook, source=source), one) for one in statements}
    assert alone == told
    assert [found[0][0] for found in told.values() if found] == ["t.add_(1)", "t.add_(1)"]


def test_what_a_statement_binds_is_not_bound_twice():
    source = "a = n\na = a.next\nbump(a)"
    effects = StatementEffects(Known(definitions=definitions_in(BUMP, 1)), source=source)
    found = [effects.of(one).narrow(parse_path("n.next"), ()) for one in parse_statements(source)][-1]
    assert [str(one.origin) for one in found.candidates] == ["n.next"]


def tell(effects: StatementEffects, statement: Any) -> list[tuple[str, str]]:
    found = effects.of(statement).narrow(parse_path("x"), [parse_path("z")])
    return [(one.inner.text, str(one.origin)) for one in found.candidates]


def test_a_long_cell_is_not_parsed_again_for_a_function_in_it(monkeypatch):
    source = "b = 1\n" * 5000 + BUMP
    definitions = definitions_in(source, 1)
    parsed = []
    monkeypatch.setattr(
        "ipy_tensorwatch.core.interpreter.source_index.parse_cell",
        lambda text: (parsed.append(len(text)), parse_cell(text))[1],
    )
    [found] = StatementEffects(Known(definitions=definitions)).of("bump(y)").narrow(AccessPath("y"), ()).candidates
    assert (found.inner.line, found.inner.text) == (5004, "t.add_(1)")
    assert sum(parsed) < len(BUMP)


def test_only_the_statements_that_may_have_written_are_read(monkeypatch):
    from ipy_tensorwatch.core.statements import statement

    read, mentions_of = [], statement.mentions_of
    monkeypatch.setattr(statement, "mentions_of", lambda node: (read.append(node.lineno), mentions_of(node))[1])
    with Notebook() as nb:
        nb.run(BUMP)
        read.clear()
        report = nb.run("\n".join(f"a{i} = {i}" for i in range(400)) + "\ny.add_(1)")
        assert lines(changes(report, "mutated")["x"]) == {401}
    assert len([line for line in set(read) if line != 401]) < 40


# ---------------------------------------------------------------- reports without time


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="since 3.12 Python tells which lines run")
def test_without_time_the_statement_alone_is_told_and_the_report_says_so():
    with Notebook(settings=NO_TIME) as nb:
        nb.run(BUMP)
        report = nb.run("a = 1\nbump(y)")
        change = changes(report, "mutated")["x"]
        [site] = change["sites"]
        assert (site["line"], site["inner"]) == (2, None)
        assert change["silent"]
        assert "x" in report["coverage"]["curtailed"]
        assert "Search for the cause cut short" in nb.status()


def test_what_there_was_no_time_to_follow_is_no_alarm_and_the_report_says_so():
    """The call may have updated the parameter, as a library would: nobody has read the function."""
    with Notebook(settings=NO_TIME) as nb:
        nb.run(SGD)
        report = nb.run("update(w)")
        assert "w" not in silent(report)
        assert "w" in report["coverage"]["curtailed"]


def test_with_time_nothing_is_cut_short():
    with Notebook() as nb:
        nb.run(BUMP)
        assert nb.run("bump(y)")["coverage"]["curtailed"] == []


def test_a_write_that_names_its_target_needs_no_time():
    with Notebook(settings=NO_TIME) as nb:
        nb.run(BUMP)
        report = nb.run("x.add_(1)")
        assert changes(report, "mutated")["x"]["cause"] == "direct"
        assert "x" not in report["coverage"]["curtailed"]


@settings(max_examples=40)
@given(programs())
def test_without_time_no_report_is_wrong(program: Program):
    """Judged by byte copies: what changed is told, and what is told as seen was so."""
    namespace: dict[str, Any] = {}
    note(repr(program))
    with Notebook(settings={"probe_floor": 1.0, **NO_TIME}) as nb:
        for cell in program.cells:
            before = oracle.copies(namespace)
            written = oracle.run_by_line(cell.source, namespace)
            verdict = oracle.compare(before, oracle.walk(namespace))
            written.tell_born(verdict, oracle.walk(namespace))
            nb.cell(cell.source)
            report = nb.report()
            assert faults_of_changes(report, verdict, namespace, written.left) == []
            assert faults_of_what_was_seen(report, verdict, written) == []


def faults_of_what_was_seen(report: Any, verdict: oracle.Verdict, written: oracle.Written) -> list[str]:
    faults = []
    for path, change in changes(report, "mutated").items():
        seen = {one["line"] for one in change["sites"] if one["certainty"] == "observed"}
        lines = written.born[path].lines if change["born"] else written.lines.get(path, set())
        allowed = lines | written.idle.get(path, set())
        if path in verdict.mutated and not seen <= allowed:
            faults.append(f"{path}: told {seen} as seen, written by {allowed}")
    return faults


def test_the_bytes_of_earlier_cells_that_write_much_are_dropped_and_nothing_fails():
    cells = ["import torch\nxs = [torch.zeros(1 << 14) for _ in range(160)]", *["torch._foreach_add_(xs, 1)"] * 24]
    earlier = {id(one): one for one in gc.get_objects() if type(one) is StorageMark}  # of other tests
    with Notebook() as nb:
        for cell in cells:
            nb.run(cell)
        gc.collect()
        marks = [one for one in gc.get_objects() if type(one) is StorageMark and id(one) not in earlier]
        faults = [*GUARD.faults]
    assert [] == faults
    assert 160 * 12 > len({id(one.copy) for one in marks})
