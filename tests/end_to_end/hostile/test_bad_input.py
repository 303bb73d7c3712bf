"""Whatever lies in the namespace and whatever a cell does: its outcome is the one it has without the extension."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import textwrap
from typing import TYPE_CHECKING

import cloudpickle
import pytest

import ipy_tensorwatch
from tests.support.notebook import Notebook, Ran, changes, mutated, paths, silent
from tests.support.own_process import run_apart

if TYPE_CHECKING:
    from pathlib import Path

COLOUR = re.compile(r"\x1b\[[\d;]*m")
"""Before Python 3.11 code does not say where an expression stands. A traceback then finds the one to mark in colour by
compiling the cell again, and cannot where a probe stands beside it: in a `for`, `if`, `try` or `with` of the cell."""


def seen_by_the_user(ran: Ran) -> dict[str, object]:
    """Give all of a cell's outcome that a person can see, without what tensorwatch says."""
    said = ran.stdout.removesuffix(ran.told) if ran.told else ran.stdout
    if sys.version_info < (3, 11):
        said = COLOUR.sub("", said)
    return {
        "stdout": re.sub(r"0x[0-9a-f]+", "0x", said).rstrip(),
        "stderr": ran.stderr,
        "outputs": [o for o in ran.outputs if "tensorwatch" not in str(o["data"].get("text/plain", ""))],
        "result": type(ran.result).__name__,
        "error": (type(ran.error).__name__, str(ran.error)),
        "warned": ran.warned,
    }


def outcomes(cells: list[str], *, watched: bool, **settings: object) -> list[dict[str, object]]:
    with Notebook(watched=watched) as nb:
        for name, value in settings.items():
            setattr(nb.shell, name, value)
        found = []
        for cell in cells:
            found.append(seen_by_the_user(nb.cell(cell)))
            if watched and cell.strip():  # IPython does not run a blank cell
                nb.report()
        return found


def assert_same_outcome(*cells: str, **settings: object) -> None:
    """Run the cells with and without the extension."""
    sources = [textwrap.dedent(c).strip("\n") for c in cells]

    assert outcomes(sources, watched=True, **settings) == outcomes(sources, watched=False, **settings)


def survives(*cells: str) -> str:
    """Run the cells under the extension in a process of their own, for reading carelessly would kill it; return what they print."""
    program = "from tests.support.notebook import Notebook\nwith Notebook() as nb:\n"
    program += "".join(f"    print(nb.run({textwrap.dedent(c).strip()!r})['coverage']['unverified'])\n" for c in cells)
    run = run_apart(program)
    assert run.returncode == 0, (run.returncode, run.stdout, run.stderr)
    return run.stdout


# ---------------------------------------------------------------- objects that do not want to be looked at

RECORDER = """
called = []

class Hostile:
    def _never(self, *args, **kwargs):
        called.append("called")
        raise RuntimeError("hands off")
    __getattr__ = __len__ = __eq__ = __repr__ = __str__ = __bool__ = __hash__ = __iter__ = __next__ = __contains__ = _never
    __getitem__ = __call__ = __index__ = __float__ = __dir__ = __reduce__ = __array__ = __copy__ = __enter__ = _never
    __torch_function__ = __array_interface__ = __dlpack__ = __fspath__ = property(_never)
    value = property(_never)
"""

HOSTILE = {
    "plain object": "h = Hostile()",
    "with tensors inside": "import torch\nh = Hostile()\nobject.__setattr__(h, 'kept', torch.ones(2))",
    "in containers": "h = [Hostile(), (Hostile(),), {'k': Hostile()}]",
    "as a key": "class Key:\n    def __repr__(self): called.append('repr'); return 'k'\nh = {Key(): 1}",
    "__getattribute__": "class H:\n    def __getattribute__(self, name): called.append(name); raise ValueError(name)\nh = H()",
    "lying __class__": "import torch\nclass H:\n    @property\n    def __class__(self): called.append('class'); return torch.Tensor\nh = H()",
    "hostile metaclass": """
class Meta(type):
    def __instancecheck__(cls, other): called.append("instance"); raise RuntimeError
    def __subclasscheck__(cls, other): called.append("subclass"); raise RuntimeError
    def __getattribute__(cls, name): called.append(name); raise RuntimeError
    def __eq__(cls, other): called.append("eq"); raise RuntimeError
    __hash__ = type.__hash__
class H(metaclass=Meta): pass
h = object.__new__(H)
called.clear()
""",
    "slots": "class H:\n    __slots__ = ('full', 'empty')\n    def __getattr__(self, name): called.append(name); raise RuntimeError\nh = H()\nh.full = 1",
    "hostile dict": """
class H(dict):
    def items(self): called.append("items"); raise RuntimeError
    __iter__ = keys = values = __len__ = __getitem__ = get = items
h = H(a=1)
called.clear()
""",
    "hostile list": """
class H(list):
    def __iter__(self): called.append("iter"); raise RuntimeError
    __len__ = __getitem__ = __iter__
h = H([1, 2])
called.clear()
""",
    "hostile tuple": "class H(tuple):\n    def __iter__(self): called.append('iter'); raise RuntimeError\n    __len__ = __getitem__ = __iter__\nh = H((1, 2))\ncalled.clear()",
    "hostile string key": "class S(str):\n    def __hash__(self): return 1\n    def __eq__(self, o): called.append('eq'); return False\n    def __repr__(self): called.append('repr'); return 's'\nh = {S('a'): 1}\ncalled.clear()",
    "default dict": "import collections\nh = collections.defaultdict(lambda: called.append('made'))\nh.update(a=1)",
    "module that loads lazily": "import types\nclass M(types.ModuleType):\n    def __getattr__(self, name): called.append(name); raise AttributeError(name)\nh = M('lazy')",
    "hostile nn.Module": """
import torch
class H(torch.nn.Module):
    def __getattr__(self, name): called.append(name); return super().__getattr__(name)
    def parameters(self, *a): called.append("parameters"); raise RuntimeError
    named_parameters = buffers = named_buffers = state_dict = children = modules = named_modules = parameters
    def __len__(self): called.append("len"); raise RuntimeError
h = H()
h.register_buffer("seen", torch.ones(2))
called.clear()
""",
    "loud tensor": """
import torch
class H(torch.Tensor):
    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        called.append(getattr(func, "__name__", str(func)))
        return super().__torch_function__(func, types, args, kwargs or {})
h = torch.ones(3).as_subclass(H)
called.clear()
""",
    "loud array": """
import numpy as np
class H(np.ndarray):
    def __array_finalize__(self, obj): called.append("finalize")
    def __getitem__(self, key): called.append("getitem"); return super().__getitem__(key)
    def __array_ufunc__(self, *args, **kwargs): called.append("ufunc"); raise RuntimeError
h = np.arange(4.0).view(H)
called.clear()
""",
    "mocks": "from unittest import mock\nimport torch\nh = [mock.MagicMock(), mock.MagicMock(spec=torch.Tensor), mock.Mock(spec=torch.nn.Linear(1, 1))]\ncalled = h[0].mock_calls",
    "dead proxy": "import weakref\nclass H: pass\no = H()\nh = weakref.proxy(o)\ndel o",
    "generator": "def make():\n    called.append('ran')\n    yield 1\nh = make()",
    "dataclass with a property": """
import dataclasses
import torch
@dataclasses.dataclass
class H:
    x: torch.Tensor
    @property
    def twice(self): called.append("twice"); raise RuntimeError
h = H(torch.ones(2))
""",
}


