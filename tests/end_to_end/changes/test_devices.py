"""Writes in the memory of a device are found there: nothing is copied to the host but digests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from ipy_tensorwatch.capture.observer import UNCOUNTED
from tests.support.accelerator import accelerator
from tests.support.notebook import Notebook, Report, changes, lines, mutated, silent
from tests.support.own_process import run_apart

FAMILY = """
import torch
from torch import nn
from torch.nn import functional as F
x = torch.arange(1.0, 7.0, device="sim").view(2, 3)
y = x[0]
xt = x.T
d = x.detach()
q = x.data
z = torch.from_dlpack(torch.utils.dlpack.to_dlpack(x.detach()))
other = torch.arange(11.0, 17.0, device="sim").view(2, 3)
"""
"""Six ways to the same memory: `x`, `y`, `xt` and `d` share a version counter, `q` and `z` have their own."""

COUNTED, ALL = {"x", "y", "xt", "d"}, {"x", "y", "xt", "d", "q", "z"}
DIGEST = 16
"""The size of a digest, in bytes."""
MOST = 32
"""The bytes of a tensor's digest and counts."""


@dataclass(frozen=True)
class Write:
    """One way to write.

    Attributes
    ----------
    counted
        The paths whose version counter sees it.
    named
        The paths that are no surprise.
    unsaid
        The paths that the statement names without being plain about whether it writes to them.
    """

    text: str
    counted: frozenset[str] = frozenset()
    named: tuple[str, ...] = ()
    unsaid: tuple[str, ...] = ()


def seen(text: str, *named: str, unsaid: tuple[str, ...] = ()) -> Write:
    return Write(text, frozenset(COUNTED), named, unsaid)


def unseen(text: str, *named: str, unsaid: tuple[str, ...] = ()) -> Write:
    return Write(text, frozenset(), named, unsaid)


WRITES = [
    seen("x.add_(1);", "x"),
    seen("x += 1", "x"),
    seen("x[0, 0] = 9", "x"),
    seen("x[x < 3] = -1", "x"),
    seen("x.copy_(other);", "x"),
    seen("x.neg_();", "x"),
    seen("torch.add(x, 1, out=x);", "x"),
    seen("torch._foreach_add_([x], 1)", unsaid=("x",)),
    seen("x.detach().add_(1);", unsaid=("x",)),
    seen("d.add_(1);", "d"),
    seen("y.add_(1);", "y"),
    seen("xt.mul_(2);", "xt"),
    seen("x.as_strided((1,), (1,)).fill_(0);", unsaid=("x",)),
    seen("x.view(torch.int32).add_(1);", unsaid=("x",)),
    seen("F.relu(x.sub_(2), inplace=True);", unsaid=("x",)),
    seen("nn.init.constant_(x, 7);", unsaid=("x",)),
    unseen("x.data.add_(1);", "x"),
    unseen("x.data[0] = 9", "x"),
    unseen("x.data.neg_();", "x"),
    Write("q.add_(1);", frozenset({"q"}), ("q",)),
    Write("z.add_(1);", frozenset({"z"}), ("z",)),
    unseen("torch.from_dlpack(torch.utils.dlpack.to_dlpack(x)).add_(1);", unsaid=("x",)),
    unseen("x.untyped_storage().fill_(1);", unsaid=("x",)),
    unseen("x.untyped_storage().copy_(other.untyped_storage());", unsaid=("x",)),
    unseen("torch.empty(0, device='sim').set_(x.untyped_storage()).add_(1);", unsaid=("x",)),
    unseen("device.add_at(x.data_ptr(), 3, 1.0)", unsaid=("x",)),
    seen("with torch.no_grad():\n    x.add_(1)", "x"),
]


def run(device: Any, setup: str, cell: str, **options: Any) -> tuple[Report, dict[str, int]]:
    """Run a cell after a setup; return its report, and what the device counted meanwhile."""
    with Notebook() as nb:
        nb.give(device=device)
        nb.run(setup)
        device.counts()
        report = nb.run(cell, **options)
        return report, device.counts()


