"""How much memory of a device is free is asked in the words that its backend has."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from ipy_tensorwatch.capture.device.accelerator_api import free_bytes
from tests.support.accelerator import DEVICE

pytestmark = pytest.mark.skipif(DEVICE != "sim", reason="a card says it in one way")


@pytest.fixture
def there(device: Any) -> torch.device:
    return torch.device("sim:0")


def test_a_backend_that_tells_its_free_memory_is_believed(there: torch.device):
    assert free_bytes(there) == torch.sim.mem_get_info(there)[0] > 0


def test_a_backend_without_it_is_asked_for_its_limit_and_what_is_taken(
    there: torch.device, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delattr(torch.sim, "mem_get_info")
    silent = free_bytes(there)
    monkeypatch.setattr(torch.sim, "recommended_max_memory", lambda: 100, raising=False)
    monkeypatch.setattr(torch.sim, "driver_allocated_memory", lambda: 30, raising=False)

    assert (silent, free_bytes(there)) == (0, 70)
