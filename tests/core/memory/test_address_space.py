"""Equal addresses are one memory only in one space of addresses: those of the host and of CUDA are, handles are not."""

from __future__ import annotations

import pytest

from ipy_tensorwatch.core.memory.alias_groups import Grouping, group
from ipy_tensorwatch.core.memory.neighbours import Neighbourhood
from ipy_tensorwatch.core.memory.overlap import relate, share_bytes
from ipy_tensorwatch.core.records.path import AccessPath
from tests.support.records import reading


def pair(one: str, other: str, second_storage: int = 2):
    """Make readings of 24 bytes at one address, on two devices."""
    return reading(1, device=one, data_ptr=4096), reading(2, second_storage, device=other, data_ptr=4096)


TOGETHER = [("cpu", "cuda:0"), ("cuda:0", "cuda:1"), ("cpu", "xpu:0"), ("npu:0", "npu:0")]
APART = [("cpu", "npu:0"), ("npu:0", "npu:1"), ("cpu", "mps:0"), ("mps:0", "mps:0")]


@pytest.mark.parametrize("devices", TOGETHER, ids=str)
def test_pinned_and_managed_memory_and_guests_are_grouped_by_address(devices):
    a, b = pair(*devices)
    (found,) = group([(AccessPath("a"), a), (AccessPath("b"), b)])

    assert (found.members, found.pairs[0].relation) == (("a", "b"), "same-elements")
    assert found.device == ", ".join(sorted({*devices}))
    assert share_bytes(a, b)
    assert [name for name, _ in Neighbourhood([("a", a), ("b", b)]).of(a)] == ["a", "b"]


@pytest.mark.parametrize("devices", APART, ids=str)
def test_equal_numbers_in_other_spaces_are_other_memory(devices):
    a, b = pair(*devices)

    assert group([(AccessPath("a"), a), (AccessPath("b"), b)]) == ()
    assert (relate(a, b), share_bytes(a, b)) == ("disjoint", False)
    assert [name for name, _ in Neighbourhood([("a", a), ("b", b)]).of(a)] == ["a"]


def test_views_of_one_handle_are_grouped():
    a, b = pair("mps:0", "mps:0", second_storage=1)

    assert [one.members for one in group([(AccessPath("a"), a), (AccessPath("b"), b)])] == [("a", "b")]


def test_a_group_over_two_devices_is_updated_where_one_of_them_leaves_it():
    a, b = pair("cpu", "cuda:0")
    entries = [(AccessPath("a"), a), (AccessPath("b"), b)]
    both = Grouping().update(entries)

    assert [one.members for one in both.groups] == [("a", "b")]
    assert both.update(entries[:1], {("cuda:0", 2)}).groups == ()
