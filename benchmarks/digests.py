"""Measure the digest of device memory by PyTorch's operators, here on the CPU: `python -m benchmarks.digests`."""

from __future__ import annotations

import time

import torch

from ipy_tensorwatch.capture.device.digest_launch import Portion, digest_portions
from ipy_tensorwatch.capture.device.digest_weights import Weights

SIZES = ((256 << 20, 1), (1 << 20, 64), (4 << 10, 10_000))
"""The size of a tensor in bytes, and how many there are."""
REPEATS = 7


def measure(nbytes: int, count: int) -> tuple[float, float]:
    """Return the fastest digest and the fastest sum of some tensors, in GB a second of the thread's own time."""
    tensors = [torch.randint(-(2**62), 2**62, (nbytes // 8,)) for _ in range(count)]
    portions = [Portion((i, None), one.untyped_storage(), 0, [(1, nbytes)]) for i, one in enumerate(tensors)]
    weights = Weights.on(torch.device("cpu"))
    digests, reads = [], []
    for _ in range(REPEATS):
        start = time.thread_time()
        list(digest_portions(portions, weights))
        middle = time.thread_time()
        for one in tensors:
            one.sum()
        digests.append(middle - start)
        reads.append(time.thread_time() - middle)
    total = nbytes * count / 1e9
    return total / min(digests), total / min(reads)


def main() -> None:
    torch.set_num_threads(1)
    for nbytes, count in SIZES:
        digest, read = measure(nbytes, count)
        print(f"{count:>6} x {nbytes >> 10:>7} KB  {digest:5.1f} of {read:5.1f} GB/s  {digest / read:4.0%}")


if __name__ == "__main__":
    main()
