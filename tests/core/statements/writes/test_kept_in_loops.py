"""Loops that fill what they keep again, by their source alone."""

from __future__ import annotations

import ast

import pytest

from ipy_tensorwatch.core.statements.writes.kept_in_loops import (
    keeping_copies,
    paths_of,
    refilled_and_returned,
    refilled_by_itself,
    refilled_in_loop,
    repeats,
)

HEAD = "for i in range(3):\n    "
REFILLS = [
    ("buf.fill_(i)\n    kept.append(buf)", "buf.fill_(i)"),
    ("kept.append(buf)\n    buf += i", "buf += i"),
    ("if i:\n        buf[:] = i\n    kept.append(buf)", "buf[:] = i"),
    ("buf.fill_(i)\n    yield buf", "buf.fill_(i)"),
    ("buf.fill_(i)\n    yield", None),
    ("buf.fill_(i)\n    kept[i] = buf", "buf.fill_(i)"),
    ("buf.fill_(i)\n    kept = buf", None),
    ("buf.fill_(i)\n    kept += [buf]", "buf.fill_(i)"),
    ("buf.fill_(i)\n    kept += (buf,)", "buf.fill_(i)"),
    ("buf.fill_(i)\n    total += buf", None),
    ("buf.fill_(i)\n    kept.append(buf.clone())", None),
    ("buf.fill_(i)\n    print(buf)", None),
    ("buf.fill_(i)\n    kept.show(buf)", None),
    ("other.fill_(i)\n    kept.append(buf)", None),
    ("buffer.fill_(i)\n    kept.append(buf)", None),
    ("buf.grad = None\n    kept.append(buf)", None),
    ("buf.requires_grad_()\n    kept.append(buf)", None),
    ("buf.grad = None\n    buf.add_(i)\n    kept.append(buf)", "buf.add_(i)"),
    ("box.x.fill_(i)\n    kept.append(box)", "box.x.fill_(i)"),
    ("rows[0].fill_(i)\n    kept.append(rows)", "rows[0].fill_(i)"),
    ("box.fill_(i)\n    kept.append(box.x)", None),
    ("buf = x.copy()\n    buf[i] = 1\n    kept.append(buf)", None),
    ("buf = np.zeros(3)\n    buf[i] = 1\n    kept.append(buf)", None),
    ("buf = x + 1\n    buf += 1\n    kept.append(buf)", None),
    ("buf = step(x)\n    buf[i] = 1\n    kept.append(buf)", "buf[i] = 1"),
    ("buf = F.relu(x, inplace=True)\n    buf[i] = 1\n    kept.append(buf)", "buf[i] = 1"),
    ("kept.append(buf)\n    buf[i] = 1\n    buf = x.copy()", "buf[i] = 1"),
    ("if not i:\n        buf = x.copy()\n    buf[i] = 1\n    kept.append(buf)", "buf[i] = 1"),
    ("buf = x.copy()\n    for k in y:\n        buf[k] = 1\n        kept.append(buf)", "buf[k] = 1"),
    ("for k in y:\n        buf = x.copy()\n        buf[k] = 1\n        kept.append((buf, k))", None),
]


@pytest.mark.parametrize(("body", "expected"), REFILLS)
def test_a_loop_refills_what_it_keeps(body, expected):
    found = refilled_in_loop(ast.parse(HEAD + body))
    assert expected == (found and ast.unparse(found))


@pytest.mark.parametrize("header", ["while True:", "async for i in x:"])
def test_every_kind_of_loop_counts(header):
    inside = f"async def f():\n  {header}\n    buf.fill_(i)\n    kept.append(buf)"
    assert refilled_in_loop(ast.parse(inside)) is not None
    assert refilled_in_loop(ast.parse("buf.fill_(i)\nkept.append(buf)")) is None


@pytest.mark.parametrize(
    ("keeps", "is_found"),
    [
        ("kept.append(buf)", True), ("kept.items.append(buf)", True), ("kept[i] = buf", True), ("yield buf", True),
        ("other.append(buf)", False), ("make().append(buf)", False),
    ],
)  # fmt: skip
def test_only_the_containers_of_a_variable_count_if_one_is_named(keeps, is_found):
    assert is_found == (refilled_in_loop(ast.parse(f"{HEAD}buf.fill_(i)\n    {keeps}"), "kept") is not None)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("buf.fill_(i)\n    return buf", "buf.fill_(i)"), ("buf.fill_(i)\n    return buf + 1", None),
        ("buf.fill_(i)\n    return", None), ("buf.fill_(i)\n    kept.append(buf)", None),
    ],
)  # fmt: skip
def test_a_function_refills_what_it_returns(body, expected):
    found = refilled_and_returned(ast.parse(f"def f(i):\n    {body}"))
    assert expected == (found and ast.unparse(found))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("outs = [torch.add(buf, i, out=buf) for i in x]", True),
        ("outs = {buf.fill_(i) for i in x}", True),
        ("outs = {i: buf.fill_(i) for i in x}", True),
        ("outs = {buf.fill_(i): i for i in x}", False),
        ("outs = [buf.fill_(i) + 1 for i in x]", False),
        ("outs = [other(buf) for i in x]", False),
        ("outs = buf.fill_(1)", False),
    ],
)
def test_a_comprehension_refills_what_it_keeps(text, expected):
    assert expected == refilled_by_itself(ast.parse(text).body[0])


