"""Every rule by which a change gets its cause, on traces made by hand: no tensor, no shell."""

from __future__ import annotations

import pytest

from ipy_tensorwatch.core.blame.reasoning import Reasoning
from ipy_tensorwatch.core.records.report_parts import Inner
from ipy_tensorwatch.core.records.trace.evidence import Evidence, Move, OptimizerStep, Position, Recorded, SeenWrite
from ipy_tensorwatch.core.runtime.deadline import Deadline
from tests.support.records import reading
from tests.support.traces import explain, make_trace

X, Y = reading(1), reading(2)
"""A tensor and a view of it."""
OTHER = reading(9, 9)
LEAF = reading(3, 3, requires_grad=True)
PARAMETER = reading(4, 4, requires_grad=True, kind="parameter")
GRAD = reading(5, 5)
BUFFER = reading(6, 6, kind="buffer")
VIEWS = {"x": X, "y": Y}


class AfterQuestions(Deadline):
    """A deadline that passes after so many questions."""

    def __init__(self, left: int) -> None:
        super().__init__()
        self.left = left

    def has_passed(self) -> bool:
        self.left -= 1
        return self.left < 0


def told(change):
    """Give what is said of a change."""
    return change.cause, change.silent, change.via


def lines(change):
    return [(site.line, site.certainty) for site in change.sites]


class TestDirect:
    def test_what_a_statement_names_as_written_is_direct(self):
        assert told(explain("y.add_(1)", VIEWS)["y"]) == ("direct", False, ())

    def test_what_is_named_with_the_keys_of_the_loop_is_direct(self):
        h = {"h[0]": X, "h[1]": reading(2, 2)}
        changes = explain("h[i].add_(1)", h, values={0: ({"i": 0}, {"i": 1})})
        assert [told(one)[0] for one in changes.values()] == ["direct", "direct"]
        assert told(explain("h[i].add_(1)", h, values={0: ({"i": 0},)})["h[1]"])[0] != "direct"

    def test_all_that_lies_behind_a_named_container_is_direct(self):
        changes = explain("torch.add(a, b, out=pair)", {"pair[0]": X})
        assert told(changes["pair[0]"])[0] == "direct"

    def test_the_component_of_a_named_sparse_tensor_is_direct(self):
        values = reading(1, kind="component")
        assert told(explain("s.mul_(2)", {"s.values": values, "s": OTHER})["s.values"])[0] == "direct"

    def test_what_a_collective_names_is_direct_also_where_it_is_written_while_it_is_awaited(self):
        parts = {"parts[0]": X, "y": Y}
        changes = explain("w = dist.all_gather(parts, z, async_op=True)\nw.wait()", parts, writes={1: [[1]]})
        assert told(changes["parts[0]"]) == ("direct", False, ())
        assert told(changes["y"])[:2] == ("alias", True)

    def test_a_statement_that_names_it_wins_over_a_call_that_may_have_written(self):
        changes = explain("f(x)\nx.add_(1)", VIEWS, writes={1: [[0], [1]]})
        assert told(changes["x"])[0] == "direct"

    def test_what_a_statement_names_is_direct_whatever_else_was_seen_to_write(self):
        assert told(explain("x.add_(0)\ng(w)", {"x": X}, writes={1: [[1]]})["x"])[0] == "direct"

    def test_a_statement_that_did_not_run_names_nothing(self):
        changes = explain(
            "if c:\n    x.add_(1)\ny.add_(1)", VIEWS, evidence={"ran": frozenset((0, 2))}, writes={1: [[2]]}
        )
        assert told(changes["x"]) == ("alias", True, ("y",))


