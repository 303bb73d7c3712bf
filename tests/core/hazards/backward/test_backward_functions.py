"""The hooks and Functions of a notebook that write to what backward hands them, found in source."""

from __future__ import annotations

import pytest

from ipy_tensorwatch.core.hazards.backward.backward_functions import find_writers
from ipy_tensorwatch.core.interpreter.definitions import Code

DAMP = "def damp(g):\n    g.mul_(0.1)\n"
CLASSES = "class Damp:\n    def reset(self): pass\n    def __call__(self, g):\n        g.mul_(0.1)\n    def half(self, g):\n        g.mul_(0.5)\n"


def found(*texts, **classes):
    return [*find_writers([Code.of(count, text) for count, text in enumerate(texts, 1)], classes)]


def lines(*texts, **classes):
    return [one.line.text for one in found(*texts, **classes)]


HOOKS = [
    ("h.register_hook(damp)", DAMP, ["g.mul_(0.1)"]),
    ("h.register_hook(lambda g: g.mul_(0.1))", "", ["h.register_hook(lambda g: g.mul_(0.1))"]),
    ("h.register_hook(lambda g: g * 0.1)", "", []),
    ("h.register_hook(lambda g: other.mul_(0.1))", "", []),
    ("h.register_hook(undefined)", "", []),
    ("h.register_hook()", DAMP, []),
    ("h.register_forward_hook(damp)", DAMP, []),
    ("hook(damp)", DAMP, []),
    ("register_hook(damp)", DAMP, []),
    ("make().register_hook(damp)", DAMP, []),
    ("shrink = damp\nh.register_hook(shrink)", DAMP, ["g.mul_(0.1)"]),
    ("damp = other\nh.register_hook(damp)", DAMP, ["g.mul_(0.1)"]),
    ("a = b\nb = a\nh.register_hook(a)", "", []),
    ("h.register_hook(Damp())", CLASSES, ["g.mul_(0.1)"]),
    ("h.register_hook(shrink)", CLASSES, ["g.mul_(0.1)"]),
    ("h.register_hook(self.half)", CLASSES, ["g.mul_(0.5)"]),
    ("h.register_hook(half)", CLASSES, []),
    ("h.register_hook(self.damp)", DAMP, []),
    ("h.register_hook(Empty())", "class Empty:\n    size = 3\n    def half(self, g): g.mul_(2)", []),
    ("h.register_hook(partial(by, 0.1))", "def by(f, g): g.mul_(f)", ["g.mul_(f)"]),
    ("h.register_hook(partial(by, 0.1))", "def by(g, f): g.mul_(f)", []),
    ("h.register_hook(partial())", DAMP, []),
    ("h.register_hook(partial(unknown, 1))", DAMP, []),
    ("h.register_hook(make(2))", "def make(f):\n    def hook(g):\n        g.mul_(f)\n    return hook", ["g.mul_(f)"]),
    ("h.register_hook(make(2))", "def make(f):\n    if not f: return None\n    return lambda g: g.mul_(f)", ["return lambda g: g.mul_(f)"]),
    ("h.register_hook(make(2))", "def make(f): pass", []),
    ("h.register_hook(o.make())", "class O:\n    def make(self):\n        return lambda g: g.mul_(2)", ["return lambda g: g.mul_(2)"]),
    ("h.register_hook(o.part)", "class O:\n    def part(g):\n        g.mul_(2)", []),
    ("net.register_full_backward_hook(hook)", "def hook(m, gi, go):\n    go[0].mul_(2)", ["go[0].mul_(2)"]),
    ("net.register_full_backward_pre_hook(hook)", "def hook(m, go):\n    go[0].mul_(2)", ["go[0].mul_(2)"]),
    ("net.register_full_backward_hook(hook)", "def hook(m, gi, go):\n    m.weight.mul_(2)", []),
    ("h.register_hook(hook)", "def hook(g, other):\n    other.mul_(2)", []),
    ("h.register_hook(hook)", "def hook(g):\n    v = g.view(-1)\n    v[0] = 0", ["v[0] = 0"]),
    ("h.register_hook(hook)", "def hook(g):\n    v = g * 2\n    v[0] = 0", []),
    ("h.register_hook(hook)", "def hook(g):\n    g = g.clone()\n    g.mul_(2)", []),
    ("h.register_hook(hook)", "def hook(g):\n    g.seen = True", []),
]  # fmt: skip


@pytest.mark.parametrize(("registers", "defines", "expected"), HOOKS)
def test_the_line_of_a_hook_that_writes_is_found(registers, defines, expected):
    assert expected == lines(defines, registers, shrink="Damp", other="Unknown")


@pytest.mark.parametrize(
    ("text", "is_told"),
    [
        ("handle = h.register_hook(damp)\nhandle.remove()\nloss.backward()", False),
        ("handle = h.register_hook(damp)\nx = 1\nhandle.remove()", False),
        ("handle = h.register_hook(damp)\nloss.backward()\nhandle.remove()", True),
        ("handle = h.register_hook(damp)\nother.remove()\nloss.backward()", True),
        ("h.register_hook(damp)\nhandle.remove()", True),
        ("loss.backward()\nhandle = h.register_hook(damp)\nhandle.remove()", False),
    ],
)
def test_a_hook_that_is_removed_before_backward_does_not_count(text, is_told):
    assert is_told == bool(found(DAMP, text))


