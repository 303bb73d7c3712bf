"""What a function keeps by reference, writes over in place, and writes back, by its source alone."""

from __future__ import annotations

import ast

import pytest

from ipy_tensorwatch.core.hazards.kept_memory.written_back import find_written_back
from ipy_tensorwatch.core.syntax.parsing import may_write_back

LOOP = "for n, p in net.named_parameters():\n    "
BACK = f"\n{LOOP}p.data.copy_(old[n])"
VAIN = {
    "a dict of data": f"old = {{}}\n{LOOP}old[n] = p.data\n    p.data.copy_(mean[n]){BACK}",
    "parameters themselves": f"old = {{}}\n{LOOP}old[n] = p\n    p.data.mul_(2){BACK}",
    "detached": f"old = {{n: p.detach() for n, p in net.named_parameters()}}\n{LOOP}p.data += 1{BACK}",
    "a list": "old = [p.data for p in net.parameters()]\nfor p in net.parameters(): p.data.sign_()\n"
    "for p, o in zip(net.parameters(), old): p.data.copy_(o)",
    "appended": "old = []\nfor p in net.parameters():\n    old.append(p.data)\n    p.add_(1)\n"
    "for o, p in zip(old, net.parameters()): p.data = o",
    "by steps": "old = [p.data for p in net.parameters()]\nopt.step()\n"
    "for p, o in zip(net.parameters(), old): p.data.copy_(o + 0.5 * (p.data - o))",
    "a part": "old = w.data\nw.data[0] = 1\nw.data.copy_(old)",
    "one weight": "old = layer.weight.data\nlayer.weight.data.mul_(mask)\ny = layer(x)\nlayer.weight.data.copy_(old)",
    "a buffer": "old = bn.running_mean\nbn.running_mean.mul_(0)\nbn.running_mean.copy_(old)",
    "added up": "old = w.data\nw.data += t * d\nw.data.copy_(old)",
    "assigned": "old = w.detach()\nw.data.zero_()\nw.data = old",
}
RIGHT = {
    "clones": f"old = {{}}\n{LOOP}old[n] = p.data.clone()\n    p.data.copy_(mean[n]){BACK}",
    "other memory in between": "old = w.data\nw.data = mean\ny = f(w)\nw.data = old",
    "never written over": "old = w.data\ny = f(w)\nw.data.copy_(old)",
    "never written back": "old = w.data\nw.data.mul_(2)\nprint(old)",
    "written before it was kept": "w.data.mul_(2)\nold = w.data\nw.data.copy_(old)",
    "copied later": "old = w.data\nold = old.clone()\nw.data.mul_(2)\nw.data.copy_(old)",
    "filled, not bound": "for p, o in zip(net.parameters(), old):\n    o.copy_(p.data)\n    p.data.sign_()\n"
    "for p, o in zip(net.parameters(), old): p.data.copy_(o)",
    "another loop variable": "old = [p.data for p in net.parameters()]\nfor p in net.parameters(): p.data.sign_()\n"
    "for p, o in zip(net.parameters(), old): p.data.copy_(p.grad)",
    "another tensor": "old = w.data\nv.data.mul_(2)\nw.data.copy_(old)",
    "written through its own name": "old = w.data\nold.mul_(2)\nw.data.copy_(old)",
}


def found(body: str, *others: str):
    first, *methods = (
        ast.parse("def f(self):\n" + f"\n{one}".replace("\n", "\n    ")).body[0] for one in (body, *others)
    )
    return [
        (one.kept.node.lineno, one.over.lineno, one.back and one.back.lineno)
        for one in find_written_back(first, [first, *methods])
    ]


@pytest.mark.parametrize("name", VAIN)
def test_what_is_written_over_in_place_is_written_back_in_vain(name):
    [(kept, over, back)] = found(VAIN[name])

    assert kept < over < back
    assert may_write_back(VAIN[name])


@pytest.mark.parametrize("name", RIGHT)
def test_a_copy_or_other_memory_is_written_back_as_it_was(name):
    assert [] == found(RIGHT[name])


def test_another_method_writes_back_what_an_attribute_keeps():
    kept = f"{LOOP}self.old[n] = p.data\n    p.data.copy_(self.mean[n])"

    assert [(4, 5, None)] == found(kept, f"{LOOP}p.data.copy_(self.old[n])")
    assert [] == found(kept, f"{LOOP}print(self.old[n])")
    assert [] == found(kept.replace("self.old", "old"), f"{LOOP}p.data.copy_(old[n])")


def test_a_key_says_what_a_state_keeps():
    kept = "for p in params:\n    self.state[p]['old'] = p.data\n    p.add_(p.grad)"

    assert [(4, 5, None)] == found(kept, "for p in params: p.data = self.state[p]['old']")
    assert [] == found(kept, "for p in params: p.data = self.state[p]['mean']")
