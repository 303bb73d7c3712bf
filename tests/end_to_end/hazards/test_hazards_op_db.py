"""PyTorch's own table of operators: what is said before backward runs, against what backward then does.

Each differentiable operator runs on tensors that were computed; one input, or the output, is overwritten with an in-place
operator or through `.data`: in a later cell, or in the same cell, in the statement behind it. A tenth of the operators is
enough to see each way to save once; `TENSORWATCH_PROFILE=deep` takes three samples of all of them. To print the tables:
`python -m tests.end_to_end.hazards.test_hazards_op_db`.
"""

from __future__ import annotations

import os
import warnings
from collections import Counter
from itertools import islice
from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch.testing._internal.common_methods_invocations import op_db
from torch.utils._pytree import tree_flatten, tree_map

from tests.support.notebook import Notebook

if TYPE_CHECKING:
    from collections.abc import Iterator

DEEP = os.environ.get("TENSORWATCH_PROFILE") == "deep"
OPERATORS = [op for op in op_db if op.supports_autograd and torch.float32 in op.supported_backward_dtypes("cpu")]
LARGE = 1 << 20
"""With inputs larger than this, in bytes, cells run under `%%tensordiff`, which alone looks at so many while a cell runs."""
WRITES = {
    "in place": "with torch.no_grad():\n    target.copy_(torch.randn_like(target))",
    "data": "target.data.copy_(torch.randn_like(target))",
}
CELLS = {
    "in a later cell": ["result, target = call(), find()", "{write}"],
    "in the same cell": ["pass", "result = call()\ntarget = find()\n{write}"],
}


def is_differentiable(value: Any) -> bool:
    return isinstance(value, torch.Tensor) and value.layout is torch.strided and value.requires_grad


class Run:
    """One run of an operator on fresh tensors, each computed from a leaf."""

    def __init__(self, op: Any, sample: Any) -> None:
        leaves = []

        def compute(value: Any) -> Any:
            if not is_differentiable(value):
                return value.detach().clone() if isinstance(value, torch.Tensor) else value
            leaves.append(value.detach().clone().requires_grad_())
            return leaves[-1].clone()

        torch.manual_seed(0)
        self.op = op
        self.arguments = tree_map(compute, [sample.input, tuple(sample.args), dict(sample.kwargs)])
        self.leaves = leaves
        self.outputs: list[torch.Tensor] = []

    def call(self) -> Any:
        """Run the operator."""
        torch.manual_seed(0)
        given, rest, more = self.arguments
        result = self.op.op(given, *rest, **more)
        self.outputs = [one for one in tree_flatten(result)[0] if is_differentiable(one)]
        return result

    def names(self) -> list[str]:
        """Name what a cell may overwrite: each computed input, and the first output; nothing where a copy will not do."""
        try:
            self.call()
        except RuntimeError:
            return []
        return [*(f"input {place}" for place, _ in enumerate(self.leaves)), *(["output"] if self.outputs else [])]

    def target(self, name: str) -> torch.Tensor:
        """Find what is overwritten."""
        inputs = [one for one in tree_flatten(self.arguments)[0] if is_differentiable(one)]
        return self.outputs[0] if name == "output" else inputs[int(name.removeprefix("input "))]

    def gradients(self) -> list[torch.Tensor | None]:
        torch.manual_seed(1)
        weights = [torch.rand_like(one) for one in self.outputs]
        return list(torch.autograd.grad(self.outputs, self.leaves, weights, allow_unused=True))


def gradients_of(op: Any, sample: Any) -> list[torch.Tensor | None]:
    """Give the right gradients; none where they are not defined."""
    run = Run(op, sample)
    try:
        run.call()
        return run.gradients()
    except RuntimeError:
        return []


def actual(run: Run, right: list[torch.Tensor | None]) -> str:
    """Run backward, and tell how that went: PyTorch refuses to go through a view of many that was written."""
    try:
        found = run.gradients()
    except RuntimeError as error:
        return "raises" if "modified by an inplace operation" in str(error) else "refused"
    same = all(
        (a is None and b is None) or (a is not None and b is not None and torch.allclose(a, b, equal_nan=True))
        for a, b in zip(found, right, strict=True)
    )
    return "ok" if same else "wrong"


def predicted(nb: Notebook, run: Run, name: str, cells: list[str]) -> str:
    """Give the tensors to a notebook, compute and write in its cells, and tell what the report says."""
    nb.give(arguments=run.arguments, call=run.call, find=lambda: run.target(name))
    nb.cell("pass")
    is_large = sum(one.nbytes for one in run.leaves) > LARGE
    errors = [nb.cell(f"%%tensordiff\n{cell}" if is_large else cell).error for cell in cells]
    outcomes = {one["outcome"] for one in nb.report()["hazards"] if one["code"] in ("TW201", "TW202")}
    nb.give(arguments=None, result=None, target=None, call=None, find=None)
    if any(errors):  # the elements of the target overlap each other
        return "refused"
    return "raises" if "raises" in outcomes else "wrong" if "wrong" in outcomes else "ok"


def trials(nb: Notebook, op: Any, samples: int, cells: list[str]) -> Iterator[tuple[str, str, str]]:
    """Try every write on the first samples: the trial, what was said, what happened."""
    # `op.sample_inputs` reads the source of every function on the stack, and under pytest there are many.
    known = op.sample_inputs_func(op, "cpu", torch.float32, requires_grad=True)
    for number, sample in enumerate(islice(known, samples)):
        names = Run(op, sample).names()
        right = gradients_of(op, sample) if names else []
        for name in names if any(one is not None for one in right) else ():
            for how, write in WRITES.items():
                run = Run(op, sample)
                said = predicted(nb, run, name, [cell.replace("{write}", write) for cell in cells])
                was = actual(run, right)
                if said != "refused" and was != "refused":
                    yield f"{op.formatted_name} sample {number}: {name}, {how}", said, was


def table(operators: list[Any], cells: list[str], samples: int = 1) -> tuple[Counter[tuple[str, str]], list[str]]:
    """Count the trials by what was said and what happened, and list those where the two differ."""
    counted: Counter[tuple[str, str]] = Counter()
    differing = []
    with Notebook(check_leaks=False, settings={"budget_floor": 1.0}) as nb, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        nb.cell("import torch")
        for op in operators:
            for trial, said, was in trials(nb, op, samples, cells):
                counted[said, was] += 1
                if said != was:
                    differing.append(f"{trial}: said {said}, was {was}")
    return counted, differing


@pytest.fixture(scope="module", params=CELLS)
def counted(request) -> tuple[Counter[tuple[str, str]], list[str]]:
    """Run the trials: in the deep profile, all operators on the first three samples of each."""
    cells = CELLS[request.param]
    return table(OPERATORS, cells, samples=3) if DEEP else table(OPERATORS[::10], cells)


def test_backward_raises_where_that_was_said_and_nowhere_else(counted):
    _, differing = counted

    assert [] == [one for one in differing if "raises" in one]


def test_every_gradient_that_comes_out_wrong_was_warned_of(counted):
    found, differing = counted

    assert [] == [one for one in differing if one.endswith("was wrong")]
    assert found["wrong", "wrong"] > 20


def test_few_warnings_are_in_vain(counted):
    found, _ = counted

    assert found["wrong", "ok"] <= found.total() * 0.02


if __name__ == "__main__":
    for when, cells in CELLS.items():
        found, differ = table(OPERATORS, cells)
        print(when, *differ, *sorted(found.items()), sep="\n")
