"""Why an optimizer does not hold a parameter, by hand-made traces of the cell that made it and of one in which it stepped."""

from __future__ import annotations

import pytest

from ipy_tensorwatch.core.blame.reasoning import Reasoning
from ipy_tensorwatch.core.hazards.find_hazards import find_hazards
from ipy_tensorwatch.core.hazards.standing_hazards import Standing
from ipy_tensorwatch.core.records.snapshots.snapshot import Snapshot
from ipy_tensorwatch.core.records.trace.evidence import OptimizerHolding, OptimizerStep
from ipy_tensorwatch.core.records.trace.notebook import Notebook
from tests.support.records import reading
from tests.support.traces import make_trace, snapshot_of

MADE = "opt = SGD(net.parameters())"
IN_PART = "opt = SGD(some)"


def p(serial, **more):
    return reading(serial, serial, **{"kind": "parameter", "requires_grad": True, **more})


def with_gradients(readings, *paths):
    return {**readings, **{f"{path}.grad": reading(100 + place, 100 + place) for place, path in enumerate(paths)}}


def step(plain, readings, held, standing=None, *, count=4, got=(), path="opt", written=(), **more):
    """Reason about a cell in which an optimizer stepped; `got` are the parameters that got gradients in it."""
    stepped = OptimizerStep(
        statement=0, paths=frozenset({path}), parameters=frozenset(held), storages=frozenset(written)
    )
    trace = make_trace(
        plain, with_gradients(readings, *got), changed=[*(f"{one}.grad" for one in got), *more.pop("changed", ())], count=count,
        optimizers=more.pop("optimizers", (OptimizerHolding(path=path, parameters=frozenset(held)),)), steps=(stepped,), **more,
    )  # fmt: skip
    return find_hazards(Reasoning(trace), standing or Standing())


def made(readings, held, plain=MADE, path="opt"):
    trace = make_trace(
        plain, readings, changed=[], optimizers=(OptimizerHolding(path=path, parameters=frozenset(held)),)
    )
    return find_hazards(Reasoning(trace), Standing())


def told(standing):
    return [(one.outcome, one.fact.how, one.paths) for one in standing.hazards]


TWO, FROZEN = {"net[0].w": p(1), "net[1].w": p(2)}, p(1, requires_grad=False)
LATER = [
    ("one more layer", {"net[0].w": p(1)}, [1], TWO, "added"),
    ("one more layer of a net that is held in part", TWO, [1], {**TWO, "net[2].w": p(3)}, "left-out"),
    ("another in its place", TWO, [1, 2], {**TWO, "net[1].w": p(3)}, "replaced"),
    ("another in the place of one that was not held", TWO, [1], {**TWO, "net[1].w": p(3)}, "left-out"),
    ("frozen then", {**TWO, "net[1].w": p(2, requires_grad=False)}, [1], TWO, "unfrozen"),
    ("left out then", TWO, [1], TWO, "left-out"),
    ("frozen then beside one left out", {**TWO, "net[1].w": p(2, requires_grad=False), "net[2].w": p(3)}, [1], {**TWO, "net[2].w": p(3)}, "left-out"),
    ("frozen still", TWO, [1], {**TWO, "net[1].w": p(2, requires_grad=False)}, None),
    ("a plain leaf", {"w": p(1, kind="tensor")}, [1], {"w": p(2, kind="tensor")}, "replaced"),
    ("a plain leaf beside", {"net[0].w": p(1)}, [1], {"net[0].w": p(1), "net[1]": p(2, kind="tensor")}, None),
]  # fmt: skip


@pytest.mark.parametrize(("before", "held", "after", "how"), [one[1:] for one in LATER], ids=[one[0] for one in LATER])
def test_in_a_later_cell_it_follows_from_what_lay_there_when_the_optimizer_was_made(before, held, after, how):
    new = [path for path, one in after.items() if one.object not in held and one.requires_grad]
    holds_all = all(one.object in held for one in before.values() if one.requires_grad)
    found = told(step("opt.step()", after, held, made(before, held, MADE if holds_all else IN_PART), got=new))
    assert ([] if how is None else ["risk" if how == "left-out" else "wrong"]) == [outcome for outcome, _, _ in found]
    assert ([] if how is None else [how]) == [one for _, one, _ in found]