class TestAlias:
    def test_a_sparse_tensor_is_changed_through_what_shares_memory_with_its_component_and_told_alone(self):
        sparse = reading(8, 0, unknown="sparse", data_ptr=0)
        names = {"s": sparse, "s.values": reading(1, kind="component"), "v": Y}
        changes = explain("v.mul_(3)", names)
        expected = [("alias", True, ("v",)), ("component", False, ("v",))]
        assert expected == [told(changes[path]) for path in ("s", "s.values")]

    def test_what_shares_memory_with_the_named_variable_is_changed_through_it(self):
        assert told(explain("y.add_(1)", VIEWS)["x"]) == ("alias", True, ("y",))

    def test_all_behind_a_named_container_is_the_way(self):
        changes = explain("torch.add(a, b, out=pair)", {"x": X, "pair[0]": Y}, changed=["x"])
        assert told(changes["x"]) == ("alias", True, ("pair[0]",))

    def test_what_is_named_as_written_is_the_way_and_not_what_is_only_mentioned(self):
        changes = explain("y.add_(z)", VIEWS | {"z": reading(3)}, changed=["x"])
        assert told(changes["x"])[2] == ("y",)

    def test_the_argument_that_a_function_writes_is_the_way_and_not_what_is_only_mentioned(self):
        cells = ["def g(a, b):\n    b.add_(1)"]
        assert told(explain("g(z, y)", VIEWS | {"z": reading(3)}, cells=cells, changed=["x"])["x"])[2] == ("y",)

    def test_what_is_direct_has_no_way(self):
        assert told(explain("x.add_(y)", VIEWS)["x"])[2] == ()

    def test_what_shares_no_byte_is_not_the_way(self):
        tail = reading(2, low=24, high=48, data_ptr=4096 + 24)
        assert told(explain("y.add_(1)", {"x": X, "y": tail}, changed=["x"])["x"]) == ("alias", True, ())

    def test_a_name_that_the_statement_binds_is_not_the_way(self):
        assert told(explain("y = g()", VIEWS)["x"])[2] == ()

    def test_a_mentioned_variable_over_the_memory_is_the_way(self):
        assert told(explain("g(y)", VIEWS)["x"]) == ("alias", True, ("y",))

    def test_a_tensor_that_a_name_led_to_as_the_statement_was_entered_marks_the_statement(self):
        plain = "f(z)\nrow.add_(1)"
        changes = explain(
            plain, {"x": X, "z": OTHER}, writes={1: [[0, 1]]}, targets={1: {"row": frozenset((1,))}}, changed=["x"]
        )
        assert lines(changes["x"]) == [(2, "inferred")]

    def test_a_gradient_of_what_the_name_led_to_does_not(self):
        plain = "f(z)\nrow.grad.add_(1)"
        changes = explain(
            plain, {"x": X, "z": OTHER}, writes={1: [[0, 1]]}, targets={1: {"row": frozenset((1,))}}, changed=["x"]
        )
        assert lines(changes["x"]) != [(2, "inferred")]


class TestCall:
    def test_what_was_handed_to_a_call_was_changed_by_it(self):
        assert told(explain("g(x)", {"x": X})["x"]) == ("call", True, ())

    def test_what_a_function_of_the_notebook_names_was_changed_by_its_call(self):
        change = explain("g()", {"x": X}, cells=["def g():\n    x.add_(1)"])["x"]
        assert told(change) == ("call", True, ())
        assert change.site.inner == Inner(cell=1, line=2, text="x.add_(1)")
        assert change.site.certainty == "inferred"

    def test_through_which_argument_a_function_wrote_is_said(self):
        change = explain("g(z, y)", VIEWS | {"z": OTHER}, cells=["def g(a, b):\n    b.add_(1)"], changed=["x"])["x"]
        assert told(change) == ("alias", True, ("y",))

    def test_a_statement_that_calls_nothing_is_no_call(self):
        assert told(explain("z = x + 1", {"x": X})["x"])[0] == "alias"


class TestOutside:
    def test_what_differed_before_the_cell_was_changed_outside(self):
        trace = make_trace("1 + 1", {"x": X})
        changes = Reasoning(make_trace("1 + 1", {"x": X}, outside=trace.found, found=())).changes
        assert [told(one) for one in changes] == [("outside", True, ())]

    def test_where_no_statement_can_have_written_it_was_outside(self):
        assert told(explain("y = 1", {"x": X})["x"]) == ("outside", True, ())

    def test_what_another_cell_that_ran_meanwhile_names_was_written_by_it(self):
        beside = Evidence(cell=4, plain="x.add_(1)", ran=frozenset((0,)))
        assert told(explain("g(z)", {"x": X}, beside=(beside,))["x"]) == ("outside", True, ())

    def test_another_cell_that_led_nowhere_near_has_not(self):
        beside = Evidence(cell=4, plain="h(w)", ran=frozenset((0,)))
        assert told(explain("g(z)", {"x": X}, beside=(beside,))["x"]) == ("alias", True, ())

    def test_what_a_thread_uses_was_written_by_it_unless_the_cell_leads_there(self):
        assert told(explain("g(z)", VIEWS, elsewhere=frozenset("y"))["x"])[0] == "outside"
        assert told(explain("g(z)", VIEWS, elsewhere=frozenset("w"))["x"])[0] == "alias"
        assert told(explain("g(x)", VIEWS, elsewhere=frozenset("y"))["x"])[0] == "call"


