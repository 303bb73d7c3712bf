"""The lines that may have written to what no variable leads to: one is named only where no other fits."""

from __future__ import annotations

import pytest

from ipy_tensorwatch.core.interpreter.candidate_lines import (
    is_counted,
    list_candidates,
    only_maker,
    only_reader,
    only_writer,
    quiet_modules,
    stem,
    writer_of_result,
)
from ipy_tensorwatch.core.interpreter.cell_definitions import definitions_in
from ipy_tensorwatch.core.records.report_parts import Inner
from ipy_tensorwatch.core.records.trace.notebook import Notebook
from ipy_tensorwatch.core.runtime.deadline import Deadline
from ipy_tensorwatch.core.statements.statement import parse_statements

FUNCTIONS = """
def scale(t):
    t.mul_(2)
    return t

def outer(t):
    u = torch.exp(t)
    scale(u)
    def never(t): t.add_(1)
    return u

def hidden(t):
    t.data.mul_(2)
    t.numpy()[0] = 1

class Block(nn.Module):
    half = torch.ones(1).mul_(0.5)
    def __init__(self):
        self.w = torch.zeros(3).add_(1)
    def forward(self, x):
        y = torch.tanh(x)
        y += x
        return y
"""
NOTEBOOK = Notebook(
    definitions=definitions_in(FUNCTIONS, 1), classes={"net.block": "Block", "net.fn": "scale", "other": "Block"}
)


def candidates(source: str, notebook: Notebook = NOTEBOOK):
    return list_candidates(parse_statements(source), notebook)


def texts(source: str) -> list[str]:
    return [(one.inner or one.statement).text for one in candidates(source)]


def writes(source: str) -> list[set[str]]:
    return [{*one.writes} for one in candidates(source, Notebook())]


def test_the_lines_of_functions_that_a_statement_may_run_are_listed_each_once():
    assert ["scale(x)", "t.mul_(2)", "return t"] == texts("scale(x)")
    assert {"outer(x)", "u = torch.exp(t)", "scale(u)", "t.mul_(2)", "return t", "return u"} <= {*texts("outer(x)")}
    assert len(texts("scale(x)\nscale(y)")) == 4
    assert ["f(x)"] == texts("f(x)")


def test_the_lines_of_a_class_are_those_that_run_when_it_is_used():
    found = {*texts("y = net(x)")}

    assert {"y = torch.tanh(x)", "y += x", "return y", "t.mul_(2)"} <= found
    assert found.isdisjoint({"self.w = torch.zeros(3).add_(1)", "half = torch.ones(1).mul_(0.5)"})
    assert "y += x" not in texts("y = network(x)")


def test_a_line_inside_is_told_with_its_place_in_its_cell():
    assert [Inner(cell=1, line=3, text="t.mul_(2)")] == [
        one.inner for one in candidates("scale(x)") if one.inner and one.writes
    ]


def test_where_time_is_up_nobody_is_suspected():
    assert [] == list_candidates(parse_statements("scale(x)"), NOTEBOOK, Deadline.after(-1))


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("x += 1", {"add"}),
        ("x -= 1", {"sub"}),
        ("x *= 1", {"mul"}),
        ("x /= 1", {"div"}),
        ("x **= 2", {"pow"}),
        ("x |= 1", {""}),
        ("x[0] = 1", {"copyslices", "indexput"}),
        ("d['x'] = 1", set()),
        ("x[i] = 1", {"copyslices", "indexput"}),
        ("x = 1", set()),
        ("x.masked_fill_(m, 0)", {"maskedfill"}),
        ("x.t_()", set()),
        ("y = F.relu(x, inplace=True)", {"relu"}),
        ("act = nn.ReLU(inplace=True)", set()),
        ("torch.add(x, 1, out=x)", {"add"}),
        ("f(x)", set()),
        ("for a in f(x.add_(1)): a.mul_(2)", {"add"}),
    ],
)
def test_the_operators_by_which_a_line_writes_are_those_of_its_text(source, expected):
    assert expected == writes(source)[0]


def test_the_operators_that_a_line_calls_are_named_as_nodes_are():
    [one] = candidates("y = torch.masked_fill(x.exp(), m, 0)", Notebook())

    assert {"maskedfill", "exp"} == one.makes


def writer(source: str, *ops: str):
    found = only_writer(candidates(source), ops)
    return found and (found.inner or found.statement).text


def test_the_one_line_that_fits_the_node_is_named_and_else_the_one_that_writes():
    assert "x.add_(1)" == writer("x.add_(1)\ny.mul_(2)", "AddBackward0")
    assert writer("x.add_(1)\ny.add_(2)", "AddBackward0") is None
    assert writer("x.add_(1)\ny.mul_(2)", "ExpBackward0") is None
    assert "x.add_(1)" == writer("x.add_(1)\nf(y)", "ExpBackward0")
    assert "t.mul_(2)" == writer("scale(x)")
    assert writer("f(x)") is None
    assert writer("hidden(x)") is None
    assert "y.mul_(2)" == writer("x.data.add_(1)\ny.mul_(2)")
    assert "x[0] = 1" == writer("x[0] = 1\ny.mul_(2)", "torch::autograd::CopySlices")


