"""A fix is not tried by the first backward of a process: it would start the devices, and forks could not use them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.accelerator import accelerator
from tests.support.own_process import run_apart

CELLS = ["import torch\nw = torch.ones(3, requires_grad=True)", "h = w.exp()\nloss = h.sum()\nh.data.mul_(2);"]


def threads() -> list[str]:
    return [one.read_text() for one in Path("/proc/self/task").glob("*/comm") if "autograd" in one.read_text()]


def fixes(*before: str) -> list[str]:
    """Return how safe the fix of a hazard is found to be, on a device that was not used yet."""
    import torch

    from tests.support.notebook import Notebook

    accelerator()
    torch.get_device_module("sim").is_initialized = lambda: False
    with Notebook(check_leaks=False) as nb:
        for cell in (CELLS[0], *before, CELLS[1]):
            nb.run(cell)
        found = [one["fix"]["applicability"] for one in nb.report()["hazards"]]
        nb.run("%tensorwatch fix")
        return found


def try_without_a_backward() -> None:
    assert fixes() == ["unsafe"]
    assert threads() == []


def try_after_a_backward() -> None:
    assert fixes("w.exp().sum().backward()") == ["safe"]
    assert threads() != []


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="the system does not tell the names of threads")
@pytest.mark.usefixtures("device")
@pytest.mark.parametrize("name", ["try_without_a_backward", "try_after_a_backward"])
def test_it_is_tried_only_once_the_users_code_has_run_one(name: str):
    ran = run_apart(f"from tests.end_to_end.hazards.test_no_first_backward import {name}; {name}()")

    assert (0, "") == (ran.returncode, ran.stderr[-800:] if ran.returncode else "")
