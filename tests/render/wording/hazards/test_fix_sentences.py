"""What to write instead, in words: one sentence a kind of fix."""

from __future__ import annotations

from typing import get_args

import pytest

from ipy_tensorwatch.core.hazards.fix import Displayed, Fix, Preceding, Replacing, Tail
from ipy_tensorwatch.render.wording.hazards.fix_sentences import remedy, title
from tests.support.records import typed

LINE = typed("h.add_(1)", 7, 1)
FILE = typed("h.add_(1)", 7, None, "trainer.py")
WRITE = "write under `torch.no_grad()`"


def coded(kind: str, **more) -> Fix:
    return Fix(kind=kind, code="CODE", target=LINE, **more)


SENTENCES = [
    (coded("out-of-place"), "Write out of place: `CODE`."),
    (coded("out-of-place", says_where=True), "Write out of place in cell 1, line 7: `CODE`."),
    (Fix(kind="out-of-place", code="CODE", target=FILE, says_where=True), "Write out of place in trainer.py, line 7: `CODE`."),
    (coded("record-out-of-place"), "Compute it out of place, where gradients are recorded: `CODE`."),
    (Fix(kind="record-out-of-place"), "Compute it out of place, where gradients are recorded."),
    (coded("copy-shared", says_where=True), "Copy it where they begin to share memory in cell 1, line 7: `CODE`."),
    (coded("make-each", says_where=True), "Make one for each in cell 1, line 7: `CODE`."),
    (coded("bind-detached", other="h.detach_()"), "Assign a new tensor: `CODE` instead of `h.detach_()`."),
    (coded("bind-anew", says_where=True), "Assign a new tensor in cell 1, line 7: `CODE`."),
    (coded("bind-out", says_where=True), "Assign its result in cell 1, line 7: `CODE`."),
    (coded("save-copy", says_where=True), "Let autograd save a copy in cell 1, line 7: `CODE`."),
    (coded("assign-copy", says_where=True), "Assign a copy in cell 1, line 7: `CODE`; or set the gradients to None before the next backward, as `zero_grad()` does."),
    (coded("hand-copy", says_where=True), "Pass it a copy in cell 1, line 7: `CODE`."),
    (coded("hand-module-copy", says_where=True, names=("ReLU",)), "Make the ReLU without `inplace=True`, or pass it a copy in cell 1, line 7: `CODE`."),
    (coded("read-copy", says_where=True), "Read from a copy in cell 1, line 7: `CODE`."),
    (coded("write-through-base", says_where=True, names=("h",)), "Write through `h` itself in cell 1, line 7, and take the views again after it: `CODE`."),
    (coded("one-by-one"), "Take the rows by their index: `CODE`."),
    (coded("one-by-one", other="row", names=("h[i]",)), "Take the rows by their index: `CODE`, and `h[i]` for `row`."),
    (coded("copy-before-read"), "Read from a copy: `CODE` before it."),
    (coded("no-grad", says_where=True), "Do not let autograd record it in cell 1, line 7: `CODE`."),
    (Fix(kind="no-grad"), f"Do not let autograd record it: {WRITE}."),
    (coded("no-grad-view", says_where=True), "As for its view, do not let autograd record it in cell 1, line 7: `CODE`."),
    (coded("no-grad-view", tail="record-instead"), "As for its view, do not let autograd record it: `CODE`; to record it, make the view with grad mode on."),
    (coded("inference-mode", says_where=True), "Write in inference mode too in cell 1, line 7: `CODE`."),
    (coded("write-copy", says_where=True), "Write to a copy in cell 1, line 7: `CODE` before it."),
    (coded("write-copy-here", says_where=True), "Write to a copy: `CODE` before it in cell 1, line 7."),
    (coded("copy-before-write"), "Copy it before that write: `CODE`."),
    (coded("own-elements"), "Give each element its own memory, before it is written: `CODE`."),
    (
        coded("copy-shared", tail="default-too", other="t = t + x"),
        "Copy it where they begin to share memory: `CODE`. The default argument still keeps what each call writes; to "
        "leave it as it was, `t = t + x`.",
    ),
    (coded("copy-captured"), "Copy what the case matches: `CODE`."),
    (coded("return-new"), "Let the hook return a new tensor: `CODE`."),
    (coded("keep-detached"), "Keep it without its graph: `CODE`."),
    (coded("own-view"), "Take it as a separate view: `CODE` before it."),
    (coded("take-again", says_where=True), "Take it again after the write: `CODE` before it in cell 1, line 7."),
    (coded("use-detached", says_where=True), "Use it without its graph, as when it was made: `CODE` before it in cell 1, line 7."),
    (coded("detach-rounds", other="y = f(h)"), "Cut the graph between two rounds: `CODE` before `y = f(h)`."),
    (coded("module-keeps-input"), "Let the module leave its input unchanged: `CODE`."),
    (Fix(kind="backward-before-statement", names=("loss",), other="opt.step()"), "Call backward before `opt.step()`, or compute `loss` again after it."),
    (Fix(kind="backward-before-statement", names=("h", "loss")), "Call backward before this write, or compute `h` and `loss` again after it."),
    (Fix(kind="backward-before-statement"), "Call backward before this write, or compute what it starts from again."),
    (Fix(kind="compute-again", names=("loss",)), "Compute `loss` again after it."),
    (Fix(kind="compute-again"), "Compute what depends on it again."),
    (Fix(kind="compute-again", names=("h",), other="loss", target=LINE), "Compute `h` again after `h.add_(1)`, and `loss` from that."),
    (Fix(kind="compute-again", other="loss", target=LINE), "Compute what `loss` starts from again after `h.add_(1)`, and `loss` from that."),
    (Fix(kind="copy-for-checkpoint"), "Write after the backward, when the checkpoint has read it."),
    (Fix(kind="copy-for-function", target=LINE), "Write after the backward, or to memory of its own in cell 1, line 7."),
    (Fix(kind="copy-or-later"), "Write to a copy (`.clone()`), or after the backward."),
    (Fix(kind="write-some-copy", target=LINE, says_where=True), "Write to a copy (`.clone()`) in cell 1, line 7."),
    (Fix(kind="find-line"), "Write out of place in the function that is called there; `%%tensordiff` shows which line wrote."),
    (Fix(kind="part-gradients", code="CODE"), "Before the next backward, set the gradients to None, as `zero_grad()` does, or give each its own: `CODE`."),
    (Fix(kind="part-gradients"), "Before the next backward, set the gradients to None, as `zero_grad()` does."),
    (Fix(kind="copy-gradient", names=("g",), target=LINE), "Write to a copy of `g` (`.clone()`) in cell 1, line 7, and return it."),
    (Fix(kind="keep-copies", code="CODE", other=".clone()"), "Keep a copy of each (`.clone()`): `CODE`."),
    (Fix(kind="copy-shared", code="CODE", target=LINE, says_where=True), "Copy it where they begin to share memory in cell 1, line 7: `CODE`."),
    (Fix(kind="keep-copies", other=".copy()"), "Keep a copy of each (`.copy()`)."),
    (Fix(kind="deep-copy", code="CODE"), "Keep a copy, before training goes on: `CODE`."),
    (Fix(kind="give-memory", code="CODE"), "Give it memory again before it is read: `CODE`; its values are lost."),
    (Fix(kind="drop", code="del t", other=".clone()"), "Delete it: `del t`. Next time, copy it before its owner is freed: `.clone()`."),
    (Fix(kind="modules-without-inplace", names=("net[1]", "net[3]")), "Make `net[1]` or `net[3]` without `inplace=True`."),
    (Fix(kind="module-without-inplace", names=("ReLU",)), "Make the ReLU without `inplace=True`."),
    (Fix(kind="look-past-operators"), "No recorded operator wrote there: NumPy or a thread may have."),
    (Fix(kind="record-cell", cell=3), "Run cell 3 again under `%%tensordiff`: it records every operator that writes, with its line."),
    (Fix(kind="record-cell"), "Run the cell again under `%%tensordiff`: it records every operator that writes, with its line."),
    (Fix(kind="record-cells"), "Write to it out of place, or run its cells under `%%tensordiff`, which shows every line that writes."),
    (Fix(kind="detach-name"), "Write `x = x.detach()` for `x.detach_()`."),
    (Fix(kind="use-detach"), "Use `detach()` and its result."),
    (Fix(kind="use-without-out"), "Use its result, without `out=`."),
    (Fix(kind="hand-argument", names=("w",)), "Pass `w` to the function as an argument, or write to a copy of it (`.clone()`)."),
    (Fix(kind="hand-argument"), "Pass the tensor to the function as an argument, or write to a copy of it (`.clone()`)."),
    (Fix(kind="hand-function-copy"), "Pass the Function a copy (`.clone()`)."),
    (Fix(kind="read-some-copy", target=LINE, says_where=True), "Read from a copy (`.clone()`) in cell 1, line 7."),
    (Fix(kind="make-optimizer", code="CODE"), "Make the optimizer again, now that all parameters exist: `CODE`."),
    (Fix(kind="add-group", code="CODE"), "Add them to it: `CODE`."),
    (Fix(kind="register", code="CODE", other="MADE", names=("torch.nn.ModuleList",)), "Keep them in a torch.nn.ModuleList: `CODE`. Then make the optimizer again: `MADE`."),
    (coded("detach-state", other="out, h = rnn(x, h)"), "Cut its graph off from what is freed: `CODE` before `out, h = rnn(x, h)`."),
    (coded("compute-anew", names=("h",), other="loss = f(h)"), "Compute `h` again: `CODE` before `loss = f(h)`."),
    (Fix(kind="retain-graph"), "Add up the losses that share a graph and run one backward, or let the first backward keep it: `retain_graph=True`."),
    (Fix(kind="retain-graph", code="CODE"), "Add up the losses that share a graph and run one backward, or let the first backward keep it: `CODE`."),
    (Fix(kind="take-later"), "Take the view again after the write."),
    (coded("out-of-place", tail="old-leaf", other="QUIET"), "Write out of place: `CODE`, so that gradients flow to the old one; or, to change only the values, `QUIET`."),
    (coded("out-of-place", tail="old-leaf"), f"Write out of place: `CODE`, so that gradients flow to the old one; or, to change only the values, {WRITE}."),
    (coded("out-of-place", tail="base-alone", names=("h",), other="QUIET"), "Write out of place: `CODE`; or, to change only the values of `h`, `QUIET`."),
    (coded("out-of-place", tail="compute-first", names=("w",)), "Write out of place: `CODE`, and compute `w` again first."),
    (coded("out-of-place", tail="base-too", names=("h",), other="a = h[0:3]"), "Write out of place: `CODE`; to change `h` too, `a = h[0:3]` before it."),
    (coded("write-copy", tail="if-meant", other="h"), "Write to a copy: `CODE` before it. If `h` was to change, compute it out of place, where gradients are recorded."),
]  # fmt: skip


