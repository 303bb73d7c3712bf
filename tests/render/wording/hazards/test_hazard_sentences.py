"""Hazards in words, whole and in short: every rule, with a record written by hand."""

from __future__ import annotations

from typing import get_args

import pytest

from ipy_tensorwatch.core.hazards.error_facts import Raised, StoppedUnread
from ipy_tensorwatch.core.hazards.fix import Fix
from ipy_tensorwatch.core.hazards.hazard import Turn
from ipy_tensorwatch.core.hazards.hazard_facts import (
    AssignedGradients,
    CachedResult,
    ComparedWithItself,
    FreedGraph,
    GoneMemory,
    KeptReference,
    NotTrained,
    OneMemory,
    OverlappingElements,
    OverwrittenOperand,
    OverwrittenSave,
    RepeatedModule,
    UnrecordedWrite,
    WrongBackward,
)
from ipy_tensorwatch.core.records.report_parts import Inner
from ipy_tensorwatch.core.records.trace.graph_state import Ending
from ipy_tensorwatch.core.records.typed_line import TypedLine
from ipy_tensorwatch.render.page import DetailEntry, fill, words
from ipy_tensorwatch.render.wording.hazards.hazard_sentences import hazard_lines, message, message_of, over
from tests.support.records import hazard, raised, refused, site, stopped

SAVED = {
    "names": ("h",),
    "shape": (2, 3),
    "via": None,
    "root": "loss",
    "is_scalar": True,
    "will_raise": True,
    "is_read_again": False,
}
UNSAVED = {"saved_at": None, "saved_cell": None, "node": None}


def overwritten(outcome: str = "raises", **more):
    places = {name: more.pop(name) for name in ("saved_at", "written_at") if name in more}
    return hazard(outcome=outcome, fact=OverwrittenSave(**(SAVED | more)), **places)


OVERWRITTEN = {
    "a scalar's backward": (
        overwritten(),
        "`loss.backward()` will raise: `h`, saved by MulBackward0 in cell 2, line 4, was overwritten in cell 3, line 2: `h.add_(1)`",
    ),
    "a backward through what is no scalar": (
        overwritten(is_scalar=False),
        "a backward through `loss` will raise: `h`, saved by MulBackward0 in cell 2, line 4, was overwritten in cell 3, line 2: `h.add_(1)`",
    ),
    "a backward from nobody knows where": (
        overwritten(is_scalar=False, root=None),
        "a backward will raise: `h`, saved by MulBackward0 in cell 2, line 4, was overwritten in cell 3, line 2: `h.add_(1)`",
    ),
    "a risk": (
        overwritten("risk", is_scalar=False),
        "a backward through `loss` would raise: `h`, saved by MulBackward0 in cell 2, line 4, was overwritten in cell 3, line 2: `h.add_(1)`",
    ),
    "a write that no version tells": (
        overwritten("wrong", will_raise=False, via="a"),
        "`loss.backward()` will give wrong gradients, without an error: `h`, saved by MulBackward0 in cell 2, line 4, was overwritten through `a` in cell 3, line 2: `h.add_(1)`",
    ),
    "other memory": (
        overwritten("wrong", will_raise=False, is_moved=True),
        "`loss.backward()` will give wrong gradients, without an error: `h`, saved by MulBackward0 in cell 2, line 4, was given other memory in cell 3, line 2: `h.add_(1)`",
    ),
    "several saved tensors": (
        overwritten(names=("h", "k", "m")),
        "`loss.backward()` will raise: `h` and 2 more, saved by MulBackward0 in cell 2, line 4, were overwritten in cell 3, line 2: `h.add_(1)`",
    ),
    "a temporary, on lines that nobody knows": (
        overwritten(names=(), saved_at=None, written_at=None),
        "`loss.backward()` will raise: a temporary of shape [2, 3], saved by MulBackward0 in cell 2, was overwritten in cell 3",
    ),
    "a checkpoint's input": (
        overwritten("wrong", will_raise=False, is_read_again=True),
        "`loss.backward()` will give wrong gradients, without an error: `h`, with which a checkpoint will compute again, as in cell 2, line 4, was overwritten in cell 3, line 2: `h.add_(1)`",
    ),
    "a line inside a function": (
        overwritten(written_at=site(2, "f(h)", inner=Inner(cell=1, line=3, text="t.add_(1)"), certainty="inferred")),
        "`loss.backward()` will raise: `h`, saved by MulBackward0 in cell 2, line 4, was overwritten in cell 3, line 2: `f(h)` → likely cell 1, line 3: `t.add_(1)`",
    ),
}  # fmt: skip

