"""What only CUDA has: graphs that are captured once and replayed, several streams. It needs a GPU."""

from __future__ import annotations

import pytest
import torch

from tests.support.notebook import Notebook, changes, lines, silent

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="PyTorch sees no CUDA device")

CAPTURED = """
import torch
held = torch.zeros(4, device="cuda")
seen = held.detach()
warm = torch.cuda.Stream()
warm.wait_stream(torch.cuda.current_stream())
with torch.cuda.stream(warm):
    held.add_(1)
torch.cuda.current_stream().wait_stream(warm)
graph = torch.cuda.CUDAGraph()
with torch.cuda.graph(graph):
    held.add_(1)
"""


def test_what_a_replay_writes_is_told_with_its_statement():
    with Notebook() as nb:
        nb.run(CAPTURED)
        report = nb.run("a = 1\ngraph.replay()\nb = 2")

    assert {path: lines(one) for path, one in changes(report, "mutated").items()} == {"held": {2}, "seen": {2}}
    assert not any(one["versioned"] for one in changes(report, "mutated").values())
    assert silent(report) == {"held", "seen"}


def test_a_capture_over_several_cells_is_left_alone():
    with Notebook() as nb:
        nb.run(CAPTURED)
        nb.run("other = torch.cuda.CUDAGraph()\nside = torch.cuda.Stream()\ntorch.cuda.synchronize()")
        nb.run("context = torch.cuda.graph(other, stream=side)\ncontext.__enter__()")
        ran = nb.cell("held.mul_(2)\na = 1")
        end = nb.cell("context.__exit__(None, None, None)\nother.replay()\nx = held.tolist()")

    assert (None, None) == (ran.error, end.error)
