"""Graphs that lead into a freed part, from plain values and the text of statements."""

from __future__ import annotations

import pytest

from ipy_tensorwatch.core.blame.evidence.statement_timeline import Timeline
from ipy_tensorwatch.core.hazards.backward.freed_graph import (
    LiveCode,
    detached,
    fix_freed,
    foretold_freed,
    freed_graphs,
    remember_backward,
    retaining,
)
from ipy_tensorwatch.core.hazards.hazard_facts import FreedGraph
from ipy_tensorwatch.core.records.trace.graph_state import HalfFreed
from ipy_tensorwatch.core.records.trace.notebook import Notebook
from ipy_tensorwatch.core.records.typed_line import TypedLine
from tests.support.records import raised, reading, site, snapshot, typed

BUILT = {2: Timeline("h = w.exp()\nloss = h.sum()", ((5, 0), (6, 1)))}
SCALAR, WIDE = reading(1, shape=()), reading(2)
BACKWARD = 3, site(4, "loss.backward()")


def freed(**more):
    values = {
        "roots": ("loss",), "names": ("h",), "node": 5, "cell": 2, "user": 6, "user_cell": 2, "op": "ExpBackward0", "is_new_pass": True,
        "is_covered": False,
    }  # fmt: skip
    return HalfFreed(**(values | more))


def told(*several, ran=None, backward=BACKWARD, variables=None):
    return [
        *freed_graphs(
            several, snapshot(**(variables or {"loss": SCALAR})), LiveCode(BUILT, Notebook()), backward, ran or {}
        )
    ]


def test_the_variable_whose_graph_was_freed_is_told_with_its_line():
    [one] = told(freed())
    assert ("TW213", "raises", ("loss",), "ExpBackward0", 5) == (one.code, one.outcome, one.paths, one.op, one.node)
    assert FreedGraph(root="loss", name="h", how="leads") == one.fact
    assert ("h = w.exp()", 2) == (one.saved_at.text, one.saved_cell)
    assert (None, None) == (one.written_at, one.written_cell)


def test_a_graph_without_a_variable_shares_nodes():
    [one] = told(freed(names=(), cell=0))
    assert ("shares", None, None, None) == (one.fact.how, one.fact.name, one.saved_cell, one.saved_at)


def test_of_a_graph_that_was_whole_the_cells_backward_freed_it():
    [one] = told(freed(was_whole=True))
    assert (BACKWARD[1], 3, "loss.backward(retain_graph=True)") == (one.written_at, one.written_cell, one.fix.code)
    [two] = told(freed(was_whole=True), backward=(3, None))
    assert (None, None, "") == (two.written_at, two.written_cell, two.fix.code)


@pytest.mark.parametrize(
    ("more", "ran", "variables", "outcome"),
    [
        ({}, {}, {"loss": SCALAR}, "raises"), ({"is_new_pass": False}, {}, {"loss": SCALAR}, "risk"), ({}, {"loss": 2}, {"loss": SCALAR}, "risk"),
        ({}, {"loss": 1}, {"loss": SCALAR}, "raises"), ({}, {}, {"loss": WIDE}, "risk"), ({}, {}, {"other": SCALAR}, "risk"),
    ],
)  # fmt: skip
def test_a_backward_that_is_not_expected_is_a_risk(more, ran, variables, outcome):
    [one] = told(freed(**more), ran=ran, variables=variables)
    assert outcome == one.outcome
    assert (variables == {"loss": SCALAR}) == one.fact.is_scalar


@pytest.mark.parametrize(
    ("source", "entered", "outcome"),
    [
        ("h = w.exp()\nloss.backward()\nloss = h.sum()", ((5, 0), (6, 1), (6, 2)), "raises"),
        ("h = w.exp()\nloss = h.sum()\nloss.backward()", ((5, 0), (6, 1), (7, 2)), "risk"),
        ("for x in xs:\n    loss.backward()\n    loss = h.sum()", ((5, 0), (5, 1), (6, 2), (7, 1)), "risk"),
        ("for x in xs:\n    loss = h.sum()\n    loss.backward()", ((5, 0), (6, 1)), "risk"),
        ("step(loss)", ((5, 0),), "risk"),
    ],
)
def test_a_backward_of_the_same_cell_counts_if_it_ran_since_the_variable_was_computed(source, entered, outcome):
    built = {2: Timeline(source, entered)}
    [one] = freed_graphs([freed()], snapshot(loss=SCALAR), LiveCode(built, Notebook()), BACKWARD, {"loss": 2})
    assert outcome == one.outcome


def test_variables_that_meet_one_node_are_one_hazard_the_expected_first():
    found = told(
        *(freed(roots=(name,)) for name in ("wide", "ran", "loss")), freed(node=9), freed(is_new_pass=False),
        ran={"ran": 2}, variables={"wide": WIDE, "ran": SCALAR, "loss": SCALAR},
    )  # fmt: skip
    assert [("loss", "ran", "wide"), ("loss",), ("loss",)] == [one.paths for one in found]