OTHERS = {
    "gradients that are one memory": (
        hazard(code="TW203", outcome="wrong", paths=("a.grad", "b.grad"), fact=None, written_at=site(2, "loss.backward()"), **UNSAVED),
        "the next backward will give wrong gradients, without an error: `a.grad` and `b.grad` are one memory since cell 3, line 2: `loss.backward()`. Each collects the gradients of both, and `clip_grad_norm_` scales them twice.",
    ),
    "three gradients": (
        hazard(code="TW203", outcome="wrong", paths=("a.grad", "b.grad", "c.grad"), fact=None, written_at=None, **UNSAVED),
        "the next backward will give wrong gradients, without an error: `a.grad` and `b.grad` and 1 more are one memory since cell 3. Each collects the gradients of both, and `clip_grad_norm_` scales them twice.",
    ),
    "gradients that were assigned": (
        hazard(code="TW203", outcome="risk", paths=("a.grad", "b.grad", "c.grad", "d.grad"), fact=AssignedGradients(groups=2), written_at=site(2, "q.grad = p.grad"), **UNSAVED),
        "a backward before these gradients are set to None would give wrong gradients, without an error: `a.grad` and `b.grad` and 1 more pair are one memory, assigned in cell 3, line 2: `q.grad = p.grad`. Each collects the gradients of both, and `clip_grad_norm_` scales them twice.",
    ),
    "a hook that wrote into a gradient": (
        hazard("b", code="TW210", outcome="wrong", fact=WrongBackward(writer="damp", hooked="b"), written_at=site(2, "loss.backward()"), happened=True, **UNSAVED),
        "the backward that just ran gave wrong gradients, without an error: `damp` wrote into the gradient of `b`, which another branch shares, in cell 3, line 2: `loss.backward()`",
    ),
    "a Function that wrote into what was saved": (
        hazard("h", code="TW210", outcome="wrong", fact=WrongBackward(writer="Square.backward"), written_at=site(2, "loss.backward()"), happened=True, **(UNSAVED | {"op": "ExpBackward0"})),
        "the backward that just ran gave wrong gradients, without an error: `h`, saved by ExpBackward0, was overwritten by `Square.backward` before it was read, in cell 3, line 2: `loss.backward()`",
    ),
    "elements over each other": (
        hazard(code="TW206", outcome="risk", fact=OverlappingElements(elements=3000, room=1000), **UNSAVED),
        "elements of `h` share memory: it holds 3,000 elements in 1,000, and what was written in cell 3, line 2: `h.add_(1)` landed in several of them.",
    ),
    "an operand that may be overwritten first": (
        hazard("a", code="TW206", outcome="risk", fact=OverwrittenOperand(is_later=False), written_at=site(2, "a -= a[:, :1]"), **UNSAVED),
        "`a` may hold wrong values, without an error: elements of it were read while they were overwritten, in cell 3, line 2: `a -= a[:, :1]`.",
    ),
    "an exchange": (
        hazard("a", code="TW206", outcome="wrong", fact=OverwrittenOperand(is_later=True), written_at=site(2, "a[0], a[1] = a[1], a[0]"), **UNSAVED),
        "`a` holds wrong values, without an error: elements of it were overwritten before they were read, in cell 3, line 2: `a[0], a[1] = a[1], a[0]`.",
    ),
    "a comparison with itself": (
        hazard("w", code="TW207", outcome="risk", fact=ComparedWithItself(container="w", other="net.weight", is_several=False), written_at=site(2, "w == net.weight"), **UNSAVED),
        "`w` is not a copy: it is `net.weight` itself, so a comparison of the two finds no difference, in cell 3, line 2: `w == net.weight`.",
    ),
    "comparisons with themselves": (
        hazard("ps[0]", code="TW207", outcome="risk", fact=ComparedWithItself(container="ps", other="net", is_several=True), written_at=site(2, "torch.equal(p, q)"), **UNSAVED),
        "`ps` is not a copy: its tensors are those of `net`, so a comparison of the two finds no difference, in cell 3, line 2: `torch.equal(p, q)`.",
    ),
    "a state dict": (
        hazard("best['w']", code="TW207", outcome="risk", fact=KeptReference(container="best", owner="net"), written_at=site(2, "opt.step()"), **UNSAVED),
        "`best` is not a copy: its tensors are those of `net`, so it changed with them in cell 3, line 2: `opt.step()`. Used later, it gives the latest values.",
    ),
    "a shallow copy": (
        hazard("net2.w", code="TW207", outcome="risk", fact=KeptReference(container="net2", owner="net", is_shallow=True), written_at=site(2, "opt.step()"), **UNSAVED),
        "`net2` is not a copy: its tensors are those of `net`, so it changed with them in cell 3, line 2: `opt.step()`. `copy.copy` copies no parameters: to train one is to train both.",
    ),
    "a state dict taken in the same cell": (
        hazard("best['w']", code="TW207", outcome="risk", fact=KeptReference(container="best", owner="net"), written_at=site(2, "opt.step()"), **(UNSAVED | {"saved_cell": 3, "saved_at": site(1, "best = net.state_dict()")})),
        "`best` is not a copy: taken in cell 3, line 1, its tensors are those of `net`, so it changed with them in cell 3, line 2: `opt.step()`. Used later, it gives the latest values.",
    ),
    "a result that a cache keeps": (
        hazard("m", code="TW211", outcome="risk", fact=CachedResult(function="mask"), written_at=site(2, "m.add_(1)"), **UNSAVED),
        "`m` is what `mask` keeps, and gives to each caller: written in cell 3, line 2: `m.add_(1)`, it is given as it is now to later calls with the same arguments.",
    ),
    "a module that a list repeats": (
        hazard("net.blocks[0].weight", code="TW211", outcome="risk", fact=RepeatedModule(container="net.blocks", count=3), **(UNSAVED | {"saved_cell": 2, "saved_at": site(3, "self.blocks = [Block()] * 3")})),
        "3 items of `net.blocks` are one: cell 2, line 3 makes it once and repeats it, so all of them have the same parameters.",
    ),
    "one memory": (
        hazard("kept[0]", code="TW211", outcome="risk", fact=OneMemory(container="kept", count=5, times=5), written_at=site(2, "buf += 1"), **(UNSAVED | {"saved_cell": 3, "saved_at": site(3, "kept.append(buf)")})),
        "5 tensors of `kept` are one memory: kept in cell 3, line 3, it was written 5 times in cell 3, line 2: `buf += 1`, so all of them hold what was written last.",
    ),
    "one memory without a version": (
        hazard("kept[0]", code="TW211", outcome="risk", fact=OneMemory(container="kept", count=5, times=None), written_at=site(2, "buf += 1"), **UNSAVED),
        "5 tensors of `kept` are one memory: it was written again in cell 3, line 2: `buf += 1`, so all of them hold what was written last.",
    ),
    "memory that was freed": (
        hazard(code="TW208", outcome="risk", fact=GoneMemory(how="freed"), **UNSAVED),
        "reading `h` can crash the kernel, printing it too: its storage was freed or cut.",
    ),
    "memory of somebody else": (
        hazard(code="TW208", outcome="risk", fact=GoneMemory(how="let-go"), **UNSAVED),
        "reading `h` can crash the kernel, printing it too: its memory belonged to another object, which has released it.",
    ),
    "a write that autograd did not record": (
        hazard(code="TW209", outcome="wrong", fact=UnrecordedWrite(via="c"), **UNSAVED),
        "a backward through `h` will give wrong gradients, without an error: `h` was overwritten through `c` in cell 3, line 2: `h.add_(1)`. Autograd did not record it.",
    ),
    "one that may be meant": (
        hazard(code="TW209", outcome="risk", fact=UnrecordedWrite(via=None), **UNSAVED),
        "a backward through what is computed from it from now on would give wrong gradients, without an error: `h` was overwritten in cell 3, line 2: `h.add_(1)`. Autograd did not record it.",
    ),
    "a new head": (
        hazard(code="TW212", outcome="wrong", paths=("net.w", "net.b"), fact=NotTrained(optimizer="opt", how="replaced", made=TypedLine(cell=1, line=3, text="opt = SGD(…)")), written_at=site(2, "opt.step()"), **UNSAVED),
        "`opt` does not train `net.w` and `net.b`: they got gradients in cell 3, line 2: `opt.step()`, but no optimizer holds them. `opt`, made in cell 1, line 3, holds what was there before.",
    ),
    "what was left out": (
        hazard(code="TW212", outcome="risk", paths=("net.w",), fact=NotTrained(optimizer="opt", how="left-out"), written_at=site(2, "opt.step()"), **UNSAVED),
        "`opt` leaves out `net.w`: it got gradients in cell 3, line 2: `opt.step()`, but no optimizer holds it. `opt` was made for others of this module.",
    ),
    "a graph that was freed": (
        hazard(code="TW213", outcome="raises", fact=FreedGraph(root="loss", name="h", how="leads"), saved_cell=2, saved_at=site(1, "h = f(x)"), written_at=None, written_cell=None),
        "`loss.backward()` will raise: its graph leads through that of `h`, computed in cell 2, line 1: `h = f(x)`, which a backward has freed",
    ),
    "a graph that another loss has freed": (
        hazard(code="TW213", outcome="risk", fact=FreedGraph(root="loss", is_scalar=False, how="shares"), written_at=site(2, "a.backward()"), **UNSAVED),
        "a backward through `loss` would raise: it shares a part of its graph with one that the backward in cell 3, line 2: `a.backward()` has freed",
    ),
    "the round before": (
        hazard(code="TW213", outcome="raises", fact=FreedGraph(root="loss", name="h", how="goes-on", raised=Raised(statement=TypedLine(cell=3, line=1, text="loss.backward()"))), happened=True, written_at=None, written_cell=None, **UNSAVED),
        "`loss.backward()` raised: through `h` its graph reaches into that of the previous round, which a backward has freed",
    ),
}  # fmt: skip
MESSAGES = OVERWRITTEN | OTHERS


