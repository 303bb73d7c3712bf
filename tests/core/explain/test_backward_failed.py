"""A backward that stopped: the hazard that came true, and which fix it gets, one case a rule."""

from __future__ import annotations

import pytest

from ipy_tensorwatch.core.explain.backward_failed import fix_stopped, stopped_hazard, unread_hazard
from ipy_tensorwatch.core.explain.error_messages import ErrorMessage
from ipy_tensorwatch.core.hazards.error_facts import StoppedUnread
from ipy_tensorwatch.core.hazards.fix import Fix
from ipy_tensorwatch.core.records.report_parts import Inner
from tests.support.records import raised, site, spoiled, stopped, typed, writing

SAVER = typed("loss = (h * w).sum()", 4, 2)
INNER = Inner(cell=1, line=3, text="t.add_(1)")


def inside(text: str) -> dict:
    return {"writing": writing(site=site(2, "f(h)", inner=Inner(cell=1, line=3, text=text)))}


def save_copy(code: str, target=SAVER) -> Fix:
    return Fix(kind="save-copy", code=code, target=target, says_where=True)


COPIED = save_copy("loss = (h.clone() * w).sum()")
NO_SAVER = {"saved_at": None, "saved_in": None}
ROUND = {"saved_in": 3, "saved_at": site(4, "loss = (h * w).sum()")}

