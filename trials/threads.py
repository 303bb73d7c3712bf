"""A thread frees, replaces and resizes memory while cells run and are looked at; the kernel has to live."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trials.figure import Figure, none_of
from trials.kernel import Kernel, KernelDiedError

if TYPE_CHECKING:
    from collections.abc import Iterator

START = """\
import collections, queue, threading, time
import numpy as np
import torch
x = torch.zeros(1000); y = x.view(-1)
N = 3_000_000
{make}
def work():
    while True:
        {act}
        time.sleep(.004)
threading.Thread(target=work, daemon=True).start()
"""

WAYS = {
    "batches that a deque drops": ("buf = collections.deque(maxlen=4)", "buf.append(torch.ones(N))"),
    "items of a list replaced": (
        "B = [torch.ones(N) for _ in range(4)]",
        "B[int(time.time() * 250) % 4] = torch.ones(N)",
    ),
    "untyped_storage().resize_": (
        "a = torch.ones(N); s = a.untyped_storage()",
        "s.resize_(0); s.resize_(4 * N); a.fill_(1)",
    ),
    ".data =": ("a = torch.ones(N)", "a.data = torch.ones(N); a.data = torch.ones(10)"),
    "Tensor.resize_": (
        "a = torch.ones(10)",
        "a.resize_(N); a.fill_(1); a.untyped_storage().resize_(40); a.resize_(10)",
    ),
    "arrays replaced, with tensors over them": (
        "D = {}",
        "D['a'] = np.ones(N, dtype='float32'); D['t'] = torch.from_numpy(np.ones(N, dtype='float32'))",
    ),
    "a list replaced under %%tensordiff": ("L = []", "L = [torch.ones(N), np.ones(N // 2)]"),
    "ndarray.resize": ("a = np.ones(10)", "a.resize(N, refcheck=False); a.fill(1); a.resize(10, refcheck=False)"),
}


OTHERWISE = "a cell came out otherwise"


def trial(*, quick: bool) -> Iterator[Figure]:
    cells, died, wrong = (40, [], []) if quick else (200, [], [])
    for way in WAYS:
        outcome = survive(way, cells, watched=True)
        if outcome and survive(way, cells // 4, watched=False):
            outcome = f"{outcome}, and without us too"
        if outcome:
            (wrong if outcome.startswith(OTHERWISE) else died).append(f"{way}: {outcome}")
    what = f"a thread that frees, replaces, resizes tensors and arrays ({len(WAYS)} ways), {cells} cells each, in a real kernel"
    yield none_of(f"{what}: kernels that die", died, len(WAYS), "kernels")
    yield none_of("the same: kernels in which a cell came out otherwise", wrong, len(WAYS), "kernels")


def survive(way: str, cells: int, *, watched: bool) -> str:
    """Run the cells; say what went wrong."""
    make, act = WAYS[way]
    if "replaced under" in way:
        act = f"global L; {act}"
    head = "%%tensordiff\n" if watched and "tensordiff" in way else ""
    with Kernel() as kernel:
        done = 0
        try:
            kernel.cell("%load_ext tensorwatch" if watched else "1")
            kernel.cell(START.format(make=make, act=act))
            for done in range(cells):  # noqa: B007  (told if the kernel dies)
                answer = kernel.cell(f"{head}y.add_(1); time.sleep(.003)")
                if answer.status != "ok" or "Error in callback" in answer.text:
                    return f"{OTHERWISE}: {answer.error} {answer.text[-200:]}"
            if kernel.ask("float(get_ipython().user_ns['x'][0])") != cells:
                return f"{OTHERWISE}: a wrong sum"
        except KernelDiedError as error:
            return f"{error}, after {done} cells"
    return ""
