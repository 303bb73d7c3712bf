"""The statements of one cell are interpreted in any order, and none twice on the way to a later one."""

import random

from ipy_tensorwatch.core.interpreter.cell_definitions import definitions_in
from ipy_tensorwatch.core.interpreter.statement_effects import StatementEffects, known_effects
from ipy_tensorwatch.core.records.trace.notebook import Notebook
from ipy_tensorwatch.core.runtime.deadline import Deadline
from ipy_tensorwatch.core.statements.statement import parse_statements

CELL = """class Pool:
    def __init__(self, rows):
        self.rows = rows
        self.seen = []
    def keep(self, row):
        self.seen.append(row)
        return self.seen
    def clear(self):
        for row in self.seen:
            row.zero_()
pool = Pool(x)
for row in pool.rows:
    kept = pool.keep(row)
    pool.clear()
f = pool.clear
kept[0].add_(1)
f()
pool.keep(y)[1].mul_(2)
pool.clear()"""
STATEMENTS = parse_statements(CELL)


class CountingDeadline(Deadline):
    """Counts the statements that are interpreted."""

    count = 0

    def check(self):
        self.count += 1


def open_effects(deadline=None):
    notebook = Notebook(definitions=definitions_in(CELL, 1), classes={"pool": "Pool"})
    return StatementEffects(notebook, cell=1, source=CELL, deadline=deadline or Deadline())


def test_a_statement_has_the_same_trail_in_whichever_order_they_are_asked_for():
    alone = [open_effects().of(one) for one in STATEMENTS]
    assert any(one.events for one in alone)
    places = range(len(STATEMENTS))
    for order in (places, *(random.Random(seed).sample(places, len(places)) for seed in range(8))):
        effects = open_effects()
        found = {index: effects.of(STATEMENTS[index]) for index in order}
        assert [found[index] for index in places] == alone


def test_what_was_asked_for_is_not_interpreted_again_on_the_way_to_a_later_statement():
    first, both = CountingDeadline(), CountingDeadline()
    open_effects(first).of(STATEMENTS[-1])
    effects = open_effects(both)
    for one in STATEMENTS:
        effects.of(one)
    assert both.count <= first.count + len(STATEMENTS)


def of_late(source, cell, statement):
    """Interpret a statement of a cell when there is no time left for it."""
    notebook = Notebook(definitions=definitions_in(source, 1), classes={"pool": "Pool"})
    known = known_effects(notebook, cell, CELL)
    return StatementEffects(notebook, cell=cell, source=CELL, deadline=Deadline.after(0), known=known).of(statement)


def test_what_a_cell_did_is_known_when_it_runs_again():
    notebook = Notebook(definitions=definitions_in(CELL, 1), classes={"pool": "Pool"})
    first = StatementEffects(notebook, cell=1, source=CELL, known=known_effects(notebook, 1, CELL))
    effects = {one: first.of(one) for one in STATEMENTS[-2:]}
    assert effects == {one: of_late(CELL, 2, one) for one in effects}
    assert of_late(CELL, 2, STATEMENTS[-3]).is_cut
    assert of_late(CELL.replace("row.zero_()", "row.fill_(1)"), 3, STATEMENTS[-1]).is_cut


def test_lines_of_a_magics_code_are_those_of_the_cell_that_runs():
    source = "get_ipython().run_cell_magic('time', '', 'pool.clear()')"
    notebook = Notebook()
    known_effects(notebook, 1, source)["a"] = known_effects(notebook, 1, CELL)["a"] = open_effects().of(STATEMENTS[0])
    assert not known_effects(notebook, 2, source)
    assert known_effects(notebook, 2, CELL)


def follow(source, statement, **classes):
    notebook = Notebook(definitions=definitions_in(source, 1), classes=classes)
    return StatementEffects(notebook, cell=2, source=statement).of(parse_statements(statement)[0])


def test_a_property_is_interpreted_for_each_object_that_has_one():
    source = """class Row:
    @property
    def cleared(self):
        self.data.zero_()
        return self.data
class Plain:
    cleared = None"""
    effects = follow(source, "f(a.cleared, b.cleared, a.cleared, c.cleared)", a="Row", b="Plain", c="Row")
    assert [str(one.reference.path) for one in effects.events] == ["a.data", "c.data"]
