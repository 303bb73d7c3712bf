"""PyTorch's errors in words: every sentence, with a record written by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

import pytest

from ipy_tensorwatch.core.hazards.error_facts import Raised, StoppedUnread, Trouble
from ipy_tensorwatch.core.records.report_parts import Inner
from ipy_tensorwatch.render.wording.hazards.error_sentences import raised as told_raised
from ipy_tensorwatch.render.wording.hazards.error_sentences import why_raised
from tests.support.records import elsewhere, raised, reading, refused, site, spoiled, stopped, typed, writing

AS_LEAF = ": if autograd recorded the write, it would be no leaf any more and get no gradient"
INNER = Inner(cell=1, line=3, text="t.add_(1)")
FROM_H = {"path": "a", "base": "h"}
REFUSED = {
    "a leaf": (refused(), "`w` is a leaf that requires grad" + AS_LEAF),
    "a leaf of another name": (refused(path="p", also="net.weight"), "`p` (`net.weight`) is a leaf that requires grad" + AS_LEAF),
    "a leaf that was not found": (refused(reading=None), "`w` is a leaf that requires grad" + AS_LEAF),
    "what is late, but no view": (refused("marked-leaf", late=True), "`w` is a leaf that requires grad" + AS_LEAF),
    "a leaf of no name": (refused(path=None), "what it writes to is a leaf that requires grad" + AS_LEAF),
    "a leaf under a module": (
        refused(module="ReLU"),
        "`w` is a leaf that requires grad, and a ReLU with `inplace=True` writes to it" + AS_LEAF,
    ),
    "a marked leaf": (refused("marked-leaf"), "`w` is a leaf that requires grad" + AS_LEAF),
    "a view of a leaf": (refused("view-of-leaf", **FROM_H), "`a` is a view of `h`, a leaf that requires grad" + AS_LEAF),
    "a view of a leaf of no name": (refused("view-of-leaf", path="a"), "`a` is a leaf that requires grad" + AS_LEAF),
    "one of several": (
        refused("one-of-several", op="UnbindBackward0", **FROM_H),
        "`a` is one of several views of `h` that `unbind` returned together, and autograd does not allow a write to one of them",
    ),
    "one of several, by who knows what": (
        refused("one-of-several", op="AsStridedBackward0", path="a"),
        "`a` is one of several views that one call returned together, and autograd does not allow a write to one of them",
    ),
    "one of several, of nobody knows what": (
        refused("one-of-several", path="a"),
        "`a` is one of several views that one call returned together, and autograd does not allow a write to one of them",
    ),
    "a Function's view": (
        refused("made-by-function", **FROM_H),
        "`a` is a view of `h` that a custom Function returned, and the write would bypass the Function's backward",
    ),
    "a hooked module's view": (
        refused("made-by-function", op="BackwardHookFunctionBackward", module="ReLU"),
        "`w` is a view that a module with a full backward hook gave, and a ReLU with `inplace=True` writes to it, and the write would bypass the hook",
    ),
    "a hooked module's view, written by a line": (
        refused("made-by-function", op="BackwardHookFunctionBackward", path="a"),
        "`a` is a view that a module with a full backward hook gave, and the write would bypass the hook",
    ),
    "a view without a record": (
        refused("no-grad-view", **FROM_H),
        "`a` is a view of `h` made under no_grad, so autograd cannot tell whether to record the write",
    ),
    "an inference view": (
        refused("inference-view", **FROM_H),
        "`a` is a view of `h` made in inference mode, and cannot be written to outside of that mode",
    ),
    "a late view": (
        refused("one-of-several", op="SplitBackward0", late=True, writing=writing(), **FROM_H),
        "`a`, one of several views of `h` that `split` returned together, cannot be used any more: its memory was written to in cell 3, line 2: `h.add_(1)`",
    ),
    "a late view that nobody was seen to write": (
        refused("inference-view", late=True, **FROM_H),
        "`a`, a view of `h` made in inference mode, cannot be used any more: its memory was written to",
    ),
    "a late view, written inside a function": (
        refused("no-grad-view", late=True, writing=writing(site=site(2, "f(h)", inner=INNER, certainty="inferred")), **FROM_H),
        "`a`, a view of `h` made under no_grad, cannot be used any more: its memory was written to in cell 3, line 2: `f(h)` → likely cell 1, line 3: `t.add_(1)`",
    ),
    "an inference tensor": (
        refused("inference"),
        "`w` was made in inference mode, and may be written to only in that mode",
    ),
    "an inference tensor that was written": (
        refused("inference", is_written=True),
        "`w` was made in inference mode, and may be written to only in that mode; its values have changed nevertheless",
    ),
    "a detached view": (refused("detached-view", **FROM_H), "`a` is a view of `h`, which has the history of its base"),
    "a detached view of nobody": (refused("detached-view", path="a"), "`a` is a view, which has the history of its base"),
    "out=": (refused("out"), "autograd does not record what is written by `out=`, and one of the tensors requires grad"),
    "a marked view": (refused("marked-view", path="a"), "`a` is a view, and a Function that writes to a view may return only one tensor"),
    "a captured tensor": (
        refused("captured"),
        "`w` is not an argument of the transformed function, which may write only to its arguments",
    ),
    "an expanded tensor": (
        refused("expanded", reading=reading(1, shape=(2, 3, 1), strides=(4, 0, 0)), **FROM_H),
        "`a` was expanded from `h`, so its 3 slices along dimension 1 are the same memory",
    ),
    "a tensor of one part that steps nowhere": (
        refused("expanded", reading=reading(1, shape=(1, 3), strides=(0, 0))),
        "`w` was expanded, so its 3 slices along dimension 1 are the same memory",
    ),
    "an expanded tensor that was not found": (
        refused("expanded", reading=None),
        "it writes to elements that share memory, as those of an expanded tensor do",
    ),
    "a tensor read and written": (refused("shared"), "it would read elements of `w` after it has overwritten them"),
}  # fmt: skip

WROTE = "was overwritten in cell 3, line 2: `h.add_(1)`"
SAVED = "saved by MulBackward0 in cell 2, line 4"
STOPPED = {
    "a variable": (stopped(), f"`h`, {SAVED}, {WROTE}"),
    "a name of a function": (stopped(owner="f"), f"`h`, local to `f`, {SAVED}, {WROTE}"),
    "a temporary": (stopped(paths=(), writing=None), f"a temporary of shape [6], {SAVED}, was overwritten after that, 1 time"),
    "a result": (
        stopped(paths=(), writing=None, spoiled=spoiled(is_output=True, now=3)),
        "a temporary of shape [6], saved by MulBackward0 as its result in cell 2, line 4, was overwritten after that, 3 times",
    ),
    "a result that has a name": (stopped(spoiled=spoiled(is_output=True)), f"`h`, {SAVED}, {WROTE}"),
    "a cell that was not watched": (stopped(saved_in=None, saved_at=None), f"`h`, saved by MulBackward0, {WROTE}"),
    "a cell without a line": (stopped(saved_at=None), f"`h`, saved by MulBackward0 in cell 2, {WROTE}"),
    "a line inside that saved": (
        stopped(saved_at=site(4, "y = f(h)", inner=Inner(cell=1, line=9, text="return t * 2"))),
        f"`h`, {SAVED} (likely cell 1, line 9: `return t * 2`), {WROTE}",
    ),
    "a write through another": (stopped(writing=writing("c[0] = 0", path="c")), f"`h`, {SAVED}, was overwritten through `c` in cell 3, line 2: `c[0] = 0`"),
    "a write in a cell": (stopped(writing=writing(site=None)), f"`h`, {SAVED}, was overwritten in cell 3"),
    "a line inside that wrote": (
        stopped(writing=writing(site=site(2, "f(h)", inner=INNER))),
        f"`h`, {SAVED}, was overwritten in cell 3, line 2: `f(h)` → cell 1, line 3: `t.add_(1)`",
    ),
    "a line inside that likely wrote": (
        stopped(writing=writing(site=site(2, "f(h)", inner=INNER, certainty="inferred"))),
        f"`h`, {SAVED}, was overwritten in cell 3, line 2: `f(h)` → likely cell 1, line 3: `t.add_(1)`",
    ),
    "a line that likely wrote": (
        stopped(writing=writing(path=None, site=site(2, "g()", certainty="inferred"))),
        f"`h`, {SAVED}, was overwritten, likely in cell 3, line 2: `g()`",
    ),
    "a line that was seen to write": (stopped(writing=writing(path=None, site=site(2, "g()"))), f"`h`, {SAVED}, was overwritten in cell 3, line 2: `g()`"),
    "a likely line of a variable": (
        stopped(writing=writing(site=site(2, "f(h)", certainty="inferred"))),
        f"`h`, {SAVED}, was overwritten in cell 3, line 2: `f(h)`",
    ),
    "a cell, through who knows what": (stopped(writing=writing(path=None, site=None)), f"`h`, {SAVED}, was overwritten in cell 3"),
    "a likely line inside, through who knows what": (
        stopped(writing=writing(path=None, site=site(2, "g()", inner=INNER, certainty="inferred"))),
        f"`h`, {SAVED}, was overwritten in cell 3, line 2: `g()` → likely cell 1, line 3: `t.add_(1)`",
    ),
    "a likely line on the way in a cell": (
        stopped(writing=writing(site=None), inside=typed("t.add_(1)", 3, 1)),
        f"`h`, {SAVED}, was overwritten in cell 3 → likely cell 1, line 3: `t.add_(1)`",
    ),
    "a line inside that saved in a cell that was not watched": (
        stopped(saved_in=None, saved_at=site(4, "y = f(h)", inner=Inner(cell=1, line=9, text="return t * 2"))),
        f"`h`, saved by MulBackward0, {WROTE}",
    ),
    "a likely line on the way": (
        stopped(writing=writing(site=site(2, "f(h)")), inside=typed("t.add_(1)", 3, 1)),
        f"`h`, {SAVED}, was overwritten in cell 3, line 2: `f(h)` → likely cell 1, line 3: `t.add_(1)`",
    ),
    "a likely line on the way, which is known": (
        stopped(writing=writing(site=site(2, "f(h)", inner=INNER)), inside=typed("t.mul_(1)", 4, 1)),
        f"`h`, {SAVED}, was overwritten in cell 3, line 2: `f(h)` → cell 1, line 3: `t.add_(1)`",
    ),
    "a likely line on the way to nobody": (
        stopped(writing=None, inside=typed("t.add_(1)", 12, None, "trainer.py")),
        f"`h`, {SAVED}, was overwritten, likely in trainer.py, line 12: `t.add_(1)`",
    ),
    "a detached tensor": (
        stopped(spoiled=spoiled(is_detached=True), writing=writing("h.detach_()")),
        f"`h`, {SAVED}, was detached by `detach_` in cell 3, line 2: `h.detach_()`",
    ),
    "a detached tensor, who knows where": (
        stopped(spoiled=spoiled(is_detached=True), writing=None),
        f"`h`, {SAVED}, was detached by `detach_` after that",
    ),
    "a module": (
        stopped(modules=(("net[1]", "ReLU"),), writing=None),
        f"`h`, {SAVED}, was overwritten after that, likely by `net[1]`, a ReLU with `inplace=True`",
    ),
    "a module in a statement": (
        stopped(modules=(("net[1]", "ReLU"),), writing=writing("net(x)")),
        f"`h`, {SAVED}, was overwritten in cell 3, line 2: `net(x)`, likely by `net[1]`, a ReLU with `inplace=True`",
    ),
    "several modules": (
        stopped(modules=(("net[1]", "ReLU"), ("net[3]", "ELU")), writing=None),
        f"`h`, {SAVED}, was overwritten after that, likely by `net[1]` or `net[3]`, which are made with `inplace=True`",
    ),
}  # fmt: skip

UNREAD = StoppedUnread(raised=raised(), is_detached=False, names=("a", "b"), shape="2, 3", now=2, expected=1)
STOPPED_UNREAD = {
    "two variables": (UNREAD, "`a` or `b` (version 2, saved at 1) was overwritten after it was saved by a node that cannot be read"),
    "a shape": (replace(UNREAD, names=()), "a tensor of shape [2, 3] (version 2, saved at 1) was overwritten after it was saved by a node that cannot be read"),
    "a scalar": (replace(UNREAD, names=(), shape=""), "a tensor of shape [] (version 2, saved at 1) was overwritten after it was saved by a node that cannot be read"),
    "no version": (replace(UNREAD, now=None, shape=None, names=()), "a tensor was overwritten after it was saved by a node that cannot be read"),
    "a detached tensor": (replace(UNREAD, is_detached=True), "`a` or `b` that it needs was detached by `detach_`"),
}  # fmt: skip
SENTENCES = REFUSED | {f"stopped at {name}": one for name, one in STOPPED.items()}
SENTENCES |= {f"unread: {name}": one for name, one in STOPPED_UNREAD.items()}


@pytest.mark.parametrize("name", SENTENCES)
def test_each_error_says_why(name: str):
    one, expected = SENTENCES[name]

    assert expected == why_raised(one).marked


def test_every_trouble_of_a_write_that_is_refused_has_its_sentence():
    assert {*get_args(Trouble)} - {"overwritten", "detached", "freed"} == {one.trouble for one, _ in REFUSED.values()}


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        (raised(), "`loss.backward()` raised"),
        (elsewhere("loss.backward()"), "`loss.backward()` in cell 1, line 7 raised"),
        (elsewhere("loss.backward()", None, "trainer.py"), "`loss.backward()` in trainer.py, line 7 raised"),
        (Raised(), "the cell raised"),
    ],
)
def test_what_raised_is_told_with_its_place_where_that_is_not_the_cell(one: Raised, expected: str):
    assert expected == told_raised(one, happened=True).marked
    assert expected.removesuffix("raised") + "will raise" == told_raised(one, happened=False).marked


def test_lines_lead_to_their_cells_and_files_nowhere():
    def leads(line):
        return [span.leads for span in line.spans if span.leads]

    assert [(1, 7)] == leads(told_raised(elsewhere("loss.backward()"), happened=True))
    assert [] == leads(told_raised(elsewhere("loss.backward()", None, "trainer.py"), happened=True))
    assert [(2, 4), (3, 2), (1, 3)] == leads(why_raised(STOPPED["a line inside that wrote"][0]))