@pytest.mark.parametrize("make", HOSTILE.values(), ids=HOSTILE.keys())
def test_nothing_of_the_users_is_called(make: str):
    with Notebook() as nb:
        nb.run(RECORDER)
        nb.run(make)
        nb.run("pass")
        report = nb.run("import torch\nlast = torch.ones(1)\nlast.add_(1)")

        assert list(nb.ns["called"]) == []
        assert "last" in paths(report)


def test_a_tensor_behind_a_hostile_object_is_still_found():
    with Notebook() as nb:
        nb.run(RECORDER)
        nb.run(HOSTILE["with tensors inside"])
        nb.run("x = object.__getattribute__(h, '__dict__')['kept']")
        report = nb.run("x.add_(1)")

    assert mutated(report) == {"x", "h.kept"}


def test_a_default_dict_gets_no_new_keys():
    with Notebook() as nb:
        nb.run("import collections, torch\nd = collections.defaultdict(list)\nd['a'].append(torch.ones(2))")
        report = nb.run("d['a'][0].add_(1)")

        assert nb.ns["d"].keys() == {"a"}
        assert mutated(report) == {"d['a'][0]"}


# ---------------------------------------------------------------- shapes of containers


def test_a_list_that_contains_itself_is_walked_once():
    with Notebook() as nb:
        nb.run("import torch\nx = torch.ones(2)\nloop = [x]\nloop.append(loop)\nring = {'x': x}\nring['ring'] = [ring]")
        report = nb.run("x.add_(1)")

    assert {"x", "loop[0]", "ring['x']"} <= mutated(report)


def test_a_million_numbers_cost_no_tensor_its_place():
    with Notebook() as nb:
        nb.run("import torch\nmany = list(range(1_000_000))\nx = torch.ones(2)")
        report = nb.run("x.add_(1)")

    assert mutated(report) == {"x"}
    assert report["cell"]["overhead"] < 5


def test_a_nest_ten_thousand_deep_is_no_recursion_error():
    with Notebook() as nb:
        nb.run("import torch\nx = torch.ones(2)\nnest = [x]\nfor _ in range(10_000):\n    nest = [nest]")
        nb.run(
            "class Node:\n    pass\nchain = Node()\nfor _ in range(10_000):\n    node = Node()\n    node.next = chain\n    chain = node"
        )
        report = nb.run("x.add_(1)")
        nb.run("del nest, chain, node")

    assert "x" in mutated(report)


def test_a_dict_that_another_thread_changes_is_walked_without_an_error():
    with Notebook() as nb:
        nb.run("""
import threading, torch
x = torch.ones(2)
busy, stop = {}, threading.Event()
def churn():
    i = 0
    while not stop.is_set():
        busy[i] = x
        busy.pop(i - 50, None)
        i += 1
worker = threading.Thread(target=churn)
worker.start()
""")
        try:
            found = ["x" in mutated(nb.run("x.add_(1)")) for _ in range(30)]
        finally:
            nb.run("stop.set()\nworker.join()")

    assert found == [True] * 30


# ---------------------------------------------------------------- memory that may be gone


@pytest.mark.parametrize(
    ("make", "lose"),
    [
        ("import torch\nx = torch.ones(1000)\nv = x[1:]", "x.untyped_storage().resize_(0)"),
        (
            "import numpy as np, os, tempfile, torch\npath = tempfile.mktemp()\nnp.ones(100_000).tofile(path)\n"
            "m = np.memmap(path, dtype=np.float64, mode='r+')\nt = torch.from_numpy(m)",
            "os.truncate(path, 0)",
        ),
        (
            "import numpy as np, torch\na = np.ones(100_000)\nt = torch.from_numpy(a)",
            "a.resize((10_000_000,), refcheck=False)",
        ),
        (
            "import numpy as np, torch\nfrom multiprocessing import shared_memory\nshm = shared_memory.SharedMemory(create=True, size=800_000)\n"
            "t = torch.frombuffer(shm.buf, dtype=torch.float64)",
            "shm.unlink()",
        ),
        ("import torch\nx = torch.ones(25_000_000)\nz = torch.from_dlpack(x)", "x.data = torch.zeros(1)"),
        ("import torch\nx = torch.ones(25_000_000)\nn = x.numpy()", "x.share_memory_()"),
        (
            "import torch\nb = bytearray(80_000)\nt = torch.frombuffer(b, dtype=torch.float64)",
            "b.extend(bytes(10_000_000))",
        ),
    ],
    ids=[
        "freed storage",
        "truncated memmap",
        "resized array",
        "unlinked shared memory",
        "export whose tensor moved on",
        "array whose tensor moved",
        "moved bytearray",
    ],
)
def test_memory_that_is_gone_does_not_kill_the_kernel(make: str, lose: str):
    out = survives(make, "pass", lose, "pass", "y = 1")

    assert len(out.splitlines()) == 5


def test_a_freed_storage_is_listed_with_its_reason():
    with Notebook() as nb:
        nb.run("import torch\nx = torch.ones(1000)")
        report = nb.run("x.untyped_storage().resize_(0)")

        assert [u["path"] for u in report["coverage"]["unverified"]] == ["x"]
        assert report["coverage"]["unverified"][0]["why"]
        nb.run("x.untyped_storage().resize_(4000)\nx.zero_()")
        assert mutated(nb.run("x.add_(1)")) == {"x"}


