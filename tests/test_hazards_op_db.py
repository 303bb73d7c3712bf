"""PyTorch's own table of operators: what is said before backward runs, against what backward then does.

Each differentiable operator runs on tensors that were computed; a later cell overwrites one input, or the output, with an
in-place operator or through `.data`. A tenth of the operators is enough to see each way to save once;
`TENSORWATCH_PROFILE=deep` takes three samples of all of them. To print the table: `python -m tests.test_hazards_op_db`.
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

from tests.notebook import Notebook

if TYPE_CHECKING:
    from collections.abc import Iterator

DEEP = os.environ.get("TENSORWATCH_PROFILE") == "deep"
OPERATORS = [op for op in op_db if op.supports_autograd and torch.float32 in op.supported_backward_dtypes("cpu")]
WRITES = {
    "in place": "with torch.no_grad():\n    target.copy_(torch.randn_like(target))",
    "data": "target.data.copy_(torch.randn_like(target))",
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
        self.arguments = tree_map(compute, [sample.input, tuple(sample.args), dict(sample.kwargs)])
        self.leaves = leaves
        given, rest, more = self.arguments
        self.result = op.op(given, *rest, **more)
        self.outputs = [one for one in tree_flatten(self.result)[0] if is_differentiable(one)]

    def targets(self) -> dict[str, torch.Tensor]:
        """Give what a cell may overwrite: each computed input, and the first output."""
        inputs = [one for one in tree_flatten(self.arguments)[0] if is_differentiable(one)]
        named = {f"input {place}": one for place, one in enumerate(inputs)}
        return named | ({"output": self.outputs[0]} if self.outputs else {})

    def gradients(self) -> list[torch.Tensor | None]:
        torch.manual_seed(1)
        weights = [torch.rand_like(one) for one in self.outputs]
        return list(torch.autograd.grad(self.outputs, self.leaves, weights, allow_unused=True))


def gradients_of(op: Any, sample: Any) -> list[torch.Tensor | None]:
    """Give the right gradients; none where they are not defined."""
    try:
        return Run(op, sample).gradients()
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


def predicted(nb: Notebook, run: Run, target: torch.Tensor, write: str) -> str:
    """Give the graph and the tensors to a notebook, write in a cell, and tell what the report says."""
    nb.give(arguments=run.arguments, result=run.result, target=target)
    nb.cell("pass")
    written = nb.cell(write)
    outcomes = {one["outcome"] for one in nb.report()["hazards"]}
    nb.give(arguments=None, result=None, target=None)
    if written.error is not None:  # the elements of the target overlap each other
        return "refused"
    return "raises" if "raises" in outcomes else "wrong" if "wrong" in outcomes else "ok"


def trials(nb: Notebook, op: Any, samples: int) -> Iterator[tuple[str, str, str]]:
    """Try every write on the first samples: the trial, what was said, what happened."""
    for number, sample in enumerate(islice(op.sample_inputs("cpu", torch.float32, requires_grad=True), samples)):
        names = list(Run(op, sample).targets())
        right = gradients_of(op, sample) if names else []
        for name in names if any(one is not None for one in right) else ():
            for how, write in WRITES.items():
                run = Run(op, sample)
                said = predicted(nb, run, run.targets()[name], write)
                was = actual(run, right)
                if said != "refused" and was != "refused":
                    yield f"{op.formatted_name} sample {number}: {name}, {how}", said, was


def table(operators: list[Any], samples: int = 1) -> tuple[Counter[tuple[str, str]], list[str]]:
    """Count the trials by what was said and what happened, and list those where the two differ."""
    counted: Counter[tuple[str, str]] = Counter()
    differing = []
    with Notebook(check_leaks=False, settings={"budget_floor": 1.0}) as nb, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        nb.cell("import torch")
        for op in operators:
            for trial, said, was in trials(nb, op, samples):
                counted[said, was] += 1
                if said != was:
                    differing.append(f"{trial}: said {said}, was {was}")
    return counted, differing


@pytest.fixture(scope="module")
def counted() -> tuple[Counter[tuple[str, str]], list[str]]:
    """Run the trials: in the deep profile, all operators on the first three samples of each."""
    return table(OPERATORS, samples=3) if DEEP else table(OPERATORS[::10])


def test_backward_raises_where_that_was_said_and_nowhere_else(counted):
    _, differing = counted

    assert [] == [one for one in differing if "raises" in one]


def test_every_gradient_that_comes_out_wrong_was_warned_of(counted):
    found, differing = counted

    assert [] == [one for one in differing if one.endswith("was wrong")]
    assert found["wrong", "wrong"] > 20


def test_few_warnings_are_in_vain(counted):
    found, _ = counted

    assert found["wrong", "ok"] <= found.total() * (0.025 if DEEP else 0.05)


if __name__ == "__main__":
    found, differ = table(OPERATORS, samples=1)
    print(*differ, *sorted(found.items()), sep="\n")