@pytest.mark.parametrize("name", MESSAGES)
def test_a_hazard_says_what_will_go_wrong_and_how_it_came_to_this(name: str):
    one, expected = MESSAGES[name]

    assert expected == message(one).marked


@pytest.mark.parametrize(
    ("fact", "expected"),
    [
        (stopped(), "`loss.backward()` raised: `h`, saved by MulBackward0 in cell 2, line 4, was overwritten in cell 3, line 2: `h.add_(1)`"),
        (StoppedUnread(raised=raised(), is_detached=True), "`loss.backward()` raised: a tensor that it needs was detached by `detach_`"),
        (refused("shared"), "`w.add_(1)` raised: it would read elements of `w` after it has overwritten them"),
    ],
)  # fmt: skip
def test_what_came_true_says_what_raised_and_why(fact, expected: str):
    assert expected == message(hazard(fact=fact, happened=True)).marked
    assert expected.replace(" raised:", " will raise:") == message(hazard(fact=fact)).marked


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        (overwritten(), "loss.backward() will raise"),
        (overwritten("wrong", will_raise=False), "loss.backward() will give wrong gradients"),
        (OTHERS["gradients that are one memory"][0], "the next backward will give wrong gradients"),
        (hazard("d['a, b']", code="TW208", fact=GoneMemory(how="freed")), "reading d['a, b'] can crash the kernel"),
        (OTHERS["one that may be meant"][0], "a backward through what is computed from it from now on would give wrong gradients"),
        (OTHERS["a state dict"][0], "best is not a copy"),
        (OTHERS["elements over each other"][0], "elements of h share memory"),
    ],
)  # fmt: skip
def test_in_short_a_hazard_is_told_without_its_reason_and_without_an_aside(one, expected):
    assert expected == str(message_of(one).outcome)