def step(at=0, **more):
    held = {"paths": frozenset(("opt",)), "parameters": frozenset((4,)), "storages": frozenset((4, 7))}
    return (OptimizerStep(statement=at, **(held | more)),)


class TestOptimizer:
    def test_a_parameter_of_a_module_is_the_optimizers(self):
        assert told(explain("opt.step()", {"net.w": PARAMETER}, steps=step(parameters=frozenset()))["net.w"])[:2] == (
            "optimizer",
            False,
        )

    def test_the_very_tensor_that_it_holds_is(self):
        w = PARAMETER._replace(kind="tensor")
        assert told(explain("opt.step()", {"w": w}, steps=step())["w"])[:2] == ("optimizer", False)

    def test_its_state_is(self):
        state = reading(7, 7)
        assert (
            told(explain("opt.step()", {"opt.state[w]['m']": state}, steps=step())["opt.state[w]['m']"])[0]
            == "optimizer"
        )

    def test_a_parameter_that_only_shares_the_memory_of_one_that_is_held_is_silent(self):
        follows = PARAMETER._replace(object=8)
        paths = {"q.w": PARAMETER, "target.w": follows, "flat": follows._replace(object=9, shape=(2,), strides=(1,))}
        found = explain("opt.step()", paths, steps=step())
        assert ("alias", True, ("q.w",)) == told(found["target.w"])
        assert "optimizer" == told(found["flat"])[0]
        square = PARAMETER._replace(shape=(1, 1), strides=(8, 4), kind="tensor")
        turned = follows._replace(shape=(1, 1), strides=(4, 8))
        found = explain("opt.step()", {"w": square, "decoder.w": turned}, steps=step())
        assert ("alias", True, ("w",)) == told(found["decoder.w"])
        behind = explain("opt.step()", {"opt.w": PARAMETER, "net.w": follows}, steps=step(), optimizer_paths=("opt",))
        assert "optimizer" == told(behind["net.w"])[0]

    def test_what_else_shares_the_memory_is_silent_and_the_parameters_are_the_way(self):
        best = reading(8, 4)
        changes = explain("opt.step()", {"net.w": PARAMETER, "best['w']": best}, steps=step())
        assert told(changes["best['w']"]) == ("alias", True, ("net.w",))

    def test_a_step_of_other_memory_is_none(self):
        assert told(explain("g()", {"w": OTHER}, steps=step())["w"])[0] == "alias"

    def test_a_step_of_other_memory_makes_no_call_another(self):
        assert told(explain("train(x)", {"x": X}, steps=step())["x"])[0] == "call"

    def test_a_step_in_another_statement_is_none(self):
        w = PARAMETER._replace(kind="tensor", requires_grad=False)
        changes = explain("opt.step()\ng(z)", {"w": w}, steps=step(), writes={4: [[1]]})
        assert told(changes["w"])[0] == "alias"

    def test_a_step_of_a_statement_that_is_not_known_may_be_any(self):
        w = PARAMETER._replace(kind="tensor", requires_grad=False)
        assert told(explain("a = 1\ng(z)", {"w": w}, steps=step(None), writes={4: [[1]]})["w"])[0] == "optimizer"

    def test_the_line_that_called_step_is_said(self):
        inner = Inner(cell=1, line=5, text="opt.step()")
        change = explain("train()", {"net.w": PARAMETER}, steps=step(inner=inner))["net.w"]
        assert (change.site.inner, change.site.certainty) == (inner, "observed")

    def test_of_several_statements_the_step_is_the_one(self):
        change = explain("g(net)\nopt.step()", {"net.w": PARAMETER}, steps=step(1), writes={4: [[0, 1]]})["net.w"]
        assert told(change)[0] == "optimizer"
        assert lines(change) == [(2, "inferred")]

    def test_a_step_of_a_statement_that_is_not_known_makes_each_a_suspect(self):
        w = PARAMETER._replace(kind="tensor", requires_grad=False)
        change = explain("a = w + 1\ng(z)", {"w": w}, steps=step(None), writes={4: [[0, 1]]})["w"]
        assert [site.line for site in change.sites] == [1, 2]

    def test_the_statement_that_steps_is_itself_the_line(self):
        cells = ["def train():\n    w.add_(1)"]
        change = explain("train()", {"w": PARAMETER}, steps=step(), cells=cells)["w"]
        assert (change.cause, change.site.inner, change.site.certainty) == ("optimizer", None, "observed")

    def test_what_the_optimizer_does_not_own_was_not_changed_by_the_call(self):
        changes = explain("train(best)", {"net.w": PARAMETER, "best": reading(8, 4)}, steps=step())
        assert told(changes["best"]) == ("alias", True, ("net.w",))

    def test_a_step_elsewhere_makes_no_statement_a_suspect(self):
        change = explain("g(x)\nopt.step()", {"x": X}, steps=step(1), writes={1: [[0, 1]]})["x"]
        assert lines(change) == [(1, "inferred")]

    def test_a_frozen_parameter_of_another_optimizer_is_expected(self):
        parameter = PARAMETER._replace(object=99, requires_grad=False)
        assert (
            told(explain("opt.step()", {"net.w": parameter}, steps=step(paths=frozenset()))["net.w"])[0] == "optimizer"
        )


