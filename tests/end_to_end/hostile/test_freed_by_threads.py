"""A thread that frees, replaces and resizes what we read must not end the process, nor be told as a change."""

from __future__ import annotations

import json

import pytest

from tests.support.own_process import run_apart

CELLS = 6

BATCHES = "B = [torch.ones(3_000_000) for _ in range(4)]\n"
WAYS = {
    "a queue of batches": (
        "import collections\nbuf = collections.deque(maxlen=4)\ndef step(i): buf.append(torch.ones(3_000_000))"
    ),
    "an item of a list": BATCHES + "def step(i): B[i % 4] = torch.ones(3_000_000)",
    "resize of a storage": BATCHES
    + "def step(i):\n    s = B[i % 4].untyped_storage(); s.resize_(0); s.resize_(12_000_000)",
    "resize of a tensor": BATCHES
    + "def step(i):\n    B[i % 4].resize_(10).untyped_storage().resize_(40); B[i % 4].resize_(3_000_000 + i % 7)",
    "data": BATCHES + "def step(i): B[i % 4].data = torch.ones(3_000_000)",
    "a list, replaced while recorded": "B = []\ndef step(i):\n    global B\n    B = [torch.ones(3_000_000), torch.ones(9)]",
    "arrays, freed and resized": (
        "import numpy as np\nA = [np.ones(3_000_000) for _ in range(4)]\ndef step(i):\n"
        "    A[i % 4] = np.ones(3_000_000 + i % 3)\n    A[(i + 1) % 4].resize(10 if i % 2 else 3_000_000, refcheck=False)"
    ),
    "memory maps, truncated": (
        "import numpy as np, tempfile\nf = tempfile.NamedTemporaryFile(); f.truncate(8_000_000)\n"
        "m = np.memmap(f.name, dtype='u1', mode='r+')\ndef step(i): f.truncate(4096 if i % 2 else 8_000_000)"
    ),
    "shared memory, closed": (
        "from multiprocessing import shared_memory\nB, K = [None, None], [None, None]\ndef step(i):\n"
        "    k = shared_memory.SharedMemory(create=True, size=4_000_000)\n"
        "    B[i % 2] = torch.frombuffer(k.buf, dtype=torch.uint8)\n"
        "    if K[i % 2] is not None:\n        K[i % 2].close(); K[i % 2].unlink()\n    K[i % 2] = k"
    ),
}
BYTES_STAY = {"a queue of batches", "an item of a list"}
"""The ways in which no variable that stays ever holds other bytes: any change that is told of it is false."""
PROGRAM = """
import json, sys
from tests.support.notebook import Notebook
STEP = '''
go, done = True, 0
def work():
    global done
    for done in itertools.count():
        if not go:
            return
        try:
            step(done)
        except Exception:
            pass
        time.sleep(.004)
thread = threading.Thread(target=work, daemon=True)
thread.start()
'''
def play(way, recorded, same, cells):
    with Notebook(check_leaks=False) as nb:
        nb.cell("import torch, threading, time, itertools\\nx = torch.zeros(1000); y = x.view(-1)\\n" + way)
        nb.cell(STEP)
        for _ in range(cells):
            ran = nb.cell(recorded * "%%tensordiff\\n" + "y.add_(1); time.sleep(.01)")
            assert ran.error is None, ran.error
            silent = {one["path"] for one in nb.report()["changes"] if one["silent"]}
            assert silent == {"x"} if same else "x" in silent, silent
        nb.cell("go = False\\nthread.join()")
        assert nb.ns["done"] > cells
for name, *facts in json.loads(sys.argv[1]):
    print(name, flush=True)
    play(*facts, int(sys.argv[2]))
print("alive")
"""
PARTS = 2
"""How many processes share the ways."""


@pytest.mark.parametrize("part", range(PARTS))
def test_a_thread_frees_what_is_read(part):
    ways = [(name, way, "recorded" in name, name in BYTES_STAY) for name, way in [*WAYS.items()][part::PARTS]]
    finished = run_apart(PROGRAM, json.dumps(ways), str(CELLS))

    assert (finished.returncode, finished.stdout[-6:]) == (0, "alive\n"), finished.stdout + finished.stderr[-3000:]