def test_a_place_leads_to_its_cell_and_line_and_a_cell_alone_to_its_first():
    def leads(one):
        return [(span.text, span.leads) for span in message(one).spans if span.leads]

    assert [("cell 2, line 4", (2, 4)), ("cell 3, line 2", (3, 2))] == leads(overwritten())
    assert [("cell 2", (2, 1)), ("cell 3", (3, 1))] == leads(overwritten(saved_at=None, written_at=None))


def test_code_does_not_end_the_backquotes_that_it_stands_in():
    assert message(overwritten(written_at=site(2, "h['`'] = 1"))).marked.endswith("cell 3, line 2: `h['''] = 1`")


@pytest.mark.parametrize(
    ("ending", "expected"),
    [
        ("graph-gone", "over: its graph is gone"),
        ("bytes-back", "over: its bytes are what they were"),
        ("backward-done", "over: backward has released it"),
        ("variable-gone", "over: its variable is gone"),
        ("memory-replaced", "over: it has other memory now"),
    ],
)
def test_a_hazard_that_is_over_tells_why(ending: Ending, expected: str):
    assert expected == str(over(Turn(cell=3, hazard=hazard(), why=ending)))
    assert ending in get_args(Ending)


def test_what_has_begun_is_not_over():
    assert "" == str(over(Turn(cell=3, hazard=hazard())))


def test_hazards_that_fit_are_told_without_a_count_of_others():
    assert [DetailEntry] == [type(one) for one in hazard_lines([hazard()], 1)]


def test_hazards_are_told_with_their_remedies_as_many_as_fit():
    first, second, more = hazard_lines([hazard(), hazard(fix=Fix(kind="copy-or-later")), hazard()], 2)

    assert DetailEntry(label="TW201", lines=(message(hazard()), fill("Write out of place: `h = h.add(1)`."))) == first
    assert "Write to a copy (.clone()), or after the backward." == str(second.lines[1])
    assert words("… and 1 more hazard: %tensorwatch") == more
