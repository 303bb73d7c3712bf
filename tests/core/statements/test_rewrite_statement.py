"""Statements rewritten as text: out of place, on a copy, without a gradient."""

from __future__ import annotations

import pytest

from ipy_tensorwatch.core.statements.rewrite_statement import (
    assigned_detach,
    binds,
    cloned_sources,
    cloned_value,
    out_of_place,
    parse_one,
    read_paths,
    replaced,
    with_clones,
    without_grad,
    without_inplace,
    written_path,
)

OUT_OF_PLACE = [
    ("h.add_(1)", "h = h.add(1)"),
    ("h.mul_(2).add_(1)", "h = h.mul(2).add(1)"),
    ("self.h.relu_()", None),
    ("d['h'].add_(1)", "d['h'] = d['h'].add(1)"),
    ("k.add_(1)", None),
    ("h.fill_(1)", None),
    ("h.t_()", None),
    ("h.fill_(1).add_(1)", None),
    ("relu_()", None),
    ("h.add(1)", None),
    ("h += 1", "h = h + 1"),
    ("h -= y", "h = h - y"),
    ("h *= y - 1", "h = h * (y - 1)"),
    ("h /= f(y)", "h = h / f(y)"),
    ("h //= y[0]", "h = h // y[0]"),
    ("h %= y.z", "h = h % y.z"),
    ("h **= (1, 2)", "h = h ** (1, 2)"),
    ("h @= w", "h = h @ w"),
    ("h |= w", None),
    ("k += 1", None),
    ("h[0] += 1", None),
    ("F.relu(h, inplace=True)", "h = F.relu(h)"),
    ("F.relu(h, inplace=False)", None),
    ("F.relu_(h)", "h = F.relu(h)"),
    ("relu_(h)", "h = relu(h)"),
    ("torch.add(h, 1, out=h)", "h = torch.add(h, 1)"),
    ("torch.add(h, 1, out=k)", None),
    ("torch.add(h, 1, alpha=2, out=h)", "h = torch.add(h, 1, alpha=2)"),
    ("y = F.relu(h, inplace=True)", "y = F.relu(h)"),
    ("y = F.relu(k, inplace=True)", None),
    ("y = h.add_(1)", None),
    ("h = h.add_(1).mul_(2)", "h = h.add(1).mul(2)"),
    ("h = h.index_add_(0, i, h[j])", "h = h.index_add(0, i, h[j])"),
    ("h.cumsum_(0)", "h = h.cumsum(0)"),
    ("k = h = h.add_(1)", None),
    ("h = k.add_(1)", None),
    ("f()[0].add_(1)", None),
    ("f()", None),
    ("f().add_(1)", None),
    ("h.view(3).add_(1)", None),
    ("h = 1", None),
    ("x = (", None),
    ("h.add_(1); k.add_(1)", None),
]


@pytest.mark.parametrize(("text", "expected"), OUT_OF_PLACE)
def test_a_write_is_spelled_out_of_place_where_that_is_the_same(text, expected):
    assert expected == out_of_place(text, {"h", "d['h']"})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("y = torch.sigmoid(w).add_(1)", "y = torch.sigmoid(w).add(1)"),
        ("y = F.relu(w, inplace=True)", "y = F.relu(w)"),
        ("return t.mul_(2)", "return t.mul(2)"),
        ("y = f(w)", None),
        ("y = w.add_(1) + w.mul_(2)", None),
        ("y = w.fill_(1)", None),
        ("y = (", None),
    ],
)
def test_a_call_in_place_is_spelled_without(text, expected):
    assert expected == without_inplace(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a = table.weight @ w.t()", "a = table.weight.clone() @ w.clone().t()"),
        ("loss = (h * h).sum()", None),
        ("w = table.weight", "w = table.weight.clone()"),
        ("変 = w + w", "変 = w.clone() + w.clone()"),
        ("a = w[0]", "a = w.clone()[0]"),
        ("a = d['w']", None),
        ("x = (", None),
    ],
)
def test_what_a_statement_reads_by_name_is_read_from_copies(text, expected):
    assert expected == with_clones(text, {"w", "table.weight"})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("y = a + b", "y = (a + b).clone()"),
        ("y = f(a)", "y = f(a).clone()"),
        ("y = a, b", None),
        ("y = [a]", None),
        ("y += a", None),
        ("f(a)", None),
    ],
)
def test_what_an_assignment_computes_is_bound_as_a_copy(text, expected):
    assert expected == cloned_value(text)


