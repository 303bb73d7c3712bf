"""A write that PyTorch refused: the hazard that came true, and which fix it gets, one case a rule."""

from __future__ import annotations

import pytest

from ipy_tensorwatch.core.explain.inplace_refused import fix_refused, refused_hazard
from ipy_tensorwatch.core.hazards.error_facts import IndexedLoop
from ipy_tensorwatch.core.hazards.fix import Fix
from tests.support.records import elsewhere, raised, reading, refused, site, typed, writing

OWN = typed("w.add_(1)", cell=4)


def here(kind: str, code: str = "", text: str = "w.add_(1)", **more) -> Fix:
    """Make a fix of the statement that raised."""
    return Fix(kind=kind, code=code, target=typed(text, cell=4), **more)


PARAMETER = {"reading": reading(1, kind="parameter", requires_grad=True)}
QUIET = "with torch.no_grad(): w.add_(1)"
VIEW = {"path": "a", "names": ("a", "h"), "reading": reading(2), "base": "h", "portion": "[0:3]"}
PARTS = {**VIEW, "path": "parts[1]", "binds": False}


def view(trouble: str = "one-of-several", text: str = "a.add_(1)", **more):
    return refused(trouble, text, **(VIEW | more))


FIXES = {
    "a leaf": (refused(), here("out-of-place", "w = w.add(1)", tail="old-leaf", other=QUIET)),
    "an item of a leaf": (
        refused(text="w[0] = 5"),
        here("write-copy-here", "w = w.clone()", "w[0] = 5", tail="old-leaf", other="with torch.no_grad(): w[0] = 5"),
    ),
    "a parameter": (refused(**PARAMETER), here("no-grad", QUIET)),
    "a gradient that is used": (
        refused(text="w.add_(-w.grad)"),
        here("no-grad", "with torch.no_grad(): w.add_(-w.grad)", "w.add_(-w.grad)"),
    ),
    "a leaf that may not be bound anew": (refused(binds=False), here("no-grad", QUIET)),
    "a leaf whose result is bound": (
        refused(text="y = w.add_(1)"),
        here("write-copy-here", "w = w.clone()", "y = w.add_(1)"),
    ),
    "a leaf that nobody can name": (
        refused(path=None),
        here("write-some-copy", tail="old-leaf", other=QUIET),
    ),
    "a leaf of no name": (refused(path="d[1:]", text="f(d)"), here("write-some-copy", text="f(d)", tail="old-leaf", other="with torch.no_grad(): f(d)")),
    "a leaf in a statement that cannot be read": (
        refused(text="for p in ps:", **PARAMETER),
        here("no-grad", "", "for p in ps:"),
    ),
    "a view of a leaf": (
        refused("view-of-leaf"),
        here("out-of-place", "w = w.add(1)", tail="old-leaf", other=QUIET),
    ),
    "a module that works in place": (
        refused(text="y = act(w)", module="ReLU"),
        here("hand-module-copy", "y = act(w.clone())", "y = act(w)", names=("ReLU",)),
    ),
    "a module on what is not named": (
        refused(text="y = net(x)", module="ReLU"),
        here("module-without-inplace", "", "y = net(x)", names=("ReLU",)),
    ),
    "a leaf elsewhere": (
        refused(raised=elsewhere("w.add_(1)")),
        Fix(
            kind="out-of-place", code="w = w.add(1)", target=typed("w.add_(1)", 7, 1), says_where=True,
            tail="old-leaf", other=QUIET,
        ),
    ),
    "a marked leaf": (refused("marked-leaf", "F.apply(w)"), here("hand-copy", "F.apply(w.clone())", "F.apply(w)")),
    "a marked view": (refused("marked-view", "F.apply(w)"), here("hand-copy", "F.apply(w.clone())", "F.apply(w)")),
    "a marked leaf that is not named": (refused("marked-leaf", "f()"), here("hand-function-copy", text="f()")),
    "an expanded tensor": (refused("expanded", "w.add_(1)"), here("write-copy-here", "w = w.clone()")),
    "an expanded tensor that may not be bound": (refused("expanded", binds=False), here("write-some-copy")),
    "a tensor that is read and written": (
        refused("shared", "w[1:] = w[:-1]"),
        here("read-copy", "w[1:] = w[:-1].clone()", "w[1:] = w[:-1]"),
    ),
    "a tensor that is read and written, who knows where": (refused("shared", "f()"), here("read-some-copy", text="f()")),
    "one of several views": (
        view(),
        here("out-of-place", "a = a.add(1)", "a.add_(1)", other="a = h[0:3]", names=("h",), tail="base-too"),
    ),
    "one of several views of nobody": (view(base=None), here("out-of-place", "a = a.add(1)", "a.add_(1)")),
    "one of several views, of which part nobody knows": (view(portion=None), here("out-of-place", "a = a.add(1)", "a.add_(1)")),
    "an item of one of several views": (view(text="a[0] = 1"), here("own-view", "a = h[0:3]", "a[0] = 1")),
    "an item of one of several views elsewhere": (
        view(raised=elsewhere("a[0] = 1")),
        Fix(kind="own-view", code="a = h[0:3]", target=typed("a[0] = 1", 7, 1)),
    ),
    "an item of a view of nobody": (view(text="a[0] = 1", base=None), here("write-copy-here", "a = a.clone()", "a[0] = 1")),
    "one in a tuple": (
        view(text="parts[1].mul_(2)", **PARTS),
        here("write-through-base", "h[0:3].mul_(2)", "parts[1].mul_(2)", names=("h",)),
    ),
    "one in a comprehension": (view(text="[a.mul_(2) for a in parts]", binds=False), here("write-some-copy", text="[a.mul_(2) for a in parts]")),
    "a part that may not be bound, of nobody": (view(base=None, binds=False), here("write-some-copy", text="a.add_(1)")),
    "a part of no name": (view(path=None), here("write-some-copy", text="a.add_(1)")),
    "an inference tensor that may not be bound": (refused("inference", binds=False), here("write-some-copy")),
    "the rows of a loop": (
        view(loop=IndexedLoop(typed("for a in h:", 1, 4), "for i in range(len(h)):", "a", "h[i]")),
        Fix(kind="one-by-one", code="for i in range(len(h)):", other="a", names=("h[i]",), target=typed("for a in h:", 1, 4)),
    ),
    "a part of a leaf": (
        view(base_is_leaf=True),
        here("out-of-place", "a = a.add(1)", "a.add_(1)", tail="base-alone", other="with torch.no_grad(): a.add_(1)", names=("h",)),
    ),
    "the rows of a leaf": (
        view(base_is_leaf=True, loop=IndexedLoop(typed("for a in h:", 1, 4), "…", "a", "h[i]")),
        here("no-grad", "with torch.no_grad(): a.add_(1)", "a.add_(1)"),
    ),
    "a part of a leaf that may not be bound": (
        view(base_is_leaf=True, binds=False),
        here("no-grad", "with torch.no_grad(): a.add_(1)", "a.add_(1)"),
    ),
    "a view that a Function gave": (view("made-by-function"), here("out-of-place", "a = a.add(1)", "a.add_(1)")),
    "a view that a hooked module gave to one that works in place": (
        refused("made-by-function", "y = net(x)", module="ReLU"),
        here("module-without-inplace", "", "y = net(x)", names=("ReLU",)),
    ),
    "a view made under no_grad": (
        view("no-grad-view"),
        here("out-of-place", "a = a.add(1)", "a.add_(1)", tail="record-instead"),
    ),
    "a view of a leaf made under no_grad": (
        view("no-grad-view", base_is_leaf=True),
        here("no-grad-view", "with torch.no_grad(): a.add_(1)", "a.add_(1)"),
    ),
    "a view made under no_grad, in a statement that cannot be read": (
        view("no-grad-view", "for a in b:"),
        here("write-copy-here", "a = a.clone()", "for a in b:", tail="record-instead"),
    ),
    "a view made in inference mode": (
        view("inference-view"),
        here("out-of-place", "a = a.add(1)", "a.add_(1)", tail="record-instead"),
    ),
    "a view of a leaf made in inference mode": (
        view("inference-view", base_is_leaf=True),
        here("inference-mode", "with torch.inference_mode(): a.add_(1)", "a.add_(1)"),
    ),
    "a view made in inference mode, in a statement that cannot be read": (
        view("inference-view", "for a in b:"),
        here("write-copy-here", "a = a.clone()", "for a in b:", tail="record-instead"),
    ),
    "a view that is detached": (view("detached-view", "a.detach_()"), here("bind-anew", "a = a.detach()", "a.detach_()")),
    "a view that is detached, and may not be bound": (view("detached-view", "a.detach_()", binds=False), here("use-detach", text="a.detach_()")),
    "a view of no name that is detached": (view("detached-view", "a.detach_()", path=None), here("use-detach", text="a.detach_()")),
    "out=": (refused("out", "torch.add(h, 1, out=h)"), here("bind-out", "h = torch.add(h, 1)", "torch.add(h, 1, out=h)")),
    "out= of what has no name": (refused("out", "f()"), here("use-without-out", text="f()")),
    "a captured tensor": (refused("captured"), Fix(kind="hand-argument", names=("w",))),
    "a captured tensor of no name": (refused("captured", path=None), Fix(kind="hand-argument")),
    "an inference tensor": (refused("inference"), here("out-of-place", "w = w.add(1)")),
    "an inference tensor that was written all the same": (
        refused("inference", is_written=True),
        here("out-of-place", "w = w.add(1)", tail="compute-first", names=("w",)),
    ),
    "a view that is too late": (view(late=True), here("take-again", "a = h[0:3]", "a.add_(1)")),
    "a late view that may not be bound": (view(late=True, binds=False), Fix(kind="take-later")),
    "a late view of no name": (view(late=True, path=None), Fix(kind="take-later")),
    "a late view of nobody": (
        view(late=True, base=None, writing=writing("h.add_(1)")),
        Fix(kind="copy-before-write", code="a = a.clone()", target=typed("h.add_(1)")),
    ),
    "a late view of which part nobody knows": (
        view(late=True, portion=None),
        Fix(kind="copy-before-write", code="a = a.clone()"),
    ),
    "a late view made under no_grad": (view("no-grad-view", late=True), here("use-detached", "a = a.detach()", "a.add_(1)")),
    "a late view made in inference mode": (view("inference-view", late=True), here("use-detached", "a = a.detach()", "a.add_(1)")),
}  # fmt: skip


@pytest.mark.parametrize("name", FIXES)
def test_each_refusal_has_its_fix(name: str):
    one, expected = FIXES[name]

    assert expected == fix_refused(one)


def test_a_refusal_is_a_hazard_that_has_come_true():
    one = refused(names=("w", "v"), reading=reading(1, grad_fn="MulBackward0"))

    found = refused_hazard(one, site(2, "w.add_(1)"))

    assert ("TW204", "raises", ("w", "v"), "MulBackward0", one, True) == (
        found.code, found.outcome, found.paths, found.op, found.fact, found.happened,
    )  # fmt: skip
    assert (site(2, "w.add_(1)"), None, fix_refused(one)) == (found.written_at, found.written_cell, found.fix)
    assert refused_hazard(refused(reading=None), None).op is None


def test_a_parameter_is_told_from_other_leaves():
    assert [True, False, False] == [
        one.is_parameter for one in (refused(**PARAMETER), refused(), refused(reading=None))
    ]


def test_what_raised_without_a_statement_cannot_be_edited():
    assert raised().statement is not None
    assert "no-grad" == fix_refused(refused(raised=elsewhere("x"), **PARAMETER)).kind
