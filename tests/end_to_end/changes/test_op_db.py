"""PyTorch's own table of operators, each run in a cell: every argument whose bytes changed is reported, and nothing else.

Two samples of each operator that differ in kind are enough to run its kernel once in each variant;
`TENSORWATCH_PROFILE=deep` takes thirty. Left out are operators that have no element type on the CPU; a sample that its operator refuses is run all the
same, for what a failing operator has written counts.
"""

from __future__ import annotations

import itertools
import os
import warnings
from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch.testing._internal.common_methods_invocations import op_db

from tests.support import oracle
from tests.support.notebook import Notebook, mutated, relations, silent

if TYPE_CHECKING:
    from collections.abc import Iterator

DEEP = os.environ.get("TENSORWATCH_PROFILE") == "deep"
SAMPLES = 30 if DEEP else 8
BRUTE_FORCE_BYTES = 4096


def element_type(op: Any) -> torch.dtype | None:
    """Choose one that the operator has on the CPU: float32 wherever it can be."""
    known = sorted(op.supported_dtypes("cpu"), key=str)
    return torch.float32 if torch.float32 in known else known[0] if known else None


OPERATORS = [
    pytest.param(op, id=f"{op.name}-{op.variant_test_name}" if op.variant_test_name else op.name)
    for op in op_db
    if element_type(op) is not None
]


def samples(op: Any) -> Iterator[Any]:
    """Give the first sample, and the first one of another kind; the same ones every time."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.manual_seed(0)
        # `op.sample_inputs` reads the source of every function on the stack, and under pytest there are many.
        known = op.sample_inputs_func(op, "cpu", element_type(op), requires_grad=False)
        first = list(itertools.islice(known, SAMPLES))
    other = (one for one in first[1:] if kind_of(one) != kind_of(first[0]))
    yield from first if DEEP else [*first[:1], next(other, first[-1])] if first[1:] else first


def kind_of(sample: Any) -> object:
    """Return what a sample is made of: whether it has dimensions and broadcasts, and which arguments it has."""
    many = getattr(sample.input, "ndim", 0) > 0
    return many, sample.broadcasts_input, [*map(type, sample.args)], sample.kwargs.keys()


def fresh(value: Any) -> Any:
    """Copy the tensors of a sample, so that each variant starts from the same numbers."""
    if isinstance(value, torch.Tensor):
        return value.detach().clone()
    if type(value) in (list, tuple):
        return type(value)(fresh(v) for v in value)
    return {k: fresh(v) for k, v in value.items()} if type(value) is dict else value


def prepared_out(op: Any, sample: Any) -> Any:
    """Make what `out=` wants: like the answer, with other numbers; None where the operator has no answer or no `out=`."""
    if not op.supports_out:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            answer = op.op(fresh(sample.input), *fresh(sample.args), **fresh(sample.kwargs))
    except Exception:
        return None
    if isinstance(answer, torch.Tensor):
        return torch.ones_like(answer)
    several = isinstance(answer, (tuple, list)) and all(isinstance(a, torch.Tensor) for a in answer)
    return tuple(torch.ones_like(a) for a in answer) if several else None


def variants(op: Any, sample: Any) -> Iterator[tuple[str, Any]]:
    """Give the statement of each variant, with what `out` is for it; `#` is the number of the variant."""
    yield "result# = op(given#, *rest#, **more#)", None
    inplace = op.inplace_variant
    if inplace is not None and not sample.broadcasts_input and isinstance(sample.input, torch.Tensor):
        name = getattr(inplace, "__name__", "")
        method = name.endswith("_") and getattr(torch.Tensor, name, None) is inplace
        yield f"given#.{name}(*rest#, **more#)" if method else "result# = inplace(given#, *rest#, **more#)", None
    out = prepared_out(op, sample)
    if out is not None:
        yield "result# = op(given#, *rest#, **more#, out=out#)", out


@pytest.mark.parametrize("op", OPERATORS)
def test_every_argument_that_an_operator_writes_is_reported(op: Any):
    assert faults(op) == []


def faults(op: Any) -> list[str]:
    """Run all variants of an operator, one cell each, on arguments that one cell takes for all of them."""
    cases = [
        (statement, (fresh(sample.input), fresh(tuple(sample.args)), fresh(dict(sample.kwargs)), out))
        for sample in samples(op)
        for statement, out in variants(op, sample)
    ]
    take = "".join(f"(given{n}, rest{n}, more{n}, out{n}), " for n in range(len(cases)))
    with Notebook(check_leaks=False) as nb:  # the database itself registers things on first use
        nb.give(op=op.op, inplace=op.inplace_variant, arguments=lambda: [taken for _, taken in cases])
        nb.run(f"{take} = arguments()")
        return [
            f"{statement}: {fault}"
            for number, (statement, _) in enumerate(cases)
            for fault in run(nb, statement.replace("#", str(number)), number)
        ]


def run(nb: Notebook, statement: str, number: int) -> list[str]:
    """Run one variant in a cell and judge its report by byte copies."""
    names = [f"{name}{number}" for name in ("given", "rest", "more", "out", "result")]
    before = oracle.copies({n: nb.ns.get(n) for n in names})
    nb.cell(statement)
    report = nb.report()
    after = oracle.walk({n: nb.ns.get(n) for n in names})
    verdict = oracle.compare(before, after)
    told = {path for path in mutated(report) if not path.endswith("()")}  # parts of sparse tensors: judged as a whole
    faults = [f"{p} changed, not reported" for p in sorted(verdict.mutated - told)]
    faults += [f"{p} reported, not changed" for p in sorted(told - verdict.mutated - verdict.reshaped)]
    small = {p: a for p, a in after.items() if len(oracle.own_bytes(a)) <= BRUTE_FORCE_BYTES}
    pairs = relations(report)
    faults += [
        f"{sorted(pair)}: {pairs.get(pair)}, truly {sorted(true)}"
        for pair, true in oracle.all_relations(small).items()
        if pairs.get(pair) not in true
    ]
    named = names[0] if statement.startswith("given") else names[3]
    return faults + [f"{p} is named, and called silent" for p in sorted(silent(report)) if p.split("[")[0] == named]
