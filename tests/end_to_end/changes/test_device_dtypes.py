"""Ways to write, and writes made to escape a digest, to tensors of every dtype of a device."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from tests.support.accelerator import DEVICE
from tests.support.adversarial_writes import ADVERSARIAL, DTYPES, FILLED, made, rows_of
from tests.support.device_notebook import notebook_on
from tests.support.notebook import changes

pytestmark = pytest.mark.filterwarnings("ignore")  # PyTorch calls complex numbers of 4 bytes experimental


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_no_write_escapes_and_its_elements_are_counted(device: Any, dtype: torch.dtype):
    with notebook_on(device, "a = 1") as nb:
        many = [made(dtype, filled).to(DEVICE) for filled in FILLED for _ in ADVERSARIAL]
        before = [rows_of(one) for one in many]
        nb.give(many=many, writes=[*ADVERSARIAL.values()] * len(FILLED))
        nb.run("a = 2")
        report = nb.run("for x, write in zip(many, writes):\n    write(x.data)")
        differing = [int((rows_of(one) != old).any(1).sum()) for one, old in zip(many, before, strict=True)]

    found = {path: one["elements"]["changed"] for path, one in changes(report, "mutated").items() if path != "x"}
    assert found == {f"many[{i}]": count for i, count in enumerate(differing) if count}
    assert device.counts()["waits"] == 0


# ---------------------------------------------------------------- ways to write

FAMILY = """
import torch
x, other = first.clone(), last.clone()
y = x[0]
d = x.detach()
q = x.data
"""
COUNTED, ALL = {"x", "y", "d"}, {"x", "y", "d", "q"}
WRITES = {
    "x.copy_(other);": COUNTED,
    "x[0, 0] = other[0, 0]": COUNTED,
    "x.zero_();": COUNTED,
    "d.fill_(1);": COUNTED,
    "y.copy_(other[0]);": COUNTED,
    "torch.cat([other], out=x);": COUNTED,
    "torch._foreach_copy_([x], [other])": COUNTED,
    "x.as_strided((1,), (1,)).fill_(1);": COUNTED,
    "x.view(torch.uint8).bitwise_xor_(1);": COUNTED,
    "x.data.copy_(other);": set(),
    "x.data[0] = other[0]": set(),
    "q.copy_(other);": {"q"},
    "x.untyped_storage().fill_(1);": set(),
    "x.untyped_storage().copy_(other.untyped_storage());": set(),
    "torch.empty(0, dtype=x.dtype, device='sim').set_(x.untyped_storage()).zero_();": set(),
}
"""Each with the paths whose version counter sees it."""


@pytest.mark.parametrize("dtype", DTYPES[::3], ids=str)
def test_every_way_to_write_is_found_and_what_its_counter_saw(device: Any, dtype: torch.dtype):
    first = (torch.arange(2, 8 * dtype.itemsize + 2).fmod(2).to(torch.uint8)[: 8 * dtype.itemsize]).view(dtype)
    last = (torch.arange(3, 8 * dtype.itemsize + 3).fmod(2).to(torch.uint8)[: 8 * dtype.itemsize]).view(dtype)
    with notebook_on(device, "import torch") as nb:
        nb.give(first=first.view(2, 4).to(DEVICE), last=last.view(2, 4).to(DEVICE))
        found, counted = {}, {}
        for cell in WRITES:
            nb.run(FAMILY)
            told = changes(nb.run(cell), "mutated")
            found[cell], counted[cell] = {*told}, {path for path, one in told.items() if one["versioned"]}

    assert found == dict.fromkeys(WRITES, ALL)
    assert counted == WRITES
