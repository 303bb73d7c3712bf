"""Measure the least that could see what a training step changes: `python -m benchmarks.least`.

One plain loop over tensors that are already known: read their attributes, digest their bytes, copy what is small and
changed. It walks through no variable, finds no alias, judges nothing and prints nothing: a hook does all that besides.
"""

from __future__ import annotations

import ctypes
import sys
import time
from collections import deque
from typing import TYPE_CHECKING, Any

import torch
import xxhash

from benchmarks.cells import MODEL

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

COPIED = 1 << 16
"""Changed storages up to this size, in bytes, are copied, so that changed elements can be counted."""
KEPT = 8
"""The steps of which the bytes that they overwrote are kept."""
REPEATS = 40


def tensors_of(names: dict[str, Any]) -> Iterator[torch.Tensor]:
    """Yield the parameters of a model, their gradients, and what the optimizer keeps."""
    for parameter in names["model"].parameters():
        yield parameter
        if parameter.grad is not None:
            yield parameter.grad
    for state in names["opt"].state.values():
        yield from (one for one in state.values() if isinstance(one, torch.Tensor))


def look_at(tensors: Iterator[torch.Tensor], known: dict[int, tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """Compare tensors with what is known of them; return the digests and copies from before."""
    overwritten = []
    for one in tensors:
        _ = one._version, one.requires_grad, one.dtype, one.shape, one.stride(), one.storage_offset()
        address, size = one.data_ptr(), one.untyped_storage().nbytes()
        window = (ctypes.c_ubyte * size).from_address(address)
        digest, before = xxhash.xxh3_128_digest(window), known.get(address)
        if before is None or before[0] != digest:
            known[address] = digest, bytes(window) if size <= COPIED else b""
            overwritten += [before] if before else []
    return overwritten


def measure() -> tuple[float, float]:
    """Return the processor's seconds of a training step, and of one with the least look after it; the shortest runs."""
    names: dict[str, Any] = {}
    exec(MODEL.format(depth=12), names)
    known: dict[int, tuple[bytes, bytes]] = {}
    kept: deque[list[tuple[bytes, bytes]]] = deque(maxlen=KEPT)

    def looked_at() -> None:
        names["step"]()
        kept.append(look_at(tensors_of(names), known))

    return _shortest(names["step"]), _shortest(looked_at)


def _shortest(action: Callable[[], object]) -> float:
    times = []
    for _ in range(REPEATS):
        start = time.process_time()
        action()
        times.append(time.process_time() - start)
    return min(times)


def main() -> None:
    """Print the two times and their ratio."""
    torch.set_num_threads(1)
    plain, least = measure()
    print(f"torch {torch.__version__}, Python {sys.version.split()[0]}")
    print(f"a training step {plain * 1e3:.1f} ms, with the least look {least * 1e3:.1f} ms: {least / plain:.2f}x")


if __name__ == "__main__":
    main()