@pytest.mark.parametrize("write", WRITES, ids=lambda one: one.text)
def test_every_path_to_the_bytes_is_found_with_what_its_counter_saw(device: Any, write: Write):
    report, counts = run(device, FAMILY, write.text)

    found = changes(report, "mutated")
    assert found.keys() == ALL
    assert {path for path, one in found.items() if one["versioned"]} == write.counted
    assert all(one["verified"] and one["since"] is None for one in found.values())
    assert {path: lines(one) for path, one in found.items()} == dict.fromkeys(ALL, {write.text.count("\n") + 1})
    assert ALL - {*write.named, *write.unsaid} <= silent(report) <= ALL - {*write.named}
    assert report["coverage"]["unverified"] == []
    assert counts["waits"] == 0
    assert counts["to_host"] <= MOST * len(report["tensors"])


QUIET = [
    "x.add_(0);",
    "x.copy_(x.clone());",
    "x[x > 90] = 1",
    "x.data.mul_(1);",
    "nan.copy_(nan.clone());",
    "nan.data.add_(0);",
    "x.relu_();",
    "x.resize_(2, 3);",
    "x.requires_grad_();",
    "other.t_();",
    "lone.unsqueeze_(0);",
    "c = x.clone()",
]


@pytest.mark.parametrize("cell", QUIET)
def test_equal_bytes_are_no_change(device: Any, cell: str):
    nan = "\nnan = torch.full((3,), float('nan'), device='sim')\nlone = torch.ones(3, device='sim')"
    report, counts = run(device, FAMILY + nan, cell)

    assert mutated(report) == set()
    assert silent(report) == set()
    assert counts["waits"] == 0


def test_a_slice_beside_the_one_written_is_not_changed(device: Any):
    setup = (
        "import torch\nbase = torch.zeros(40000, 8, device='sim')\na, b = base[:, :4], base[:, 4:]\nc = base[20000:]"
    )
    report, _ = run(device, setup, "a[:10].fill_(3);")

    assert mutated(report) == {"base", "a"}
    assert silent(report) == {"base"}


def test_a_tensor_without_elements_is_not_listed_as_not_compared(device: Any):
    report, _ = run(device, FAMILY, "none = torch.zeros(1, device='sim')[1:]\na = 1")

    assert report["coverage"]["unverified"] == []


def judge_a_fused_optimizer() -> None:
    setup = """
import torch
net = torch.nn.Linear(3, 2, device="sim")
opt = torch.optim.AdamW(net.parameters(), fused=True)
best = net.state_dict()
net(torch.ones(4, 3, device="sim")).sum().backward()
opt.step()
"""
    report, _ = run(accelerator(), setup, "opt.step()")

    assert silent(report) == {"best['weight']", "best['bias']"}
    assert {"net.weight", "net.bias", "opt.state[net.weight]['exp_avg']"} <= mutated(report)
    assert not changes(report, "mutated")["net.weight"]["versioned"]


@pytest.mark.usefixtures("device")
def test_a_fused_optimizer_is_expected_and_the_copy_by_reference_is_not():
    """In a process of its own: autograd counts the devices at the first backward."""
    ran = run_apart(
        "from tests.end_to_end.changes.test_devices import judge_a_fused_optimizer; judge_a_fused_optimizer()"
    )

    assert (0, "") == (ran.returncode, ran.stderr[-500:] if ran.returncode else "")


def test_the_statistics_of_a_batch_norm_are_found(device: Any):
    setup = "import torch\nnorm = torch.nn.BatchNorm1d(2, device='sim')\nmean = norm.running_mean\nseen = torch.arange(8.0, device='sim').view(4, 2)"
    report, _ = run(device, setup, "norm(seen);")

    assert {"norm.running_mean", "norm.running_var", "norm.num_batches_tracked", "mean"} <= mutated(report)
    assert silent(report) == {"mean"}


def test_a_saved_tensor_that_a_kernel_overwrites_is_a_hazard(device: Any):
    setup = "import torch\nw = torch.ones(3, device='sim', requires_grad=True)\nh = w.exp()\nloss = h.sum()"
    report, _ = run(device, setup, "device.add_at(h.data_ptr(), 3, 1.0)")

    assert {one["code"]: one["outcome"] for one in report["hazards"]} == {"TW202": "wrong"}


