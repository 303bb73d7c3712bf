"""Which cells must run again: the edited ones, and what uses what such a cell makes."""

from __future__ import annotations

import pytest

from ipy_tensorwatch.core.fixes.cells_to_run import cells_to_run, stale_cells

MAKES = (3, "y = x.detach()")


@pytest.mark.parametrize(("later", "again"), [
    ([(4, "y.add_(1)")], [3, 4]),
    ([(4, "print(x)"), (5, "a = 1")], [3]),
    ([(4, "z = y + 1"), (5, "print(z)")], [3, 4, 5]),
    ([(4, "kept[0] = y"), (5, "print(kept)")], [3, 4, 5]),
    ([(4, "%time y"), (5, "y = 1")], [3, 4, 5]),
    ([(4, "def f():\n    return y"), (5, "f()")], [3, 4, 5]),
    ([(4, "%%bash\necho y z"), (5, "z")], [3, 4, 5]),
    ([(4, "yy = 1"), (5, "")], [3]),
])  # fmt: skip
def test_what_uses_what_an_edited_cell_makes_must_run_again(later, again):
    assert stale_cells(3, [(1, "x = 0"), (2, "y = 0"), MAKES, *later]) == again


def test_the_cells_that_use_what_an_edited_cell_binds_run_again():
    cells = {1: "x = ones(3)", 2: "y = x.detach()", 3: "z = 1", 4: "y.add_(1)\nt = y", 5: "print(z)", 6: "print(t)"}

    assert (1, 2, 4, 6) == cells_to_run({2}, {"x"}, cells)
