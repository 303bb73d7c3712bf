"""Which statement gave one leaf another leaf's gradient, by hand-made traces."""

from __future__ import annotations

import pytest

from ipy_tensorwatch.core.blame.reasoning import Reasoning
from ipy_tensorwatch.core.hazards.backward.assigned_gradients import find_assignment
from tests.support.traces import make_trace


def found(plain, *cells, **more):
    return find_assignment(Reasoning(make_trace(plain, {}, cells=cells, **more)))


ASSIGNMENTS = [
    ("q.grad = p.grad", True, "q.grad = p.grad.clone()"),
    ("q._grad = p._grad", True, "q._grad = p._grad.clone()"),
    ("q.grad = p.grad.view(-1)", True, "q.grad = p.grad.view(-1).clone()"),
    ("q.grad = g", False, "q.grad = g.clone()"),
    ("qs[0].grad = g", False, "qs[0].grad = g.clone()"),
    ("q.grad, r.grad = g, g", False, None),
    ("q.grad = r.grad = g", False, None),
    ("setattr(q, 'grad', g)", False, None),
]


@pytest.mark.parametrize(("plain", "is_of_gradient", "code"), ASSIGNMENTS)
def test_a_statement_assigns_a_gradient(plain, is_of_gradient, code):
    one = found(plain)
    assert (plain, is_of_gradient, "inferred") == (one.site.text, one.is_of_gradient, one.site.certainty)
    assert code == (one.fix and one.fix.code)
    assert one.fix is None or ("assign-copy", plain, False) == (one.fix.kind, one.fix.target.text, one.fix.says_where)


@pytest.mark.parametrize(
    "plain",
    ["q.grad = None", "q.grad = p.grad.clone()", "q.grad = g * 2", "q.grad = -g", "q.data = g", "setattr(q, 'data', g)", "q.grad", "q.grad += g", "q = (",
     "hasattr(q, 'grad')"],
)  # fmt: skip
def test_other_statements_share_no_gradient(plain):
    assert found(plain) is None


def test_only_statements_that_ran_count():
    assert found("if c:\n    q.grad = p.grad", evidence={"ran": frozenset((0,))}) is None


TIE = "def tie(q, p):\n    q.grad = p.grad"


def test_the_line_of_a_function_is_told_with_the_statement_that_called_it():
    one = found("tie(q, p)", TIE)
    assert ("tie(q, p)", 1, 2, "q.grad = p.grad") == (
        one.site.text,
        one.site.inner.cell,
        one.site.inner.line,
        one.site.inner.text,
    )
    assert ("q.grad = p.grad.clone()", 1, 2, True) == (
        one.fix.code,
        one.fix.target.cell,
        one.fix.target.line,
        one.fix.says_where,
    )


def test_of_several_lines_that_of_a_called_function_is_likely_and_none_is_mended():
    one = found("tie(q, p)", "def other(q, p):\n    q.grad = g\ndef tie(q, p):\n    run(other)\n    q.grad = p.grad")
    assert "q.grad = p.grad" == one.site.inner.text
    assert one.fix is None
    assert found("tie(q, p)\ntie(r, p)", TIE).fix is not None