@pytest.mark.parametrize(
    ("count", "cell", "changed", "most"),
    [
        (500, "last = None", 0, DIGEST),
        (10_000, "many[7].data.add_(1)\nlast = None", 1, DIGEST),
        (500, "for one in many:\n    one.data.add_(1)\nlast = None", 500, MOST),
    ],
)
def test_what_is_copied_to_the_host_are_digests_only(device: Any, count: int, cell: str, changed: int, most: int):
    """A digest of each tensor, and of one that changed its bytes meanwhile and its counts."""
    setup = f"import torch\nmany = [torch.ones(10, device='sim') for _ in range({count})]"
    report, counts = run(device, setup, cell)

    assert len(mutated(report)) == changed
    assert counts["to_host"] <= most * count + 1000
    assert counts["waits"] == 0


COUNTED_CELLS = {
    "x.data.add_(1);": {"x": (6, 1), "y": (3, 1), "xt": (6, 1), "d": (6, 1), "q": (6, 1), "z": (6, 1)},
    "x.data[0, 1] += 5": {"x": (1, 5), "y": (1, 5), "xt": (1, 5), "d": (1, 5), "q": (1, 5), "z": (1, 5)},
    "half[1:3] = -2": {"half": (2, 2)},
    "pair[0] = 3 + 4j": {"pair": (1, 5)},
    "flag[2] = True": {"flag": (1, 1)},
    "nan[0] = 4": {"nan": (1, None)},
    "whole[1] -= 7": {"whole": (1, 7)},
    "zero.neg_();": {"zero": (3, 0)},
    "ones.data[0] = 3": {"ones": (1000, 2)},
    "large[3] = 1": {"large": (None, None)},
}
SORTS = """
half = torch.zeros(5, dtype=torch.bfloat16, device="sim")
pair = torch.zeros(5, dtype=torch.complex64, device="sim")
flag = torch.zeros(5, dtype=torch.bool, device="sim")
nan = torch.full((3,), float("nan"), device="sim")
whole = torch.arange(4, device="sim")
zero = torch.zeros(3, device="sim")
ones = torch.ones(1, device="sim").expand(1000)
large = torch.zeros(1 << 15, device="sim")
"""


@pytest.mark.parametrize("cell", COUNTED_CELLS)
def test_the_device_counts_how_many_elements_changed_and_by_how_much(device: Any, cell: str):
    report, counts = run(device, FAMILY + SORTS, cell)
    found = changes(report, "mutated")

    assert {path: (one["elements"]["changed"], one["elements"]["max_abs"]) for path, one in found.items()} == (
        COUNTED_CELLS[cell]
    )
    assert counts["waits"] == 0
    assert counts["to_host"] <= MOST * len(report["tensors"])


def test_without_memory_to_spare_there_are_no_copies_and_no_counts(device: Any):
    held = device.counts()["held"]
    device.limit(held + (1 << 27))
    try:
        report, _ = run(device, FAMILY, "x.data.add_(1);")
    finally:
        device.limit(1 << 34)

    assert mutated(report) == ALL
    assert {one["elements"]["changed"] for one in changes(report, "mutated").values()} == {None}


def test_the_copies_take_a_small_share_of_the_free_memory_and_no_more_with_time(device: Any):
    setup = "import torch\nmany = [torch.ones(1 << 14, device='sim') for _ in range(200)]"
    with Notebook() as nb:
        nb.run(setup)
        sizes = []
        for cell in ["many[0].add_(1);", "many[1].data.add_(1);", "for one in many: one.add_(1)", "many[2].add_(1);"]:
            nb.run(cell)
            sizes.append(device.counts()["held"])

    assert max(sizes) - sizes[0] <= 2 * (200 << 16) + UNCOUNTED


def test_what_the_time_budget_does_not_reach_comes_first_next_time(device: Any):
    setup = "import torch\nlarge = [torch.zeros(1 << 22, device='sim') for _ in range(4)]"
    with Notebook(settings={"budget_floor": 0.0005, "budget_share": 0.0, "budget_limit": 0.0005}) as nb:
        nb.run(setup)
        for _ in range(5):
            nb.run("a = 1")
        first = nb.run("large[1].data.add_(1)\nb = None")
        reports = [first, *(nb.run("a = 1") for _ in range(5))]

    assert "budget" in {one["why"] for one in first["coverage"]["unverified"]}
    assert [sorted(mutated(one)) for one in reports if mutated(one)] == [["large[1]"]]
