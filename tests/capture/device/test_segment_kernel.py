"""Triton's kernel gives the digest of PyTorch's operators, and the same copies; it runs in Triton's interpreter here.

Without a card it can be compiled for one all the same: Triton brings the assembler of CUDA.
"""

from __future__ import annotations

import importlib.util
import sys

import pytest

from tests.support.older_pytorch import IS_OLD
from tests.support.own_process import run_apart

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("triton") is None,
    reason="Triton is missing; where there is a wheel of it, as on Linux: pip install triton",
)


def compare() -> None:
    """Digest storages of many sizes, runs that begin anywhere and bytes with gaps, with the kernel and without."""
    import os

    os.environ["TRITON_INTERPRET"] = "1"
    import numpy as np
    import torch

    from ipy_tensorwatch.capture.device.digest_launch import DigestLauncher, Portion
    from ipy_tensorwatch.capture.device.digest_weights import SEGMENT_BYTES
    from ipy_tensorwatch.capture.device.segment_kernel import digest_runs
    from tests.support.plain_digest import plain_digest

    rng = np.random.default_rng(0)
    here = torch.device("cpu")
    sizes = [1, 5, 8, 9, 64, 4097, 60_000, SEGMENT_BYTES, SEGMENT_BYTES + 1, 2 * SEGMENT_BYTES + 13]
    data = [rng.integers(0, 256, size, np.uint8) for size in sizes]
    storages = [torch.from_numpy(one.copy()).untyped_storage() for one in data]
    whole = [Portion((i, None), one, 0, [(1, one.nbytes())]) for i, one in enumerate(storages)]
    runs = [(5, 1, 3), (5, 7, 9), (6, 3, 4096), (9, 5, SEGMENT_BYTES + 2), (4, 63, 1), (9, 8, 64)]
    parts = [Portion((i, (low, (size,), (1,), 1)), storages[i], low, [(1, size)]) for i, low, size in runs]
    gaps = [Portion((6, (0, (10, 20), (100, 1), 1)), storages[6], 2, [(1, 20), (100, 10)])]

    launcher, copies, others = DigestLauncher(here, digest_runs), {}, {}
    by_kernel = dict(zip(*_told(launcher.digest([*whole, *parts, *gaps], 1 << 20, copies)), strict=True))
    by_operators = dict(zip(*_told(DigestLauncher(here).digest([*whole, *parts, *gaps], 1 << 20, others)), strict=True))

    assert launcher.kernel is not None
    assert by_operators == by_kernel
    assert [by_kernel[i, None] for i in range(len(sizes))] == [plain_digest(one.tobytes()) for one in data]
    assert copies.keys() == others.keys() == {i for i, size in enumerate(sizes) if size <= 1 << 16}
    for i, one in copies.items():
        assert one.words.numpy().tobytes()[: sizes[i]] == data[i].tobytes()


def _told(digests: tuple[list, object]) -> tuple[list, list[bytes]]:
    keys, sums = digests
    return keys, [row.numpy().tobytes() for row in sums]


def test_the_kernel_gives_the_digests_and_copies_of_the_operators():
    where = f"import sys; sys.path += {sys.path!r}\n"
    ran = run_apart(where + "from tests.capture.device.test_segment_kernel import compare; compare()")

    assert (0, "") == (ran.returncode, ran.stderr[-2000:] if ran.returncode else "")


CARDS = (75, 80, 90, 100)
"""The generations of NVIDIA's cards, from Turing on, as CUDA numbers them."""


def assemble() -> None:
    """Compile the kernel for each generation, down to the code that a card runs."""
    import triton
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    from ipy_tensorwatch.capture.device.digest_weights import COLUMNS
    from ipy_tensorwatch.capture.device.segment_kernel import BLOCK, FIELDS, add_segment

    constants = {"fields": FIELDS, "columns": COLUMNS, "block": BLOCK}
    kinds = dict.fromkeys(add_segment.arg_names, "*i64") | dict.fromkeys(constants, "constexpr")
    for card in CARDS:
        source = ASTSource(fn=add_segment, signature=kinds, constexprs=constants)
        made = triton.compile(source, target=GPUTarget("cuda", card, 32))

        assert made.asm["cubin"]
        assert ".local" not in made.asm["ptx"]


@pytest.mark.skipif(IS_OLD, reason="its Triton compiles by other arguments")
def test_the_kernel_can_be_compiled_for_the_cards_of_today():
    where = f"import sys; sys.path += {sys.path!r}\n"
    ran = run_apart(where + "from tests.capture.device.test_segment_kernel import assemble; assemble()")

    assert (0, "") == (ran.returncode, ran.stderr[-2000:] if ran.returncode else "")
