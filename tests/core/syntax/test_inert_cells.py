"""Which cells cannot have written, by their text alone."""

import pytest

from ipy_tensorwatch.core.syntax.inert_cells import is_inert


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("1 + 1", True), ("not 1 < 2", True), ("y = x", True), ("y = (x, [1, z])", True), ("a = b = x", True), ("pass", True), ("", True),
        ("y = x + 1", False), ("y = -x", False), ("y = x and 1", False), ("y = x < 1", False), ("x", False), ("x, 1", False), ("f()", False),
        ("y.a = x", False), ("y[0] = x", False), ("a, b = x", False), ("y = x.a", False), ("y = x[0]", False), ("y += 1", False),
        ("for i in x: pass", False), ("del x", False), ("import x", False), ("y = (", False), ("a\0", False),
    ],
)  # fmt: skip
def test_a_cell_is_inert_if_it_runs_nobodys_code(source, expected):
    assert expected == is_inert(source)
