"""What a statement writes through the variables of the loops around it, from its text alone."""

import pytest

from ipy_tensorwatch.core.statements.statement import parse_statements


def written(source):
    """Return the paths that the last statement writes through loop variables."""
    return [*dict.fromkeys(str(one.target.path) for one in parse_statements(source)[-1].elements)]


LED = [
    ("for x in xs: x += 1", ["xs[*]"]),
    ("for x in xs: x[0] = 1", ["xs[*][0]"]),
    ("for x in xs:\n    with torch.no_grad():\n        x.view(-1).add_(1)", ["xs[*]"]),
    ("for x in xs: torch.add(x, 1, out=x)", ["xs[*]"]),
    ("for v in d.values(): v.add_(1)", ["d[*]"]),
    ("for k, v in d.items(): v.add_(1)", ["d[*]"]),
    ("for i, x in enumerate(xs): x += i", ["xs[*]"]),
    ("for x, y in zip(xs, ys): y += x", ["ys[*]"]),
    ("for i, (x, y) in enumerate(zip(xs, ys)): x.mul_(y)", ["xs[*]"]),
    ("for pair in zip(xs, ys): pair[1][0] = 1", ["xs[*][0]", "ys[*][0]"]),
    ("for one in enumerate(xs): one[1].add_(1)", ["xs[*]"]),
    ("for item in d.items(): item[1].add_(1)", ["d[*]"]),
    ("for row in grid:\n    for x in row:\n        x += 1", ["grid[*][*]"]),
    ("for a, b in pairs: b += 1", ["pairs[*][1]"]),
    ("for x in (a, b): x += 1", ["a", "b"]),
    ("for x in xs + ys: x += 1", ["xs[*]", "ys[*]"]),
    ("for x in reversed(list(xs)): x += 1", ["xs[*]"]),
    ("for x in (t for t in xs if t.any()): x += 1", ["xs[*]"]),
    ("for l in model.layers: l.weight -= l.weight.grad", ["model.layers[*].weight"]),
    ("for p in net.parameters(): p.data -= 1", ["net"]),
    ("for x in xs:\n    while x.sum() < 3:\n        x += 1", ["xs[*]"]),
    ("for x in xs:\n    for x in ys:\n        x += 1", ["ys[*]"]),
    ("for x in xs[:2]: x += 1", ["xs[:2]"]),
    ("get_ipython().run_cell_magic('time', '', 'for x in xs: x += 1')", ["xs[*]"]),
]


@pytest.mark.parametrize(("source", "expected"), LED)
def test_a_write_through_a_loop_variable_goes_to_the_container_of_the_header(source: str, expected: list[str]):
    assert expected == written(source)


NOT_LED = [
    "x += 1",
    "for x in xs: pass\nx += 1",
    "for x in xs: y += x",
    "for x in xs:\n    x = x.float()\n    x += 1",
    "for x in xs:\n    while True:\n        x += 1\n        x = x * 2",
    "for x in xs:\n    for x in made():\n        x += 1",
    "for x in xs: pass\nelse: x += 1",
    "for x in made(xs): x += 1",
    "for x in m.unbind(): x += 1",
    "for x in xs: x.requires_grad_()",
    "for x in xs:\n    def f(): x.add_(1)",
]


@pytest.mark.parametrize("source", NOT_LED)
def test_no_element_is_written_where_the_name_is_no_loop_variable_or_was_rebound(source: str):
    assert [] == written(source)


def test_a_name_that_is_rebound_after_the_write_still_leads_to_the_container():
    (_, write, _) = parse_statements("for x in xs:\n    x += 1\n    x = None")
    assert ["xs[*]"] == [str(one.target.path) for one in write.elements]


def test_it_is_told_whether_the_variables_own_tensor_is_written():
    writes = ("x += 1", "x.T[0] = 1", "x.data[0] = 1", "x.w += 1")
    found = [parse_statements(f"for x in xs: {write}")[-1].elements for write in writes]

    assert [True, True, True, False] == [all(each.is_own for each in one) for one in found]
    assert {("x", 1)} == {(each.variable, each.depth) for one in found for each in one}