SOURCES = [
    (MADE, "added"),
    ("opt = SGD(filter(trains, net.parameters()))", "left-out"),
    ("opt = SGD([p for p in net.parameters() if p.requires_grad])", "unfrozen"),
    ("opt = SGD([p for p in net.parameters()][1:])", "left-out"),
    ("opt = SGD(net[0].parameters())", "left-out"),
    ("opt = SGD(other.parameters())", "left-out"),
    ("opt = make(net)", "left-out"),
]


@pytest.mark.parametrize(("line", "how"), SOURCES)
def test_it_follows_from_the_statement_that_made_the_optimizer(line, how):
    assert [how] == [one for _, one, _ in told(step(f"{line}\nopt.step()", TWO, [1], got=["net[1].w"]))]
    assert [how] == [one for _, one, _ in told(step("opt.step()", TWO, [1], made(TWO, [1], line), got=["net[1].w"]))]


PARAM = "opt.param_groups[0]['params'][0]"


@pytest.mark.parametrize(("got", "how"), [(("net[0].w",), "replaced"), (("net[0].w", PARAM), "left-out")])
def test_an_optimizer_of_what_only_it_leads_to_holds_what_was_there_before(got, how):
    readings = {"net[0].w": p(3), PARAM: p(1)}
    both = with_gradients(readings, *got).items()
    roots = {
        root: snapshot_of({path: one for path, one in both if path.startswith(root)}).scenes[""]
        for root in ("net", "opt")
    }
    found = step("opt = make()\nnet = new()\nopt.step()", readings, [1], got=got, after=Snapshot(scenes=roots))
    assert [how] == [one for _, one, _ in told(found)]


TWIN = {"net[0].w": p(1), "twin[0].w": p(3)}


@pytest.mark.parametrize(
    ("readings", "more", "is_told"),
    [
        (TWIN, {}, True),
        ({**TWIN, "twin[0].w": p(3, shape=(2, 3))}, {}, False),
        ({**TWIN, "twin[1].w": p(4)}, {}, False),
        (TWIN, {"got": ("net[0].w", "twin[0].w")}, False),
        (TWIN, {"notebook": Notebook(leftovers=frozenset(("twin",)))}, False),
        (TWIN, {"written": (1,), "changed": ("net[0].w",)}, False),
        (TWIN, {"changed": ("twin[0].w",)}, False),
        ({**TWIN, "twin[0].w": p(3, kind="tensor")}, {}, False),
    ],
    ids=["alike", "another shape", "more layers", "both trained", "left over", "it wrote", "trained by hand", "no parameter"],
)  # fmt: skip
def test_a_copy_that_is_trained_in_its_place_is_told(readings, more, is_told):
    more = {"got": ("twin[0].w",), **more}
    found = told(step("opt.step()", readings, [1], made({"net[0].w": p(1)}, [1]), **more))
    assert ([("wrong", "replaced", ("twin[0].w",))] if is_told else []) == found


def test_gradients_that_were_cleared_at_the_end_were_there():
    new = {**TWO, "net[1].w": p(3)}
    assert [("wrong", "replaced", ("net[1].w",))] == told(step("train()", new, [1, 2], made(TWO, [1, 2])))
    assert [] == told(step("train()", TWO, [1], made(TWO, [1], IN_PART)))
    assert [] == told(step("train()", with_gradients(new, "net[0].w"), [1, 2], made(TWO, [1, 2])))
    assert [] == told(step("train()", with_gradients(new, "net[1].w"), [1, 2], made(TWO, [1, 2])))


def test_it_is_told_once_until_an_optimizer_holds_it_or_is_gone():
    new = {**TWO, "net[1].w": p(3)}
    first = step("opt.step()", new, [1, 2], made(TWO, [1, 2]), got=["net[1].w"])
    again = step("opt.step()", new, [1, 2], first, got=["net[1].w"], count=5)
    assert (first.hazards, ()) == (again.hazards, again.turned)
    assert () == step("add()", new, [1, 2, 3], first, count=5).hazards
    assert () == step("del opt", new, [1, 2], first, count=5, optimizers=()).hazards