ODD = {
    "sparse COO": "torch.eye(3).to_sparse()",
    "sparse CSR": "torch.eye(3).to_sparse_csr()",
    "meta": "torch.ones(3, device='meta')",
    "empty": "torch.empty(0, 3)",
    "zero-dimensional": "torch.tensor(1.0)",
    "efficient zeros": "torch._efficientzerotensor(3)",
    "conjugated": "torch.ones(3, dtype=torch.complex64).conj()",
    "negated": "torch.ones(3, dtype=torch.complex64).conj().imag",
    "mkldnn": "torch.ones(3, 3).to_mkldnn()",
    "nested": "torch.nested.nested_tensor([torch.ones(2), torch.ones(3)])",
    "jagged": "torch.nested.nested_tensor([torch.ones(2), torch.ones(3)], layout=torch.jagged)",
    "inference": "torch.inference_mode()(lambda: torch.ones(3))()",
    "lazy": "torch.nn.LazyLinear(3)",
    "lazy parameter": "torch.nn.UninitializedParameter()",
    "expanded": "torch.ones(1).expand(10**12)",
    "strided beyond reason": "torch.ones(2).as_strided((10**6, 10**6), (0, 0))",
    "fake": "__import__('torch._subclasses', fromlist=['x']).FakeTensorMode().from_tensor(torch.ones(3))",
    "leaked by vmap": "(leak := [], torch.func.vmap(lambda v: leak.append(v) or v)(torch.ones(2, 2)))[0]",
    "leaked by grad": "(leak := [], torch.func.grad(lambda v: leak.append(v) or v.sum())(torch.ones(2)))[0]",
    "object array": "np.array([torch.ones(2), None], dtype=object)",
    "record array": "np.zeros(3, dtype=[('a', 'f4'), ('b', 'i8')])",
    "string array": "np.array(['a', 'b'])",
    "masked array": "np.ma.masked_array([1, 2], mask=[True, False])",
    "matrix of no rows": "np.empty((0, 3))",
    "broadcast array": "np.broadcast_to(np.ones(1), (10**6, 10**6))",
    "reversed array": "np.arange(4)[::-1]",
    "unaligned array": "np.frombuffer(b'0123456789', dtype='f4', count=2, offset=1)",
    "datetimes": "np.array(['2020-01-01'], dtype='M8[D]')",
    "generator": "torch.Generator()",
    "packed sequence": "torch.nn.utils.rnn.pack_sequence([torch.ones(2), torch.ones(1)])",
}


@pytest.mark.parametrize("compares_layouts", [False, True])
@pytest.mark.parametrize("value", ODD.values(), ids=ODD.keys())
def test_an_odd_tensor_is_told_as_it_is_or_as_unknown(value: str, compares_layouts: bool):
    with Notebook() as nb:
        nb.run(f"import numpy as np, torch\nx = torch.ones(3)\nodd = {value}")
        nb.run("spare = torch.ones(3)\nspare.data = torch.zeros(3)" if compares_layouts else "pass")
        nb.run("pass")
        report = nb.run("x.add_(1)")

    assert mutated(report) == {"x"}
    assert silent(report) == set()


def test_a_lazy_copy_stays_lazy():
    with Notebook() as nb:
        nb.run("import torch\nx = torch.ones(1000)\ny = x._lazy_clone()")
        nb.run("pass")
        nb.run("lazy = torch._C._is_cow_tensor(y)")

        assert nb.ns["lazy"] is True


def test_a_lazy_module_becomes_a_real_one():
    assert_same_outcome("import torch\nm = torch.nn.LazyLinear(2)", "m(torch.ones(1, 3)).shape", "m.weight.shape")


@pytest.mark.parametrize(
    ("make", "write"),
    [
        ("m = torch.ones(3, device='meta')\nv = m[1:]", "m.add_(1)"),
        ("m = torch.nn.Linear(2, 2, device='meta')\nv = m.weight.detach()", "v.add_(1)"),
    ],
    ids=["a tensor", "a module"],
)
def test_a_write_on_the_meta_device_only_touches(make: str, write: str):
    with Notebook() as nb:
        nb.run(f"import torch\nx = torch.ones(3)\n{make}")
        report = nb.run(f"{write}\nx.add_(1)")

        assert mutated(report) == {"x"}
        assert "v" in changes(report, "touched")


@pytest.mark.parametrize("change", ["sparse._values().add_(1)", "sparse.mul_(2)"])
def test_a_sparse_tensor_changes_with_its_values(change: str):
    with Notebook() as nb:
        nb.run("import torch\nsparse = torch.eye(3).to_sparse().coalesce()\nvalues = sparse._values()")
        report = nb.run(change)

    assert changes(report) != {}


@pytest.mark.parametrize("made", ["s.coalesce()", "s.to_sparse_csr()", "s.to_sparse_csc()"])
def test_a_sparse_tensor_is_told_once_not_with_its_parts(made: str):
    with Notebook() as nb:
        nb.run(f"import torch\ns = torch.eye(3).to_sparse()\ns = {made}\nvalues = s.values().detach()")
        report = nb.run("values[0] = 5")
        page = nb.cell("%tensorwatch").stdout

    assert {"s"} == silent(report)
    assert "part of a sparse tensor" in page


def test_a_tensor_of_inference_mode_that_is_given_ordinary_memory_is_told_by_its_bytes():
    with Notebook() as nb:
        nb.run("import torch\nwith torch.inference_mode():\n    net = torch.nn.Linear(2, 2)")
        report = nb.run("for p in net.parameters(): p.data = p.data.clone()")
        assert mutated(report) == set()
        assert report["coverage"]["unverified"] == []

        assert mutated(nb.run("net.bias.data.add_(1)")) == {"net.bias", "p"}


def test_what_cannot_be_looked_at_is_listed_though_nothing_else_changed():
    with Notebook() as nb:
        nb.run("import torch\nx = torch.ones(3)")
        listed = [
            [one["path"] for one in nb.run(cell)["coverage"]["unverified"]]
            for cell in ("class Own:\n    __dict__ = property(lambda self: {})\nown = Own()", "pass", "del own", "pass")
        ]

    assert listed == [["own"], ["own"], [], []]


# ---------------------------------------------------------------- what stays as it was


def test_reference_counts_and_referrers_are_the_users_own():
    assert_same_outcome(
        "import gc, sys, torch\nimport numpy as np\nx, a = torch.ones(3), np.ones(3)\nl = [x]\nm = torch.nn.Linear(1, 1)",
        "print(sys.getrefcount(x), sys.getrefcount(a), sys.getrefcount(l), sys.getrefcount(m.weight), torch._C._storage_Use_Count(x.untyped_storage()._cdata))",
        "print(sys.getrefcount(x), sys.getrefcount(a), sys.getrefcount(l), sys.getrefcount(m.weight))",
        "gc.collect()\nprint(len(gc.get_referrers(x)), len(gc.get_referrers(a)))",
    )