class TestUpdateByHand:
    def test_a_leaf_written_through_the_same_object_under_another_name(self):
        changes = explain("p.add_(1)", {"net.w": PARAMETER, "p": PARAMETER})
        assert told(changes["net.w"]) == ("optimizer", False, ("p",))

    def test_the_same_object_by_what_the_name_led_to(self):
        changes = explain("p.add_(1)", {"net.w": PARAMETER}, targets={0: {"p": frozenset((4,))}})
        assert told(changes["net.w"])[0] == "optimizer"

    def test_each_way_to_know_the_same_object_is_enough(self):
        cells = ["def g(a):\n    d.x.add_(1)"]  # which no library can have done
        by_value = explain("p.mul_(g(q))", {"w": LEAF}, targets={0: {"p": frozenset((3,))}}, cells=cells)
        assert told(by_value["w"])[0] == "optimizer"
        by_name = explain("p.mul_(g(q))", {"w": LEAF, "p": LEAF}, cells=cells)
        assert told(by_name["w"])[0] == "optimizer"
        assert told(explain("p.mul_(g(q))", {"w": LEAF}, cells=cells)["w"])[0] != "optimizer"

    def test_a_write_through_data_is_one_through_another_object(self):
        cells = ["def g(a):\n    v = p.detach()\n    v.add_(1)"]
        changes = explain("p.detach().add_(g(q))", {"net.w": PARAMETER, "p": PARAMETER}, cells=cells)
        assert told(changes["net.w"])[:2] == ("alias", True)

    def test_another_object_over_its_memory_is_silent(self):
        changes = explain("p.add_(1)", {"net.w": PARAMETER, "p": reading(8, 4)})
        assert told(changes["net.w"]) == ("alias", True, ("p",))

    def test_what_is_no_leaf_that_requires_grad_is_silent(self):
        changes = explain("p.add_(1)", {"w": X, "p": X})
        assert told(changes["w"]) == ("alias", True, ("p",))

    def test_a_function_of_the_notebook_that_writes_the_same_object(self):
        cells = ["def sgd(ps):\n    for p in ps:\n        p.sub_(p.grad)"]
        assert told(explain("sgd([w])", {"w": LEAF}, cells=cells)["w"])[0] == "optimizer"

    def test_a_function_of_the_notebook_that_writes_through_a_view_is_silent(self):
        cells = ["def rig(p):\n    q = p.detach()\n    q.zero_()"]
        assert told(explain("rig(w)", {"w": LEAF}, cells=cells)["w"])[:2] == ("call", True)

    def test_a_function_of_the_notebook_that_writes_a_view_by_its_name_is_silent(self):
        cells = ["def rig():\n    v.add_(1)"]
        changes = explain("rig()", {"w": LEAF, "v": reading(8, 3)}, cells=cells, changed=["w"])
        assert told(changes["w"]) == ("alias", True, ("v",))

    def test_a_library_that_gets_a_parameter(self):
        assert told(explain("nn.init.zeros_(w)", {"w": LEAF})["w"])[1] is False
        assert told(explain("lib.prune(w)", {"w": LEAF})["w"])[0] == "optimizer"

    def test_a_library_that_gets_another_object_over_the_memory(self):
        changes = explain("lib.prune(v)", {"w": LEAF, "v": reading(8, 3)}, changed=["w"])
        assert told(changes["w"])[:2] == ("alias", True)

    def test_what_hangs_on_the_parameter_is_another_object(self):
        assert told(explain("lib.prune(w.detach())", {"w": LEAF})["w"])[0] == "call"
        assert told(explain("lib.prune(w[0])", {"w": LEAF})["w"])[0] == "call"

    def test_a_statement_without_a_call_hands_nothing_to_a_library(self):
        assert told(explain("z = w + 1", {"w": LEAF})["w"])[0] == "alias"

    def test_a_function_that_writes_what_is_no_name_of_the_leaf(self):
        cells = ["def rig():\n    other.data.add_(1)\n    other.add_(1)"]
        assert told(explain("rig()", {"w": LEAF}, cells=cells)["w"])[0] != "optimizer"

    def test_a_module_that_is_called_writes_its_own_parameters_for_another_reason(self):
        assert told(explain("out = net(z)", {"net.w": PARAMETER})["net.w"])[0] == "call"


