"""Measure what following graphs costs after a cell, and freezing: `python -m benchmarks.backward`."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import torch

from ipy_tensorwatch.capture.observer import Observer
from ipy_tensorwatch.capture.runtime.gc_pause import quiet_collector
from ipy_tensorwatch.capture.tensors.node_readers import kind_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Names = dict[str, Any]

NODES = 10_000
REPEATS = 9


def deep(nodes: int) -> Names:
    """Build one long chain that saves what two names lead to, and its own results."""
    y = w = torch.ones(4, requires_grad=True)
    for _ in range(nodes // 2):
        y = (y * w).sin()
    return {"target": w, "loss": y.sum()}


def wide(nodes: int) -> Names:
    """Build many short chains whose results all have a name."""
    leaves = [torch.ones(4, requires_grad=True) for _ in range(nodes // 4)]
    kept = [(leaf * leaf).exp() for leaf in leaves]
    return {"target": leaves[0], "leaves": leaves, "kept": kept, "loss": torch.stack([one.sum() for one in kept]).sum()}


def transformer(nodes: int) -> Names:
    """Build the graph of an encoder, 63 nodes a layer."""
    layer = torch.nn.TransformerEncoderLayer(32, 4, 64, batch_first=True)
    model = torch.nn.TransformerEncoder(layer, nodes // 63, enable_nested_tensor=False)
    x = torch.randn(2, 4, 32)
    return {"target": model.layers[-1].linear1.weight, "model": model, "x": x, "loss": model(x).sum()}


def read(root: torch.Tensor) -> int:
    """Visit each node once, and read version and storage of what it saved: the floor."""
    waiting, seen, count = [root.grad_fn], set[int](), 0
    while waiting:
        node: Any = waiting.pop()
        number = node._sequence_nr()
        if number in seen:
            continue
        seen.add(number)
        waiting += [one for one, _ in node.next_functions if one is not None]
        for slot in kind_of(node).saved:
            raw = slot.read(node)
            kept = None if raw is None or isinstance(raw, tuple) or raw.unpack_hook else raw.data
            if kept is not None:
                count += kept._version + (kept.untyped_storage()._cdata > 0)
    return count


def looks(make: Callable[[int], Names]) -> Iterator[tuple[str, str]]:
    """Time the first look at a graph, a later one after a harmless write, and one after a write that breaks it."""
    times = [(*_look(make(NODES)), _bare(make(NODES))) for _ in range(REPEATS)]
    first, later, broken, floor = (min(column) * 1e3 for column in zip(*times, strict=True))
    name = make.__name__
    yield f"{name}: first look", f"{first:.1f} ms, {first / floor:.1f} times the bare reading of {floor:.1f} ms"
    yield f"{name}: later look", f"{later:.1f} ms, {later / floor:.2f} times"
    yield f"{name}: the look that finds a hazard", f"{broken:.1f} ms, {broken / floor:.2f} times"


def _look(names: Names) -> tuple[float, float, float]:
    observer, names = Observer(), {**names, "other": torch.zeros(4)}
    first = _timed(observer, names, 1)
    names["other"].add_(1)
    later = _timed(observer, names, 2)
    names["target"].data.add_(1)
    return first, later, _timed(observer, names, 3)


def _bare(names: Names) -> float:
    with quiet_collector():
        start = time.perf_counter()
        read(names["loss"])
        return time.perf_counter() - start


def _timed(observer: Observer, names: Names, cell: int) -> float:
    """Time the part of a look that follows graphs."""
    follow, spent = Observer._follow_graphs, [0.0]

    def timed(self: Observer, *args: Any, **options: Any) -> Any:
        start = time.perf_counter()
        try:
            return follow(self, *args, **options)
        finally:
            spent[0] = time.perf_counter() - start

    observer.budget.limit = 1e6
    observer.budget.grant(1e6)
    Observer._follow_graphs = timed  # type: ignore[method-assign]
    try:
        with quiet_collector():  # as in the hook
            observer.look(names, cell)
    finally:
        Observer._follow_graphs = follow  # type: ignore[method-assign]
    return spent[0]


def main() -> None:
    """Print what was measured."""
    torch.set_num_threads(1)
    for make in (deep, wide, transformer):
        for what, told in looks(make):
            print(f"{what:45} {told}")


if __name__ == "__main__":
    main()
