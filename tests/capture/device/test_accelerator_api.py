"""What a backend tells of its memory is asked in its own words; memory that a device still writes to is kept."""

from __future__ import annotations

import weakref
from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from ipy_tensorwatch.capture.device.accelerator_api import Sent, busy_streams, free_bytes, stream_in_use
from tests.support.accelerator import DEVICE
from tests.support.device_notebook import finish

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


def test_memory_of_the_host_is_kept_until_the_device_has_written_to_it(device: Any, there: torch.device):
    values = torch.ones(3, device=there)
    device.work(0.3)
    event = weakref.ref(Sent.off(values).event)  # the accelerator's copies hold the memory themselves
    was_kept = event() is not None
    finish(device)
    Sent.off(values)

    assert (was_kept, event()) == (True, None)


def test_without_a_stream_to_name_the_event_is_one_of_the_device_that_sends(
    device: Any, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delattr(torch.accelerator, "current_stream")  # as before PyTorch 2.6
    values = torch.ones(3, device="sim:1")
    device.make_current(1)
    device.work(0.3)
    device.make_current(0)
    sent = Sent.off(values)
    was_there = sent.has_landed()
    finish(device)

    assert (was_there, sent.has_landed()) == (False, True)


def test_a_device_of_another_type_than_the_accelerator_is_asked_by_its_own_module(
    there: torch.device, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(torch.accelerator, "current_accelerator", lambda: torch.device("cuda"))
    silent = stream_in_use(there)
    monkeypatch.setattr(torch.sim, "current_stream", lambda device: ("stream of", device), raising=False)

    assert (silent, stream_in_use(there)) == (None, ("stream of", there))


def test_while_one_stream_is_captured_no_other_is_asked(there: torch.device, monkeypatch: pytest.MonkeyPatch):
    captured, free = (SimpleNamespace(device=there, query=pytest.fail) for _ in range(2))  # tell it since PyTorch 2.12
    entered = []
    monkeypatch.setattr(torch.sim, "stream", lambda one: entered.append(one) or nullcontext(), raising=False)
    monkeypatch.setattr(torch.sim, "is_current_stream_capturing", lambda: entered[-1] is captured)

    assert busy_streams([free, captured]) == [captured]
