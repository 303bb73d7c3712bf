"""What is called unread, or only compared, changes no gradient: tried with other numbers, on PyTorch's table of operators.

What a node saved is exchanged for other numbers, one argument of one node at a time, by hooks that autograd offers for it.
Then all gradients are computed: with a graph of their own, of that graph in turn, and plainly, output by output.
"""

from __future__ import annotations

import warnings
from itertools import islice, pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.testing._internal.common_methods_invocations import op_db
from torch.utils._pytree import tree_flatten, tree_map

from ipy_tensorwatch.capture.autograd.saved_by_nodes import is_read, mask_on
from ipy_tensorwatch.capture.tensors.node_readers import Slot, kind_of
from tests.end_to_end.hazards.test_hazards_op_db import DEEP, is_differentiable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

NOT_RUN = ("grid_sampl",)
"""Numbers that are no places in the grid end the process; nothing that these save is called unread."""
TYPES = (torch.float32, torch.complex64)
JUNK: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "other": torch.randn_like,
    "large": lambda one: torch.randn_like(one) * 100,
    "zero": torch.zeros_like,
    "nan": lambda one: torch.full_like(one, float("nan")),
}


class Box:
    """What autograd keeps in the place of a saved tensor."""

    def __init__(self, kept: torch.Tensor) -> None:
        self.kept = self.given = kept


class Graph:
    """One run of an operator, of which some inputs require grad; what it saved can be exchanged."""

    def __init__(self, op: Any, sample: Any, needed: set[int]) -> None:
        self.leaves: list[torch.Tensor] = []
        count = iter(range(1000))

        def compute(value: Any) -> Any:
            if not is_differentiable(value):
                return value.detach().clone() if isinstance(value, torch.Tensor) else value
            if next(count) not in needed:
                return value.detach().clone()
            self.leaves.append(value.detach().clone().requires_grad_())
            return self.leaves[-1].clone()

        given, rest, more = tree_map(compute, [sample.input, tuple(sample.args), dict(sample.kwargs)])
        torch.manual_seed(0)
        with torch.autograd.graph.saved_tensors_hooks(Box, lambda box: box.given):
            result = op.op(given, *rest, **more)
        self.outputs = [one for one in tree_flatten(result)[0] if is_differentiable(one)]

    def nodes(self) -> list[Any]:
        found: dict[Any, None] = {}
        waiting = [one.grad_fn for one in self.outputs]
        while waiting:
            node = waiting.pop()
            if node is not None and node not in found:
                found[node] = None
                waiting += [one for one, _ in node.next_functions]
        return [node for node in found if not isinstance(node, torch._C._FunctionBase)]

    def gradients(self) -> list[torch.Tensor | None]:
        torch.manual_seed(1)
        weights = [torch.rand_like(one).requires_grad_() for one in self.outputs]
        found = ask(self.outputs, self.leaves, weights, create_graph=True)
        live = [one for one in found if one is not None and one.requires_grad]
        found += ask(live, [*self.leaves, *weights], [torch.rand_like(one) for one in live]) if live else []
        for output, weight in zip(self.outputs, weights, strict=True):
            found += ask([output], self.leaves, [weight.detach()])
        return found


def ask(outputs: list[torch.Tensor], inputs: list[torch.Tensor], weights: list[torch.Tensor], **how: bool) -> list[Any]:
    """Give gradients; where PyTorch has none, the first words of its complaint."""
    try:
        return list(torch.autograd.grad(outputs, inputs, weights, retain_graph=True, allow_unused=True, **how))
    except RuntimeError as error:
        return [str(error)[:40]]


def same(one: Any, other: Any) -> bool:
    if isinstance(one, torch.Tensor) and isinstance(other, torch.Tensor):
        return torch.allclose(one, other, equal_nan=True)
    return not isinstance(one, torch.Tensor) and one == other


