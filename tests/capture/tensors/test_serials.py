"""Serials tell tensors apart although their addresses, and those of what identifies them, are used again."""

from __future__ import annotations

import torch

from ipy_tensorwatch.capture.tensors.serials import ObjectSerials


def test_new_tensors_at_the_addresses_of_old_ones_get_new_serials():
    serials = ObjectSerials()
    old = [torch.zeros(2) for _ in range(8)]
    places, known = {*map(id, old)}, serials.number(old)
    del old
    new = [torch.zeros(2) for _ in range(8)]

    assert len(places.intersection(map(id, new))) > 1
    assert {*known}.isdisjoint(serials.number(new))


def test_swapped_tensors_keep_their_serials():
    serials = ObjectSerials()
    a, b = torch.zeros(2), torch.ones(2)
    known = serials.number([a, b])
    torch.utils.swap_tensors(a, b)

    assert known == serials.number([a, b])


def test_what_lies_at_the_address_of_a_tensor_that_is_gone_is_not_known():
    serials = ObjectSerials()
    old = [torch.zeros(2) for _ in range(8)]
    places, known = {*map(id, old)}, serials.number(old)
    assert [serials.known(one) for one in old] == known

    del old
    new = [torch.zeros(2) for _ in range(8)]
    assert len(places.intersection(map(id, new))) > 1
    assert [serials.known(one) for one in new] == [None] * 8