FIXES = [
    (MADE, TWO, [1, 2], {**TWO, "net[1].w": p(3)}, "make-optimizer", MADE),
    ("opt = SGD(group)", TWO, [1, 2], {**TWO, "net[1].w": p(3)}, "add-group", "opt.add_param_group({'params': [net[1].w]})"),
    ("opt = SGD(first.parameters())", TWO, [1, 2], {**TWO, "net[1].w": p(3)}, "add-group", "opt.add_param_group({'params': [net[1].w]})"),
    (MADE, {"net[0].w": p(1)}, [1], TWO, "add-group", "opt.add_param_group({'params': [net[1].w]})"),
    (MADE, {"net[0].w": p(1)}, [1], {"net[0].w": p(1), **{f"net[1].{name}": p(place) for place, name in enumerate("abcde", 2)}}, "add-group",
     "opt.add_param_group({'params': net[1].parameters()})"),
    (MADE, {"net[0].w": p(1)}, [1], {"net[0].w": p(1), **{f"net[{n}].w": p(n + 1) for n in range(1, 6)}}, "add-group",
     "opt.add_param_group({'params': [net[1].w, net[2].w, net[3].w, net[4].w, net[5].w]})"),
]  # fmt: skip


@pytest.mark.parametrize(("line", "before", "held", "after", "kind", "code"), FIXES)
def test_the_optimizer_is_made_anew_or_gets_a_group(line, before, held, after, kind, code):
    new = [path for path, one in after.items() if one.object not in held]
    [one] = step("opt.step()", after, held, made(before, held, line), got=new).hazards
    assert (kind, code) == (one.fix.kind, one.fix.code)
    assert ("opt.step()", 4, line) == (one.written_at.text, one.written_cell, one.fact.made.text)


PLAIN = [
    ("net.more[0].w", "ModuleList"),
    ("net.more['a'].w", "ModuleDict"),
    ("net.more[0]", "ParameterList"),
    ("net.more['a']", "ParameterDict"),
]


@pytest.mark.parametrize(("path", "kind"), PLAIN)
@pytest.mark.parametrize("line", [MADE, "opt = SGD([p for p in net.parameters() if p.requires_grad])"])
def test_what_lies_in_a_plain_list_or_dict_of_a_module_is_told_as_such(path, kind, line):
    after, known = {"net.out.w": p(1), path: p(2)}, Notebook(modules=frozenset(("net", "net.out")))
    [one] = step("opt.step()", after, [1], made(after, [1], line), got=[path], notebook=known).hazards
    code = f"net.more = torch.nn.{kind}(net.more)"

    assert ("wrong", "unregistered", "register", code, line) == (
        one.outcome, one.fact.how, one.fix.kind, one.fix.code, one.fix.other,
    )  # fmt: skip


def test_of_an_optimizer_with_two_names_one_is_told_and_another_one_is_another():
    new = {**TWO, "net[1].w": p(3)}
    holdings = tuple(OptimizerHolding(path=path, parameters=frozenset((1, 2))) for path in ("opt", "run.opt"))
    first = find_hazards(Reasoning(make_trace(MADE, TWO, changed=[], optimizers=holdings)), Standing())
    stepped = OptimizerStep(statement=0, paths=frozenset(("opt", "run.opt")), parameters=frozenset((1, 2)))
    trace = make_trace(
        "opt.step()",
        with_gradients(new, "net[1].w"),
        changed=["net[1].w.grad"],
        count=4,
        optimizers=holdings,
        steps=(stepped,),
    )
    assert ["opt"] == [one.fact.optimizer for one in find_hazards(Reasoning(trace), first).hazards]
    other = step("opt.step()", TWO, [1], made(TWO, [1, 2]), got=["net[1].w"])
    assert [("risk", "left-out", ("net[1].w",))] == told(other)
