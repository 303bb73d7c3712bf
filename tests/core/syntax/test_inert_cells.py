"""Which cells cannot have written, by their text alone."""

import ast

import pytest

from ipy_tensorwatch.core.syntax.inert_cells import is_inert, only_defines


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("1 + 1", True), ("not 1 < 2", True), ("y = x", True), ("y = (x, [1, z])", True), ("a = b = x", True), ("pass", True), ("", True),
        ("y = x + 1", False), ("y = -x", False), ("y = x and 1", False), ("y = x < 1", False), ("x", False), ("x, 1", False), ("f()", False),
        ("y.a = x", False), ("y[0] = x", False), ("a, b = x", False), ("y = x.a", False), ("y = x[0]", False), ("y += 1", False),
        ("for i in x: pass", False), ("del x", False), ("import x", False), ("y = (", False), ("a\0", False),
    ],
)  # fmt: skip
def test_a_cell_is_inert_if_it_runs_nobodys_code(source, expected):
    assert expected == is_inert(source)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import torch", True), ("from torch import nn", True), ("def f(x, n=1, *, k=(-1, 2)): x += n", True), ("async def f(): g()", True),
        ("def f(x=torch.ones(2)): pass", False), ("def f(x=w): pass", False), ("@g\ndef f(): pass", False), ("@g(w)\ndef f(): pass", False),
        ("@torch.no_grad()\ndef f(): pass", True), ("@dataclass(frozen=True)\nclass A:\n    n: int = 0\n    t: list", True),
        ("class A(nn.Module):\n    'Says.'\n    n = -1\n    def f(self): self.t += 1", True), ("class A(make()): pass", False),
        ("class A:\n    t = torch.ones(2)", False), ("class A:\n    t: list = field()", False), ("class A(metaclass=M): pass", False),
        ("class A:\n    @property\n    def f(self): return 1", True), ("class A:\n    for i in x: pass", False),
        ("x = 1", False), ("f()", False), ("with f(): pass", False),
    ],
)  # fmt: skip
def test_a_statement_only_defines_if_it_makes_no_object_but_functions_and_classes(source, expected):
    assert expected == only_defines(ast.parse(source).body[0])