def test_a_deleted_tensor_is_freed_at_once():
    assert_same_outcome(
        "import weakref, torch\nimport numpy as np\nx, a = torch.ones(1000), np.ones(1000)\nalive = [weakref.ref(x.untyped_storage()), weakref.ref(a)]",
        "x.add_(1)\na += 1",
        "del x, a\nprint([r() is None for r in alive])",
    )


def test_a_graph_is_freed_at_once():
    assert_same_outcome(
        """
        import weakref, torch
        class Square(torch.autograd.Function):
            @staticmethod
            def forward(ctx, x):
                ctx.save_for_backward(x)
                return x * x
            @staticmethod
            def backward(ctx, g):
                return 2 * g * ctx.saved_tensors[0]
        x = torch.ones(3, requires_grad=True)
        y = Square.apply(x)
        node = weakref.ref(y.grad_fn)
        """,
        "z = y.detach()",
        "del y\nprint(node() is None)",
    )


def test_random_numbers_and_sequence_numbers_are_the_same():
    assert_same_outcome(
        "import random, torch\nimport numpy as np\nrandom.seed(0); np.random.seed(0); torch.manual_seed(0)\nx = torch.rand(3, requires_grad=True)\nfirst = torch.autograd._get_sequence_nr()",
        "y = x * 2\nv = y[0]\nprint(torch.rand(2), np.random.rand(2), random.random())",
        "y.add_(1)\nprint(torch.rand(2), np.random.rand(2), random.random())",
        "print(v.grad_fn._sequence_nr() - first, torch.autograd._get_sequence_nr() - first)",
    )


def test_a_stale_view_is_not_regenerated():
    assert_same_outcome(
        "import torch\nx = torch.ones(4, requires_grad=True) * 1\nv = x[:2]",
        "x.mul_(2)",
        "n = torch.autograd._get_sequence_nr()\nw = v.grad_fn\nprint(torch.autograd._get_sequence_nr() - n)",
    )


def test_warnings_are_the_users_own():
    assert_same_outcome(
        "import torch, warnings\nx = torch.ones(2, requires_grad=True)\ny = x * 2\ny.sum().backward()",
        "pass",
        "y.grad",
        "def f():\n    warnings.warn('mine')\nf()\nwarnings.warn('too')",
    )


def test_tensors_can_still_be_swapped_and_modules_converted():
    assert_same_outcome(
        "import torch\na, b = torch.zeros(2), torch.ones(2)\nm = torch.nn.Linear(2, 2)",
        "a.add_(1)",
        "torch.utils.swap_tensors(a, b)\nprint(a, b)",
        "torch.__future__.set_swap_module_params_on_conversion(True)\nm.half()\ntorch.__future__.set_swap_module_params_on_conversion(False)\nprint(m.weight.dtype)",
    )


def test_an_array_can_still_be_resized():
    assert_same_outcome(
        "import numpy as np\na = np.ones(3)\na.resize(5)\nprint(a)",
        "a.resize(7)\nprint(a)",
        "b = np.zeros(2)",
        "b.resize(4)\nprint(b)",
        "b.sum()",
    )


RESIZED_ELSEWHERE = {
    "a function": ("def grow(t): t.resize(t.size + 1, refcheck=False)\na = np.ones(3)", "grow(a)"),
    "a function of any array": ("grow = lambda t: t.resize(9, refcheck=False)\na = np.ones(3)\nb = a", "grow(a)"),
    "a method": (
        "class Buffer:\n    def __init__(self): self.a = np.ones(3)\n    def put(self): self.a.resize(self.a.size + 1, refcheck=False)\nb = Buffer()\na = b.a\ndel a",
        "b.put()\na = b.a.copy()",
    ),
    "a magic": ("a = np.ones(3)", "%timeit -n1 -r1 -q a.resize(a.size + 1, refcheck=False)"),
    "a name of the method": ("a = np.ones(3)", "grow = a.resize\ngrow(5, refcheck=False)"),
    "an array of the same cell": (
        "def grow(t): t.resize(t.size + 1, refcheck=False)",
        "c = np.ones(3)\nd = 1\ngrow(c)\na = c.copy()",
    ),
}


@pytest.mark.parametrize(("make", "grow"), RESIZED_ELSEWHERE.values(), ids=RESIZED_ELSEWHERE)
def test_an_array_can_be_resized_by_what_the_cell_calls(make: str, grow: str):
    cells = f"import numpy as np\n{make}", "1", f"{grow}\nprint(a)", "print(a.sum())", f"{grow}\nprint(a)"

    assert_same_outcome(*cells)
    assert {("NoneType", "None")} == {one["error"] for one in outcomes([*cells], watched=True)}


def test_an_array_can_be_resized_by_a_module_of_the_users(tmp_path: Path):
    name = f"grows_{tmp_path.name.replace('-', '_')}"
    file = tmp_path / f"{name}.py"
    file.write_text("def grow(t):\n    pass\n")
    with Notebook() as nb:
        nb.run(f"import numpy as np, sys\nsys.path.insert(0, {str(tmp_path)!r})\na = np.ones(3)")
        nb.run(f"import importlib, {name} as own\nown.grow(a)")
        nb.run("a[0] = 2")
        file.write_text("def grow(t):\n    t.resize(t.size + 1, refcheck=False)\n")
        nb.run("importlib.reload(own)")
        nb.run("own.grow(a)")
        nb.run("own.grow(a)")
        nb.run("sys.path.pop(0)")

        assert nb.ns["a"].tolist() == [2, 1, 1, 0, 0]


def test_arrays_are_told_apart_beside_a_module_that_resizes_but_that_no_variable_leads_to(tmp_path: Path):
    name = f"window_{tmp_path.name.replace('-', '_')}"
    (tmp_path / f"{name}.py").write_text("def fit(window):\n    window.resize(3)\n")
    with Notebook() as nb:
        nb.run(f"import numpy as np, sys, torch\nsys.path.insert(0, {str(tmp_path)!r})")
        nb.run(f"from {name} import fit")
        nb.run("del fit")
        nb.run("sys.path.pop(0)")

        assert silent(nb.run("x = np.zeros(3)\nt = torch.from_numpy(x)\nt += 1")) == {"x"}


