"""Whether two readings share a byte is computed, not guessed."""

from __future__ import annotations

from ipy_tensorwatch.core.memory import overlap
from tests.support.records import reading


def test_a_search_that_takes_too_long_is_given_up(monkeypatch):
    a, b = (
        reading(number, itemsize=1, shape=(9, 9, 9), strides=strides, data_ptr=4096 + low, low=low, high=low + 5000)
        for number, strides, low in [(1, (291, 182, 74), 0), (2, (303, 177, 82), 1)]
    )

    assert overlap.share_bytes(a, b) is not None
    monkeypatch.setattr(overlap, "MAX_WORK", 1)
    assert overlap.share_bytes(a, b) is None
    assert overlap.relate(a, b) == "unknown"
