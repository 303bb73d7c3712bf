"""The only place that reads addresses: by a system call, which fails where a pointer would crash."""

from __future__ import annotations

import ctypes
import errno
import os
import struct
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    Copy = Callable[[bytes, int, int], int]

SCRATCH = (1 << 18) + (1 << 16)
"""The number of bytes copied at once: few enough to be digested in the cache."""
MAX_SPANS = 1024
"""The maximum number of spans in one Linux call."""
_SPAN = struct.Struct("@QQ")
_FORBIDDEN = (errno.EPERM, errno.ENOSYS)


def span(address: int, nbytes: int) -> bytes:
    """Encode a run of bytes as a span of the system call; spans may be concatenated."""
    return _SPAN.pack(address, nbytes)


def write_spans(address: int, runs: np.ndarray[Any, Any]) -> bytes:
    """Encode many runs, rows of (offset, length), as spans."""
    found = np.array(runs, np.uint64)
    found[:, 0] += np.uint64(address)
    return found.tobytes()


def window(address: int, nbytes: int) -> Any:  # noqa: ANN401
    """Return a buffer over bytes, valid while the caller holds them and nobody else can move them."""
    return (ctypes.c_ubyte * nbytes).from_address(address)


class Scratch:
    """Memory of our own, to which bytes are copied before use."""

    __slots__ = ("_address", "_array", "view")

    def __init__(self) -> None:
        """Allocate the memory."""
        self._array = np.empty(SCRATCH, np.uint8)
        self._address = self._array.ctypes.data
        self.view = self._array.data

    def fetch(self, many: bytes, total: int) -> int:
        """Copy spans out, concatenated; return the number of bytes before one that cannot be read."""
        return _copy_out(many, self._address, total)


def fetch_into(target: np.ndarray[Any, Any], many: bytes) -> int:
    """Copy spans directly into an array of bytes."""
    return _copy_out(many, target.ctypes.data, target.nbytes)


def mapping_at(address: int) -> str:
    """Return the name of the file mapped at an address; empty if there is none or the system does not say."""
    try:
        with Path("/proc/self/maps").open(encoding="utf-8", errors="replace") as file:
            for line in file:
                places, _, _, home = line.split(" ", 3)
                low, high = (int(one, 16) for one in places.split("-"))
                if low <= address < high:
                    return "" if home.startswith("00:00 0 ") else home.strip()
    except OSError:
        pass
    return ""


def store(many: bytes, data: bytes | memoryview) -> bool:
    """Write bytes into spans; return whether all were written. Read-only memory is not changed."""
    source = np.frombuffer(data, np.uint8)
    done, step = 0, MAX_SPANS * _SPAN.size
    for start in range(0, len(many), step):
        part = many[start : start + step]
        total = sum(length for _, length in _SPAN.iter_unpack(part))
        if _copy_in(part, source.ctypes.data + done, total) != total:
            return False
        done += total
    return True


class _Span(ctypes.Structure):
    _fields_ = (("address", ctypes.c_size_t), ("length", ctypes.c_size_t))


def _system_call(name: str) -> Copy:
    """Return the Linux call that copies between two processes, here both our own.

    The roles are swapped on purpose: the "local" spans are the foreign memory, and the "remote" one is our own.
    Either side may fail, but only for the remote one does the call look up every page.
    """
    call = getattr(
        ctypes.PyDLL(None, use_errno=True), name
    )  # keeps the GIL, which is slow to get back in a busy program
    call.argtypes = (ctypes.c_int, *(ctypes.c_void_p, ctypes.c_ulong) * 2, ctypes.c_ulong)
    call.restype = ctypes.c_ssize_t
    size, pid = _SPAN.size, os.getpid

    def copy(many: bytes, own: int, total: int) -> int:
        ours = _Span(own, total)
        return int(call(pid(), many, len(many) // size, ctypes.addressof(ours), 1, 0))

    return copy


def _by_file(many: bytes, own: int, total: int) -> int:
    """Copy through Linux's file of a process's memory; opened each time, because a cell may close any file."""
    place = 0
    with open("/proc/self/mem", "rb", 0) as file:  # noqa: PTH123  (unbuffered, and no path operations)
        for address, length in _SPAN.iter_unpack(many):
            try:
                got = os.preadv(file.fileno(), [window(own + place, length)], address)
            except OSError:
                got = 0
            place += got
            if got < length:
                break
    return min(place, total)


def _on_linux() -> tuple[Copy, Copy]:
    read, write = _system_call("process_vm_writev"), _system_call("process_vm_readv")
    probe = np.zeros(16, np.uint8)
    here = probe.ctypes.data
    is_refused = read(span(here, 8), here + 8, 8) < 0 and ctypes.get_errno() in _FORBIDDEN  # a sandbox
    return (_by_file, _not_at_all) if is_refused else (read, write)


def _on_macos() -> tuple[Copy, Copy]:
    library = ctypes.CDLL(None)
    call, task = library.mach_vm_read_overwrite, ctypes.c_uint.in_dll(library, "mach_task_self_")
    call.argtypes = (ctypes.c_uint, *(ctypes.c_uint64,) * 3, ctypes.POINTER(ctypes.c_uint64))

    def copy(address: int, length: int, own: int) -> bool:
        got = ctypes.c_uint64()
        return call(task, address, length, own, ctypes.byref(got)) == 0 and got.value == length

    return _each(copy), _not_at_all


def _on_windows() -> tuple[Copy, Copy]:
    kernel = getattr(ctypes, "windll").kernel32  # noqa: B009  (exists only on Windows)
    call, process = kernel.ReadProcessMemory, kernel.GetCurrentProcess
    process.restype = ctypes.c_void_p
    call.argtypes = (*(ctypes.c_void_p,) * 3, ctypes.c_size_t, ctypes.POINTER(ctypes.c_size_t))

    def copy(address: int, length: int, own: int) -> bool:
        got = ctypes.c_size_t()
        return bool(call(process(), address, own, length, ctypes.byref(got))) and got.value == length

    return _each(copy), _not_at_all


def _each(copy: Callable[[int, int, int], bool]) -> Copy:
    def copy_all(many: bytes, own: int, _: int) -> int:
        place = 0
        for address, length in _SPAN.iter_unpack(many):
            if not copy(address, length, own + place):
                break
            place += length
        return place

    return copy_all


def _not_at_all(_many: bytes, _own: int, _total: int) -> int:
    return -1


def _choose() -> tuple[Copy, Copy]:
    systems = {"linux": _on_linux, "darwin": _on_macos, "win32": _on_windows}
    try:
        return systems[sys.platform]()
    except (KeyError, AttributeError, OSError, ValueError):  # another system, or an old version
        return _not_at_all, _not_at_all


_copy_out, _copy_in = _choose()
CAN_FETCH = _copy_out is not _not_at_all
"""Whether this system has a call that copies memory, and fails for unmapped addresses."""
