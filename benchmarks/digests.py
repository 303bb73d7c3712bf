"""Measure the digest of device memory, on the CPU by PyTorch's operators or on CUDA: `python -m benchmarks.digests`."""

from __future__ import annotations

import sys
import time

import torch

from ipy_tensorwatch.capture.device.digest_launch import DigestLauncher, Portion, digest_portions
from ipy_tensorwatch.capture.device.digest_weights import COLUMNS, ROWS, SEGMENT_BYTES, Weights

SIZES = ((256 << 20, 1), (1 << 20, 64), (4 << 10, 10_000))
"""The size of a tensor in bytes, and how many there are."""
REPEATS = 7


def least(tensor: torch.Tensor, weights: Weights) -> None:
    """Do what no digest of this kind can leave out: move the high bits down, multiply, and sum up in two ways."""
    for part in tensor[: tensor.numel() // (ROWS * COLUMNS) * ROWS * COLUMNS].view(-1, ROWS, COLUMNS).split(4):
        mixed = torch.bitwise_right_shift(part, 29).mul_(weights.words)
        mixed.sum(2)
        mixed.sum(1)


def measure(nbytes: int, count: int) -> tuple[float, float, float]:
    """Return the fastest digest, least work and plain sum of some tensors, in GB a second of the thread's own time."""
    tensors = [torch.randint(-(2**62), 2**62, (nbytes // 8,)) for _ in range(count)]
    portions = [Portion((i, None), one.untyped_storage(), 0, [(1, nbytes)]) for i, one in enumerate(tensors)]
    weights = Weights.on(torch.device("cpu"))
    works = (
        lambda: list(digest_portions(portions, weights)),
        lambda: [least(one, weights) for one in tensors],
        lambda: [one.sum() for one in tensors],
    )
    fastest = [float("inf")] * len(works)
    for _ in range(REPEATS):
        for place, work in enumerate(works):
            start = time.thread_time()
            work()
            fastest[place] = min(fastest[place], time.thread_time() - start)
    digest, floor, read = (nbytes * count / 1e9 / one for one in fastest)
    return digest, floor, read


def measure_there(nbytes: int, count: int, device: str) -> tuple[float, float, float]:
    """Return the fastest digest and copy of some tensors of a CUDA device, in GB a second, and the digest's seconds."""
    tensors = [torch.randint(-(2**62), 2**62, (nbytes // 8,), device=device) for _ in range(count)]
    portions = [Portion((i, None), one.untyped_storage(), 0, [(1, nbytes)]) for i, one in enumerate(tensors)]
    launcher, digests, copies = DigestLauncher.on(device), [], []
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
        digest, floor, read = measure(nbytes, count)
        share = f"{digest / read:4.0%}" + (f", at most {floor / read:4.0%}" if nbytes >= SEGMENT_BYTES else "")
        print(f"{count:>6} x {nbytes >> 10:>7} KB  {digest:5.1f} of {read:5.1f} GB/s  {share}")


if __name__ == "__main__":
    main()
