"""Whether the caller of a hooked layer writes to its output, by the source of the caller alone."""

from __future__ import annotations

import ast

import pytest

from ipy_tensorwatch.core.hazards.kept_memory.hooked_layers import is_input_written, is_output_written, writes_argument
from ipy_tensorwatch.core.interpreter.source_index import Library
from ipy_tensorwatch.core.records.trace.notebook import Definition, Notebook


def library(body):
    source = "class Net(nn.Module):\n    def forward(self, x):\n" + "".join(
        f"        {line}\n" for line in body.split("\n")
    )
    return Library(
        Notebook(
            definitions={"Net": Definition(name="Net", cell=1, source=source)},
            classes={"net": "Net", "net.f": "Linear", "net.act": "ReLU", "seq": "Sequential", "seq[0]": "Linear"},
            inplace=frozenset(("net.act", "seq[1]")),
        )
    )


@pytest.mark.parametrize(
    ("body", "is_written"),
    [
        ("return self.act(self.f(x))", True),
        ("h = self.f(x)\nreturn self.act(h)", True),
        ("h = self.f(x)\nh += x\nreturn h", True),
        ("h = self.f(x)\nh.add_(x)\nreturn h", True),
        ("return F.relu(self.f(x), inplace=True)", True),
        ("return torch.relu_(self.f(x))", True),
        ("if x.sum() > 0:\n    y = self.act(self.f(x))\nreturn y", True),
        ("return F.relu(self.f(x))", False),
        ("h = self.f(x)\nh = h + x\nreturn self.act(h)", False),
        ("return self.f(self.act(x))", False),
        ("h = self.f(x)\nx += h\nreturn h", False),
        ("return self.g(self.act(x))", False),
    ],
)
def test_the_line_that_takes_the_output_writes_to_it(body, is_written):
    assert is_written is is_output_written(library(body), "net.f")


def test_the_next_layer_in_a_sequential_writes_to_it():
    known = library("return x")
    assert [True, False, False] == [is_output_written(known, one) for one in ("seq[0]", "seq[1]", "seq")]


@pytest.mark.parametrize(("body", "is_written"), [("return x.mul_(2)", True), ("x = x * 2\nreturn x.mul_(2)", False)])
def test_a_module_writes_to_its_input(body, is_written):
    assert is_written is is_input_written(library(body), "net")
    assert [True, False] == [is_input_written(library(body), one) for one in ("seq[1]", "seq[0]")]


def test_a_function_writes_to_one_of_some_arguments():
    node = ast.parse("def f(a, b):\n    b += a").body[0]
    assert [False, True, True, False] == [writes_argument(node, names) for names in ("a", "b", "ab", "")]