class TestInDoubt:
    """What no time was left to follow is no silent change if a call may have made it as expected."""

    @pytest.mark.parametrize(
        ("path", "reading", "cause"),
        [
            ("net.w", PARAMETER, "optimizer"),
            ("w", LEAF, "optimizer"),
            ("opt.state[0]", OTHER, "optimizer"),
            ("net.w.grad", GRAD, "backward"),
            ("net.b", BUFFER, "module"),
            ("x", X, "alias"),
            ("box.x", X, "alias"),
        ],
    )
    def test_a_call_that_was_not_followed(self, path, reading, cause):
        cells, more = ["def run():\n    work()"], {"optimizer_paths": ("opt",)}
        assert told(explain("run()", {path: reading}, cells=cells, seconds=-1.0, **more)[path])[0] == cause

    def test_what_training_keeps_in_an_object(self):
        steps = (OptimizerStep(statement=0, storages=frozenset((77,))),)
        assert told(explain("train()", {"box.x": X}, steps=steps, seconds=-1.0)["box.x"])[0] == "object"
        assert told(explain("train()", {"x": X}, steps=steps, seconds=-1.0)["x"])[0] == "alias"

    def test_of_many_statements_a_few_are_told(self):
        views = {"x": X, **{f"v{number}": reading(10 + number, X.storage) for number in range(50)}}
        source = "\n".join(f"v{number}.add_(1)" for number in range(50))
        writes = {1: [[number] for number in range(50)]}
        every, few = (len(explain(source, views, writes=writes, seconds=one)["x"].sites) for one in (9, -1))
        assert 50 == every
        assert few <= 8

    def test_of_statements_for_which_time_ran_out_in_between_a_few_are_told(self):
        views = {"x": X, **{f"v{number}": reading(10 + number, X.storage) for number in range(50)}}
        source = "\n".join(f"v{number}.add_(1)" for number in range(50))
        late = Reasoning(make_trace(source, views, writes={1: [[number] for number in range(50)]}))
        vars(late.own)["deadline"] = AfterQuestions(2)

        [change] = [one for one in late.changes if one.path == "x"]

        assert 8 == len(change.sites)
        assert ("x",) == late.curtailed[:1]

    def test_a_library_may_have_written(self):
        assert told(explain("lib.prune(w)", {"w": LEAF}, seconds=-1.0)["w"])[0] == "optimizer"

    def test_what_the_statement_says_is_certain(self):
        both = {"w": LEAF, "v": reading(8, 3)}
        assert told(explain("v.add_(f())", both, changed=["w"], seconds=-1.0)["w"]) == ("alias", True, ("v",))
        assert told(explain("v = w + 1", {"w": LEAF}, seconds=-1.0)["w"])[0] == "alias"

    def test_one_of_several_statements(self):
        changes = explain("run()\ngo()", {"net.w": PARAMETER}, writes={4: [[0, 1]]}, seconds=-1.0)
        assert told(changes["net.w"])[0] == "optimizer"