def test_while_no_cell_is_watched_any_code_may_resize_an_array():
    with Notebook() as nb:
        nb.run("import numpy as np\na = np.zeros(3)\nb = a[1:]")
        nb.cell("%tensorwatch off")
        ran = nb.cell("getattr(a, 're' + 'size')(5, refcheck=False)")
        nb.cell("%tensorwatch on")

        assert ran.error is None
        nb.run("del b")
        nb.run("b = a[1:]")
        assert silent(nb.run("a[2] = 1")) == {"b"}


def test_an_array_that_may_be_resized_is_still_compared():
    with Notebook() as nb:
        nb.run("import numpy as np\ndef grow(t): t.resize(9)\na = np.zeros(3)\nb = a[1:]")
        for turn in range(1, 4):
            report = nb.run(f"a[1] = {turn}")
            assert (mutated(report), silent(report)) == ({"a", "b"}, {"b"})


def test_a_version_counter_is_not_moved():
    assert_same_outcome(
        "import torch\nx = torch.ones(3)\nq = x.data", "x._version, q._version", "x.add_(1)", "x._version, q._version"
    )


def test_attributes_of_tensors_and_storages_pickle_as_before():
    assert_same_outcome(
        "import copy, io, pickle, torch\nx = torch.ones(3)\nx.note = 'mine'",
        "x.add_(1)",
        "len(pickle.dumps(x)), vars(x), vars(copy.deepcopy(x))",
        "f = io.BytesIO()\ntorch.save({'x': x, 's': x.untyped_storage()}, f)\nlen(f.getvalue())",
    )


# ---------------------------------------------------------------- the user's own hooks, modes and transformers

MODES = {
    "dispatch mode": """
from torch.utils._python_dispatch import TorchDispatchMode
class Log(TorchDispatchMode):
    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        log.append(str(func))
        return func(*args, **(kwargs or {}))
""",
    "function mode": """
from torch.overrides import TorchFunctionMode
class Log(TorchFunctionMode):
    def __torch_function__(self, func, types, args=(), kwargs=None):
        log.append(getattr(func, "__name__", str(func)))
        return func(*args, **(kwargs or {}))
""",
}


@pytest.mark.parametrize("mode", MODES.values(), ids=MODES.keys())
def test_a_mode_that_stays_on_over_cells_sees_only_the_users_operations(mode: str):
    assert_same_outcome(
        f"import torch\nlog = []\n{mode}\nx = torch.ones(3)\nmode = Log()",
        "_ = mode.__enter__()",
        "x.add_(1)\ny = x[:2]",
        "y.mul_(2)\nprint(x)",
        "_ = mode.__exit__(None, None, None)\nprint(log)",
    )


@pytest.mark.parametrize(
    ("on", "off"),
    [
        ("torch.set_default_device('meta')", "torch.set_default_device(None)"),
        ("torch.set_default_dtype(torch.float64)", "torch.set_default_dtype(torch.float32)"),
        ("torch.set_grad_enabled(False)", "torch.set_grad_enabled(True)"),
        ("mode = torch.inference_mode(); mode.__enter__()", "mode.__exit__(None, None, None)"),
        ("torch.use_deterministic_algorithms(True)", "torch.use_deterministic_algorithms(False)"),
        ("torch.autograd.set_detect_anomaly(True)", "torch.autograd.set_detect_anomaly(False)"),
        (
            "from torch._subclasses import FakeTensorMode; mode = FakeTensorMode(); mode.__enter__()",
            "mode.__exit__(None, None, None)",
        ),
        (
            "hooks = torch.autograd.graph.saved_tensors_hooks(lambda t: t, lambda t: t); hooks.__enter__()",
            "hooks.__exit__(None, None, None)",
        ),
    ],
)
def test_a_setting_that_stays_on_over_cells_changes_nothing_for_us(on: str, off: str):
    with Notebook() as nb:
        nb.run("import torch\nx = torch.ones(3)\ny = x[:2]\nn = x.numpy()")
        nb.run(on)
        report = nb.run("n += 1")
        nb.run(off)

    assert mutated(report) == {"x", "y", "n"}


def test_the_users_hooks_run_as_often_as_before():
    assert_same_outcome(
        """
        import torch
        from torch.optim.optimizer import register_optimizer_step_post_hook, register_optimizer_step_pre_hook
        log = []
        handles = [
            register_optimizer_step_pre_hook(lambda *a: log.append("pre")),
            register_optimizer_step_post_hook(lambda *a: log.append("post")),
            torch.nn.modules.module.register_module_forward_hook(lambda m, a, o: log.append(type(m).__name__)),
        ]
        model = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.ReLU())
        opt = torch.optim.SGD(model.parameters(), lr=0.1)
        """,
        "model(torch.ones(1, 2)).sum().backward()\nopt.step()",
        "print(log)",
        "for h in handles:\n    h.remove()\nopt.step()\nprint(len(log))",
    )


def test_another_ast_transformer_works_before_and_after_ours():
    doubler = """
        import ast
        class Doubler(ast.NodeTransformer):
            def visit_Constant(self, node):
                return ast.Constant(node.value * 2) if isinstance(node.value, int) and not isinstance(node.value, bool) else node
        shell = get_ipython()
        doubler = Doubler()
        shell.ast_transformers.{}doubler)
        """
    for put in ("append(", "insert(0, "):
        assert_same_outcome(
            doubler.format(put),
            "x = 3\nprint(x + 1)",
            "for i in range(2):\n    print(i * 5)",
            "shell.ast_transformers.remove(doubler)",
            "print(3)",
        )


def test_another_extensions_callbacks_are_called_as_before():
    assert_same_outcome(
        "log = []\nip = get_ipython()\ndef pre(info): log.append('pre')\ndef post(result): log.append('post')\nip.events.register('pre_run_cell', pre)\nip.events.register('post_run_cell', post)",
        "1 + 1",
        "1 / 0",
        "ip.events.unregister('pre_run_cell', pre)\nip.events.unregister('post_run_cell', post)\nprint(log)",
    )


def test_a_callback_that_writes_between_cells_is_outside():
    with Notebook() as nb:
        nb.run("import torch\nx = torch.ones(3)")
        nb.ns["x"].add_(1)
        report = nb.run("y = 1")

    assert {(c["path"], c["cause"]) for c in report["changes"] if c["kind"] == "mutated"} <= {("x", "outside")}
    assert mutated(report) <= {"x"}


