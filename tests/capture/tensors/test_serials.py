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


def tagged(count: int = 8) -> list[torch.Tensor]:
    """Return tensors on which a user has set an attribute."""
    made = [torch.zeros(2) for _ in range(count)]
    for one in made:
        one.tag = "x"
    return made


def test_so_do_those_with_attributes_while_no_code_gives_tensors_other_memory():
    serials = ObjectSerials(may_move=False)
    old = tagged()
    places, known = {*map(id, old)}, serials.number(old)
    assert known == serials.number(old)
    del old
    new = tagged()

    assert len(places.intersection(map(id, new))) > 1
    assert {*known}.isdisjoint(serials.number(new))


def test_a_tensor_with_attributes_that_is_given_other_memory_keeps_its_serial():
    serials = ObjectSerials()
    [one] = tagged(1)
    known = serials.number([one])
    one.data = torch.ones(3)
    assert known == serials.number([one])
    serials.may_move = False
    assert known == serials.number([one])


def test_swapped_tensors_with_attributes_keep_their_serials():
    serials = ObjectSerials(may_move=False)
    a, b = tagged(2)
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