class TestBackward:
    def test_a_gradient_after_backward_or_zero_grad(self):
        for statement in ("loss.backward()", "opt.zero_grad()"):
            assert told(explain(statement, {"w": LEAF, "w.grad": GRAD})["w.grad"])[:2] == ("backward", False)

    def test_a_gradient_by_a_function_of_the_notebook_that_runs_backward(self):
        cells = ["def train():\n    loss.backward()"]
        assert told(explain("train()", {"w": LEAF, "w.grad": GRAD}, cells=cells)["w.grad"])[0] == "backward"

    def test_a_gradient_where_backward_is_called_beside_a_function_that_writes_it(self):
        cells = ["def clip(a):\n    w.grad.mul_(1)"]
        assert (
            told(explain("clip(loss.backward())", {"w": LEAF, "w.grad": GRAD}, cells=cells)["w.grad"])[0] == "backward"
        )

    def test_a_gradient_by_a_library(self):
        assert told(explain("trainer.fit()", {"w": LEAF, "w.grad": GRAD})["w.grad"])[0] == "backward"

    def test_a_gradient_by_a_function_that_writes_it(self):
        cells = ["def clip(p):\n    p.grad.mul_(2)"]
        assert told(explain("clip(w)", {"w": LEAF, "w.grad": GRAD}, cells=cells)["w.grad"])[0] == "backward"

    @pytest.mark.parametrize(
        "source", ["def clip(p):\n    p.grad.view(-1).mul_(2)", "def get_norm(p):\n    return p.grad.pow_(2).sum()"]
    )
    def test_a_gradient_by_a_function_that_writes_a_view_of_it_or_promises_to_read(self, source):
        call = f"{source[4 : source.index('(')]}(w)"
        assert told(explain(call, {"w": LEAF, "w.grad": GRAD}, cells=[source])["w.grad"])[0] == "call"

    def test_a_gradient_through_another_name(self):
        changes = explain("g.zero_()", {"w": LEAF, "w.grad": GRAD, "g": GRAD})
        assert told(changes["w.grad"]) == ("alias", True, ("g",))

    def test_what_is_no_gradient_is_silent_in_a_backward(self):
        assert told(explain("loss.backward()", {"kept": X})["kept"])[:2] == ("alias", True)

    def test_the_statement_that_runs_backward_is_the_line_whatever_it_calls(self):
        cells = ["def clip(a):\n    w.grad.mul_(1)"]
        change = explain("clip(loss.backward())", {"w": LEAF, "w.grad": GRAD}, cells=cells)["w.grad"]
        assert (change.cause, change.site.inner, change.site.certainty) == ("backward", None, "observed")

    def test_the_statement_itself_is_the_line(self):
        cells = ["def backward(x):\n    x.backward()"]
        change = explain("loss.backward()", {"w": LEAF, "w.grad": GRAD}, cells=cells)["w.grad"]
        assert (change.site.inner, change.site.certainty) == (None, "observed")


class TestModule:
    def test_a_buffer_of_the_module_that_is_called(self):
        assert told(explain("net(z)", {"net.bn.mean": BUFFER})["net.bn.mean"])[:2] == ("module", False)

    @pytest.mark.parametrize("path", ["net.weight", "net.bn.mean"])
    @pytest.mark.parametrize(
        "plain", ["ddp = DDP(net)", "t.net = nn.parallel.DistributedDataParallel(t.net)", "fully_shard(net, mesh=m)"]
    )
    def test_what_makes_replicas_of_a_module_writes_its_parameters_and_buffers(self, plain, path):
        mine = PARAMETER if path == "net.weight" else BUFFER
        shared = {path: mine, f"t.{path}": mine, "kept": reading(8, mine.storage)}
        changes = explain(plain, shared, changed=[path, "kept"])
        assert told(changes[path])[:2] == ("module", False)
        assert told(changes["kept"])[:2] == ("alias", True)

    def test_a_buffer_in_a_call_that_names_nobody(self):
        assert told(explain("fit()", {"net.bn.mean": BUFFER})["net.bn.mean"])[0] == "module"

    def test_a_statement_without_a_call_changes_no_buffer_of_its_own(self):
        assert told(explain("z = z + 1", {"net.bn.mean": BUFFER})["net.bn.mean"])[0] == "alias"

    def test_a_buffer_written_through_another_name(self):
        changes = explain("m.zero_()", {"net.bn.mean": BUFFER, "m": reading(8, 6)})
        assert told(changes["net.bn.mean"])[:2] == ("alias", True)

    def test_a_buffer_that_lies_behind_what_is_written(self):
        changes = explain("torch.add(a, b, out=pair)", {"net.bn.mean": BUFFER, "pair[0]": reading(8, 6)})
        assert told(changes["net.bn.mean"]) == ("alias", True, ("pair[0]",))

    def test_the_buffer_of_a_module_that_shares_it_with_the_one_called(self):
        changes = explain(
            "a(z)",
            {"a.bn.mean": BUFFER, "b.bn.mean": BUFFER, "b.weight": PARAMETER},
            changed=["a.bn.mean", "b.bn.mean"],
        )
        assert told(changes["a.bn.mean"])[0] == "module"
        assert told(changes["b.bn.mean"])[:2] == ("alias", True)

    def test_a_module_under_two_names_is_one(self):
        changes = explain("a(z)", {"a.bn.mean": BUFFER, "b.bn.mean": BUFFER})
        assert [told(one)[0] for one in changes.values()] == ["module", "module"]

    def test_the_buffer_of_the_very_module_that_is_named_whatever_shares_it(self):
        changes = explain("a(b)", {"a.mean": BUFFER, "b.mean": BUFFER, "b.other": OTHER}, changed=["a.mean"])
        assert told(changes["a.mean"])[0] == "module"

    def test_a_call_that_names_neither_module(self):
        changes = explain("fit()", {"a.bn.mean": BUFFER, "b.bn.mean": BUFFER, "b.other": OTHER}, changed=["b.bn.mean"])
        assert told(changes["b.bn.mean"])[0] == "module"