def test_the_one_line_that_calls_the_operator_of_a_node_is_named():
    def maker(source: str, op: str):
        found = only_maker(candidates(source), op)
        return found and (found.inner or found.statement).text

    assert "u = torch.exp(t)" == maker("outer(x)", "ExpBackward0")
    assert maker("y = torch.exp(x)\nz = torch.exp(y)", "ExpBackward0") is None
    assert maker("outer(x)", "CosBackward0") is None


READERS = "def f(x):\n    a = h * 2\n    return a\ndef g(x):\n    b = h * 2\n    return h\ndef e(x):\n    print(h)\n    h.add_(1)\n    return x\ndef d(x):\n    a = h.add_(1)\n"  # fmt: skip


@pytest.mark.parametrize(
    ("call", "expected"), [("f(x)", "a = h * 2"), ("g(x)", None), ("e(x)", None), ("d(x)", None), ("h * 2", None)]
)
def test_the_one_line_inside_that_reads_a_variable_for_a_result_is_named(call, expected):
    notebook = Notebook(definitions=definitions_in(READERS, 1))

    found = only_reader(list_candidates(parse_statements(call), notebook), {"h"})

    assert expected == (found and found.text)


CLASSES = {
    "net[0]": "Linear",
    "net[1]": "ReLU",
    "net[2]": "Linear",
    "net[3]": "ReLU",
    "net[4]": "Dropout",
    "act": "ReLU",
    "far": "SELU",
}
MODULES = Notebook(classes=CLASSES, inplace=frozenset({"net[1]", "net[3]", "net[4]", "act"}))


@pytest.mark.parametrize(
    ("source", "ops", "before", "expected"),
    [
        ("y = net(x)", ["ReluBackward0"], "TanhBackward0", ("net[1]", "net[3]")),
        ("y = net(x)", ["MulBackward0"], "TanhBackward0", ("net[4]",)),
        ("y = act(x)", ["ReluBackward0"], "TanhBackward0", ("act",)),
        ("y = far(x)", ["EluBackward0"], "TanhBackward0", ()),
        ("y = network(x)", ["ReluBackward0"], "TanhBackward0", ()),
        ("y = net(x)", ["ExpBackward0"], "TanhBackward0", ()),
    ],
)
def test_modules_that_write_in_place_are_those_reached_with_the_node(source, ops, before, expected):
    assert expected == quiet_modules(parse_statements(source), MODULES, ops, before)


def test_of_several_modules_the_one_behind_what_made_the_result_is_meant():
    classes = {"net[0]": "Sigmoid", "net[1]": "ReLU", "net[2]": "Tanh", "net[3]": "ReLU"}
    notebook = Notebook(classes=classes, inplace=frozenset({"net[1]", "net[3]"}))

    assert ("net[3]",) == quiet_modules(parse_statements("net(x)"), notebook, ["ReluBackward0"], "TanhBackward0")
    assert ("net[1]", "net[3]") == quiet_modules(parse_statements("net(x)"), notebook, ["ReluBackward0"], "MmBackward0")


@pytest.mark.parametrize(("kind", "op"), [("Dropout", "MulBackward0"), ("ReLU6", "HardtanhBackward0"), ("SELU", "EluBackward0"), ("RReLU", "RreluWithNoiseBackward0"), ("ELU", "EluBackward0")])  # fmt: skip
def test_a_module_is_known_by_the_node_that_it_makes(kind: str, op: str):
    notebook = Notebook(classes={"act": kind}, inplace=frozenset({"act"}))

    assert ("act",) == quiet_modules(parse_statements("act(x)"), notebook, [op], "MmBackward0")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x.add_(1)", True),
        ("x.data.add_(1)", False),
        ("x.numpy()[0] = 1", False),
        ("x.untyped_storage()", False),
        ("x.database", True),
    ],
)
def test_a_write_that_no_version_counts_is_told(text, expected):
    assert expected == is_counted(text)


def test_a_node_and_an_operator_have_their_stem_in_common():
    assert ["maskedfill", "copyslices", "relu"] == [
        *map(stem, ("MaskedFillBackward0", "torch::autograd::CopySlices", "ReluBackward12"))
    ]


SEVERAL = """
def forward(x):
    a = x * 2
    a *= 0.1
    scale = torch.exp(a)
    y = x * scale
{lines}
    return y

def other(x):
    scale = x * 3
    scale -= 1
    return scale
"""


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["scale -= 1"], "scale -= 1"),
        (["scale = scale.add_(1)", "scale -= 1"], "scale = scale.add_(1)"),
        (["scale[0] = 1"], "scale[0] = 1"),
        (["scale = scale + 1", "scale -= 1"], None),
        (["scale.data -= 1"], None),
        (["b = torch.exp(y)", "scale -= 1"], None),
        (["pass"], None),
    ],
)
def test_of_several_writers_that_is_named_which_writes_to_the_variable_of_the_result(lines, expected):
    source = SEVERAL.format(lines="\n".join(f"    {one}" for one in lines))
    notebook = Notebook(definitions=definitions_in(source, 1), classes={})
    candidates = list_candidates(parse_statements("y = forward(x); z = other(x)"), notebook)
    assert only_writer(candidates, ()) is None

    found = writer_of_result(candidates, "ExpBackward0")
    assert expected == (found.inner.text if found is not None and found.inner is not None else None)
