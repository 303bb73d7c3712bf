"""Modes of the user's that stay on from cell to cell notice nothing of the looks at a device, and answer none of them."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from tests.support.device_notebook import notebook_on
from tests.support.notebook import changes, lines

SETUP = """
import torch
x = torch.arange(6.0, device="sim")
y = x.data
large = torch.zeros(100000, device="sim")
w = torch.ones(3, device="sim", requires_grad=True)
h = w.exp()
loss = h.sum()
here = torch.ones(4)
there = here.data
"""


class Asked(TorchFunctionMode):
    """Note the functions of PyTorch that are called."""

    def __init__(self, log: list[str]) -> None:
        super().__init__()
        self.log = log

    def __torch_function__(self, function: Any, kinds: Any, args: Any = (), options: Any = None) -> Any:
        self.log.append(getattr(function, "__name__", str(function)))
        return function(*args, **(options or {}))


class Ran(TorchDispatchMode):
    """Note the operators that run."""

    def __init__(self, log: list[str]) -> None:
        super().__init__()
        self.log = log

    def __torch_dispatch__(self, function: Any, kinds: Any, args: Any = (), options: Any = None) -> Any:
        self.log.append(function._schema.name.removeprefix("aten::"))
        return function(*args, **(options or {}))


CELLS = [
    "mode.__enter__()\na = 1",
    "y.add_(1)\nh.data.mul_(2)\nthere.add_(1)\na = 1",
    "device.work(0.1)\ny.add_(1)\nhere.copy_(there, non_blocking=True);",
    "a = len('idle')",
    "%tensorwatch",
    "%tensorwatch fix",
    "%tensorwatch freeze x here",
    "%tensorwatch thaw",
    "%tensorwatch restore x",
    "%tensorwatch why x",
    "mode.__exit__(None, None, None)",
]


@pytest.mark.parametrize("kind", [Asked, Ran])
def test_a_mode_that_is_on_for_several_cells_sees_what_they_do_and_nothing_else(device: Any, kind: type):
    log: list[str] = []
    with notebook_on(device, SETUP) as nb:
        nb.give(mode=kind(log))
        report = None
        for cell in CELLS:
            nb.cell(cell)
            report = nb.report() if "there.add_" in cell else report
    _ = [log.remove(name) for name in ("add_", "mul_", "add_", "add_")]
    log = [name for name in log if name != "copy_"]  # the test accelerator itself runs one when a copy arrives

    assert {*log} <= ({"__get__"} if kind is Asked else {"detach"})  # `h.data` of the cells themselves
    assert len(log) <= 1
    assert {path: lines(one) for path, one in changes(report, "mutated").items()} == {
        **dict.fromkeys("xy", {1}),
        "h": {2},
        "here": {3},
        "there": {3},
    }


def test_digests_are_real_ones_while_tensors_that_are_made_are_fake(device: Any):
    with notebook_on(device, SETUP) as nb:
        nb.give(mode=FakeTensorMode(allow_non_fake_inputs=True))
        nb.run("mode.__enter__()\nf = torch.ones(3, device='sim')")
        quiet = nb.run("f.add_(1)\na = 1")
        nb.run("mode.__exit__(None, None, None)")
        report = nb.run("y.add_(1);")

    assert changes(quiet, "mutated").keys() <= {"f"}
    assert {path: one["elements"]["changed"] for path, one in changes(report, "mutated").items()} == {"x": 6, "y": 6}
    assert not isinstance(torch.ones(1), torch._subclasses.fake_tensor.FakeTensor)
