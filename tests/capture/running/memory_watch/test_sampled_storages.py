"""Of storages too large to be read between statements, a sample tells when they were written."""

from __future__ import annotations

import weakref

import numpy as np
import pytest

from ipy_tensorwatch.capture.compare.compare_bytes import StorageMark
from ipy_tensorwatch.capture.memory.byte_block import Block
from ipy_tensorwatch.capture.running.memory_watch import sampled_storages
from ipy_tensorwatch.capture.running.memory_watch.sampled_storages import AT_ONCE, Samples


class Large:
    """Some large arrays, sampled."""

    def __init__(self, count: int = 1, size: int = 1 << 17) -> None:
        self.arrays = [np.zeros(size, np.uint8) for _ in range(count)]
        starts = [one.__array_interface__["data"][0] for one in self.arrays]
        blocks = [Block(start, size, 0, size, foreign=False) for start in starts]
        marks = {key: StorageMark(block, b"", None, {}) for key, block in enumerate(blocks)}
        self.samples = Samples.begin(marks, {key: weakref.ref(one) for key, one in enumerate(self.arrays)}, ())

    def look(self, number: int) -> list[tuple[int, int]]:
        """Return the storages that were seen to be written, with the look since which they were."""
        return [(one.storage, one.since) for one in self.samples.look(number)]


def test_a_write_to_all_of_a_storage_is_seen_at_the_next_look():
    large = Large()
    assert large.look(1) == []
    large.arrays[0] += 1
    assert large.look(2) == [(0, 1)]
    assert large.look(3) == []
    assert large.samples.seen == {0}


@pytest.mark.parametrize("shape", [(128, 1024), (1024, 128), (2, 1 << 16)])
def test_rows_that_are_written_one_after_the_other_are_seen(shape):
    large = Large()
    large.look(1)
    rows = large.arrays[0].reshape(shape)
    seen = 0
    for number in range(8):
        part = len(rows) // 8 or 1
        rows[number * part : (number + 1) * part] += 1
        seen += bool(large.look(number + 2))
    assert seen >= min(8, len(rows))


def test_a_column_is_seen_whatever_its_stride():
    for columns in (64, 100, 256, 1000):
        large = Large()
        large.look(1)
        whole = len(large.arrays[0]) // columns * columns
        large.arrays[0][:whole].reshape(-1, columns)[:, : columns // 8] += 1
        assert large.look(2) == [(0, 1)], columns


def test_many_storages_take_turns_each_since_its_own_last_look():
    large = Large(AT_ONCE + 2)
    assert [large.look(1), large.look(2)] == [[], []]
    for one in large.arrays:
        one[:] = 1
    told = [*large.look(3), *large.look(4)]
    assert sorted({storage for storage, _ in told}) == [*range(AT_ONCE + 2)]
    assert dict(told)[0] == 2  # the first ones were read again at look 2, behind the last two


def test_after_the_cell_the_storages_that_changed_are_read_once_more():
    large = Large()
    large.look(1)
    large.arrays[0][:] = 3
    assert [(one.storage, one.since) for one in large.samples.conclude({0: None}, 2)] == [(0, 1)]


def test_a_storage_that_is_gone_or_cannot_be_read_is_passed_over(monkeypatch):
    large = Large(2)
    large.look(1)
    large.arrays.pop(0)
    large.arrays[0] += 1
    assert large.look(2) == [(1, 1)]
    monkeypatch.setattr(sampled_storages, "fetch", lambda *_: (None, None))
    assert large.look(3) == []
