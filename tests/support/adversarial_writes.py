"""Writes that would escape a digest which sums words times numbers, for tensors of every dtype."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from collections.abc import Callable

DTYPES = [
    *(torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.float8_e4m3fn, torch.float8_e5m2),
    *(torch.complex128, torch.complex64, torch.complex32, torch.bool),
    *(torch.int64, torch.int32, torch.int16, torch.int8, torch.uint64, torch.uint32, torch.uint16, torch.uint8),
]
COUNT = 4096
"""The elements of a tensor."""
FILLED = ["random", "zeros", "alternating"]


def bits(x: torch.Tensor) -> torch.Tensor:
    """View elements as integers, those of 16 bytes as pairs."""
    return x.view({1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64, 16: torch.int64}[x.itemsize])


def flip(x: torch.Tensor, places: Any, bit: int = -1) -> None:
    """Flip a bit of some elements, the sign if it is the last."""
    several = bits(x)
    high = several.itemsize * 8 - 1 if bit < 0 else bit
    mask = torch.tensor(1 << high if several.dtype == torch.uint8 or bit >= 0 else -1 << high, dtype=several.dtype)
    several[places] ^= mask.to(x.device)


def swap(x: torch.Tensor, a: int, b: int, *, signs: bool = False) -> None:
    bits(x)[[a, b]] = bits(x)[[b, a]]
    if signs:
        flip(x, [a, b])


def turn(x: torch.Tensor, turned: Callable[[torch.Tensor], torch.Tensor]) -> None:
    bits(x).copy_(turned(bits(x)).clone())


ADVERSARIAL: dict[str, Callable[[torch.Tensor], object]] = {
    "negate all": lambda x: flip(x, slice(None)),
    "negate two": lambda x: flip(x, [0, 1]),
    "negate a rectangle": lambda x: flip(x, [0, 7, 512, 519]),
    "negate the zeros": lambda x: flip(x, bits(x) == 0),
    "swap": lambda x: swap(x, 0, 1),
    "swap far": lambda x: swap(x, 3, COUNT - 1),
    "swap with sign": lambda x: swap(x, 0, 1, signs=True),
    "swap with sign a row apart": lambda x: swap(x, 5, 5 + 512, signs=True),
    "reverse": lambda x: turn(x, lambda one: one.flip(0)),
    "roll": lambda x: turn(x, lambda one: one.roll(1)),
    "transpose": lambda x: turn(x, lambda one: one.view(32, -1).T.reshape(-1)),
    "swap halves": lambda x: turn(x, lambda one: one.roll(COUNT // 2)),
    "add and take away": lambda x: (bits(x)[:1].add_(1), bits(x)[1:2].sub_(1)),
    "scale by two": lambda x: bits(x).mul_(2),
    "complement": lambda x: bits(x).bitwise_not_(),
    "one bit": lambda x: flip(x, [77], 0),
    "the highest bit of two words": lambda x: flip(x.view(torch.uint8), [7, 2055]),
    "the highest bit of all words": lambda x: flip(x.view(torch.uint8), slice(7, None, 8)),
    "bytes of one word": lambda x: swap(x.view(torch.uint8), 0, 1),
    "nothing": lambda x: bits(x).add_(0),
}


def made(dtype: torch.dtype, filled: str) -> torch.Tensor:
    """Make a tensor of the CPU."""
    size = dtype.itemsize
    data = torch.zeros(COUNT, size, dtype=torch.uint8)
    if filled == "random":
        data = torch.randint(1, 250, (COUNT, size), generator=torch.Generator().manual_seed(size), dtype=torch.uint8)
    elif filled == "alternating":
        data[::2, -1] = 128
    return (data % 2 if dtype == torch.bool else data).view(-1).view(dtype)


def rows_of(x: torch.Tensor) -> torch.Tensor:
    """Copy the bytes of elements, a row for each."""
    return x.view(torch.uint8).clone().cpu().view(-1, x.itemsize)
