"""Memory that may not be written as bytes: references to objects, read-only pages, files that somebody else writes."""

from __future__ import annotations

import mmap
import sys

import numpy as np
import pytest

from tests.support.notebook import Notebook

REFERENCES = {
    "objects": "a = np.array([['x' * 50], {}, object()], dtype=object)",
    "a structure with objects": "a = np.zeros(3, dtype=[('n', 'f8'), ('o', 'O')])\na['o'] = [['x'], {}, 1.5]",
    "a nested structure": "a = np.zeros(3, dtype=[('n', [('o', 'O', (2,)), ('m', 'i4')]), ('k', 'i8')])\na[1] = ((['x'], {}), 5), 7",
    "a view of objects": "base = np.array([['x'], {}, 2.5, 'y'], dtype=object)\na = base[::2]",
}
if hasattr(np.dtypes, "StringDType"):
    REFERENCES |= {
        "short text": "a = np.array(['a', 'bc', 'd'], dtype=np.dtypes.StringDType())",
        "long text": "a = np.array(['a' * 90, 'b' * 70, 'c' * 300], dtype=np.dtypes.StringDType())",
    }
NEW = {"short text": "'z' * 40", "long text": "'zz'"}


@pytest.mark.parametrize("name", REFERENCES)
class TestReferences:
    def test_freeze_refuses_with_one_line(self, name):
        with Notebook() as nb:
            nb.run("import numpy as np\n" + REFERENCES[name])
            ran = nb.cell("%tensorwatch freeze a")
            assert "a cannot be frozen: its bytes are references to Python objects, or to text" in ran.stderr
            assert nb.run("a[0] = a[1]")["cell"]["status"] == "ok"

    def test_restore_refuses_with_one_line_and_keeps_every_count(self, name):
        with Notebook() as nb:
            nb.run("import numpy as np\n" + REFERENCES[name])
            nb.run(f"new = {NEW.get(name, 'a[1]')}\na[0] = new")
            held = [sys.getrefcount(one) for one in nb.ns["a"].ravel()[:2].tolist()]
            ran = nb.cell("%tensorwatch restore a")
            assert "a cannot be restored: its bytes are references to Python objects, or to text" in ran.stderr
            now = [sys.getrefcount(one) for one in nb.ns["a"].ravel()[:2].tolist()]
            assert all(a >= b for a, b in zip(now, held, strict=True))

    def test_a_change_is_told_and_never_counted_as_numbers(self, name):
        with Notebook() as nb:
            nb.run("import numpy as np\n" + REFERENCES[name])
            report = nb.run(f"a[0] = {NEW.get(name, 'a[1]')}")
            (change,) = [one for one in report["changes"] if one["path"] == "a"]
            assert change["kind"] == "mutated"
            assert change["elements"]["max_abs"] is None
            assert change["elements"]["examples"] == []


class TestReadOnly:
    def test_what_cannot_be_put_back_is_said_once_and_thawed(self, tmp_path):
        file = tmp_path / "data"
        file.write_bytes(bytes(64))
        with Notebook() as nb:
            nb.give(file=str(file))
            nb.run("import numpy as np, torch\nm = np.memmap(file, dtype='u1', mode='r')\nx = torch.zeros(3)")
            nb.cell("%tensorwatch freeze m x")
            ran = nb.cell("f = open(file, 'r+b'); f.write(b'abc'); f.close()")
            assert ran.error is None  # it may have been another process that wrote
            assert "its bytes could not be put back, so it is not frozen any more" in ran.stdout
            assert nb.run("1 + 1")["cell"]["status"] == "ok"
            assert "m " not in nb.cell("%tensorwatch frozen").stdout
            assert bytes(nb.ns["m"][:3]) == b"abc"
            assert "FrozenError" in repr(nb.cell("x.numpy()[0] = 1").error)
            assert nb.ns["x"].tolist() == [0, 0, 0]

    @pytest.mark.parametrize(
        "make",
        [
            "a = np.frombuffer(bytes(range(64)), 'u1')",
            "raw = np.arange(64, dtype='u1')\nraw.flags.writeable = False\na = raw[::2]",
            "a = np.broadcast_to(np.arange(4.0), (1000, 4))",
            "a = torch.frombuffer(bytearray(64), dtype=torch.uint8)",
            "with open(file, 'rb') as f:\n    m = mmap.mmap(f.fileno(), 0, access=mmap.ACCESS_READ)\na = np.frombuffer(m, 'u1')",
            "m = np.memmap(file, dtype='u1', mode='r')\na = torch.from_numpy(m)",
            "m = np.memmap(file, dtype='u1', mode='c')\na = m[8:40:2]",
        ],
    )
    @pytest.mark.filterwarnings("ignore:The given NumPy array is not writable")
    def test_freezing_and_restoring_leaves_every_byte(self, make, tmp_path):
        file = tmp_path / "data"
        file.write_bytes(bytes(range(64)))
        with Notebook() as nb:
            nb.give(file=str(file))
            nb.run("import numpy as np, torch, mmap\n" + make)
            was = bytes(np.asarray(nb.ns["a"]).tobytes())
            nb.cell("%tensorwatch freeze a")
            assert nb.run("b = a + 1")["cell"]["status"] == "ok"
            nb.cell("%tensorwatch thaw a\n")
            nb.cell("%tensorwatch restore a")
            assert bytes(np.asarray(nb.ns["a"]).tobytes()) == was
            assert file.read_bytes() == bytes(range(64))
            nb.cell("del a, b")

    def test_a_mapping_of_another_file_at_the_same_place_is_not_written(self, tmp_path):
        from ipy_tensorwatch.capture.memory.byte_block import Block
        from ipy_tensorwatch.capture.protect.frozen_memory import FrozenBytes
        from ipy_tensorwatch.core.records.reading import Reading

        array = np.zeros(64, np.uint8)
        reading = Reading("ndarray", 1, 1, "cpu", "uint8", 1, (64,), (1,), array.ctypes.data, 0, 64)
        kept = FrozenBytes.of(Block(array.ctypes.data, 64, 0, 64, foreign=True), reading)
        file = tmp_path / "data"
        file.write_bytes(bytes([7]) * mmap.PAGESIZE)
        with file.open("r+b") as opened:
            other = np.frombuffer(mmap.mmap(opened.fileno(), 0), np.uint8)
        assert not kept.put_back(Block(other.ctypes.data, 64, 0, 64, foreign=True))
        assert set(other.tolist()) == {7}


