"""Whose bytes an operation touched, and where in the notebook it ran."""

from __future__ import annotations

import pytest

from ipy_tensorwatch.core.blame.evidence.operator_writes import UNKNOWN, Operation, PathsByBytes, Region
from ipy_tensorwatch.core.blame.evidence.recorded_writes import RecordedWrites
from ipy_tensorwatch.core.records.report_parts import Inner
from ipy_tensorwatch.core.records.trace.evidence import Recorded
from ipy_tensorwatch.core.statements.statement import parse_statements
from ipy_tensorwatch.core.syntax.cell_lines import Listing
from tests.support.records import reading, snapshot

CELL = "y = x\nfor i in range(3):\n    f(\n        y\n    )\na.add_(1); b.mul_(2)\n"
OTHER = "def f(t):\n    t.add_(\n        1)\n    if t.sum(): t.mul_(2)\n"
FILES = {"here": 7, "there": 2}


def region(storage: int = 1, offset: int = 0, size: int = 6, *, start: int | None = None) -> Region:
    """Make a region of floats in a storage that begins at 4096 times its number."""
    return Region(storage, (4096 * storage if start is None else start) + 4 * offset, 4, offset, (size,), (1,))


def owners(before, after) -> PathsByBytes:
    return PathsByBytes(snapshot(**before), snapshot(**after))


def names(found) -> list[str]:
    return [str(path) for path in found]


X = {"x": reading(1)}


def test_a_region_belongs_to_the_variables_whose_bytes_it_meets():
    after = {"x": reading(1), "tail": reading(2, low=12, high=24, data_ptr=4096 + 12, shape=(3,)), "z": reading(3, 2)}

    assert names(owners(after, after).of(region(offset=0, size=3))) == ["x"]
    assert names(owners(after, after).of(region(offset=2, size=2))) == ["x", "tail"]


def test_a_storage_that_is_new_belongs_to_its_new_variables():
    assert names(owners({}, X).of(region())) == ["x"]


def test_a_storage_that_moved_is_still_the_same():
    after = {"x": reading(1, data_ptr=99 * 4096)}

    assert names(owners(X, after).of(region(offset=5, size=1))) == ["x"]


def test_a_storage_that_is_gone_belonged_to_the_variables_that_led_to_it_before():
    assert names(owners(X, {"x": reading(5, 5)}).of(region())) == ["x"]


def test_a_storage_that_came_and_went_belongs_to_nobody_although_its_address_has_a_new_owner():
    assert names(owners({}, X).of(region(storage=9, start=4096))) == []


def test_a_short_lived_storage_over_memory_that_stood_still_belongs_to_its_owner():
    """`torch.from_numpy(a).add_(1)` writes through a storage of its own."""
    assert names(owners(X, X).of(region(storage=9, start=4096))) == ["x"]


def test_memory_that_cannot_be_told_belongs_to_nobody():
    assert names(owners(X, X).of(UNKNOWN)) == []


def transcript() -> RecordedWrites:
    listing = Listing(FILES, {"here": CELL, "there": OTHER}.__getitem__)
    return RecordedWrites(7, parse_statements(CELL), listing)


def place(own, inner=None, statement=None):
    """Return the line, the text and the inner line of an operation that ran at a place."""
    operation = Operation("aten::add_", own, inner or own, statement, (region(),))
    (write,) = transcript().writes({operation: 1}, owners(X, X))
    return write.site and (write.site.line, write.site.text, write.site.inner)


@pytest.mark.parametrize(
    ("own", "inner", "statement", "expected"),
    [
        (("here", 1), None, 0, (1, "y = x", None)),
        (("here", 3), ("there", 2), 2, (3, "f( y )", Inner(cell=2, line=2, text="t.add_( 1)"))),
        (("here", 4), ("there", 3), 2, (3, "f( y )", Inner(cell=2, line=2, text="t.add_( 1)"))),
        (("here", 4), ("there", 4), None, (3, "f( y )", Inner(cell=2, line=4, text="t.mul_(2)"))),
        (("here", 4), ("here", 4), 2, (3, "f( y )", None)),
        (("here", 6), None, 3, (6, "a.add_(1)", None)),
        (("here", 6), None, 4, (6, "b.mul_(2)", None)),
        (("here", 6), None, None, (6, "a.add_(1)", None)),
        (None, ("there", 2), 2, (3, "f( y )", Inner(cell=2, line=2, text="t.add_( 1)"))),
        (None, ("there", 2), None, None),
    ],
)
def test_an_operation_is_placed_at_its_statement_and_at_the_line_inside_a_function(own, inner, statement, expected):
    assert place(own, inner, statement) == expected


def test_operations_that_read_alike_are_told_once():
    seen = {Operation("aten::add_", ("here", 1), ("here", 1), 0, (region(size=size),)): size for size in (2, 3)}
    (write,) = transcript().writes(seen, owners(X, X))

    assert (write.op, write.paths, write.times) == ("aten.add_", ("x",), 5)


def test_evidence_tells_for_each_path_which_statements_wrote_it():
    seen = {
        Operation("aten::add_", ("here", 3), ("there", 2), 2, (region(),)): 1,
        Operation("aten::mul_", ("here", 6), ("here", 6), 4, (region(),)): 1,
        Operation("aten::mul_", None, None, None, (region(),)): 1,
    }

    assert transcript().recorded(seen, owners(X, X)) == {
        "x": (
            Recorded(statement=2, inner=Inner(cell=2, line=2, text="t.add_( 1)")),
            Recorded(statement=4, inner=None),
        )
    }