def boxes(node: Any) -> Iterator[tuple[Slot, Box]]:
    for slot in kind_of(node).saved:
        raw = slot.read(node)
        for one in raw if isinstance(raw, tuple) else (raw,):
            if (
                one is not None
                and isinstance(one.data, Box)
                and (one.data.kept.is_floating_point() or one.data.kept.is_complex())
            ):
                yield slot, one.data


def graphs(samples: int) -> Iterator[tuple[str, Graph, list[Any]]]:
    """Run each operator on its first samples, with all inputs that can require grad, and with each of them alone."""
    for op in op_db:
        for dtype in TYPES if op.supports_autograd and not op.name.startswith(NOT_RUN) else ():
            if dtype not in op.supported_backward_dtypes("cpu"):
                continue
            # `op.sample_inputs` reads the source of every function on the stack, and under pytest there are many.
            known = op.sample_inputs_func(op, "cpu", dtype, requires_grad=True)
            for sample in islice(known, samples):
                given = [
                    one for one in tree_flatten([sample.input, sample.args, sample.kwargs])[0] if is_differentiable(one)
                ]
                every = set(range(len(given)))
                for needed in [every] + ([{one} for one in every] if len(every) > 1 else []):
                    try:
                        graph = Graph(op, sample, needed)
                    except RuntimeError:  # no gradient of that input
                        continue
                    yield op.formatted_name, graph, graph.nodes()


def changes(graph: Graph, right: list[Any], numbers: dict[Box, torch.Tensor]) -> bool:
    """Tell whether the gradients come out otherwise with other numbers."""
    for box, one in numbers.items():
        box.given = one
    found = graph.gradients()
    for box in numbers:
        box.given = box.kept
    return len(found) != len(right) or not all(map(same, found, right))


def moved(numbers: np.ndarray, bounds: Sequence[float]) -> np.ndarray:
    """Give other numbers, on the same side of each bound, and each on the same side of each other."""
    edges = sorted({one for one in bounds if np.isfinite(one)}) or [0.0]
    found = np.where(numbers < edges[0], edges[0] - (edges[0] - numbers) * 3, edges[-1] + (numbers - edges[-1]) * 3)
    for low, high in pairwise(edges):
        inside = (low <= numbers) & (numbers <= high)
        found = np.where(inside, low + (numbers - low) ** 2 / (high - low), found)
    return found.astype(numbers.dtype)


def faults(samples: int) -> tuple[set[str], set[str], list[str]]:
    """Exchange all that is called unread or only compared: what was exchanged, and where a gradient changed."""
    unread, compared, wrong = set(), set(), []
    for op, graph, nodes in graphs(samples):
        right: list[Any] = []
        for node in nodes:
            kind, held = kind_of(node), list(boxes(node))
            for slot, box in held:
                if not is_read(node, kind, slot.use, box.kept):
                    right = right or graph.gradients()
                    unread.add(f"{node.name()}.{slot.name}")
                    wrong += [f"{op}: {node.name()}.{slot.name}, {what}" for what, junk in JUNK.items()
                              if changes(graph, right, {box: junk(box.kept)})]  # fmt: skip
            mask = mask_on(node, kind)
            if mask is not None and all(box.kept.dtype is torch.float32 for _, box in held):
                right = right or graph.gradients()
                parts = [box for name in mask.arguments for slot, box in held if slot.name == name]
                then = [box.kept.detach().numpy() for box in parts]
                now = [moved(one, mask.bounds) for one in then]
                if len(parts) == len(mask.arguments) and mask.is_same(then, now):
                    compared.add(node.name())
                    other = {
                        box: torch.from_numpy(one).reshape(box.kept.shape) for box, one in zip(parts, now, strict=True)
                    }
                    wrong += [f"{op}: {node.name()}, compared"] if changes(graph, right, other) else []
    return unread, compared, wrong


def test_no_gradient_depends_on_what_is_called_unread_or_on_more_than_a_comparison():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        unread, compared, wrong = faults(samples=5 if DEEP else 1)

    assert wrong == []
    assert len(unread) > 50
    assert len(compared) > 20
