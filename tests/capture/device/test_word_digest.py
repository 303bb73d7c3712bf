"""The digest of device memory is that of its definition, and sees every write."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ipy_tensorwatch.capture.device.digest_launch import DigestLauncher, Portion, digest_portions
from ipy_tensorwatch.capture.device.digest_weights import SEGMENT_BYTES, Weights
from tests.support.accelerator import accelerator
from tests.support.adversarial_writes import ADVERSARIAL, DTYPES, FILLED, made, rows_of
from tests.support.plain_digest import plain_digest

SIZES = [
    1,
    7,
    8,
    9,
    64,
    4096,
    4097,
    SEGMENT_BYTES - 1,
    SEGMENT_BYTES,
    SEGMENT_BYTES + 1,
    5 * SEGMENT_BYTES + 13,
    1 << 23,
]


WEIGHTS = Weights.on(torch.device("cpu"))


def digest(tensor: torch.Tensor, levels: list[tuple[int, int]] | None = None, low: int = 0) -> bytes:
    """Digest the storage of a tensor of the CPU, or part of it, by PyTorch's operators."""
    storage = tensor.untyped_storage()
    portion = Portion((1, None), storage, low, levels or [(1, storage.nbytes())])
    ((_, sums, _),) = digest_portions([portion], WEIGHTS)
    return sums.numpy().tobytes()


def bytes_of(tensor: torch.Tensor) -> bytes:
    return tensor.view(torch.uint8).numpy().tobytes()


def some(dtype: torch.dtype, count: int) -> torch.Tensor:
    raw = np.random.default_rng(count).integers(1, 250, count * torch.empty(0, dtype=dtype).element_size(), np.uint8)
    return torch.from_numpy(raw).clone().view(torch.uint8 if dtype == torch.bool else dtype)


@pytest.mark.parametrize("size", SIZES)
def test_it_is_the_digest_of_the_definition(size: int):
    data = some(torch.uint8, size)

    assert digest(data) == plain_digest(bytes_of(data))


@given(st.binary(min_size=1, max_size=5000))
def test_it_is_the_digest_of_the_definition_for_any_bytes(data: bytes):
    assert digest(torch.frombuffer(bytearray(data), dtype=torch.uint8)) == plain_digest(data)


def test_a_run_that_begins_between_two_words_has_the_digest_of_its_bytes():
    data = some(torch.uint8, 3 * SEGMENT_BYTES)
    run = bytes_of(data)[3 : 3 + 2 * SEGMENT_BYTES + 5]

    assert digest(data, [(1, len(run))], 3) == plain_digest(run)


@pytest.mark.parametrize("shape", [(40, 60), (700, 900), (3, 1 << 19)], ids=str)
def test_bytes_with_gaps_between_them_have_a_digest_of_these_bytes_alone(shape: tuple[int, int]):
    rows, columns = shape
    data = some(torch.uint8, rows * columns)
    levels = [(1, columns // 2), (columns, rows)]
    before = digest(data, levels)
    data.view(rows, columns)[:, columns // 2 :] += 1
    beside = digest(data, levels)
    data.view(rows, columns)[rows - 1, columns // 2 - 1] += 1

    assert beside == before
    assert digest(data, levels) != before


def test_many_portions_come_back_in_one_copy_each_with_its_own_digest():
    device = accelerator()
    tensors = [some(torch.uint8, size) for size in (5, 9000, 5, 300_000, 64, 63, SEGMENT_BYTES)]
    there = [one.to("sim") for one in tensors]
    portions = [Portion((i, None), one.untyped_storage(), 0, [(1, one.numel())]) for i, one in enumerate(there)]
    launcher = DigestLauncher(there[0].device)
    launcher.launch(portions)
    device.counts()
    found = launcher.launch(portions).digests()

    assert device.counts()["to_host"] == 16 * len(tensors)
    assert found == {(i, None): plain_digest(bytes_of(one)) for i, one in enumerate(tensors)}


class Kernel:
    """A kernel that fails at some of its calls, and else leaves the digests to the operators."""

    def __init__(self, *failing: int) -> None:
        self.failing, self.calls = failing, 0

    def __call__(self, runs: list[tuple[int, int]], *_: object) -> torch.Tensor:
        self.calls += 1
        if self.calls in self.failing:
            raise torch.OutOfMemoryError
        return torch.full((len(runs), 2), self.calls)


@pytest.mark.parametrize(("kernel", "calls"), [(Kernel(1, 2, 5, 6), 9), (Kernel(1, 2, 3), 3), (Kernel(4, 5, 6), 6)])
def test_a_kernel_is_given_up_only_after_it_has_failed_several_times_in_a_row(kernel: Kernel, calls: int):
    storage = some(torch.uint8, 9).untyped_storage()
    launcher = DigestLauncher(torch.device("cpu"), kernel)
    found = [launcher.digest([Portion((1, None), storage, 0, [(1, 9)])])[1] for _ in range(9)]
    expected = plain_digest(bytes(storage.tolist()))

    assert kernel.calls == calls
    for number, sums in enumerate(found, start=1):
        is_made = number <= calls and number not in kernel.failing
        assert sums.tolist() == [[number] * 2] if is_made else sums.numpy().tobytes() == expected


def test_a_device_that_is_lost_is_no_fault_of_the_kernel(monkeypatch: pytest.MonkeyPatch):
    def lose(_: object) -> None:
        raise RuntimeError

    kernel = Kernel(*range(1, 9))
    launcher = DigestLauncher(torch.device("cpu"), kernel)
    portion = Portion((1, None), some(torch.uint8, 9).untyped_storage(), 0, [(1, 9)])
    with monkeypatch.context() as patch:
        patch.setattr(torch, "cat", lose)
        for _ in range(8):
            with pytest.raises(RuntimeError):
                launcher.digest([portion])
    launcher.digest([portion])

    assert kernel.calls == 9


# ---------------------------------------------------------------- writes that cancel in a plain weighted sum


@pytest.mark.parametrize("name", ADVERSARIAL)
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_no_write_that_changes_bytes_keeps_the_digest(name: str, dtype: torch.dtype):
    for filled in FILLED:
        tensor = made(dtype, filled)
        before, was = digest(tensor), rows_of(tensor)
        ADVERSARIAL[name](tensor)

        assert (digest(tensor) != before) == (not torch.equal(rows_of(tensor), was))


@given(st.integers(0, 8 * 5000 - 1), st.integers(1, 5000))
def test_one_bit_anywhere_changes_both_sums(bit: int, size: int):
    data = bytearray(some(torch.uint8, size).numpy().tobytes())
    before = plain_digest(bytes(data))
    data[bit // 8 % size] ^= 1 << bit % 8
    after = plain_digest(bytes(data))

    assert before[:8] != after[:8]
    assert before[8:] != after[8:]


def test_two_segments_that_change_places_change_the_digest():
    data = some(torch.int64, SEGMENT_BYTES // 4)
    before = digest(data)
    data.copy_(data.roll(SEGMENT_BYTES // 8))

    assert digest(data) != before
