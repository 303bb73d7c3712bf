"""Freeze and restore what is not plain memory: dtypes with references, read-only and borrowed memory."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from trials.figure import Figure, none_of
from trials.process import apart, step
from trials.shell import Outcome, opened, run

if TYPE_CHECKING:
    from collections.abc import Iterator

PRELUDE = """\
import array, ctypes, datetime, gc, mmap, tempfile, decimal, io
import multiprocessing.shared_memory as shm
import numpy as np
import torch
class Thing:
    def __init__(self, n): self.n = n
    def __repr__(self): return f'Thing({self.n})'
def fresh(n): return ['word' * n, Thing(n), {n: n}, [n] * n, decimal.Decimal(n), b'x' * (n + 40), n ** 40, float(n) + .5]
path = tempfile.NamedTemporaryFile(delete=False).name
open(path, 'wb').write(bytes(range(64)) * 64)
"""

KINDS = {
    "object": ("a = np.array(fresh(3), dtype=object)", "a[:] = fresh(5)[::-1]"),
    "object, two dimensions": ("a = np.array([fresh(3), fresh(4)], dtype=object)", "a[0, :] = None; gc.collect()"),
    "object, a slice": ("whole = np.array(fresh(3) * 4, dtype=object); a = whole[::2]", "whole[:] = 0; gc.collect()"),
    "object, empty": ("a = np.empty(6, dtype=object)", "a[:] = [str(i) * 30 for i in range(6)]"),
    "object of tensors": (
        "a = np.empty(3, dtype=object); a[:] = [torch.ones(2), torch.zeros(3), 1]",
        "a[0] = torch.ones(5); a[1].add_(1)",
    ),
    "object of itself": ("a = np.empty(2, dtype=object); a[0] = a", "a[1] = [a, 'y' * 50]"),
    "structure with objects": (
        "a = np.array([(1, 'x' * 40), (2, Thing(2))], dtype=[('n', 'i4'), ('o', 'O')])",
        "a['o'] = [Thing(8), 'z' * 50]; gc.collect()",
    ),
    "field of a structure": (
        "s = np.array([(1, 'x' * 40), (2, Thing(2))], dtype=[('n', 'i4'), ('o', 'O')]); a = s['o']",
        "s['o'][0] = Thing(9); gc.collect()",
    ),
    "nested structure": (
        "a = np.zeros(3, dtype=[('p', [('q', 'O'), ('r', 'f8')]), ('s', 'O', (2,))])",
        "a['p']['q'] = ['w' * 40, Thing(1), None]; a['s'] = 'v' * 33",
    ),
    "recarray": (
        "a = np.rec.array([(1, 'x' * 40), (2, Thing(2))], dtype=[('n', 'i4'), ('o', 'O')])",
        "a.o[0] = Thing(7); gc.collect()",
    ),
    "StringDType": (
        "a = np.array(['word' * i for i in range(1, 9)], dtype=np.dtypes.StringDType())",
        "a[:] = ['other, and longer ' * i for i in range(8)]; gc.collect()",
    ),
    "StringDType with NA": (
        "a = np.array(['a' * 40, None], dtype=np.dtypes.StringDType(na_object=None))",
        "a[1] = 'b' * 60; a[0] = None",
    ),
    "datetime64": ("a = np.arange('2020-01', '2020-09', dtype='datetime64[M]')", "a[0] = '1999-01'"),
    "texts": ("a = np.array(['one', 'two'])", "a[0] = 'six'"),
    "bytes": ("a = np.array([b'one', b'two'])", "a[0] = b'six'"),
    "masked": ("a = np.ma.masked_array(np.arange(4.), [0, 1, 0, 1])", "a[0] = 9"),
    "masked objects": ("a = np.ma.masked_array(np.array(fresh(2), dtype=object), [0, 1] * 4)", "a[0] = Thing(6)"),
    "read-only": ("base = np.arange(8.); a = base[:]; a.flags.writeable = False", "base[0] = 7"),
    "over bytes": ("a = np.frombuffer(bytes(range(16)), dtype='u1')", "pass"),
    "over a literal": (
        "held = b'a literal of the program'; a = np.frombuffer(held, dtype='u1')",
        "ctypes.memmove(a.ctypes.data, b'A', 1)",
    ),
    "tensor over bytes": ("held = bytes(64); a = torch.frombuffer(held, dtype=torch.float32)", "a.add_(1)"),
    "tensor over a read-only array": (
        "base = np.arange(8.); base.flags.writeable = False; a = torch.from_numpy(base)",
        "a.add_(1)",
    ),
    "broadcast": ("base = np.arange(3.); a = np.broadcast_to(base, (4, 3))", "base[0] = 8"),
    "over a bytearray": ("held = bytearray(32); a = np.frombuffer(held, dtype='f4')", "a[0] = 3"),
    "tensor over a bytearray": ("held = bytearray(32); a = torch.frombuffer(held, dtype=torch.float32)", "held[0] = 3"),
    "over array.array": ("held = array.array('d', range(6)); a = np.frombuffer(held)", "held[0] = 3.5"),
    "over ctypes": ("held = (ctypes.c_double * 6)(); a = np.ctypeslib.as_array(held)", "held[0] = 3.5"),
    "memmap, read-only": ("a = np.memmap(path, dtype='u1', mode='r')", "open(path, 'r+b').write(b'zz')"),
    "memmap, copy on write": ("a = np.memmap(path, dtype='u1', mode='c')", "a[0] = 9"),
    "memmap, shared": ("a = np.memmap(path, dtype='u1', mode='r+')", "a[0] = 9"),
    "mmap": ("held = mmap.mmap(-1, 4096); a = np.frombuffer(held, dtype='u1')", "held[0] = 4"),
    "mmap, read-only": (
        "f = open(path, 'rb'); held = mmap.mmap(f.fileno(), 4096, access=mmap.ACCESS_READ); a = np.frombuffer(held, dtype='u1')",
        "open(path, 'r+b').write(b'yy')",
    ),
    "tensor from a file": ("a = torch.from_file(path, shared=True, size=64, dtype=torch.uint8)", "a[0] = 9"),
    "shared memory": (
        "held = shm.SharedMemory(create=True, size=64); a = np.ndarray(16, 'f4', held.buf); a[:] = 0",
        "a[0] = 5",
    ),
    "tensor in shared memory": ("a = torch.zeros(8).share_memory_()", "a.add_(1)"),
    "dlpack": ("base = torch.arange(6.); a = np.from_dlpack(base)", "base.add_(1)"),
    "expanded": ("base = torch.arange(3.); a = base.expand(5, 3)", "base.add_(1)"),
    "overlapping windows": ("base = torch.arange(9.); a = base.unfold(0, 3, 1)", "base.add_(1)"),
    "conjugate": ("base = torch.ones(3, dtype=torch.complex64); a = base.conj()", "base.mul_(1j)"),
    "negative view": ("base = torch.ones(3, dtype=torch.complex64) * 1j; a = base.conj().imag", "base.mul_(2)"),
    "sparse": ("a = torch.eye(3).to_sparse()", "a.values().add_(1)"),
    "quantized": ("a = torch.quantize_per_tensor(torch.arange(4.), .1, 0, torch.qint8)", "a.fill_(1.)"),
    "nested": ("a = torch.nested.nested_tensor([torch.ones(2), torch.ones(3)])", "a.mul_(2)"),
    "meta": ("a = torch.ones(3, device='meta')", "a.add_(1)"),
    "inference": ("with torch.inference_mode():\n    a = torch.ones(3)", "a.add_(1)"),
    "leaf": ("a = torch.ones(3, requires_grad=True)", "with torch.no_grad(): a.add_(1)"),
    "parameter": ("a = torch.nn.Parameter(torch.ones(3))", "a.data.add_(1)"),
    "subclass of ndarray": ("class A(np.ndarray): pass\na = np.arange(3.).view(A)", "a[0] = 4"),
    "subclass of Tensor": ("class T(torch.Tensor): pass\na = torch.ones(3).as_subclass(T)", "a.add_(1)"),
    "object subclass": (
        "class A(np.ndarray): pass\na = np.array(fresh(2), dtype=object).view(A)",
        "a[:] = fresh(7); gc.collect()",
    ),
    "list of objects": (
        "a = [np.array(fresh(2), dtype=object), np.array(fresh(3), dtype=object)]",
        "a[0][:] = fresh(7); gc.collect()",
    ),
}

SEEN = "import gc as _gc; _gc.collect(1); seen = repr(getattr(a, 'tolist', lambda: a)() if not getattr(a, 'is_meta', False) else a)"
CHURN = "for _ in range(10):\n    rubbish = [fresh(i % 7 + 1) for i in range(50)]; gc.collect(0)\nrubbish = None; gc.collect(1)"


def trial(*, quick: bool) -> Iterator[Figure]:
    kinds = list(KINDS)[::5] if quick else list(KINDS)
    failed = []
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        parts = [*pool.map(lambda kind: apart("frozen", "examine", 120, kind=kind), kinds)]
    for kind, ended in zip(kinds, parts, strict=True):
        why = ended.value if isinstance(ended.value, str) else f"{ended.why} at {(ended.steps or ['the start'])[-1]}"
        if ended.code != 0 or why:
            failed.append(f"{kind}: {why or ended.why}")
    what = "dtypes with references, read-only and borrowed memory, frozen and restored, each in a process of its own"
    yield none_of(f"{what}: crashes or wrong bytes", failed, len(kinds), "kinds")


def examine(kind: str) -> str:
    """Freeze, write, thaw, write, restore; say what came out wrong, which is a value that never stood there."""
    make, write = KINDS[kind]
    with opened(watched=False) as plain:
        run(plain, PRELUDE + make)
        before = _value(plain)
        refused = run(plain, write).error
        written = _value(plain)
    with opened(watched=True) as notebook:
        run(notebook, PRELUDE + make)
        step("%tensorwatch freeze")
        told = run(notebook, "%tensorwatch freeze a")
        is_frozen = bool(_frozen())
        outcome = run(notebook, write)
        run(notebook, CHURN)
        fault = _fault_of_freeze(
            kind=kind,
            is_frozen=is_frozen,
            refused=refused,
            before=before,
            written=written,
            value=_value(notebook),
            outcome=outcome,
            told=told,
        )
        quiet = [run(notebook, "pass") for _ in range(2)][-1]
        if quiet.error:
            fault = fault or f"each later cell ends in {quiet.error}"
        step("%tensorwatch thaw")
        run(notebook, "%tensorwatch thaw")
        now = _value(notebook)
        step("a write, and %tensorwatch restore")
        run(notebook, write)
        after = _value(notebook)
        run(notebook, "%tensorwatch restore a")
        run(notebook, CHURN)
        value = _value(notebook)
        if value not in (now, after):
            fault = fault or f"after a restore it is {value!r}, and was {now!r} and {after!r}"
        step("the end")
        run(notebook, "del a\ngc.collect()")
        run(notebook, CHURN)
    return fault


def _frozen() -> Any:
    from ipy_tensorwatch.shell import extension

    return extension._loaded[0].watcher.freezing.freezer.frozen


def _value(notebook: Any) -> str:
    outcome = run(notebook, SEEN)
    return str(notebook.shell.user_ns.get("seen")) if not outcome.error else outcome.error


def _fault_of_freeze(  # noqa: PLR0913  (all of it is compared)
    *, kind: str, is_frozen: bool, refused: str, before: str, written: str, value: str, outcome: Outcome, told: Outcome
) -> str:
    from_elsewhere = kind in ("memmap, read-only", "mmap, read-only")
    if outcome.shown and "FrozenError" not in outcome.error + outcome.stderr:
        return outcome.shown
    if not is_frozen or from_elsewhere:
        if value != written or outcome.error != refused:
            return f"not frozen, but {value!r} ({outcome.error}) and not {written!r} ({refused})"
        return "" if is_frozen or told.error or told.stderr or told.stdout else "refused without a word"
    if value != before:
        return f"frozen, but {value!r} and not {before!r}"
    return ""