FIXES = {
    "the write out of place": (stopped(), Fix(kind="out-of-place", code="h = h.add(1)", other="h = h.clone()", target=typed("h.add_(1)"))),
    "a write through an alias": (
        stopped(writing=writing("c[0] = 0", path="c")),
        Fix(kind="write-copy", code="c = c.clone()", target=typed("c[0] = 0")),
    ),
    "a write to an array": (
        stopped(writing=writing("a[0] = 0", path="a", is_array=True)),
        Fix(kind="write-copy", code="a = a.copy()", target=typed("a[0] = 0")),
    ),
    "a path that the statement tells": (
        stopped(writing=writing("c[0] = 0", path=None)),
        Fix(kind="write-copy", code="c = c.clone()", target=typed("c[0] = 0")),
    ),
    "a path that nobody can assign": (stopped(writing=writing("d[k][0] = 0", path="d[k]")), COPIED),
    "a path that nobody can assign, and no saver": (
        stopped(writing=writing("d[k][0] = 0", path="d[k]"), **NO_SAVER),
        Fix(kind="copy-or-later"),
    ),
    "nobody knows what was written where": (stopped(writing=writing(path=None, site=None), paths=(), saved_in=2, saved_at=None), Fix(kind="record-cell", cell=2)),
    "a write above the save, in a loop": (stopped(**ROUND), save_copy("loss = (h.clone() * w).sum()", typed("loss = (h * w).sum()", 4, 3))),
    "a write above the save, in another cell": (stopped(saved_at=site(4, "y = f(h)")), Fix(kind="out-of-place", code="h = h.add(1)", other="h = h.clone()", target=typed("h.add_(1)"))),
    "a write below the save in one cell": (
        stopped(saved_in=3, saved_at=site(1, "y = f(h)")),
        Fix(kind="out-of-place", code="h = h.add(1)", other="h = h.clone()", target=typed("h.add_(1)")),
    ),
    "a statement that saves and writes": (
        stopped(writing=writing("y = w.sigmoid().add_(1)", path=None), saved_in=3, saved_at=site(2, "y = w.sigmoid().add_(1)"), paths=("y",)),
        Fix(kind="out-of-place", code="y = w.sigmoid().add(1)", target=typed("y = w.sigmoid().add_(1)")),
    ),
    "a statement that saves and writes, who knows how": (
        stopped(writing=writing("y = f(h)", path="h"), saved_in=3, saved_at=site(2, "y = f(h)")),
        Fix(kind="copy-or-later"),
    ),
    "the same statement in another cell": (
        stopped(writing=writing("y = h.add_(1)", path="h"), saved_at=site(4, "y = h.add_(1)")),
        Fix(kind="write-copy", code="h = h.clone()", target=typed("y = h.add_(1)")),
    ),
    "a call that writes": (
        stopped(writing=writing("f(c)", path="c")),
        Fix(kind="write-copy", code="c = c.clone()", target=typed("f(c)")),
    ),
    "a call inside": (stopped(**inside("g(t)"), **NO_SAVER), Fix(kind="copy-for-function", target=typed("g(t)", 3, 1))),
    "a write of the cell that saved, who knows where": (
        stopped(writing=writing(site=None), saved_in=3),
        Fix(kind="write-copy", code="h = h.clone()"),
    ),
    "a write of the cell that saved nobody knows where": (
        stopped(saved_in=3, saved_at=None),
        Fix(kind="out-of-place", code="h = h.add(1)", other="h = h.clone()", target=typed("h.add_(1)")),
    ),
    "a step in a cell": (
        stopped(writing=writing(cause="optimizer", site=None)),
        Fix(kind="backward-before-statement", names=("loss",)),
    ),
    "a path that nobody can assign, who knows where": (
        stopped(writing=writing(path="d[k]", site=None), **NO_SAVER),
        Fix(kind="copy-or-later"),
    ),
    "a line that writes who knows what": (stopped(writing=writing("f()", path=None), **NO_SAVER), Fix(kind="copy-or-later")),
    "a history that was taken under another name": (
        stopped(spoiled=spoiled(is_detached=True), writing=writing("x.detach_()")),
        Fix(kind="bind-detached", code="x = x.detach()", other="x.detach_()", target=typed("x.detach_()")),
    ),
    "a history that a cell took": (
        stopped(spoiled=spoiled(is_detached=True), writing=writing(site=None)),
        Fix(kind="bind-detached", code="h = h.detach()", other="h.detach_()"),
    ),
    "a saver beside the line that reads it": (
        stopped(writing=None, reader=Inner(cell=1, line=9, text="return h * 2")),
        COPIED,
    ),
    "one module": (
        stopped(modules=(("net[1]", "ReLU"),)),
        Fix(kind="module-keeps-input", code="net[1].inplace = False", target=SAVER),
    ),
    "several modules": (
        stopped(modules=(("net[1]", "ReLU"), ("net[3]", "ReLU"))),
        Fix(kind="modules-without-inplace", names=("net[1]", "net[3]")),
    ),
    "a history that was taken": (
        stopped(spoiled=spoiled(is_detached=True), writing=writing("h.detach_()")),
        Fix(kind="bind-detached", code="h = h.detach()", other="h.detach_()", target=typed("h.detach_()")),
    ),
    "a history that nobody saw taken": (
        stopped(spoiled=spoiled(is_detached=True), writing=None),
        Fix(kind="bind-detached", code="h = h.detach()", other="h.detach_()"),
    ),
    "a history of nobody": (
        stopped(spoiled=spoiled(is_detached=True), writing=None, paths=()),
        Fix(kind="bind-detached", code="x = x.detach()", other="x.detach_()"),
    ),
    "nobody wrote, but what was saved is known": (stopped(writing=None), COPIED),
    "nobody wrote, and nothing is known": (stopped(writing=None, **NO_SAVER), Fix(kind="record-cell")),
    "nobody wrote, and the cell is recorded": (stopped(writing=None, recorded=True, **NO_SAVER), Fix(kind="look-past-operators")),
    "a likely line inside": (
        stopped(writing=None, inside=typed("t.add_(1)", 3, 1), rebinds=frozenset({"t"})),
        Fix(kind="out-of-place", code="t = t.add(1)", target=typed("t.add_(1)", 3, 1), says_where=True),
    ),
    "a step": (
        stopped(writing=writing("opt.step()", cause="optimizer")),
        Fix(kind="backward-before-statement", other="opt.step()", names=("loss",)),
    ),
    "a step inside": (
        stopped(raised=raised(root=None), writing=writing(site=site(2, "f(h)", inner=INNER), cause="optimizer")),
        Fix(kind="backward-before-statement"),
    ),
    "rounds of a loop": (
        stopped(writing=writing("opt.step()", cause="optimizer"), carried=("h", "c")),
        Fix(kind="detach-rounds", code="h, c = h.detach(), c.detach()", other="loss = (h * w).sum()", target=SAVER),
    ),
    "rounds of a loop that nobody saw": (
        stopped(writing=writing("opt.step()", cause="optimizer"), carried=("h",), **NO_SAVER),
        Fix(kind="backward-before-statement", other="opt.step()", names=("loss",)),
    ),
    "a leaf": (stopped(writing=writing(is_leaf=True)), COPIED),
    "a leaf that nobody saw saved": (
        stopped(writing=writing(is_leaf=True), **NO_SAVER),
        Fix(kind="backward-before-statement", other="h.add_(1)", names=("loss",)),
    ),
    "a line inside a function": (
        stopped(rebinds=frozenset({"t"}), **inside("t.add_(1)"), **NO_SAVER),
        Fix(kind="out-of-place", code="t = t.add(1)", target=typed("t.add_(1)", 3, 1), says_where=True),
    ),
    "a line inside a function that writes to what the saver names": (
        stopped(rebinds=frozenset({"t"}), **inside("t.add_(1)")),
        COPIED,
    ),
    "a result that is written inside": (
        stopped(**inside("return t.add_(1)"), **NO_SAVER),
        Fix(kind="out-of-place", code="return t.add(1)", target=typed("return t.add_(1)", 3, 1), says_where=True),
    ),
    "an item inside": (
        stopped(rebinds=frozenset({"t"}), **inside("t[0] = 1"), **NO_SAVER),
        Fix(kind="write-copy", code="t = t.clone()", target=typed("t[0] = 1", 3, 1), says_where=True),
    ),
    "an attribute inside": (
        stopped(**inside("self.t[0] = 1"), **NO_SAVER),
        Fix(kind="write-copy", code="self.t = self.t.clone()", target=typed("self.t[0] = 1", 3, 1), says_where=True),
    ),
    "a global that is read inside": (stopped(**inside("t[0] = 1")), COPIED),
    "a global that is read inside, and nobody saw the save": (
        stopped(**inside("t[0] = 1"), **NO_SAVER),
        Fix(kind="copy-for-function", target=typed("t[0] = 1", 3, 1)),
    ),
    "names of a function": (
        stopped(owner="f", writing=None),
        Fix(kind="record-cell", cell=2),
    ),
    "a result that is bound": (
        stopped(spoiled=spoiled(is_output=True), writing=None, saved_at=site(4, "h = w.exp()")),
        save_copy("h = w.exp().clone()", typed("h = w.exp()", 4, 2)),
    ),
    "a result that is bound to something else": (
        stopped(spoiled=spoiled(is_output=True), writing=None, saved_at=site(4, "y = w.exp()")),
        Fix(kind="record-cell", cell=2),
    ),
    "the one line that reads it": (
        stopped(writing=None, saved_at=site(4, "loss = net(x)"), reader=Inner(cell=1, line=9, text="return h * 2")),
        save_copy("return h.clone() * 2", typed("return h * 2", 9, 1)),
    ),
    "a line that does not read it": (
        stopped(writing=None, saved_at=site(4, "loss = net(x)"), reader=Inner(cell=1, line=9, text="return x * 2")),
        Fix(kind="record-cell", cell=2),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FIXES)
def test_each_stop_has_its_fix(name: str):
    one, expected = FIXES[name]

    assert expected == fix_stopped(one)


def test_a_stop_is_a_hazard_that_has_come_true():
    one = stopped()

    found = stopped_hazard(one)

    assert ("TW201", "raises", ("h",), "MulBackward0", one, True) == (
        found.code, found.outcome, found.paths, found.op, found.fact, found.happened,
    )  # fmt: skip
    assert (one.saved_at, one.writing.site, 2, 3, 7) == (
        found.saved_at, found.written_at, found.saved_cell, found.written_cell, found.node,
    )  # fmt: skip
    assert fix_stopped(one) == found.fix


def test_names_of_a_function_are_no_variables_and_unknown_numbers_and_writes_are_left_out():
    found = stopped_hazard(stopped(owner="f", writing=None, spoiled=spoiled(sequence=-1)))

    assert ((), None, None, None) == (found.paths, found.node, found.written_at, found.written_cell)
    assert 0 == stopped_hazard(stopped(spoiled=spoiled(sequence=0))).node


def test_a_node_that_cannot_be_read_tells_what_the_message_does():
    error_message = ErrorMessage(trouble="overwritten", facts="…", shape="2, 3", now=2, expected=1)

    found = unread_hazard(error_message, raised(), ["h"])

    assert ("TW201", "raises", ("h",), None, True) == (found.code, found.outcome, found.paths, found.op, found.happened)
    assert (
        StoppedUnread(raised=raised(), is_detached=False, names=("h",), shape="2, 3", now=2, expected=1) == found.fact
    )
    assert Fix(kind="record-cells") == found.fix


def test_a_detached_tensor_of_a_node_that_cannot_be_read():
    found = unread_hazard(ErrorMessage(trouble="detached", facts="…"), raised(), [])

    assert found.fact.is_detached
    assert Fix(kind="detach-name") == found.fix