class TestSites:
    def test_one_statement_between_two_looks_was_observed(self):
        assert lines(explain("f(x)\ng(x)", {"x": X}, writes={1: [[1]]})["x"]) == [(2, "observed")]

    def test_of_several_the_one_that_names_the_memory_is_inferred(self):
        change = explain("f(x)\ny.add_(1)", VIEWS, writes={1: [[0, 1]]})["x"]
        assert lines(change) == [(2, "inferred")]

    def test_of_several_the_one_whose_function_writes_there(self):
        change = explain(
            "f(x)\ng(x)", {"x": X}, writes={1: [[0, 1]]}, cells=["def f(a):\n    return a\ndef g(a):\n    a.add_(1)"]
        )["x"]
        assert [site.line for site in change.sites] == [2]

    def test_of_several_the_one_that_mentions_it(self):
        assert lines(explain("f(z)\ng(x)", {"x": X}, writes={1: [[0, 1]]})["x"]) == [(2, "inferred")]

    def test_of_several_those_that_call(self):
        assert lines(explain("z = w + 1\ng(w)", {"x": X}, writes={1: [[0, 1]]})["x"]) == [(2, "inferred")]

    def test_where_nothing_tells_them_apart_all_are_said(self):
        assert [at for at, _ in lines(explain("f(w)\ng(w)", {"x": X}, writes={1: [[0, 1]]})["x"])] == [1, 2]

    def test_a_statement_that_can_write_nothing_is_no_suspect(self):
        assert [at for at, _ in lines(explain("a = 1\nz = w + 1", {"x": X}, writes={1: [[0, 1]]})["x"])] == [2]

    def test_of_several_the_one_that_names_what_lies_above_it(self):
        change = explain("g(pair)\ntorch.add(a, b, out=pair)", {"pair[0]": X}, writes={1: [[0, 1]]})["pair[0]"]
        assert [site.line for site in change.sites] == [2]

    def test_a_line_in_the_body_of_a_magic_is_a_line_of_the_cell(self):
        magic = "get_ipython().run_cell_magic('time', '', 'y = 1\\nz.add_(1)\\n')"
        change = explain(magic, {"x": X, "z": reading(2)}, changed=["x"])["x"]
        assert [(site.text, site.certainty, site.inner) for site in change.sites] == [("z.add_(1)", "inferred", None)]

    def test_what_was_recorded_is_observed_with_its_line(self):
        inner = Inner(cell=1, line=2, text="a.add_(1)")
        recorded = {"x": (Recorded(statement=1, inner=inner),)}
        change = explain("f(w)\ng(w)", {"x": X}, writes={1: [[0, 1]]}, recorded=recorded)["x"]
        assert [(site.line, site.certainty, site.inner) for site in change.sites] == [(2, "observed", inner)]

    def test_a_statement_that_names_it_needs_no_line_inside(self):
        change = explain("x.copy_(g(x))", {"x": X}, cells=["def g(a):\n    a.add_(1)\n    return a"])["x"]
        assert change.site.inner is None

    def test_two_writes_have_two_sites(self):
        assert lines(explain("f(x)\ng(x)", {"x": X}, writes={1: [[0], [1]]})["x"]) == [(1, "observed"), (2, "observed")]

    def test_a_write_beside_the_elements_of_a_view_is_none_to_it(self):
        head, tail = reading(1, high=12, shape=(3,)), reading(2, low=12, high=24, data_ptr=4096 + 12, shape=(3,))
        mask = bytes([0] * 12 + [1] * 12)
        writes = {1: (SeenWrite(storage=1, positions=frozenset((Position(0, None, blind=False),)), look=0, mask=mask),
                      SeenWrite(storage=1, positions=frozenset((Position(1, None, blind=False),)), look=1))}  # fmt: skip
        changes = explain("f(w)\ng(w)", {"head": head, "tail": tail}, evidence={"writes": writes})
        assert lines(changes["head"]) == [(2, "observed")]
        assert [at for at, _ in lines(changes["tail"])] == [1, 2]

    def test_writes_to_views_of_which_none_tells_where_are_one_guess(self):
        tail = reading(2, low=12, high=24, data_ptr=4096 + 12, shape=(3,))
        head = reading(1, high=12, shape=(3,))
        readings = {"head": head, "tail": tail}
        change = explain("f(w)\nhead.add_(1)", readings, writes={1: [[0], [1]]}, changed=["head"])["head"]
        assert lines(change) == [(2, "inferred")]

    def test_a_tensor_that_was_given_other_memory(self):
        moves = {1: (Move(object=1, storage=1, positions=frozenset((Position(0, None, blind=False),)), look=3),)}
        writes = {2: (SeenWrite(storage=2, positions=frozenset((Position(1, None, blind=False),)), look=1),
                      SeenWrite(storage=2, positions=frozenset((Position(2, None, blind=False),)), look=5)), 1: (SeenWrite(storage=1, positions=frozenset((Position(2, None, blind=False),)), look=0),)}  # fmt: skip
        trace = make_trace("x.data = f(w)\ng(w)\nh(w)", {"x": X}, moves=moves, evidence={"writes": writes})
        difference, content = trace.found[0]
        before = X._replace(storage=2, version=0)
        moved = type(difference)(path=difference.path, before=before, after=X)
        trace = make_trace(
            "x.data = f(w)\ng(w)\nh(w)", {"x": X}, moves=moves, evidence={"writes": writes}, found=((moved, content),)
        )
        assert [site.line for site in Reasoning(trace).changes[0].sites] == [1, 2]