class TestLent:
    def test_memory_that_was_taken_back_is_not_frozen(self):
        with Notebook() as nb:
            nb.run("import torch\nx = torch.ones(30)\ny = torch.from_dlpack(x)")
            nb.run("x.data = torch.zeros(30)")
            assert (
                "its memory belonged to another object, which has released it"
                in nb.cell("%tensorwatch freeze y").stderr
            )
            nb.cell("del y")

    def test_memory_that_is_taken_back_is_thawed_and_never_written(self):
        with Notebook() as nb:
            nb.run("import torch\nx = torch.ones(300_000)\ny = torch.from_dlpack(x)")
            nb.cell("%tensorwatch freeze y")
            ran = nb.cell("x.data = torch.zeros(3)\nz = torch.full((300_000,), 5.)")
            assert ran.error is None
            assert (
                "its memory belonged to another object, which has released it, so it is not frozen any more"
                in ran.stdout
            )
            assert nb.ns["z"].sum().item() == 5 * 300_000
            assert "frozen any more" not in nb.cell("1 + 1").stdout
            nb.cell("del y")


class TestScattered:
    def test_what_is_scattered_too_widely_to_be_kept_is_said(self):
        with Notebook() as nb:
            nb.run("import torch\nm = torch.zeros(3_000_000)[::10]")
            ran = nb.cell("%tensorwatch freeze m")
            assert "bytes that are scattered or cannot be read are not compared" in " ".join(ran.stdout.split())
            assert "FrozenError" in repr(nb.cell("m.add_(1)").error)

    def test_only_the_frozen_column_is_written(self):
        with Notebook() as nb:
            nb.run("import torch\nm = torch.zeros(300, 300)\nc = m[:, 1]\nn = m.numpy()")
            nb.cell("%tensorwatch freeze c")
            assert "put back" in str(nb.cell("n[:] = 5").error)
            assert nb.ns["c"].tolist() == [0] * 300
            assert nb.ns["m"].sum().item() == 5 * 300 * 299
            nb.cell("%tensorwatch thaw")

    @pytest.mark.parametrize(
        "make",
        [
            "e = base[:1].expand(20000, 20000)",
            "e = base.as_strided((10**6, 10**6), (0, 0))",
            "e = base.unfold(0, 1000, 1)",
            "e = base.as_strided((100, 50), (2, 3))",
        ],
    )
    def test_elements_that_lie_over_each_other_are_frozen_and_restored(self, make):
        with Notebook(settings={"restore_budget": 1 << 20}) as nb:
            nb.run(f"import torch\nbase = torch.arange(3000.)\nn = base.numpy()\n{make}")
            nb.cell("%tensorwatch freeze e")
            assert "put back" in str(nb.cell("n[0] = 7").error)
            assert nb.ns["base"][0].item() == 0
            nb.cell("%tensorwatch thaw e")
            nb.run("n[0] = 7")
            ran = nb.cell("%tensorwatch restore e")
            assert nb.ns["base"][0].item() == 0, ran.stderr
