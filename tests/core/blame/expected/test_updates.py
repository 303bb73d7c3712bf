"""What is an update of parameters: an optimizer's own methods, and what a person writes by hand."""

from __future__ import annotations

import pytest

from ipy_tensorwatch.core.records.trace.evidence import OptimizerStep
from tests.support.records import reading
from tests.support.traces import explain

PARAMETER = reading(4, 4, requires_grad=True, kind="parameter")
FROZEN = PARAMETER._replace(requires_grad=False)
LEAF = reading(3, 3, requires_grad=True)
NET = {"net.w": PARAMETER}
SHARED = {"nets[0].w": PARAMETER, "mean.w": PARAMETER}

SAM = """class SAM(torch.optim.SGD):
    def first_step(self):
        for group in self.param_groups:
            for p in group["params"]:
                p.add_(p.grad)
    def get_scale(self):
        for group in self.param_groups:
            for p in group["params"]:
                p.add_(p.grad)"""
MERGING = """class Net(nn.Module):
    def train(self, mode=True):
        self.w.data += 1
    def forward(self, x):
        self._clamp()
        return x
    def _clamp(self):
        self.w.clamp_(0, 1)
    def predict(self, x):
        self.w.data.mul_(2)
    def fit(self, x):
        for p in self.parameters():
            p.sub_(p.grad)
    def clip(self):
        self.w.data.clamp_(0, 1)"""
MEAN = "def mean_of(nets):\n    for p in nets[0].parameters():\n        p.add_(1)\n    return nets[0]"


def cause(plain, readings, *cells, **more):
    return next(iter(explain(plain, readings, cells=cells, **more).values())).cause


class TestMethodsOfAnOptimizer:
    @pytest.mark.parametrize("readings", [NET, {"w": LEAF}, {"net.w": FROZEN}, {"opt.state[w]['old']": reading(8, 8)}])
    @pytest.mark.parametrize("plain", ["opt.first_step()", "train(opt)"])
    def test_what_they_write_is_expected(self, plain, readings):
        cells = (SAM, "def train(o):\n    o.first_step()")
        assert cause(plain, readings, *cells, classes={"opt": "SAM"}) == "optimizer"

    def test_also_of_a_class_of_the_users_own(self):
        cell = "class Mine:\n    def step(self):\n        for m in self.m:\n            m.mul_(2)\n    def zero_grad(self):\n        pass"
        cells = (cell, "def train(o):\n    o.step()")
        assert cause("train(opt)", {"opt.m[0]": reading(8, 8)}, *cells, classes={"opt": "Mine"}) == "optimizer"

    def test_a_method_that_promises_to_read_is_none(self):
        assert cause("s = opt.get_scale()", {"w": reading(3, 3)}, SAM, classes={"opt": "SAM"}) == "alias"

    def test_another_tensor_over_the_memory_is_silent(self):
        shared = {"kept": reading(8, 4), "net.w": PARAMETER}
        assert cause("opt.first_step()", shared, SAM, classes={"opt": "SAM"}) == "alias"

    def test_another_leaf_over_the_memory_of_a_parameter_is_silent(self):
        shared = {"other": reading(8, 4, requires_grad=True), "net.w": PARAMETER}
        assert cause("opt.first_step()", shared, SAM, classes={"opt": "SAM"}) != "optimizer"

    def test_where_a_step_was_seen_it_is_known_what_it_holds(self):
        step = OptimizerStep(
            statement=0, paths=frozenset(("opt",)), parameters=frozenset((9,)), storages=frozenset((3,))
        )
        assert cause("opt.ascend()", {"w": LEAF}, SAM, classes={"opt": "SAM"}, steps=(step,)) == "alias"


class TestCollectives:
    SYNC = (
        "def sync(m):\n    for t in m.state_dict().values():\n        dist.broadcast(t, 0)\n"
        "class Net(nn.Module):\n    def forward(self, x):\n        dist.all_reduce(self.w.data)\n        return x"
    )

    @pytest.mark.parametrize("readings", [NET, {"net.w": FROZEN}, {"net.mean": reading(6, 6, kind="buffer")}])
    def test_a_function_that_makes_a_module_equal_on_all_ranks_updates_it(self, readings):
        assert cause("sync(net)", readings, self.SYNC) == "optimizer"

    def test_a_tensor_that_was_kept_is_none(self):
        shared = {"kept": reading(8, 4), **NET}
        assert explain("sync(net)", shared, cells=(self.SYNC,))["kept"].silent

    def test_a_module_that_does_so_when_it_is_called_is_none(self):
        assert cause("y = net(x)", NET, self.SYNC, classes={"net": "Net"}) == "call"