def test_what_a_statement_computes_from_is_listed_once():
    assert ["cell", "x", "h", "state[0]", "state"] == read_paths("out, h = cell(x, h, state[0])")
    assert ["x"] == read_paths("x + x")
    assert [] == read_paths("for x in y: pass")


@pytest.mark.parametrize(
    ("text", "names", "expected"),
    [
        ("y = 1", None, True),
        ("y.x = 1", None, False),
        ("a, b = 1, 2", None, False),
        ("f()", None, False),
        ("y.x = 1", {"y.x"}, True),
        ("y = 1", {"x"}, False),
        ("y += 1", {"y"}, False),
    ],
)
def test_a_statement_that_assigns_is_told(text, names, expected):
    assert expected == binds(text, names)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x[:, 0] = 1", "x"),
        ("m.w[0] = 1", "m.w"),
        ("x.zero_()", "x"),
        ("x.data.zero_()", "x"),
        ("x[0].zero_()", "x[0]"),
        ("x += 1", "x"),
        ("m.x += 1", "m.x"),
        ("xs[0] += 1", None),
        ("x[:2] += 1", "x"),
        ("x[0, 1] += 1", "x"),
        ("x[...] += 1", "x"),
        ("x = 1", None),
        ("x[0] = y[0] = 1", None),
        ("opt.step()", None),
        ("torch.add(a, b, out=c)", "c"),
        ("f(x)", None),
    ],
)
def test_what_a_statement_writes_into_is_told_by_its_text_alone(text, expected):
    assert expected == written_path(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("h.detach_()", "h = h.detach()"),
        ("m.h.detach_()", "m.h = m.h.detach()"),
        ("f().detach_()", None),
        ("h.add_(1)", None),
        ("y = h.detach_()", None),
    ],
)
def test_a_call_of_one_method_becomes_an_assignment_of_another(text, expected):
    assert expected == assigned_detach(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("parts[1].mul_(2)", "h[0].mul_(2)"),
        ("parts[1] = 2", None),
        ("[x for x in parts[1]]", None),
        ("f(x)", None),
        ("x = (", None),
    ],
)
def test_another_expression_takes_the_place_of_a_path(text, expected):
    assert expected == replaced(text, "parts[1]", "h[0]")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x[1:] = x[:-1]", "x[1:] = x[:-1].clone()"),
        ("x[1:] += x[:-1]", "x[1:] += x[:-1].clone()"),
        ("x[1:].add_(x[:-1])", "x[1:].add_(x[:-1].clone())"),
        ("y = f(x[1:], out=x[:-1])", "y = f(x[1:].clone(), out=x[:-1])"),
        ("f(a, b=x)", "f(a, b=x.clone())"),
        ("x[1:] = y", None),
        ("for a in x: pass", None),
        ("x = (", None),
    ],
)
def test_what_a_write_reads_is_a_copy(text, expected):
    assert expected == cloned_sources(text, {"x"})


def test_a_path_that_a_write_reads_is_copied():
    assert "x[1:] = m.w.clone()" == cloned_sources("x[1:] = m.w", {"m.w"})
    assert cloned_sources("x[1:] = m.v", {"m.w"}) is None


def test_a_statement_is_put_where_autograd_does_not_look():
    assert "with torch.no_grad(): w.add_(1)" == without_grad("w.add_(1)")
    assert without_grad("for x in y:") is None


def test_one_statement_is_parsed_and_several_are_not():
    assert parse_one("x = 1") is not None
    assert parse_one("x = 1; y = 2") is None