PATHS = [
    ("x", ["x"]),
    ("x.y", ["x.y"]),
    ("x.data", ["x"]),
    ("x.T", ["x"]),
    ("x[0].y", ["x.y"]),
    ("x[:]", ["x"]),
    ("(x, y)", ["x", "y"]),
    ("[x, (y, z)]", ["x", "y", "z"]),
    ("{'a': x, 'b': y}", ["x", "y"]),
    ("x.view(-1).mul_(2)", ["x"]),
    ("x.mul(2)", []),
    ("x.__add__(2)", []),
    ("f(x)", []),
    ("f(x, out=y)", ["y"]),
    ("f(x, out=y, k=z)", []),
    ("torch.from_numpy(x)", ["x"]),
    ("np.asarray(x)", ["x"]),
    ("torch.tensor(x)", []),
    ("1", []),
]


@pytest.mark.parametrize(("text", "expected"), PATHS)
def test_an_expression_gives_tensors_or_views_of_them(text, expected):
    assert expected == [*paths_of(ast.parse(text, mode="eval").body)]


COPIES = [
    ("kept.append(buf)", (), "kept.append(buf.clone())"),
    ("kept.append(a + b)", (), "kept.append((a + b).clone())"),
    ("kept.append((buf, i))", ("[0]",), "kept.append((buf.clone(), i))"),
    ("kept.append((i, buf))", ("[1]",), "kept.append((i, buf.clone()))"),
    ("kept.append((buf, i))", ("[2]",), None),
    ("kept.append((buf, i))", (), None),
    ("kept.append([buf])", (), None),
    ("kept.append(buf)", ("[0]",), None),
    ("kept.extend(buf)", (), None),
    ("x = [buf] * n", (), "x = [buf.clone() for _ in range(n)]"),
    ("x = [make()] * 3", (), "x = [make() for _ in range(3)]"),
    ("x = [b for b in y]", (), "x = [b.clone() for b in y]"),
    ("x = [[b] for b in y]", (), None),
    ("x = [{b} for b in y]", (), None),
    ("x = [(b, 1) for b in y]", ("[0]",), "x = [(b.clone(), 1) for b in y]"),
    ("x = list(y)", (), "x = [one.clone() for one in y]"),
    ("x = tuple(y)", (), None),
    ("x = y", (), None),
]


@pytest.mark.parametrize(("text", "steps", "expected"), COPIES)
def test_a_statement_that_keeps_copies_is_spelled_where_that_is_known(text, steps, expected):
    assert expected == keeping_copies(text, ".clone()", [steps])
    assert expected == keeping_copies(text, ".clone()", [steps]), "what was parsed must not have changed"


SEVERAL = [
    ("kept.append((s, 1, t))", [("[0]",), ("[2]",)], "kept.append((s.clone(), 1, t.clone()))"),
    ("kept.append({'s': s, 'n': 1})", [("['s']",)], "kept.append({'s': s.clone(), 'n': 1})"),
    ("kept.append([p.grad for p in ps])", [("[0]",), ("[1]",)], "kept.append([p.grad.clone() for p in ps])"),
    ("x = [{'a': (b, c)} for b in y]", [("['a']", "[1]")], "x = [{'a': (b, c.clone())} for b in y]"),
    ("x = {k: [v] for k in y}", [("[0]",)], "x = {k: [v.clone()] for k in y}"),
    ("kept.append((s, t))", [("[0]",), ("[2]",)], None),
    ("kept.append({**d, 's': s})", [("['d']",)], None),
    ("kept.append(pair)", [("[0]",), ("[1]",)], None),
]


@pytest.mark.parametrize(("text", "places", "expected"), SEVERAL)
def test_all_that_a_statement_keeps_in_one_memory_is_copied_or_nothing(text, places, expected):
    assert expected == keeping_copies(text, ".clone()", places)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("x = [f() for _ in y]", True), ("x = list(y)", True), ("x = (*map(f, y),)", True), ("x = tuple(y)", True),
     ("x = f(y)", False), ("for i in y: g()", False)],
)  # fmt: skip
def test_a_statement_repeats_by_itself(text, expected):
    assert expected == repeats(ast.parse(text).body[0])