# ---------------------------------------------------------------- cells of every shape

SYNTAX = {
    "empty": "",
    "comment": "# nothing",
    "blank lines": "\n\n\n",
    "syntax error": "x = = 1",
    "syntax error later": "y = 1\nfor:\n    pass",
    "indentation error": "if True:\npass",
    "return outside": "return 1",
    "display": "1 + 1",
    "no display": "1 + 1;",
    "display of None": "None",
    "semicolons": "a = 1; b = 2; a + b",
    "docstring": "'''only a string'''",
    "docstring first": "'''doc'''\nx = 1\nx",
    "future import": "from __future__ import annotations\ndef f(a: Undefined): pass\nf.__annotations__",
    "annotations": "x: int = 3\ny: str\nx",
    "loop with else": "for i in range(3):\n    if i == 1: continue\nelse:\n    print('done', i)",
    "while with break": "n = 0\nwhile True:\n    n += 1\n    if n > 3: break\nelse:\n    print('never')\nn",
    "nested functions": "def outer():\n    n = 0\n    def inner():\n        nonlocal n\n        n += 1\n        return n\n    return inner() + inner()\nouter()",
    "global": "def f():\n    global made\n    made = 4\nf()\nmade",
    "generator": "def g():\n    x = yield 1\n    yield x\nit = g()\nnext(it), it.send(5)",
    "class body": "class A:\n    x = 1\n    for y in range(3): pass\n    def f(self): return self.x, self.y\nA().f()",
    "decorator": "import functools\n@functools.lru_cache\ndef f(n): return n if n < 2 else f(n - 1) + f(n - 2)\nf(20)",
    "match": "match {'k': [1, 2]}:\n    case {'k': [a, *rest]}:\n        print(a, rest)",
    "walrus": "if (n := 10) > 5:\n    print(n)",
    "comprehension": "[i * j for i in range(3) for j in range(3) if i != j]",
    "star": "first, *rest = range(5)\nprint(first, rest)",
    "try": "try:\n    1 / 0\nexcept ZeroDivisionError as e:\n    print(e)\nelse:\n    print('no')\nfinally:\n    print('end')",
    "error": "def f(n):\n    return 1 / n\nx = 1\nf(0)\ny = 2",
    "error in loop": "for i in range(3):\n    print(i)\n    if i == 1:\n        raise ValueError('at one')",
    "error in with": "import contextlib\nwith contextlib.suppress(KeyError):\n    {}['a']\nwith open('/no/such/file') as f:\n    pass",
    "error over lines": "print(1)\nint(\n    'a'\n    'b',\n)",
    "chained error": "try:\n    {}['a']\nexcept KeyError as e:\n    raise RuntimeError('second') from e",
    "assertion": "assert 1 == 2, 'not so'",
    "recursion": "def f(): return f()\ntry:\n    f()\nexcept RecursionError:\n    print('deep')",
    "system exit": "import sys\nsys.exit(3)",
    "interrupt": "raise KeyboardInterrupt",
    "own base exception": "class Stop(BaseException): pass\nraise Stop('now')",
    "await": "import asyncio\nawait asyncio.sleep(0)\nprint('slept')",
    "async for": "async def gen():\n    for i in range(2):\n        yield i\nasync for i in gen():\n    print(i)",
    "async with error": "import asyncio\nasync def f():\n    raise ValueError('async')\nawait f()",
    "help": "len?",
    "shell command": "!echo hello",
    "magic": "%pwd",
    "unknown magic": "%no_such_magic",
    "unknown cell magic": "%%no_such_magic\nx",
    "magic assignment": "d = %pwd\ntype(d)",
    "capture": "%%capture kept\nprint('inside')\n1 + 1",
    "deleted names": "x = 1\ndel x\nx",
    "shadowed builtins": "list = len = id = type = isinstance = print = getattr = None",
    "strings with newlines": "s = '''a\n  b\n'''\ns",
    "f-strings": "n = 3\nf'{n=} {n!r:>5} {[i for i in range(n)]}'",
    "lambda": "(lambda *a, **k: (a, k))(1, b=2)",
    "del in loop": "d = {i: i for i in range(3)}\nfor k in list(d):\n    del d[k]\nd",
    "inspected": "import inspect\ndef f(a):\n    # note\n    return a\nprint(inspect.getsource(f), f.__code__.co_firstlineno, f.__code__.co_names)",
    "frame": "import sys\nprint(sys._getframe().f_lineno, sys._getframe().f_code.co_name)\nfor i in range(1):\n    print(sys._getframe().f_lineno)",
    "names": "before = set(dir())\nx = 1\nprint(sorted(set(dir()) - before))",
    "locals": "print(sorted(n for n in locals() if not n.startswith('_') and 'watch' in n))",
    "history": "In[-1]",
    "main": "__name__",
    "long": "\n".join(f"v{i} = {i}" for i in range(2000)) + "\nv1999",
    "deep expression": "x = " + "+".join(["1"] * 500) + "\nx",
    "deep blocks": "\n".join("    " * i + "if True:" for i in range(18)) + "\n" + "    " * 18 + "print('deep')",
    "unicode": "größe = 'é'\ngröße",
    "form feed": "x = 1\x0c\nx",
    "carriage returns": "x = 1\r\ny = 2\r\nprint(x + y)",
    "tabs": "if True:\n\tx = 1\n\tprint(x)",
    "backslash": "x = 1 + \\\n    2\nx",
    "stdout replaced": "import io, sys\nkept, sys.stdout = sys.stdout, io.StringIO()\nprint('hidden')\nsys.stdout = kept\nprint('seen')",
    "namespace reset": "%reset -f",
    "huge integer": "x = 10 ** 5000\ntype(x)",
    "surrogate": "s = '\\ud800'\nlen(s)",
    "null": "x = '\\0'\nlen(x)",
    "with several": "import contextlib\nwith contextlib.nullcontext(1) as a, contextlib.nullcontext(2) as b:\n    print(a, b)",
    "exception group": "raise ExceptionGroup('two', [ValueError(1), TypeError(2)])"
    if sys.version_info >= (3, 11)
    else "pass",
    "type checked by identity": "def f(): pass\nf.__module__, f.__globals__ is globals(), f.__qualname__",
}


@pytest.mark.parametrize("cell", SYNTAX.values(), ids=SYNTAX.keys())
def test_a_cell_of_any_shape_has_its_own_outcome(cell: str):
    with_cells = [cell, "1 + 2"]

    assert outcomes(with_cells, watched=True) == outcomes(with_cells, watched=False)