FILES = {"there": "def g(a):\n    a.add_(1)\n    a.mul_(2)", "here": "g(x)"}


def lined(at, *, cells=(FILES["there"],), plain="g(x)", **more):
    from ipy_tensorwatch.core.records.trace.cell_trace import SourceFile

    files = {"there": SourceFile(cell=1, text=FILES["there"]), "here": SourceFile(cell=3, text=plain)}
    return explain(plain, {"x": X}, writes={1: [at]}, files=files, cells=cells, **more)["x"].sites


class TestLinesInside:
    def test_a_line_that_was_seen_to_write_is_observed(self):
        sites = lined([(0, "there", 3)])
        assert [(one.inner, one.certainty) for one in sites] == [(Inner(cell=1, line=3, text="a.mul_(2)"), "observed")]

    def test_among_lines_that_ran_the_one_that_can_write_is_inferred(self):
        sites = lined([(0, "there", 2), (0, "there", 1)])
        assert [(one.inner.line, one.certainty) for one in sites] == [(2, "inferred")]

    def test_a_line_that_did_not_run_is_not_inferred(self):
        text = "def g(a):\n    if c: a.add_(1)\n    b = a\n    b.mul_(2)"
        from ipy_tensorwatch.core.records.trace.cell_trace import SourceFile

        files = {"there": SourceFile(cell=1, text=text)}
        change = explain("g(x)", {"x": X}, writes={1: [[(0, "there", 3), (0, "there", 4)]]}, files=files, cells=[text])[
            "x"
        ]
        assert [(one.inner.line, one.certainty) for one in change.sites] == [(4, "inferred")]

    def test_a_line_of_the_statement_itself_is_no_line_inside(self):
        assert [one.inner for one in lined([(0, "here", 1)], cells=())] == [None]

    def test_where_lines_ran_unseen_any_may_have_written(self):
        from ipy_tensorwatch.core.records.trace.cell_trace import SourceFile

        writes = {1: (SeenWrite(storage=1, positions=frozenset((Position(0, ("there", 1), blind=True),))),)}
        files = {"there": SourceFile(cell=1, text=FILES["there"])}
        change = explain("g(x)", {"x": X}, evidence={"writes": writes}, files=files, cells=[FILES["there"]])["x"]
        assert change.site.inner is not None
        assert change.site.certainty == "inferred"


class TestSilent:
    @pytest.mark.parametrize(
        ("plain", "readings", "cause", "silent"),
        [
            ("y.add_(1)", VIEWS, "alias", True),
            ("g(x)", {"x": X}, "call", True),
            ("a = 1", {"x": X}, "outside", True),
            ("x.add_(1)", {"x": X}, "direct", False),
            ("net(z)", {"x": BUFFER}, "module", False),
        ],
    )
    def test_what_nobody_would_expect_is_silent(self, plain, readings, cause, silent):
        change = explain(plain, readings)["x"]
        assert (change.cause, change.silent) == (cause, silent)


@pytest.mark.parametrize(("seconds", "expected"), [(60.0, 19), (-1.0, 7)])
def test_once_time_is_up_only_the_first_of_many_aliases_are_looked_at(seconds, expected):
    names = {f"x{i}": reading(i + 1, 3) for i in range(20)}
    statement = f"f({', '.join([*names][1:])})"

    assert expected == len(explain(statement, names, changed=["x0"], seconds=seconds)["x0"].via)
