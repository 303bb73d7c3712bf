"""An accelerator for tests, named `sim`: its memory cannot be read by the host, and it counts what is copied."""

from __future__ import annotations

import fcntl
import os
import shutil
import types
from contextlib import contextmanager
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import torch

from tests.support.older_pytorch import IS_OLD

if TYPE_CHECKING:
    from collections.abc import Iterator

DEVICE = os.environ.get("TENSORWATCH_DEVICE", "sim")
"""The device that the tests run on: the test accelerator, or `cuda` for `make test-device`."""
SOURCE = Path(__file__).with_suffix("") / "accelerator.cpp"
BUILT = Path(__file__).parents[2] / "build" / "accelerator"
"""Kept between runs, ignored by git; it is built again when its source or PyTorch changes."""


def accelerator() -> Any:
    """Return the module that controls the device; skip the test if it cannot be built here."""
    if DEVICE == "cuda":
        from tests.support.cuda_device import cuda_device

        return cuda_device()
    missing = [one for one in ("c++", "ninja") if shutil.which(one) is None]
    if missing:
        pytest.skip(f"the test accelerator needs {' and '.join(missing)} to be built")
    if IS_OLD:
        pytest.skip("the test accelerator is written for the hooks of newer PyTorch")
    return _loaded()


def for_device(source: str) -> str:
    """Return a cell of the test accelerator as one of the device that the tests run on."""
    for quote in ("'", '"'):
        for index in ("", ":0"):
            source = source.replace(f"{quote}sim{index}{quote}", f"{quote}{DEVICE}{index}{quote}")
    return source


@contextmanager
def built_alone(folder: Path) -> Iterator[None]:
    """Let one process build at a time; a lock of PyTorch's that is there nevertheless is of one that was killed.

    PyTorch would wait for it for ever, without a word; ours ends with the process that holds it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "building").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        (folder / "lock").unlink(missing_ok=True)
        yield


@cache
def _loaded() -> Any:
    from torch.utils.cpp_extension import load

    folder = BUILT / torch.__version__
    with built_alone(folder):
        module = load("test_accelerator", [str(SOURCE)], extra_cflags=["-O0"], build_directory=str(folder))
    torch.utils.rename_privateuse1_backend("sim")
    torch._register_device_module("sim", _device_module(module))
    torch.utils.generate_methods_for_privateuse1_backend()
    return module


@contextmanager
def _made_current(module: Any, device: torch.device) -> Iterator[None]:
    before = module.current()
    module.make_current(device.index)
    try:
        yield
    finally:
        module.make_current(before)


def _device_module(module: Any) -> types.ModuleType:
    """Return what PyTorch expects at `torch.sim`."""
    made = types.ModuleType("torch.sim")
    made.is_available = lambda: True
    made.is_initialized = lambda: True
    made.device_count = lambda: 2
    made.current_device = module.current
    made.device = partial(_made_current, module)
    made._is_in_bad_fork = lambda: False
    made.manual_seed_all = lambda seed: None
    made.manual_seed = lambda seed: None
    made.get_rng_state = lambda device=None: torch.empty(0, dtype=torch.uint8)
    made.set_rng_state = lambda state, device=None: None
    made.synchronize = lambda device=None: module.synchronize()
    made.is_current_stream_capturing = module.is_capturing
    made.mem_get_info = lambda device=None: module.memory(getattr(device, "index", None) or 0)
    made.get_amp_supported_dtype = lambda: [torch.float16, torch.bfloat16]
    return made