@pytest.mark.parametrize("shown", ["all", "last", "last_expr", "none", "last_expr_or_assign"])
def test_what_is_displayed_follows_the_setting(shown: str):
    assert_same_outcome("1\n2\nx = 3", "x\nfor i in range(2):\n    i\n4", "y = x\ny", ast_node_interactivity=shown)


def test_functions_and_classes_are_compiled_exactly_as_typed():
    cell = "def f(x):\n    for i in range(3):\n        x = x + i\n    return x\nclass A:\n    def g(self):\n        with open('x') as h:\n            return h\nl = lambda: 1\nasync def co():\n    return 1"

    def codes(nb: Notebook) -> list[tuple[object, ...]]:
        functions = [nb.ns["f"], nb.ns["A"].g, nb.ns["l"], nb.ns["co"]]
        return [
            (c.co_code, c.co_names, c.co_varnames, c.co_firstlineno, list(c.co_lines()))
            for c in (f.__code__ for f in functions)
        ]

    with Notebook() as watched, Notebook(watched=False) as plain:
        watched.cell(cell)
        plain.cell(cell)

        assert codes(watched) == codes(plain)


# Compiled code leaves weak callbacks of PyTorch's own that raise once the test's names are gone.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_function_of_a_cell_can_be_compiled():
    assert_same_outcome(
        "import torch\ntorch._dynamo.utils.counters.clear()\n@torch.compile(backend='eager', fullgraph=True)\ndef f(x):\n    y = x * 2\n    y.add_(1)\n    return y",
        "x = torch.ones(3)\nprint(f(x))",
        "@torch.compile(backend='eager', fullgraph=True)\ndef g(x):\n    x.add_(1)\n    return x",
        "print(g(x), x)\nprint(torch._dynamo.utils.counters['stats']['unique_graphs'])\ntorch._dynamo.reset()",
    )


# Compiled code leaves weak callbacks of PyTorch's own that raise once the test's names are gone.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_write_inside_a_compiled_function_is_silent():
    with Notebook() as nb:
        nb.run(
            "import torch\n@torch.compile(backend='eager')\ndef g(x):\n    x.add_(1)\n    return 1\nx = torch.ones(3)"
        )
        report = nb.run("g(x)")
        nb.run("torch._dynamo.reset()")

    assert silent(report) == {"x"}


def test_a_function_of_a_cell_travels_by_value():
    with Notebook() as nb:
        nb.run("def f(x):\n    y = x + 1\n    return y")
        data = cloudpickle.dumps(nb.ns["f"])
        run = subprocess.run(
            [
                sys.executable,
                "-c",
                f"import pickle, sys; print(pickle.loads({data!r})(2)); print('ipy_tensorwatch' in sys.modules)",
            ],
            capture_output=True,
            text=True,
            check=True,
        )

    assert run.stdout.split() == ["3", "False"]


def test_a_dataset_of_a_cell_works_in_a_worker_process():
    with Notebook() as nb:
        nb.run("""
import torch
from torch.utils.data import DataLoader, Dataset
class Numbers(Dataset):
    def __len__(self): return 4
    def __getitem__(self, i): return torch.tensor([float(i)])
loader = DataLoader(Numbers(), batch_size=2, num_workers=1, multiprocessing_context="fork")
""")
        report = nb.run("total = sum(b.sum() for b in loader).item()")

        assert nb.ns["total"] == 6
        assert silent(report) == set()


def test_a_debugger_steps_through_the_lines_as_typed():
    assert_same_outcome(
        "def f(n):\n    a = n\n    for i in range(2):\n        a += i\n    return a",
        """
        import bdb
        class Steps(bdb.Bdb):
            lines = []
            def user_line(self, frame):
                self.lines.append((frame.f_code.co_name, frame.f_lineno))
                self.set_step()
        steps = Steps()
        _ = steps.runcall(f, 3)
        print(steps.lines)
        """,
    )


# ---------------------------------------------------------------- magics that run code themselves


@pytest.mark.parametrize("head", ["%%time", "%%capture kept", "%%capture --no-stdout kept"])
def test_a_cell_under_a_magic_is_watched_too(head: str):
    with Notebook() as nb:
        nb.run("import torch\nx = torch.ones(3)\ny = x[:2]")
        report = nb.run(f"{head}\nz = 1\ny.add_(1)")

    assert silent(report) == {"x"}
    assert "y.add_(1)" in {s["text"].split("\n")[-1] for s in changes(report)["x"]["sites"]}


def test_a_line_under_time_is_watched_too():
    with Notebook() as nb:
        nb.run("import torch\nx = torch.ones(3)\ny = x[:2]")
        report = nb.run("%time y.add_(1)")

    assert {"x", "y"} <= mutated(report)


def test_a_script_that_is_run_is_watched_too(tmp_path: Path):
    script = tmp_path / "script.py"
    script.write_text("y.add_(1)\nmade = y + 1\n", "utf-8")
    with Notebook() as nb:
        nb.run("import torch\nx = torch.ones(3)\ny = x[:2]")
        nb._bound.update({"made", "__file__", "__name__"})
        report = nb.run(f"%run -i {script}")

    assert {"x", "y"} <= mutated(report)
    assert "x" in silent(report)


@pytest.mark.parametrize(
    "head", ["%timeit -n 2 -r 1 -q ", "%%timeit -n 2 -r 1 -q\n", "%time ", "%%time\n", "%prun -q ", "%%prun -q\n"]
)
def test_what_is_timed_is_the_users_code_alone(head: str):
    look = "names.append(sys._getframe().f_code.co_names)"
    cells = ["import sys\nnames = []", head + look]

    with Notebook() as watched, Notebook(watched=False) as plain:
        for cell in cells:
            watched.cell(cell)
            plain.cell(cell)

        assert watched.ns["names"] == plain.ns["names"]


def test_a_profile_shows_nothing_of_ours():
    with Notebook() as nb:
        nb.run("import torch\nx = torch.ones(3)")
        nb.run("stats = %prun -r -q x.add_(1)")

        assert [name for name, *_ in nb.ns["stats"].stats if "tensorwatch" in name] == []


@pytest.mark.parametrize(
    "cell",
    ["%timeit -n 3 -r 1 -q x.add_(1)", "%%timeit -n 3 -r 1 -q\nx.add_(1)", "%prun -q x.add_(1)", "%%time\nx.add_(1)"],
)
def test_a_timed_write_is_found_all_the_same(cell: str):
    with Notebook() as nb:
        nb.run("import torch\nx = torch.ones(3)\ny = x.detach()")
        report = nb.run(cell)

    assert {"x", "y"} <= mutated(report)