@pytest.mark.parametrize(("fix", "expected"), SENTENCES, ids=[f"{one.kind} {one.tail or ''}" for one, _ in SENTENCES])
def test_each_fix_says_what_to_write(fix: Fix, expected: str):
    assert expected == remedy(fix).marked


def test_every_kind_and_every_tail_has_its_sentence():
    assert {*get_args(Replacing), *get_args(Preceding), *get_args(Displayed)} == {one.kind for one, _ in SENTENCES}
    assert {*get_args(Tail), None} == {one.tail for one, _ in SENTENCES}


def test_the_title_says_what_its_edits_do_and_no_more():
    fix = coded("out-of-place", tail="old-leaf", other="QUIET")

    assert "Write out of place: `CODE`." == title(fix).marked


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("copy-shared", "Copy it where they begin to share memory."),
        ("bind-detached", "Assign a new tensor instead of `OTHER`."),
        ("write-copy-here", "Write to a copy before it."),
    ],
)
def test_above_its_edits_a_fix_repeats_neither_their_place_nor_their_code(kind: str, expected: str):
    assert expected == remedy(coded(kind, other="OTHER", says_where=True), above_edits=True).marked


def test_a_place_leads_to_its_line_and_a_cell_to_its_first():
    def leads(fix):
        return [span.leads for span in remedy(fix).spans if span.leads]

    assert [(1, 7)] == leads(coded("out-of-place", says_where=True))
    assert [(3, 1)] == leads(Fix(kind="record-cell", cell=3))