def test_a_backward_that_raised_there_is_told_as_happened():
    one = foretold_freed(freed(), raised(root="other"), LiveCode(BUILT, Notebook()))
    assert (True, "leads", "other", "h") == (one.happened, one.fact.how, one.fact.root, one.fact.name)
    assert "shares" == foretold_freed(freed(names=()), raised(), LiveCode(BUILT, Notebook())).fact.how


def test_the_last_backward_of_each_variable_is_remembered():
    assert {"a": 1, "loss": 3, "d['k'].x": 3} == remember_backward(
        "loss.backward()\nd['k'].x.backward(g)", 3, {"a": 1, "loss": 2}
    )
    known = {"a": 1}
    assert known is remember_backward("loss = 1", 3, known)


FIXES = [
    ("h", "out, h = rnn(x, h)", "h = torch.zeros(3)", True, ("detach-state", "h = h.detach()")),
    ("h", "out, h = rnn(x, h)", "h = torch.zeros(3)", False, ("compute-anew", "h = torch.zeros(3)")),
    ("h", "loss = f(h)", "out, h = rnn(x, h)", True, ("detach-state", "h = h.detach()")),
    ("h", "loss = f(h)", "out, h = rnn(x, h)", False, ("retain-graph", "")),
    ("old_logp", "ratio = (logp - old_logp).exp()", "old_logp = p.log()", False, ("detach-state", "old_logp = old_logp.detach()")),
    ("target", "loss = (q - target).square()", "target = r + net(s)", False, ("detach-state", "target = target.detach()")),
    ("init_h", "loss = f(init_h)", "init_h = w.exp()", False, ("compute-anew", "init_h = w.exp()")),
    ("h", "loss = f(h)", "h = w.exp()", True, ("compute-anew", "h = w.exp()")),
    ("h", "loss = f(x)", "h = w.exp()", True, ("retain-graph", "")),
    ("h", "loss = f(h)", "k = w.exp()", True, ("retain-graph", "")),
    ("h", "loss = f(h)", None, True, ("retain-graph", "")),
    (None, "loss = f(h)", "h = w.exp()", True, ("retain-graph", "")),
    ("h", None, "h = w.exp()", True, ("retain-graph", "")),
    ("net.hidden", "loss = net(x)", None, True, ("detach-state", "net.hidden = net.hidden.detach()")),
    ("state[0]", "out, state = lstm(x, state)", None, True, ("detach-state", "state = tuple(one.detach() for one in state)")),
    ("state[0]", "loss = f(state)", "state = g(w)", False, ("retain-graph", "")),
]  # fmt: skip


@pytest.mark.parametrize(("name", "user", "made", "is_covered", "expected"), FIXES)
def test_a_state_is_detached_and_a_result_computed_anew(name, user, made, is_covered, expected):
    fix = fix_freed(name, user and typed(user), made and site(1, made), is_covered=is_covered)
    assert expected == (fix.kind, fix.code)
    if expected[0] != "retain-graph":
        assert (user, user) == (fix.other, fix.target.text)


DETACHED = [
    ("h", "h = None", "h = None if h is None else h.detach()"),
    ("h", "hh = None", "h = h.detach()"),
    ("h", "h = f(None)", "h = None if h is None else h.detach()"),
    ("h", "h == None", "h = h.detach()"),
    ("net.h", "self.h = None", "net.h = None if net.h is None else net.h.detach()"),
    ("s[0]", "s = None", "s = None if s is None else tuple(one.detach() for one in s)"),
    ("t", "t = 0", "t = t.detach() if torch.is_tensor(t) else t"),
    ("t", "n, t = 0, 1e-3  # none", "t = t.detach() if torch.is_tensor(t) else t"),
    ("t", "t = f(0)", "t = t.detach()"),
    ("t", "t = w * 0.5", "t = t.detach()"),
]


@pytest.mark.parametrize(("name", "source", "expected"), DETACHED)
def test_a_state_may_begin_with_none_or_a_number(name, source, expected):
    assert expected == detached(name, source)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("loss.backward()", "loss.backward(retain_graph=True)"), ("loss.backward(g)", "loss.backward(g, retain_graph=True)"), ("run(loss)", ""),
     ("loss.backward(retain_graph=False)", ""), ("a.backward(); b.backward()", "a.backward(retain_graph=True); b.backward()")],
)  # fmt: skip
def test_a_backward_keeps_its_graph(text, expected):
    assert expected == retaining(site(1, text))
    assert expected == retaining(TypedLine(line=1, text=text))
    assert "" == retaining(None)
