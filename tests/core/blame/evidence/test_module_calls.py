"""A buffer is its module's own only while that module is called."""

from __future__ import annotations

import pytest

from ipy_tensorwatch.core.records.trace.evidence import OptimizerStep
from tests.support.records import reading
from tests.support.traces import explain, snapshot_of

BUFFER, COUNTER = reading(6, 6, kind="buffer"), reading(7, 7, kind="buffer")
NET = {"net.mean": BUFFER}
COUNTING = {"net.mean": BUFFER, "net.num_batches_tracked": COUNTER}
CLASSES = {"classes": {"net": "Net"}}
NORM = """class Net(nn.Module):
    def forward(self, x):
        self._count(x)
        return x
    def _count(self, x):
        self.mean.add_(x)
    def stats(self):
        a = self.mean.numpy()
        a /= 2
        return a"""


def cause(plain, readings=NET, *cells, **more):
    return explain(plain, readings, cells=cells, changed=["net.mean"], **(CLASSES | more))["net.mean"].cause


@pytest.mark.parametrize(
    ("plain", "cells"),
    [
        ("y = net(x)", ()),
        ("y = net(x)", (NORM,)),
        ("y = f(net(x)).sum().backward()", ()),
        ("train()", ("def train():\n    return net(x)", NORM)),
        ("train(net)", ("def train(m):\n    for x in loader:\n        m(x).sum().backward()",)),
        ("train(net)", ("def train(m):\n    lib.fit(m)\n    loss.backward()",)),
        ("train()", ("def train():\n    g(x)\n    return net(x)\ndef g(x):\n    x.add_(1)", NORM)),
        ("fit()", ()),
    ],
)
def test_while_it_is_called_it_is(plain, cells):
    assert cause(plain, NET, *cells) == "module"


@pytest.mark.parametrize(
    ("plain", "cells"),
    [
        ("export()", ("def export():\n    a = net.mean.numpy()\n    a *= 0",)),
        ("scale(net)", ("def scale(m):\n    for b in m.buffers():\n        b.mul_(2)",)),
        ("both()", ("def both():\n    net(x)\n    net.mean.fill_(7)",)),
        ("s = net.stats()", (NORM,)),
        ("y = net(export())", ("def export():\n    net.mean.mul_(0)",)),
        ("loss.backward()", ()),
        ("g = torch.autograd.grad(loss, w)", ()),
        ("go(loss)", ("def go(l):\n    l.backward()",)),
        ("net.eval()", ()),
        ("lib.clear(net.mean)", ()),
        ("y = spy(x)", ("class Spy(nn.Module):\n    def forward(self, x):\n        net.mean.mul_(0)",)),
    ],
)
def test_whatever_else_writes_it_is_silent(plain, cells):
    classes = {"net": "Net", "spy": "Spy"}
    assert cause(plain, NET, *cells, classes=classes) in ("call", "alias")


def test_a_batch_norm_that_counted_no_call_was_not_called():
    assert cause("fit()", COUNTING) == "alias"
    assert cause("fit()", NET) == "module"


@pytest.mark.parametrize(("counted", "expected"), [(True, "module"), (False, "call")])
def test_where_an_optimizer_stepped_and_a_batch_norm_counted_the_source_is_not_asked(counted, expected):
    cells = ("def train():\n    net.mean.mul_(0)",)
    version = {"net.mean": BUFFER, "net.num_batches_tracked": COUNTER._replace(version=0)}
    more = {"steps": (OptimizerStep(statement=0),)} | ({"before": snapshot_of(version)} if counted else {})
    assert cause("train()", COUNTING, *cells, **more) == expected


def test_a_method_of_its_own_that_is_called_by_name_is_its_objects():
    cells = ("class Net(nn.Module):\n    def update(self, x):\n        self.mean.add_(x)",)
    assert cause("net.update(x)", NET, *cells) == "object"


def test_of_several_statements_the_one_that_calls_the_module_is_the_likeliest():
    change = explain("kept = copy.deepcopy(net.state_dict())\ny = net(x)", NET, writes={6: [[0, 1]]})["net.mean"]
    assert (change.cause, [site.line for site in change.sites]) == ("module", [2])