def test_autoreload_goes_on_working(tmp_path: Path):
    module = tmp_path / "reloaded_by_test.py"
    module.write_text("def answer():\n    return 1\n", "utf-8")
    with Notebook(check_leaks=False) as nb:
        nb.run(
            f"import sys\nsys.path.insert(0, {str(tmp_path)!r})\nsys.dont_write_bytecode = True\n%load_ext autoreload\n%autoreload 2"
        )
        nb.run("import reloaded_by_test")
        nb.run("first = reloaded_by_test.answer()")
        module.write_text("def answer():\n    return 22\n", "utf-8")
        os.utime(module, (1e9, 2e9))
        nb.run("second = reloaded_by_test.answer()")
        nb.run("%autoreload 0\nsys.path.pop(0)\nsys.modules.pop('reloaded_by_test')")

        assert (nb.ns["first"], nb.ns["second"]) == (1, 22)


# ---------------------------------------------------------------- interrupted in the middle of the hook


# The interrupt may arrive in a callback of the garbage collector, where Python can only warn about it.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_an_interrupt_in_the_hook_leaves_a_shell_that_is_watched_again():
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        with Notebook() as nb:
            nb.cell("import signal, torch\nmany = [torch.ones(2) for _ in range(20_000)]\nx = torch.ones(3)\ny = x[:2]")
            for delay in (0.0005, 0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064):
                for _ in range(3):
                    interrupt_the_hook(nb, delay)
                nb.cell("pass")
                nb.cell("y.add_(1)")
                assert {one.path for one in ipy_tensorwatch.report().changes if one.silent} == {"x"}, delay
            nb.cell("del many")

            assert silent(nb.run("y.add_(1)")) == {"x"}
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def interrupt_the_hook(nb: Notebook, delay: float) -> None:
    """Run a short cell, and interrupt what comes after it."""
    cell = f"signal.setitimer(signal.ITIMER_REAL, {delay}); many[0].add_(1)"
    with contextlib.suppress(KeyboardInterrupt):
        try:
            nb.shell.run_cell(cell, store_history=True)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)


# ---------------------------------------------------------------- loading, unloading, and magics given nonsense


@pytest.mark.parametrize("name", ["ipy_tensorwatch", "tensorwatch"])
def test_both_names_load_unload_and_reload(name: str):
    with Notebook(extension=name) as nb:
        nb.run("import torch\nx = torch.ones(3)\ny = x[:2]")
        assert silent(nb.run("y.add_(1)")) == {"x"}
        nb.unload()
        nb.assert_nothing_left()
        assert nb.cell("y.add_(1)").told == ""
        nb.load()
        assert silent(nb.run("y.add_(1)")) == {"x"}
        nb.shell.run_line_magic("reload_ext", name)
        assert silent(nb.run("y.add_(1)")) == {"x"}


def test_loading_twice_is_loading_once():
    with Notebook() as nb:
        nb.load()
        nb.run("import torch\nx = torch.ones(3)\ny = x[:2]")

        assert nb.cell("y.add_(1)").stdout.count(" tensorwatch  [2]") == 1


def test_the_cell_that_loads_it_is_no_surprise():
    with Notebook(watched=False) as nb:
        nb.cell("import torch\nx = torch.ones(3)\ny = x[:2]")
        assert nb.cell("y.add_(1)\n%load_ext ipy_tensorwatch\ny.add_(1)").told == ""
        assert silent(nb.run("y.add_(1)")) == {"x"}
        nb.unload()


def test_a_cell_has_the_number_that_stands_beside_it():
    with Notebook() as nb:
        numbers = [nb.run(cell)["cell"]["count"] for cell in ("1", "2", "3")]

        assert numbers == [1, 2, 3]
        assert nb.ns["_2"] == 2


def test_a_second_shell_in_the_same_process_is_left_alone():
    with Notebook(watched=False) as nb:
        nb.cell("import torch\nx = torch.ones(2)\ny = x[:1]")

        assert nb.cell("y.add_(1)").told == ""


NONSENSE = [
    "%tensorwatch nonsense",
    "%tensorwatch why",
    "%tensorwatch why no_such_name",
    "%tensorwatch why 1 +",
    "%tensorwatch why x y z",
    "%tensorwatch --bogus",
    "%tensorwatch config no_such=1",
    "%tensorwatch config budget_share=abc",
    "%tensorwatch on off",
    "%tensordiff no_such other",
    "%tensordiff x",
    "%tensordiff x n",
    "%tensordiff x 'unclosed",
    "%tensordiff --bogus",
    "%%tensordiff --bogus\nx",
    "%%tensordiff -n many\nx",
]


@pytest.mark.parametrize("cell", NONSENSE)
def test_a_magic_given_nonsense_answers_with_one_clear_line(cell: str):
    with Notebook() as nb:
        nb.run("import torch\nx = torch.ones(3)\nn = 4")
        ran = nb.cell(cell)
        said = [row for row in (ran.stdout + ran.stderr).splitlines() if row.strip()]

        assert "Traceback" not in ran.stdout + ran.stderr
        assert len(said) == 1, said
        assert nb.run("x.add_(1)")["changes"][0]["path"] == "x"


@pytest.mark.parametrize(
    "cell",
    [
        "%tensorwatch",
        "%tensorwatch status",
        "%tensorwatch history",
        "%tensorwatch why x",
        "%tensorwatch config",
        "%tensordiff",
        "%tensordiff x y",
        "%tensorwatch --help",
        "%tensordiff --help",
    ],
)
def test_a_magic_answers_at_any_time(cell: str):
    with Notebook() as nb:
        first = nb.cell(cell)
        nb.run("import torch\nx, y = torch.ones(3), torch.zeros(3)")
        nb.run("x.add_(1)")
        then = nb.cell(cell)

        assert "Traceback" not in first.stdout + first.stderr
        assert then.error is None
        assert (then.stdout + str(then.outputs)).strip() not in ("", "[]")


def test_watching_can_be_switched_off_and_on():
    with Notebook() as nb:
        nb.run("import torch\nx = torch.ones(3)\ny = x[:2]")
        nb.cell("%tensorwatch off")
        assert nb.cell("y.add_(1)").told == ""
        nb.cell("%tensorwatch on")
        assert nb.cell("z = 1").told == ""
        assert silent(nb.run("y.add_(1)")) == {"x"}
