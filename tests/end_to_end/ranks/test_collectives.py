"""What a collective writes is named by it; what shares its memory changes silently."""

from __future__ import annotations

import pytest

WHOLE = {
    "all_reduce": "dist.all_reduce(x)",
    "broadcast": "dist.broadcast(tensor=x, src=0)",
    "reduce": "dist.reduce(x, dst=0)",
    "scatter": "dist.scatter(x, [torch.ones(8), torch.ones(8)] if rank == 0 else None)",
    "all_gather": "dist.all_gather([*x.chunk(world)], own)",
    "all_gather_into_tensor": "dist.all_gather_into_tensor(x, own)",
    "reduce_scatter": "dist.reduce_scatter(x, [torch.ones(8) * rank, torch.ones(8)])",
    "reduce_scatter_tensor": "dist.reduce_scatter_tensor(x, torch.ones(8 * world) * rank)",
    "all_to_all": "dist.all_to_all([*x.chunk(world)], [own, own])",
    "all_to_all_single": "dist.all_to_all_single(x, torch.ones(8) * (rank + 2))",
    "coalesced": "dist.all_reduce_coalesced([x, own])",
    "received": "dist.send(torch.ones(8), 1) if rank == 0 else dist.recv(x, 0)",
    "asynchronous": "dist.all_reduce(x, async_op=True).wait()",
    "awaited": "work = dist.all_gather([*x.chunk(world)], own, async_op=True)\nwork.wait()",
    "batched": "ops = [dist.P2POp(dist.isend, torch.ones(8), 1 - rank), dist.P2POp(dist.irecv, x, 1 - rank)]\n"
    "for work in dist.batch_isend_irecv(ops):\n    work.wait()",
}
"""Collectives that write `x`, of which `y` is a view."""
SYNC = """
def sync(module):
    for one in module.state_dict().values():
        dist.broadcast(one, 0)
"""


@pytest.fixture
def ranks() -> int:
    return 2


def mutated(lab) -> dict[str, bool]:
    """Return what the last cell changed on any rank, and whether silently."""
    return {one["path"]: one["silent"] for one in lab.report()["changes"] if one["kind"] == "mutated"}


def test_collectives_name_what_they_write(lab):
    lab.px("x = torch.zeros(8)\ny = x[:2]")
    told = {}
    for name, statement in WHOLE.items():
        lab.px("with torch.no_grad():\n    x.copy_(torch.arange(8.0) * (rank + 10))\nown = torch.ones(4) * (rank + 1)")
        lab.px(statement)
        told[name] = {path: silent for path, silent in mutated(lab).items() if path != "own"}

    assert told == dict.fromkeys(WHOLE, {"x": False, "y": True})


def test_a_collective_that_is_awaited_in_a_later_cell_names_what_it_writes_there(lab):
    lab.px("x, xs = torch.ones(8), [torch.ones(2)]\ny = x[:2]")
    start = (
        "works = [dist.all_reduce(one, async_op=True) for one in xs]\n    works += [dist.all_reduce(x, async_op=True)]"
    )
    starting = lab.px(f"if rank == 0:\n    {start}")
    awaited = lab.px(f"if rank == 1:\n    {start}\nfor work in works:\n    work.wait()")
    named = {(one["path"], one["silent"]) for one in lab.report()["changes"] if one["kind"] == "mutated"}
    later = lab.px("def grow():\n    y.add_(1)\ngrow()")

    assert starting == ""
    assert named == {("x", False), ("xs[0]", False), ("y", True)}
    assert "y   changed through x" in awaited
    assert "x   changed through y" in later


def test_a_gather_names_the_tensors_that_it_fills(lab):
    lab.px("parts = [torch.zeros(2), torch.zeros(2)]\nview = parts[1][:1]")
    lab.px("dist.gather(torch.ones(2), parts if rank == 1 else None, dst=1)")

    assert mutated(lab) == {"parts[0]": False, "parts[1]": False, "view": True}


def test_what_makes_a_module_equal_on_all_ranks_is_expected_by_each_rank(lab):
    lab.px(f"import torch.nn as nn\nbox = {{}}{SYNC}")
    told = {}
    for wrap in ("ddp = DDP(net)", "box['net'] = DDP(net)", "nets = [DDP(one) for one in [net]]", "sync(net)"):
        lab.px(
            "torch.manual_seed(rank)\nnet = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))\nkept = net[0].weight.detach()"
        )
        lab.px("with torch.no_grad():\n    net[1].running_mean.fill_(rank + 1)")
        lab.px(wrap)
        told[wrap] = {path: silent for path, silent in mutated(lab).items() if path.startswith(("net[", "kept"))}

    written = {"net[0].weight": False, "net[0].bias": False, "net[1].running_mean": False, "kept": True}
    assert told == dict.fromkeys(told, written)
