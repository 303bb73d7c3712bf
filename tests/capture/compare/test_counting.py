"""The quick count of small dense tensors, and the one that takes any layout, come to the same."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ipy_tensorwatch.capture.compare.dense_count import count_dense
from ipy_tensorwatch.capture.compare.element_diff import _count
from ipy_tensorwatch.core.memory.count_differences import Side
from ipy_tensorwatch.core.records.reading import Reading

SIZES = {
    "torch.float32": 4,
    "torch.float64": 8,
    "torch.bool": 1,
    "torch.int16": 2,
    "torch.bfloat16": 2,
    "torch.complex64": 8,
}


@given(
    st.data(),
    st.lists(st.integers(1, 4), max_size=3),
    st.sampled_from(sorted(SIZES)),
    st.integers(0, 5),
    st.sampled_from([0, 3, 100]),
)
def test_both_count_alike(data: st.DataObject, shape: list[int], dtype: str, first: int, examples: int):
    size = SIZES[dtype]
    strides = tuple(size * int(np.prod(shape[place + 1 :])) for place in range(len(shape)))
    length = first + size * int(np.prod(shape))
    old = data.draw(st.binary(min_size=length, max_size=length))
    new = bytearray(old)
    for place in data.draw(st.lists(st.integers(first, length - 1), max_size=4)):
        new[place] ^= 0x40
    reading = Reading("tensor", 1, dtype=dtype, itemsize=size, shape=tuple(shape), strides=strides, high=length - first)
    sides = Side(old, first, strides), Side(bytes(new), first, strides)

    with np.errstate(all="ignore"):
        assert _count(reading, sides, examples) == count_dense(reading, sides, examples)


def test_other_layouts_are_left_to_the_slow_count():
    reading = Reading("tensor", 1, itemsize=4, shape=(2, 2), strides=(4, 8), high=16)
    side = Side(bytes(16), 0, (4, 8))

    assert count_dense(reading, (side, side), 3) is None
