"""Writes that only the comparison after a cell found are recorded when somebody asks, in the bytes of that time."""

import numpy as np

from ipy_tensorwatch.capture.compare.compare_bytes import ByteVerdict, StorageMark
from ipy_tensorwatch.capture.memory.byte_block import Block
from ipy_tensorwatch.capture.running.writes_at_end import WritesAtEnd
from ipy_tensorwatch.core.records.trace.evidence import Position, SeenWrite, mask_bytes, without_masks

HERE = frozenset({Position(0)})
EARLIER = SeenWrite(7, frozenset({Position(1)}), 1, b"\1")


def mark(data: bytes) -> StorageMark:
    kept = np.frombuffer(data, np.uint8)
    block = Block(kept.__array_interface__["data"][0], kept.nbytes, 0, kept.nbytes, foreign=False)
    return StorageMark(block, data, data, {})


def test_a_write_at_the_end_has_the_mask_of_the_bytes_that_differ():
    known = {3: ByteVerdict("changed", mark(b"abcd"), mark(b"abXd"))}

    writes = WritesAtEnd(known, HERE, 2, None).after_those([EARLIER])

    assert [*writes] == [7, 3]
    assert (7 in writes, 3 in writes, 4 in writes, len(writes)) == (True, True, False, 2)
    assert writes[7] == (EARLIER,)
    assert writes[3] == (SeenWrite(3, HERE, 2, b"\0\0\1\0", 0),)
    assert mask_bytes(writes) == 5


def test_without_masks_the_same_storages_were_written_at_the_same_positions():
    known = {3: ByteVerdict("changed", mark(b"abcd"), mark(b"abXd"))}

    bare = without_masks(WritesAtEnd(known, HERE, 2, None).after_those([EARLIER]))

    assert {storage: bare[storage] for storage in bare} == {
        7: (EARLIER._replace(mask=None),),
        3: (SeenWrite(3, HERE, 2),),
    }
    assert mask_bytes(bare) == 0
