"""Measure the digest of device memory, on the CPU by PyTorch's operators or on CUDA: `python -m benchmarks.digests`."""

from __future__ import annotations

import sys
import time

import torch

from ipy_tensorwatch.capture.device.digest_launch import DigestLauncher, Portion, digest_portions
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


def measure_there(nbytes: int, count: int, device: str) -> tuple[float, float, float]:
    """Return the fastest digest and copy of some tensors of a CUDA device, in GB a second, and the digest's seconds."""
    tensors = [torch.randint(-(2**62), 2**62, (nbytes // 8,), device=device) for _ in range(count)]
    portions = [Portion((i, None), one.untyped_storage(), 0, [(1, nbytes)]) for i, one in enumerate(tensors)]
    launcher, digests, copies = DigestLauncher.on(torch.device(device)), [], []
    source = torch.empty(nbytes * count, dtype=torch.uint8, device=device)
    for work, seconds in ((lambda: launcher.launch(portions), digests), (source.clone, copies)):
        for _ in range(REPEATS):
            torch.cuda.synchronize()
            start = time.perf_counter()
            work()
            torch.cuda.synchronize()
            seconds.append(time.perf_counter() - start)
    total = nbytes * count / 1e9
    return total / min(digests), total / min(copies), min(digests)


def main_there(device: str) -> None:
    print(torch.cuda.get_device_name(device))
    for nbytes, count in ((1 << 30, 1), *SIZES):
        digest, copy, seconds = measure_there(nbytes, count, device)
        print(f"{count:>6} x {nbytes >> 10:>7} KB  {digest:7.1f} of {copy:7.1f} GB/s  {1000 * seconds:7.2f} ms")


def main() -> None:
    if sys.argv[1:]:
        main_there(sys.argv[1])
        return
    torch.set_num_threads(1)
    for nbytes, count in SIZES:
        digest, read = measure(nbytes, count)
        print(f"{count:>6} x {nbytes >> 10:>7} KB  {digest:5.1f} of {read:5.1f} GB/s  {digest / read:4.0%}")


if __name__ == "__main__":
    main()
