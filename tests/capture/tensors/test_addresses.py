"""The address of a tensor is that of its first element, also where PyTorch tells that of its storage only."""

from __future__ import annotations

import pytest
import torch

from ipy_tensorwatch.capture.runtime.torch_private import address_from, data_address

MADE = {
    "whole": lambda: torch.arange(6.0),
    "a view": lambda: torch.arange(6.0)[2:],
    "a view of a view": lambda: torch.arange(12).view(3, 4)[1:, 2:].T,
    "expanded": lambda: torch.arange(6.0)[1:2].expand(4),
    "another dtype": lambda: torch.arange(6.0)[1:].view(torch.uint8)[3:],
    "without elements": lambda: torch.arange(6.0)[6:],
    "copied on write": lambda: torch._lazy_clone(torch.arange(6.0))[1:],
}


@pytest.mark.parametrize("name", MADE)
def test_it_is_found_from_where_the_storage_begins(name: str):
    tensor = MADE[name]()
    found = address_from(torch._C._data_address)(tensor), data_address(tensor)

    assert found == (tensor.data_ptr() if "on write" not in name else data_address(tensor),) * 2
