"""What hooks, other state and limits of norms write is foretold: nothing missed, nothing in vain."""

from __future__ import annotations

from tests.support.foretold import Tally, compare_previews

SETUP = """
import torch, torch.nn as nn, torch.nn.functional as F
from torch.func import functional_call
torch.manual_seed(0)
x, kept = torch.rand(4, 3), torch.rand(2, 3); row, index = x[0], torch.tensor([0, 2])
lin, bare = nn.Linear(3, 3), nn.Linear(3, 3); inner = nn.Sequential(nn.Linear(3, 3))
def halve(module, inputs): inputs[0].div_(2)
def scale(module, inputs, kwargs): inputs[0].mul_(3)
lin.register_forward_pre_hook(halve)
class Norm(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_forward_pre_hook(self.shift)
    def shift(self, module, inputs): inputs[0].add_(1)
    def forward(self, t): return t + 1
class Bump(nn.Module):
    def forward(self, t, by=1): return t.add_(by)
norm, bump, stats = Norm(), Bump(), nn.BatchNorm1d(3)
table = torch.rand(5, 3) * 9
"""
HOOKED = [
    "out = lin(x)",
    "out = norm(x)",
    "inner[0].register_forward_pre_hook(scale, with_kwargs=True)\nout = inner(x)",
    "handle = bare.register_forward_pre_hook(halve)\nout = bare(x)\nhandle.remove()\nout = bare(kept)",
    "out = bare(x)",
    "swapped = nn.Linear(3, 3)\nswapped.register_forward_pre_hook(lambda module, inputs: (kept,))\n"
    "swapped.register_forward_hook(lambda module, inputs, out: (inputs[0].add_(1), None)[1])\nout = swapped(x)",
    "after = bare.register_forward_hook(lambda module, inputs, out: (out.add_(1), x.neg_())[0])\nout = bare(kept)",
    "after.remove()\nout = bare(kept)",
]
OTHER_STATE = [
    "own = {name: one.detach().clone() for name, one in stats.state_dict().items()}",
    "out = functional_call(stats, own, (x,))",
    "buffers = dict(stats.named_buffers())",
    "out = functional_call(stats, (dict(stats.named_parameters()), buffers), (x,))",
    "out = functional_call(bump, {}, (x,), {'by': 2})",
    "out = torch.func.functional_call(bump, {}, x)",
    "out = functional_call(stats.eval(), own, (x,))",
]
LIMITED = [
    "words = nn.Embedding.from_pretrained(table, max_norm=1.0)",
    "out = words(index)",
    "table.mul_(9)\nout = F.embedding(index, table, max_norm=0.5)",
    "bag = nn.EmbeddingBag(5, 3, max_norm=0.1)\nweight = bag.weight.data\nout = bag(index.view(1, 2))",
    "free = nn.Embedding.from_pretrained(table)\nout = free(index)",
]


def test_what_hooks_and_other_state_write_is_foretold():
    tally = Tally()
    compare_previews("modules", [SETUP, *HOOKED, *OTHER_STATE, *LIMITED], tally)

    assert tally.missed == tally.in_vain == []
    assert tally.right > 25
