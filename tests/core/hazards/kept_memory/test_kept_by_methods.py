"""What one method keeps by reference, another writes over in place and a third writes back, by their source alone."""

from __future__ import annotations

import ast

import pytest

from ipy_tensorwatch.core.hazards.kept_memory.kept_by_methods import find_swaps
from ipy_tensorwatch.core.syntax.parsing import may_write_back

LORA = """
def __init__(self, base):
    self.base = base
    self.saved = base.weight.detach().to("cpu")
def merge(self):
    self.base.weight.data.add_(self.b @ self.a)
def unmerge(self):
    self.base.weight.data.copy_(self.saved)
"""
EMA = """
def store(self, parameters):
    self.stored = [p.detach().cpu() for p in parameters]
def copy_to(self, parameters):
    for s, p in zip(self.shadow, parameters):
        p.data.copy_(s)
def restore(self, parameters):
    for c, p in zip(self.stored, parameters):
        p.data.copy_(c.data)
    self.stored = None
"""
NAMED = """
def keep(self):
    self.old = {n: p.data for n, p in self.model.named_parameters()}
def swap(self):
    for n, p in self.model.named_parameters():
        p.data.mul_(2)
def back(self):
    for n, p in self.model.named_parameters():
        p.data.copy_(self.old[n])
"""


def found(source: str):
    methods = [one for one in ast.parse(source).body if isinstance(one, ast.FunctionDef)]
    return [(writer, one.kept.container, one.kept.owner, ast.unparse(one.over)) for writer, one in find_swaps(methods)]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (LORA, ("merge", "self.saved", "base.weight", "self.base.weight.data.add_(self.b @ self.a)")),
        (EMA, ("copy_to", "self.stored", "parameters", "p.data.copy_(s)")),
        (NAMED, ("swap", "self.old", "self.model", "p.data.mul_(2)")),
    ],
)
def test_what_methods_keep_write_over_and_write_back_is_written_back_in_vain(source, expected):
    assert [expected] == found(source)
    assert may_write_back(source)


@pytest.mark.parametrize(
    "source",
    [
        LORA.replace('.to("cpu")', '.to("cpu").clone()'),
        LORA.replace(".data.add_(self.b @ self.a)", ".data = self.b @ self.a"),
        LORA.replace("self.base = base\n", "self.base = copy.deepcopy(base)\n"),
        LORA.replace("copy_(self.saved)", "copy_(self.other)"),
        EMA.replace(".cpu()", ".cpu().clone()"),
        EMA.replace("p.data.copy_(s)", "p.data = s"),
        EMA.replace("p.data.copy_(s)", "s.copy_(p)"),
        EMA.replace("zip(self.shadow, parameters)", "zip(self.shadow, others)"),
        EMA.replace("self.stored = None", "self.stored = [s.clone() for s in self.shadow]"),
        EMA.replace("p.data.copy_(c.data)", "c.copy_(p.data)"),
        NAMED.replace("p.data.mul_(2)", "print(p.data * 2)"),
    ],
)
def test_copies_other_memory_and_other_tensors_are_written_back_as_they_were(source):
    assert [] == found(source)