def test_what_cannot_be_parsed_and_what_names_no_hook_is_passed_over():
    assert [] == found("def (", DAMP)


FUNCTION = "class Scale(torch.autograd.Function):\n    factor = 2\n    def forward(ctx, a):\n        a.mul_(2)\n    def backward(ctx, g):\n        "


@pytest.mark.parametrize(
    ("line", "of_saved"),
    [
        ("g.mul_(2)", False), ("ctx.saved_tensors[0].mul_(2)", True), ("ctx.saved.data += 1", None), ("ctx.times = 1", None),
        ("ctx.times += 1", None), ("a, = ctx.saved_tensors; a.mul_(2)", True), ("other.mul_(2)", None), ("ctx.a = g", None),
        ("ctx.a[0] = 1", True),
    ],
)  # fmt: skip
def test_a_backward_of_a_function_writes_to_its_gradient_or_to_what_it_saved(line, of_saved):
    made = found(FUNCTION + line)
    assert ([] if of_saved is None else [("Scale.backward", "Scale", of_saved)]) == [
        (one.name, one.hooked, one.of_saved) for one in made
    ]
    assert all(one.is_late and not one.of_tensor for one in made)


def test_a_hook_says_what_it_is_a_hook_of_and_when_it_runs():
    [tensor] = found(DAMP, "net.h.register_hook(damp)")
    assert ("damp", "net.h", True, True) == (tensor.name, tensor.hooked, tensor.of_tensor, tensor.is_late)
    assert (1, 2) == (tensor.line.cell, tensor.line.line)
    [module] = found("def hook(m, gi, go): go[0].mul_(2)", "net.register_full_backward_hook(hook)")
    assert ("hook", "net", False, False) == (module.name, module.hooked, module.of_tensor, module.is_late)
    [unnamed] = found("net.register_full_backward_pre_hook(lambda m, g: g[0].mul_(2))")
    assert ("", "net", False, False) == (unnamed.name, unnamed.hooked, unnamed.of_tensor, unnamed.is_late)


def test_the_line_is_counted_in_its_cell():
    registers, defines = Code.of(1, "h.register_hook(damp)"), Code.of(2, DAMP, offset=7)
    assert [9] == [one.line.line for one in find_writers([registers, defines], {})]


FIXES = [
    ("def hook(g):\n    g.mul_(2)", "out-of-place", "return g.mul(2)"),
    ("def hook(g):\n    g[0] = 0", "out-of-place", "g = g.clone(); g[0] = 0; return g"),
    ("def hook(g):\n    g.mul_(2)\n    return g", "write-copy", "g = g.clone()"),
    ("def hook(g):\n    g.mul_(2)\n    print(1)", "copy-gradient", ""),
    ("def hook(g):\n    v = g.view(-1)\n    v.mul_(2)", "copy-gradient", ""),
    ("def hook(g):\n    v = g.view(-1)\n    v.mul_(2)\n    return g", "write-copy", "v = v.clone()"),
    ("def hook(g):\n    torch.frexp(g, out=(g, v))\n    return g", "write-copy", "g = g.clone()"),
]


@pytest.mark.parametrize(("defines", "kind", "code"), FIXES)
def test_the_fix_writes_to_a_copy(defines, kind, code):
    [one] = found(defines, "h.register_hook(hook)")
    assert (kind, code) == (one.fix.kind, one.fix.code)
    assert one.line.text == one.fix.target.text
    assert (kind != "copy-gradient") == one.fix.says_where
    assert (("g",) if kind == "copy-gradient" else ()) == one.fix.names


@pytest.mark.parametrize(
    ("registers", "kind", "code"),
    [
        ("h.register_hook(lambda g: g.mul_(2))", "out-of-place", "h.register_hook(lambda g: g.mul(2))"),
        ("h.register_hook(lambda g: g.fill_(2))", "copy-gradient", ""),
    ],
)
def test_the_fix_of_a_lambda_computes_out_of_place_if_it_can(registers, kind, code):
    [one] = found(registers)
    assert (kind, code, registers) == (one.fix.kind, one.fix.code, one.fix.target.text)
    assert (kind == "out-of-place") == one.fix.says_where


def test_the_fix_of_a_function_and_of_a_hook_of_a_module():
    [one] = found(FUNCTION + "g.mul_(2)")
    assert ("write-copy", "g = g.clone()") == (one.fix.kind, one.fix.code)
    [two] = found("def hook(m, gi, go):\n    go[0].mul_(2)", "net.register_full_backward_hook(hook)")
    assert ("copy-gradient", ("go",), "go[0].mul_(2)") == (two.fix.kind, two.fix.names, two.fix.target.text)
