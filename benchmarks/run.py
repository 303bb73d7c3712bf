"""Measure what watching costs, and print a table of ratios: `python -m benchmarks.run`."""

from __future__ import annotations

import gc
import subprocess
import sys
import time
import warnings
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np
import torch
import xxhash

from benchmarks.training import compare, compiled
from ipy_tensorwatch.capture.observer import Observer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

REPEATS = 9
SIZES = (1_000, 10_000, 100_000)
BYTES = ((10_000, 4 << 10), (300, 1 << 20), (1, 2 << 30))


def best(*actions: Callable[[], object], repeats: int = REPEATS) -> list[float]:
    """Return the shortest run of each action, in seconds; they take turns, so that all see the same machine."""
    times: list[list[float]] = [[] for _ in actions]
    for _ in range(repeats):
        for action, known in zip(actions, times, strict=True):
            start = time.perf_counter()
            action()
            known.append(time.perf_counter() - start)
    return [min(known) for known in times]


def floor_of(tensors: list[torch.Tensor]) -> Callable[[], object]:
    """Make the floor: the three attributes of each tensor, read in one list comprehension."""
    return lambda: [(one._version, one.data_ptr(), one.requires_grad) for one in tensors]


def metadata() -> Iterator[tuple[str, float]]:
    """Compare the hook without bytes with the floor."""
    for size in SIZES:
        tensors = [torch.randn(4) for _ in range(size)]
        layer = torch.nn.TransformerEncoderLayer(8, 2, 8, batch_first=True)
        model = torch.nn.TransformerEncoder(layer, max(1, size // 12))
        names = {"list": {"x": tensors}, "dict": {"x": {str(i): one for i, one in enumerate(tensors)}}}
        for name, namespace in names.items():
            yield f"metadata, {size:,} tensors in a {name}", _ratio(namespace, tensors)
        yield f"metadata, {size:,} parameters of a transformer", _ratio({"m": model}, list(model.parameters()))


def _ratio(namespace: dict[str, object], tensors: list[torch.Tensor]) -> float:
    observer = Observer()
    observer.look(namespace, 1)
    repeats = max(REPEATS, 100_000 // len(tensors))
    hook, floor = best(lambda: observer.snapshotter.take(namespace), floor_of(tensors), repeats=repeats)
    return hook / floor


def contents() -> Iterator[tuple[str, float]]:
    """Compare the hook with bytes with the floor and one pass over the bytes."""
    for count, nbytes in BYTES:
        # Filled, because pages that were never written are all one page, which stays in the cache.
        tensors = [torch.full((nbytes,), number % 251, dtype=torch.uint8) for number in range(count)]
        observer = Observer()
        observer.budget.limit = 1e6
        namespace = {"x": tensors}

        def look(observer: Observer = observer, namespace: dict[str, object] = namespace) -> None:
            observer.budget.grant(1e6)
            observer.look(namespace, 1)

        look()
        arrays = [one.numpy() for one in tensors]
        words = [array.view(np.uint64) for array in arrays]
        hook, floor, *passes = best(
            look,
            floor_of(tensors),
            lambda words=words: [np.add.reduce(word) for word in words],
            lambda arrays=arrays: [xxhash.xxh3_64_intdigest(array) for array in arrays],
            repeats=5,
        )
        yield f"bytes verified, {count:,} x {nbytes >> 10:,} KB", hook / (floor + min(passes))
        del tensors, arrays, words, observer, namespace
        gc.collect()


def loading() -> float:
    """Time `%load_ext` in a fresh interpreter that has imported torch and IPython; seconds."""
    code = (
        "import torch, time; from IPython.core.interactiveshell import InteractiveShell as S; s = S.instance();"
        "t = time.perf_counter(); s.run_line_magic('load_ext', 'ipy_tensorwatch'); print(time.perf_counter() - t)"
    )
    runs = [subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True) for _ in range(3)]
    return min(float(run.stdout.split()[-1]) for run in runs)


def main() -> None:
    """Print the table."""
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    print(f"torch {torch.__version__}, Python {sys.version.split()[0]}")
    for what, ratio in chain(metadata(), contents()):
        print(f"| {what} | {ratio:.2f}x |", flush=True)
    print(f"| %load_ext after import torch | {loading() * 1000:.0f} ms |", flush=True)
    for what, share in chain(compiled(), compare()):
        print(f"| {what} | {share:+.2%} |", flush=True)


if __name__ == "__main__":
    main()
