"""What functions of libraries give and write is foretold: nothing missed, nothing in vain."""

from __future__ import annotations

import pytest

from tests.support.foretold import Tally, compare_previews

SETUP = """
import copy, heapq, torch, torch.nn as nn
import numpy as np
torch.manual_seed(0)
x, y, z = (torch.arange(3.0) + n for n in range(3)); xs, pair = [x, y, z], [x, x]
lin, other = nn.Linear(3, 3), nn.Linear(3, 3); held = lin.weight.data
lin(torch.ones(3)).sum().backward(); grad = lin.weight.grad
class Bump(nn.Module):
    def forward(self, t): return t.add_(1)
"""
CELLS = {
    "a slice of a list whose order is not known": "xs.sort(key=lambda one: one.sum().item())\nfor one in xs[:]: one.add_(1)",
    "a parameter over a tensor": "p = nn.Parameter(x)\nwith torch.no_grad(): p.add_(1)",
    "a deep copy of one tensor in two places": "twin = copy.deepcopy(pair)\nfirst, rest = twin\nfirst.add_(1)",
    "a layer that is appended": "net = nn.Sequential()\nnet.append(Bump())\nout = net(x)",
    "a layer that is inserted": "net = nn.Sequential(nn.Identity())\nnet.insert(0, Bump())\nout = net(x)",
    "a buffer that is registered": "lin.register_buffer('extra', x)\nlin.extra.add_(1)",
    "an item whose place is a size": "[x, y, z, held][x.size(0)][0].add_(1)",
    "the groups of an optimizer": "sgd = torch.optim.SGD(lin.parameters(), lr=0.1)\nsgd.param_groups[0]['params'][0].data.add_(1)",
    "a gradient from before": "grad.add_(1)",
    "a gradient that is set to zeros": "lin.zero_grad(set_to_none=False)",
    "a state that is loaded": "lin.load_state_dict(other.state_dict())",
}
WITHOUT = {
    "a function of another library": "two = heapq.nsmallest(2, xs, key=id)\none = two[:1]\ntwo[0].add_(1)",
    "a part of a list whose order is not known": "xs.sort(key=lambda one: one.sum().item())\none = xs[:1]\none[0].add_(1)",
    "a layer that is taken out": "net = nn.Sequential(Bump(), nn.Identity())\nnet.pop(0)\nout = net(x)",
    "a module of another type": "lin.double()\nwith torch.no_grad(): lin.weight.add_(1)",
    "a layer inside others that is to evaluate": "net = nn.Sequential(nn.Sequential(nn.Dropout(0.5, inplace=True)))\nnet.eval()\nout = net(x)",
    "a gradient that is dropped": "lin.zero_grad()\nlin(torch.ones(3)).sum().backward()",
    "a module's own state": "lin.load_state_dict(lin.state_dict())",
}


@pytest.mark.parametrize("name", CELLS)
def test_what_a_library_shares_or_writes_is_foretold(name: str):
    tally = Tally()
    compare_previews(name, [SETUP, CELLS[name]], tally)

    assert tally.missed == tally.in_vain == []
    assert tally.right == tally.right_line > 0


@pytest.mark.parametrize("name", WITHOUT)
def test_nothing_is_foretold_in_vain_of_what_is_not_known(name: str):
    tally = Tally()
    compare_previews(name, [SETUP, WITHOUT[name]], tally)

    assert tally.in_vain == []
