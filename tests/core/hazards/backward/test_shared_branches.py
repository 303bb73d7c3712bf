"""Whether another branch gets the gradient that a hook or a Function writes to, by the source alone."""

from __future__ import annotations

import pytest

from ipy_tensorwatch.core.hazards.backward.backward_functions import GradientWriter
from ipy_tensorwatch.core.hazards.backward.shared_branches import is_shared
from ipy_tensorwatch.core.hazards.fix import Fix
from ipy_tensorwatch.core.interpreter.definitions import Code
from ipy_tensorwatch.core.records.report_parts import Inner
from tests.support.records import reading, snapshot

BOTH = "a = f(x)\nb = g(x)\n"
"""The branch of `b` runs first in a backward, as it was computed last."""


def writer(hooked="b", **more):
    values = {"of_tensor": True, "is_late": True}
    return GradientWriter("hook", hooked, Inner(cell=1, line=1, text="g.mul_(2)"), Fix(kind="drop"), **(values | more))


def shared(text, one=None, **readings):
    return is_shared(one or writer(), [Code.of(1, text)], snapshot(**readings))


ADDITIONS = [
    ("y = a + b", True),
    ("y = b + a", True),
    ("y = a * b", False),
    ("y = a - b", False),
    ("y = b + 1", False),
    ("a += b", True),
    ("a -= b", False),
    ("y = torch.add(a, b)", True),
    ("y = torch.add(a, b, alpha=2)", False),
    ("y = a.add(b)", True),
    ("y = a.mul(b)", False),
    ("y = sum([a, b])", True),
    ("y = sum((a, b))", True),
    ("y = sum(several)", False),
    ("y = torch.stack([a, b]).sum(0)", True),
    ("y = torch.stack(several).sum(0)", False),
    ("y = torch.cat([a, b]).sum(0)", False),
    ("y = torch.stack([a, b]).mean(0)", False),
    ("y = (a.view(-1) + b.view(-1)).pow(2)", True),
    ("y = a + b.clone()", True),
    ("y = a + b.exp()", False),
    ("y = a + b.sum(dim=0)", False),
    ("y = a + f(b)", False),
    ("y = a + (b + c(b))", False),
    ("y = a + b\nz = b * 2", False),
    ("y = a + b\nprint(b.shape, b.grad.sum())", True),
    ("y = a + b\nb.register_hook(damp)", True),
    ("y = f(x) + b", False),
    ("y = b + b.detach()", False),
    ("y = a.sum(1, b)", False),
    ("y = a + b.view(size=3)", False),
    ("y = f(a) + b", False),
    ("for b in c:\n    y = a + b", True),
    ("def b():\n    return a + b", False),
    ("def k():\n    return a + b", False),
    ("def k():\n    a = f(x)\n    b = g(x)\n    return a + b", True),
]


@pytest.mark.parametrize(("text", "expected"), ADDITIONS)
def test_an_addition_hands_one_gradient_to_both(text, expected):
    assert expected == shared(BOTH + text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("b = g(x)\na = f(x)\ny = a + b", False), ("a, b = f(x), g(x)\ny = a + b", True), ("b, a = f(x), g(x)\ny = a + b", False),
        ("a = f(x)\nb = g(x)\na = a * 2\ny = a + b", False), ("y = a + b", False), ("bs = all(x)\ny = bs[0] + bs[1]", False),
    ],
)  # fmt: skip
def test_the_branch_that_was_computed_last_runs_first(text, expected):
    assert expected == shared(text)


@pytest.mark.parametrize(
    ("hooked", "text", "expected"),
    [
        ("bs[1]", "bs[0] + bs[1]", True), ("bs[0]", "bs[0] + bs[1]", False), ("bs['b']", "bs['a'] + bs['b']", False),
        ("bs[1]", "b + bs[1]", False),
    ],
)  # fmt: skip
def test_of_a_list_the_last_item_runs_first(hooked, text, expected):
    assert expected == shared(f"y = {text}", writer(hooked))


def test_a_hook_that_runs_before_all_branches_needs_no_order():
    assert shared("b = g(x)\na = f(x)\ny = a + b", writer(is_late=False))


MODULE = {"of_tensor": False, "is_late": False}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("y = l1(x) + l2(x)", True), ("y = l1(x) + l2.apply(x)", True), ("y = l1(x) + l2(x).view(-1)", True),
        ("y = l1(x) + l3(x)", False), ("b = l2(x)\ny = l1(x) + b", True), ("b = l3(x)\ny = l1(x) + b", False),
        ("b = l2\ny = l1(x) + b", False), ("b = l2(x)\ny = (l1(x) + b) * b", False),
    ],
)  # fmt: skip
def test_results_of_a_module_have_its_gradient(text, expected):
    assert expected == shared(text, writer("l2", **MODULE))


def test_of_a_function_the_result_is_computed_after_the_other_operand():
    late = writer("Scale", of_tensor=False)
    assert shared("y = l1(x) + Scale.apply(x)", late)
    assert not shared("y = Scale.apply(x) + l1(x)", late)


def test_a_branch_that_wants_no_gradient_has_none():
    plain, wants = reading(1, requires_grad=False), reading(2, requires_grad=True)
    assert not shared(f"{BOTH}y = a + b", a=plain, b=wants)
    assert shared(f"{BOTH}y = a + b", a=wants, b=wants)
    assert not shared(f"{BOTH}y = 2 * a + b", a=plain)
    assert shared(f"def f():\n    {BOTH.replace(chr(10), '; ')}y = a + b", a=plain)


def test_the_gradient_of_a_smaller_operand_is_summed_anew():
    wide, flat = reading(1, requires_grad=True, shape=(2, 3)), reading(2, requires_grad=True, shape=(3,))
    assert not shared(f"{BOTH}y = a + b", a=wide, b=flat)
    assert shared(f"{BOTH}y = a + b", a=wide)
    assert shared(f"def f():\n    {BOTH.replace(chr(10), '; ')}y = a + b", a=wide, b=flat)


def test_source_that_cannot_be_parsed_has_no_branches():
    assert not is_shared(writer(), [Code.of(1, "a = (")], snapshot())
    assert is_shared(writer(), [Code.of(1, "a = ("), Code.of(2, f"{BOTH}y = a + b")], snapshot())
