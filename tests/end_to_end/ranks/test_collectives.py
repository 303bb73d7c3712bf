"""What a collective writes is named by it; what shares its memory changes silently."""

from __future__ import annotations

import pytest

COLLECTIVES = {
    "all_reduce": "dist.all_reduce(x)",
    "broadcast": "dist.broadcast(x, 0)",
    "all_gather": "dist.all_gather([*x.chunk(world)], own)",
    "all_gather_into_tensor": "dist.all_gather_into_tensor(x, own)",
    "reduce_scatter_tensor": "dist.reduce_scatter_tensor(x, torch.ones(8 * world) * rank)",
    "all_to_all_single": "dist.all_to_all_single(x, torch.ones(8) * (rank + 2))",
    "asynchronous": "dist.all_reduce(x, async_op=True).wait()",
}


@pytest.fixture
def ranks() -> int:
    return 2


def test_collectives_name_what_they_write(lab):
    lab.px("x = torch.zeros(8)\ny = x[:2]\nown = torch.ones(4) * (rank + 1)")
    told = {}
    for name, statement in COLLECTIVES.items():
        lab.px("with torch.no_grad():\n    x.copy_(torch.arange(8.0) * (rank + 10))")
        lab.px(statement)
        told[name] = {one["path"]: one["silent"] for one in lab.report()["changes"] if one["kind"] == "mutated"}

    assert told == dict.fromkeys(COLLECTIVES, {"x": False, "y": True})
