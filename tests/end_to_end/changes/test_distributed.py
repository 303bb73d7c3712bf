"""Models under DDP, FSDP and DTensor, in processes of their own: each tensor by the name that a user types."""

from __future__ import annotations

import json
from itertools import islice
from typing import Any

import pytest
import torch

from tests.support.own_process import run_apart

PROGRAM = """
import json, os, sys
from tests.support.notebook import Notebook, changes, silent
cells, folder, ranks = json.loads(sys.argv[1]), sys.argv[2], int(sys.argv[3])
os.environ["GLOO_SOCKET_IFNAME"] = "lo"
other = os.fork() if ranks == 2 else 1
rank = 0 if other else 1
begin = f'''
import torch, torch.distributed as dist
from torch import nn
dist.init_process_group("gloo", init_method="file://{folder}/meeting", rank={rank}, world_size={ranks})
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.tensor import Shard, distribute_tensor
mesh = init_device_mesh("cpu", ({ranks},))
torch.manual_seed(0)'''
told = []
with Notebook() as nb:
    for cell in (begin, *cells, "dist.barrier(); dist.destroy_process_group()"):
        report = nb.run(cell)
        causes = {path: one["cause"] for path, one in changes(report, "mutated").items()}
        told.append({
            "printed": nb.last.told, "silent": sorted(silent(report)), "causes": causes,
            "paths": sorted(one["path"] for one in report["tensors"]),
            "hazards": [one["code"] for one in report["hazards"]],
            "groups": [one["members"] for one in report["groups"]], "unverified": report["coverage"]["unverified"],
        })
with open(f"{folder}/{rank}", "w") as file:
    json.dump(told[1:-1], file)
code = os.waitpid(other, 0)[1] if ranks == 2 and rank == 0 else 0
assert code == 0, code
if rank:
    os._exit(0)
"""
SHARDED = """from torch.distributed.fsdp import fully_shard
f = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 2))
fully_shard(f[0], mesh=mesh); fully_shard(f, mesh=mesh)
opt = torch.optim.AdamW(f.parameters(), lr=0.1)"""
TRAINING = """for _ in range(2):
    loss = {model}(torch.randn(3, 4)).square().mean()
    opt.zero_grad(); loss.backward(); opt.step()"""
REPLICATED = """net = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4), nn.Linear(4, 2))
ddp = nn.parallel.DistributedDataParallel(net)
opt = torch.optim.SGD(ddp.parameters(), lr=0.1)
del net"""
FORWARD, BACKWARD = "loss = f(torch.randn(3, 4)).square().mean()", "loss.backward()"
EVALUATION = "with torch.no_grad(): out = f(torch.randn(3, 4))"
FSDP = SHARDED, TRAINING.format(model="f"), FORWARD, BACKWARD, "opt.step()", EVALUATION, "f.unshard(); f.reshard()"
KEPT = "best = f.state_dict()", TRAINING.format(model="f"), "del f, opt, best, loss, out"
DDP = REPLICATED, TRAINING.format(model="ddp"), "w = ddp.module[0].weight.detach()\nw += 1", "del ddp, opt, w, loss"
LATE = (
    "f = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 2))\nopt = torch.optim.SGD(f.parameters(), lr=0.1)",
    "fully_shard(f, mesh=mesh)", TRAINING.format(model="f"), "opt = torch.optim.SGD(f.parameters(), lr=0.1)",
    TRAINING.format(model="f"), "del f, opt, loss",
)  # fmt: skip
DTENSOR = (
    "d = distribute_tensor(torch.zeros(4, 2), mesh, [Shard(0)])\nlocal = d.to_local()",
    "local += 1", "d += 1", "x = d.to_local() * 1",
)  # fmt: skip
OLDER = (
    """from torch.distributed.fsdp import FullyShardedDataParallel
f = FullyShardedDataParallel(
    nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 2)), use_orig_params=True, device_id=torch.device("cpu"))
opt = torch.optim.SGD(f.parameters(), lr=0.1, momentum=0.9)""",
    TRAINING.format(model="f"),
)
CELLS = {"fsdp": FSDP, "kept": KEPT, "late": LATE, "ddp": DDP, "dtensor": DTENSOR, "older": OLDER}

pytestmark = [
    pytest.mark.skipif(not torch.distributed.is_available(), reason="this PyTorch has no torch.distributed"),
    pytest.mark.skipif(torch.__version__ < "2.6", reason="`fully_shard` has another address"),
]


Told = dict[str, list[dict[str, Any]]]


@pytest.fixture(scope="module", params=[1, 2])
def ranks(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> list[Told]:
    """What each of one or two ranks told after each cell, by the part of the program."""
    folder, cells = tmp_path_factory.mktemp("ranks"), [one for part in CELLS.values() for one in part]
    done = run_apart(PROGRAM, json.dumps(cells), str(folder), str(request.param))
    assert done.returncode == 0, done.stderr[-3000:]
    return [in_parts(json.loads((folder / str(rank)).read_text("utf-8"))) for rank in range(request.param)]


def in_parts(told: list[dict[str, Any]]) -> Told:
    """Return what the cells of each part told."""
    left = iter(told)
    return {part: list(islice(left, len(cells))) for part, cells in CELLS.items()}


def test_a_step_of_fsdp_is_quiet_and_its_parameters_have_the_names_that_are_typed(ranks):
    for told in (one["fsdp"] for one in ranks):
        assert [(one["printed"], one["silent"], one["hazards"]) for one in told] == [("", [], [])] * len(FSDP)
        assert [one["unverified"] for one in told] == [[]] * len(FSDP)
        parameters = {f"f[{layer}].{name}" for layer in (0, 2) for name in ("weight", "bias")}
        assert set(told[0]["paths"]) == parameters
        assert {path for path, cause in told[1]["causes"].items() if cause == "optimizer"} >= parameters
        assert not [path for path in told[1]["paths"] if "_state_key" in path or "param_groups" in path]


def test_a_state_dict_of_shards_is_a_reference_too(ranks):
    for told in (one["kept"] for one in ranks):
        assert [one["hazards"] for one in told] == [[], ["TW207"], []]


def test_an_optimizer_made_before_the_shards_is_told_once(ranks):
    for told in (one["late"] for one in ranks):
        assert [one["hazards"] for one in told] == [[], [], ["TW212"], [], [], []]
        assert ["TW212" in one["printed"] for one in told] == [False, False, True, False, False, False]


def test_ddp_shows_no_list_of_its_own(ranks):
    for told in (one["ddp"] for one in ranks):
        assert [path for path in told[0]["paths"] if not path.startswith("ddp.module[")] == []
        assert [(one["printed"], one["silent"]) for one in told[:2]] == [("", [])] * 2
        assert told[2]["silent"] == ["ddp.module[0].weight"]


def test_a_dtensor_is_its_local_memory(ranks):
    for told in (one["dtensor"] for one in ranks):
        assert ["d", "local"] in told[0]["groups"]
        assert [one["silent"] for one in told] == [[], ["d"], ["local"], []]
        assert told[2]["causes"]["d"] == "direct"


def test_the_older_fsdp_is_quiet_by_the_names_of_its_module(ranks):
    for told in (one["older"] for one in ranks):
        assert [path for path in told[0]["paths"] if path.startswith("f.") and not path.startswith("f.module[")] == []
        assert [(one["printed"], one["silent"], one["hazards"]) for one in told] == [("", [], [])] * 2