class TestInsideAModule:
    @pytest.mark.parametrize(
        "plain",
        ["net.eval()", "net.train(False)", "y = net(x)", "y = net.predict(x)", "run(net)", "outer.eval()"],
    )
    @pytest.mark.parametrize("one", [PARAMETER, FROZEN])
    def test_what_a_module_does_to_its_parameters_while_it_is_called_is_silent(self, plain, one):
        cells = (MERGING, "def run(m):\n    return m(x)")
        path, classes = (
            ("outer[0].w" if "outer" in plain else "net.w"),
            {"net": "Net", "outer": "Sequential", "outer[0]": "Net"},
        )
        assert cause(plain, {path: one}, *cells, classes=classes) in ("call", "alias")

    @pytest.mark.parametrize("plain", ["net.fit(x)", "net.clip()", "train()"])
    def test_what_its_method_of_another_name_does_is_expected(self, plain):
        cells = (MERGING, "def train():\n    net.fit(x)")
        assert cause(plain, NET, *cells, classes={"net": "Net"}) == "optimizer"

    def test_of_a_librarys_module_too(self):
        assert cause("net.eval()", NET) == "call"
        assert cause("y = net(x)", NET) == "call"
        assert cause("nets['a'](x)", {"nets['a'].w": PARAMETER}) == "call"
        assert cause('nets["a"](x)', {"nets['a'].w": PARAMETER}) == "call"


class TestByHand:
    def test_a_frozen_parameter_of_a_module_counts(self):
        cells = ("def soft(m):\n    for p in m.parameters():\n        p.data.mul_(2)",)
        assert cause("soft(net)", {"net.w": FROZEN}, *cells) == "optimizer"
        assert cause("soft(net)", {"net.w": FROZEN._replace(kind="tensor")}, *cells) != "optimizer"

    @pytest.mark.parametrize("plain", ["p.detach().add_(1)", "p[:1].add_(1)", "lib.scale(p.detach())"])
    def test_through_another_tensor_object_it_is_silent(self, plain):
        assert cause(plain, {"net.w": PARAMETER, "p": PARAMETER}) in ("alias", "call")


class TestGivingBack:
    def test_a_new_name_of_what_was_written_makes_it_silent(self):
        assert cause("mean = mean_of(nets)", SHARED, MEAN) == "call"
        assert cause("mean, loss = mean_of(nets), 1", SHARED, MEAN) == "call"
        assert cause("u = mean_of([w])", {"w": LEAF, "u": LEAF}, MEAN) != "optimizer"

    def test_a_new_attribute_or_item_of_what_was_written_makes_it_silent(self):
        assert cause("server.net = mean_of(nets)", {"nets[0].w": PARAMETER, "server.net.w": PARAMETER}, MEAN) == "call"
        assert cause("best['m'] = mean_of(nets)", {"nets[0].w": PARAMETER, "best['m'].w": PARAMETER}, MEAN) == "call"
        assert (
            cause("best.net = mean_of([best.net])", {"nets[0].w": PARAMETER, "best.net.w": PARAMETER}, MEAN)
            == "optimizer"
        )

    def test_the_name_that_was_handed_over_is_not_new(self):
        assert cause("mean = mean_of([mean])", SHARED, MEAN) == "optimizer"

    def test_a_copy_is_not_what_was_written(self):
        other = {"nets[0].w": PARAMETER, "mean.w": reading(9, 9, requires_grad=True)}
        assert cause("mean = mean_of(nets)", other, MEAN, changed=["nets[0].w"]) == "optimizer"

    def test_what_only_holds_it_is_not_what_was_given_back(self):
        held = {"net.w": PARAMETER, "trainer.net.w": PARAMETER}
        cells = ("def setup(m):\n    for p in m.parameters():\n        p.zero_()\n    return Trainer(m)",)
        assert cause("trainer = setup(net)", held, *cells) == "optimizer"
