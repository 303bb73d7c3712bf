"""What decides the identity, the outcome and the fix of a hazard, one small rule each."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ipy_tensorwatch.core.blame.evidence.statement_timeline import Timeline
from ipy_tensorwatch.core.blame.reasoning import Reasoning
from ipy_tensorwatch.core.hazards.backward.freed_graph import LiveCode, freed_graphs
from ipy_tensorwatch.core.hazards.backward.shared_gradients import shares_gradients
from ipy_tensorwatch.core.hazards.find_hazards import find_hazards
from ipy_tensorwatch.core.hazards.fix import Fix, with_edits
from ipy_tensorwatch.core.hazards.lasting_hazard import Lasting
from ipy_tensorwatch.core.hazards.optimizers.hidden_optimizer import holds_what_is_gone
from ipy_tensorwatch.core.hazards.overwritten.saved_copy import Saving
from ipy_tensorwatch.core.hazards.overwritten.saved_tensor_overwritten import BrokenSave, overwritten_saves
from ipy_tensorwatch.core.hazards.overwritten.unused_by_backward import use_of
from ipy_tensorwatch.core.hazards.standing_hazards import Standing
from ipy_tensorwatch.core.records.report_parts import Inner
from ipy_tensorwatch.core.records.trace.evidence import OptimizerStep
from ipy_tensorwatch.core.records.trace.graph_state import GraphState, HalfFreed
from ipy_tensorwatch.core.records.trace.notebook import Notebook
from ipy_tensorwatch.core.records.typed_line import TypedLine
from tests.support.records import hazard, overwritten, reading, site, snapshot, writing
from tests.support.traces import make_trace, snapshot_of

LEAF, OTHER = reading(1, 1, requires_grad=True), reading(2, 2, requires_grad=True)
GRADS = {"a": LEAF, "a.grad": reading(3, 3), "b": OTHER, "b.grad": reading(4, 3)}


def begun(trace, standing=None):
    return find_hazards(Reasoning(trace), standing or Standing())


class TestIdentity:
    def test_gradients_that_each_cell_assigns_again_are_one_risk(self):
        risk = hazard(code="TW203", outcome="risk")

        assert risk.mark == replace(risk, written_cell=9, saved_cell=8).mark
        for other in ({"outcome": "wrong"}, {"code": "TW206"}, {"written_at": None}):
            assert replace(risk, **other).mark != replace(risk, **other, written_cell=9).mark

    def test_a_key_names_the_line_that_wrote_else_the_one_that_saved(self):
        keys = [hazard(**more).key for more in ({}, {"written_at": None}, {"written_at": None, "saved_at": None})]

        assert ["TW201 h.add_(1) h", "TW201 loss = (h * w).sum() h", "TW201  h"] == keys

    def test_what_lasts_of_a_known_hazard_keeps_its_place(self):
        x, y = ("x", reading(1, 5)), ("y", reading(2, 6))
        whole = Lasting.of(hazard(paths=("x", "y")), [x, y])
        part = Lasting.of(hazard(paths=("x",), written_cell=9), [x])

        assert (("x",), 3) == (part.as_part_of([whole]).hazard.paths, part.as_part_of([whole]).hazard.written_cell)
        for other in (replace(whole, hazard=hazard(code="TW202")), replace(whole, anchors=(y,)), part):
            assert part == part.as_part_of([other])


class TestSharedGradients:
    def test_they_are_shared_where_two_leaves_have_them_in_one_storage(self):
        assert shares_gradients(snapshot_of(GRADS))
        assert not shares_gradients(snapshot_of(GRADS | {"b.grad": reading(4, 4)}))

    @pytest.mark.parametrize(
        ("cell", "paths"), [("for p in ps:\n    p.sum().backward()", {"a", "b"}), ("a.sum().backward()", {"p", "b"})]
    )
    def test_a_loop_variable_is_not_what_a_leaf_is_called(self, cell: str, paths: set[str]):
        named = {"p": LEAF, "p.grad": reading(3, 3), **GRADS}
        [one] = begun(make_trace(cell, named, changed=[])).hazards

        assert {f"{path}.grad" for path in paths} == set(one.paths)


@pytest.mark.parametrize(("paths", "holds", "gone"), [((), 2, True), (("opt",), 2, False), ((), 1, False)])
def test_an_optimizer_without_a_name_may_hold_what_is_gone(paths: tuple[str, ...], holds: int, gone: bool):
    step = OptimizerStep(statement=0, paths=frozenset(paths), parameters=frozenset((1,)), holds=holds)

    assert gone == holds_what_is_gone(make_trace("fit()", {"w": LEAF}, steps=(step,)))


class TestFreedGraph:
    BUILT = {2: Timeline("h = w.exp()\nc = h\nloss = h.sum()", ((5, 0), (6, 2)))}  # noqa: RUF012

    def told(self, *, ran=None, names=("h",), roots=("loss",), user="h = cell(x, h)", user_cell=2, is_covered=False):
        one = HalfFreed(
            roots=roots, names=names, node=5, cell=2, user=6, user_cell=user_cell, op="ExpBackward0", is_new_pass=True,
            is_covered=is_covered,
        )  # fmt: skip
        built = {**self.BUILT, 3: Timeline(user, ((6, 0),))}
        named = {one: reading(number, shape=()) for number, one in enumerate(("loss", "h", "c"))}
        [found] = freed_graphs([one], snapshot(**named), LiveCode(built, Notebook()), (4, None), ran or {})
        return found

    @pytest.mark.parametrize(("ran", "outcome"), [({"loss": 2}, "raises"), ({"loss": 5}, "risk"), ({}, "raises")])
    def test_a_backward_since_another_cell_is_behind(self, ran: dict[str, int], outcome: str):
        assert outcome == self.told(ran=ran, user_cell=3).outcome

    @pytest.mark.parametrize(
        ("user", "names", "roots", "code"),
        [
            ("h = cell(x, h)", ("h",), ("loss",), "h = h.detach()"),
            ("h, c = cell(x, h, c)", ("h",), ("c", "loss"), "h = h.detach(); c = c.detach()"),
            ("h, c = cell(x, h)", ("h",), ("c",), "h = h.detach()"),
            ("s = cell(x, s)", ("s[0]",), ("s[1]", "s[0]"), "s = tuple(one.detach() for one in s)"),
        ],
    )
    def test_each_state_that_is_carried_on_is_detached_once(self, user: str, names, roots, code: str):
        fix = self.told(user=user, names=names, roots=roots, user_cell=3, is_covered=True).fix

        assert ("detach-state", code) == (fix.kind, fix.code)


class TestOutcome:
    def broken(
        self, *, ran=None, cause="call", text="h.add_(1)", roots=("loss",), inner=None, is_leaf=True
    ) -> BrokenSave:
        found = replace(overwritten(roots=roots), ran=ran)
        return BrokenSave(
            found=found, paths=("h",), scalars=(), due=(),
            writing=writing(cause=cause, site=site(2, text, inner=inner), is_leaf=is_leaf),
            saving=Saving(2, site(4, "loss = (h * w).sum()"), is_output=False, paths=("h",)),
        )  # fmt: skip

    def test_what_a_backward_of_the_cell_has_computed_with_has_happened(self):
        [one] = overwritten_saves([self.broken(ran=1)])

        assert ("wrong", True, None) == (one.outcome, one.happened, one.node)

    @pytest.mark.parametrize(
        ("more", "outcome"),
        [
            ({"text": "h.sub_(loss)"}, "risk"),
            ({"text": "h.sub_(other)"}, "raises"),
            ({"text": "h.sub_(loss)", "is_leaf": False}, "raises"),
            ({"text": "step()", "inner": Inner(cell=1, line=2, text="p.sub_(loss)")}, "risk"),
            ({"text": "h.sub_(grads)", "roots": ("grads['h']",)}, "risk"),
        ],
    )
    def test_a_leaf_that_its_own_result_updates_is_but_a_risk(self, more: dict, outcome: str):
        [one] = overwritten_saves([self.broken(**more)])

        assert outcome == one.outcome


@pytest.mark.parametrize(
    ("op", "argument", "inputs"),
    [
        ("ConvolutionBackward0", "input", (1,)), ("ConvolutionBackward0", "weight", (0,)), ("PowBackward1", "result", (1,)),
        ("PowBackward0", "result", None), ("ConvolutionBackward0", "bias", None), ("NativeLayerNormBackward0", "input", (0, 1)),
    ],
)  # fmt: skip
def test_the_gradients_of_some_inputs_alone_read_an_argument(op: str, argument: str, inputs: tuple[int, ...] | None):
    assert inputs == use_of(op, argument).inputs


MAGIC = "get_ipython().run_cell_magic('time', '', 'h.add_(1)')"


@pytest.mark.parametrize(
    ("source", "line", "text", "edited"),
    [
        (MAGIC, 1, MAGIC, (2, 1, "h = h.clone()")),
        ("a = 1; h.add_(1)", 1, "h.add_(1)", (1, 1, "a = 1; h = h.clone(); h.add_(1)")),
        ("with no_grad(): h.add_(1)", 1, "h.add_(1)", (1, 0, "h = h.clone()")),
        ("if a:\n    h.add_(1)", 2, "h.add_(1)", (2, 1, "    h = h.clone()")),
    ],
)
def test_a_copy_is_made_before_the_statement(source: str, line: int, text: str, edited: tuple[int, int, str]):
    fix = with_edits(
        Fix(kind="write-copy", code="h = h.clone()", target=TypedLine(cell=3, line=line, text=text)), lambda _: source
    )

    assert [edited] == [(one.line, one.end_line, one.text) for one in fix.edits]


def test_a_hazard_of_a_node_that_is_weighed_anew_is_not_over():
    trace = make_trace("loss = h", {"h": LEAF}, graphs=GraphState(fates={7: "graph-gone"}), changed=[])
    before = Standing(hazards=(hazard(code="TW201"),))

    assert [("graph-gone", 7)] == [(one.why, one.hazard.node) for one in begun(trace, before).turned]
