"""Loops over the rows of a tensor, rewritten so that a row may be written to."""

from __future__ import annotations

import pytest

from ipy_tensorwatch.core.explain.failing_statement import find_failing
from ipy_tensorwatch.core.explain.rewrite_loop import take_one_by_one
from ipy_tensorwatch.core.records.trace.cell_error import Spot
from ipy_tensorwatch.core.records.typed_line import TypedLine

ROWS = "range(len(h))"
LOOPS = [
    ("for row in h:\n    row.add_(1)", 2, (1, "for row in h:", f"for i in {ROWS}:")),
    ("for row in h.unbind():\n    row.add_(1)", 2, (1, "for row in h.unbind():", f"for i in {ROWS}:")),
    ("for row in h.unbind(0):\n    row.add_(1)", 2, (1, "for row in h.unbind(0):", f"for i in {ROWS}:")),
    ("for row in torch.unbind(h, dim=0):\n    row.add_(1)", 2, (1, "for row in torch.unbind(h, dim=0):", f"for i in {ROWS}:")),
    ("for row in h.unbind(1):\n    row.add_(1)", 2, None),
    ("for i, row in enumerate(h):\n    row.add_(1)", 2, (1, "for i, row in enumerate(h):", f"for i in {ROWS}:")),
    ("for a, row in zip(xs, h):\n    row.add_(1)", 2, (1, "for a, row in zip(xs, h):", f"for a, i in zip(xs, {ROWS}):")),
    ("for row in reversed(h):\n    row.add_(1)", 2, (1, "for row in reversed(h):", f"for i in reversed({ROWS}):")),
    ("for row in h.split(0):\n    row.add_(1)", 2, None),
    ("for row in unbind(h):\n    row.add_(1)", 2, None),
    ("for row in k.unbind():\n    row.add_(1)", 2, None),
    ("[row.mul_(2) for x in k for row in h]", 1, (1, "[row.mul_(2) for x in k for row in h]", f"[h[i].mul_(2) for x in k for i in {ROWS}]")),
    ("for row in sorted(h):\n    row.add_(1)", 2, None),
    ("for row in k:\n    row.add_(1)", 2, None),
    ("for a, row in zip(h, h):\n    row.add_(1)", 2, None),
    ("for x in h:\n    for row in h:\n        row.add_(1)", 3, (2, "for row in h:", f"for i in {ROWS}:")),
    ("for row in h:\n    pass\nrow.add_(1)", 3, None),
    ("for other in h:\n    row.add_(1)", 2, None),
    ("[row.mul_(2) for row in h]", 1, (1, "[row.mul_(2) for row in h]", f"[h[i].mul_(2) for i in {ROWS}]")),
    ("for row in h:\n    row.add_(1)\n    i = j = 2", 2, (1, "for row in h:", f"for k in {ROWS}:")),
    ("for row in h:\n    row = row.add_(1)", 2, None),
    ("for row in h:\n    row.add_(1)\nprint(row)", 2, None),
    ("for i, row in enumerate(h, 1):\n    row.add_(1)", 2, (1, "for i, row in enumerate(h, 1):", f"for i, j in enumerate({ROWS}, 1):")),
    ("[row.mul_(2) for row in k]", 1, None),
    ("[row.mul_(2) for other in h]", 1, None),
]  # fmt: skip


def failing_at(source: str, line: int) -> TypedLine:
    failing = find_failing(source, Spot(file="", line=line, span=None, function=""))
    return TypedLine(line=failing.line, text=failing.text)


@pytest.mark.parametrize(("source", "line", "expected"), LOOPS)
def test_the_rows_of_a_loop_are_taken_one_by_one(source, line, expected):
    failing = failing_at(source, line)

    found = take_one_by_one(source, failing, "row", ["h"])

    assert expected == (None if found is None else (found.head.line, found.head.text, found.code))


def test_of_several_names_of_the_tensor_the_one_that_is_typed_is_taken():
    failing = failing_at("for row in h:\n    row.add_(1)", 2)

    found = take_one_by_one("for row in h:\n    row.add_(1)", failing, "row", ["k", "h"])

    assert (f"for i in {ROWS}:", "row", "h[i]") == (found.code, found.name, found.row)


def test_in_source_that_is_not_known_a_comprehension_is_rewritten_all_the_same():
    failing = failing_at("[row.mul_(2) for row in h]", 1)

    assert f"[h[i].mul_(2) for i in {ROWS}]" == take_one_by_one("", failing, "row", ["h"]).code
