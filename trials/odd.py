"""Odd variables: none of them may silence the report of what else the cell did."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trials.figure import Figure, none_of
from trials.process import go_through, step
from trials.shell import opened, run

if TYPE_CHECKING:
    from collections.abc import Iterator

OPTIMIZER = "opt = torch.optim.Adam([torch.nn.Parameter(torch.ones(2))]); "
MODULE = "net = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.BatchNorm1d(2)); "
PROXY = """
class Proxy:
    def __init__(self, it): object.__setattr__(self, '_it', it)
    __class__ = property(lambda s: type(object.__getattribute__(s, '_it')))
    def __getattr__(self, name): return getattr(object.__getattribute__(self, '_it'), name)
    def __iter__(self): return iter(object.__getattribute__(self, '_it'))
    def __len__(self): return len(object.__getattribute__(self, '_it'))
    def __getitem__(self, key): return object.__getattribute__(self, '_it')[key]
"""
ODD = {
    "a proxy of a list": f"{PROXY}odd = Proxy([1])",
    "a proxy of a dict": f"{PROXY}odd = Proxy({{1: 2}})",
    "a proxy of a tensor": f"{PROXY}odd = Proxy(torch.ones(2))",
    "a proxy of an array": f"{PROXY}odd = Proxy(np.ones(2))",
    "a proxy of a module": f"{PROXY}odd = Proxy(torch.nn.Linear(1, 1))",
    "a proxy of an optimizer": f"{PROXY}{OPTIMIZER}odd = Proxy(opt)",
    "a __class__ that raises": "class O:\n    __class__ = property(lambda s: 1 / 0)\nodd = O()",
    "a __class__ that is no class": "class O:\n    __class__ = 7\nodd = O()",
    "a __dict__ that raises": "class O:\n    __dict__ = property(lambda s: 1 / 0)\nodd = O()",
    "a __dict__ that is no dict": "class O:\n    __dict__ = 7\nodd = O()",
    "a metaclass with __eq__ and no __hash__": "class M(type):\n    def __eq__(c, o): return False\n    __hash__ = None\nclass O(metaclass=M): pass\nodd = O()",
    "a metaclass whose __hash__ raises": "class M(type):\n    def __hash__(c): raise ValueError\nclass O(metaclass=M): pass\nodd = [O(), {1: O()}]",
    "a metaclass whose __getattribute__ raises": "class M(type):\n    def __getattribute__(c, n): raise ValueError\nclass O(metaclass=M): pass\nodd = object.__new__(O)",
    "a __module__ that is no text": "class O: pass\nO.__module__ = 7\nodd = O()",
    "a __module__ that is a hostile text": "class S(str):\n    def __eq__(s, o): raise ValueError\n    def __hash__(s): raise ValueError\nclass O: pass\nO.__module__ = S('m')\nodd = O()",
    "a number as a name": "globals()[5] = torch.ones(1)",
    "None as a name": "globals()[None] = torch.ones(1)",
    "a tuple as a name": "globals()[('a', 1)] = torch.ones(1)",
    "a text of a subclass as a name": "class S(str):\n    def __format__(s, f): raise ValueError\n    def __str__(s): raise ValueError\nglobals()[S('odd')] = torch.ones(1)",
    "half a surrogate pair as a name": "globals()['\\ud800'] = torch.ones(1)",
    "an empty name": "globals()[''] = torch.ones(1)",
    "a very long name": "globals()['n' * 1_000_000] = torch.ones(1)",
    "param_groups of junk": f"{OPTIMIZER}opt.param_groups = 'junk'",
    "param_groups of None": f"{OPTIMIZER}opt.param_groups = None",
    "param_groups of numbers": f"{OPTIMIZER}opt.param_groups = [1, 2]",
    "a group without params": f"{OPTIMIZER}opt.param_groups = [{{}}]",
    "a group whose params are a number": f"{OPTIMIZER}opt.param_groups = [{{'params': 7}}]",
    "a state of junk": f"{OPTIMIZER}opt.state = 'junk'",
    "a state of numbers": f"{OPTIMIZER}opt.state = {{1: 2, 'a': [3]}}",
    "an optimizer without attributes": f"{OPTIMIZER}opt.__dict__.clear()",
    "a number among the buffers": f"{MODULE}net[1]._buffers['odd'] = 7",
    "a list among the parameters": f"{MODULE}net[0]._parameters['odd'] = [1]",
    "a tensor among the modules": f"{MODULE}net._modules['odd'] = torch.ones(2)",
    "a number among the modules": f"{MODULE}net._modules[5] = 7",
    "a module in itself": f"{MODULE}net._modules['odd'] = net",
    "parameters of None": f"{MODULE}net[0].__dict__['_parameters'] = None",
    "buffers of junk": f"{MODULE}net[1].__dict__['_buffers'] = 'junk'",
    "modules of junk": f"{MODULE}net.__dict__['_modules'] = [1, 2]",
    "a module without attributes": f"{MODULE}net[0].__dict__.clear()",
    "a module that was never initialised": "class N(torch.nn.Module):\n    def __init__(self): pass\nodd = N()",
    "a tensor whose __getattribute__ raises": "class T(torch.Tensor):\n    def __getattribute__(s, n): raise ValueError(n)\nodd = torch.Tensor._make_subclass(T, torch.ones(2))",
    "a tensor whose shape raises": "class T(torch.Tensor):\n    shape = property(lambda s: 1 / 0)\n    dtype = shape\nodd = torch.ones(2).as_subclass(T)",
    "a tensor whose functions raise": "class T(torch.Tensor):\n    @classmethod\n    def __torch_function__(c, *a, **k): raise ValueError\nodd = torch.Tensor._make_subclass(T, torch.ones(2))",
    "an array whose attributes raise": "class A(np.ndarray):\n    def __getattribute__(s, n): raise ValueError(n)\nodd = np.ones(2).view(A)",
    "a named tuple with odd _fields": "import collections\nclass P(collections.namedtuple('P', 'a b')): _fields = 7\nodd = P(torch.ones(1), 2)",
    "a dict whose items raise": "class D(dict):\n    def items(s): raise ValueError\n    __iter__ = keys = values = __len__ = items\nodd = D(a=torch.ones(1))",
    "an OrderedDict whose iteration raises": "import collections\nclass D(collections.OrderedDict):\n    def __iter__(s): raise ValueError\nodd = D(); dict.__setitem__(odd, 'a', torch.ones(1))",
    "a list that contains itself": "odd = []; odd.append(odd)",
    "a nest of a hundred thousand lists": "odd = []\nfor _ in range(100_000): odd = [odd]",
    "a dict with NaN as keys": "odd = {float('nan'): torch.ones(1), float('nan'): torch.ones(1)}",
    "a dict with hostile keys": "class K:\n    __hash__ = lambda s: 1\n    def __eq__(s, o): raise ValueError\n    def __repr__(s): raise ValueError\nodd = {K(): torch.ones(1)}",
    "a slot that is empty": "class O: __slots__ = ('a', 'b')\nodd = O(); odd.b = torch.ones(1)",
    "a slot whose name is not what it is": "class O: __slots__ = ['a']\nO.__slots__ = 7\nodd = O(); odd.a = torch.ones(1)",
    "a weak reference that is dead": "import weakref\nclass O: pass\nodd = weakref.proxy(O())",
    "a mock": "from unittest import mock\nodd = mock.MagicMock(spec=torch.Tensor)",
    "a storage without memory": "odd = torch.ones(4); odd.untyped_storage().resize_(0)",
    "a Tensor with a patched data_ptr": "odd = torch.ones(2); odd.data_ptr = lambda: 7",
    "a generator that runs": "def g():\n    while True: yield 1\nodd = g(); next(odd)",
    "a closed memory map": "import mmap\nodd = mmap.mmap(-1, 4096); odd.close()",
    "a released memory view": "odd = memoryview(b'x'); odd.release()",
}  # fmt: skip


def trial(*, quick: bool) -> Iterator[Figure]:
    items = list(ODD)[:: 6 if quick else 1]
    values, died = go_through("odd", "silenced", items, 10)
    failed = [one for value in values for one in value] + died
    yield none_of("odd variables that silence the report, or show something of ours", failed, len(items), "variables")


def silenced(items: list[str]) -> list[str]:
    """Write through a view beside each variable; give those with which that is not told."""
    failed = []
    for odd in items:
        step(odd)
        with opened(watched=True) as notebook:
            run(notebook, "import numpy as np, torch\nx = torch.zeros(3); y = x.view(3)")
            made = run(notebook, ODD[odd])
            fault = made.shown or _told(notebook)
            if made.error:
                fault = f"it could not be made: {made.error}"
        if fault:
            failed.append(f"{odd}: {fault}")
    return failed


def _told(notebook: Any) -> str:
    for cell in ("y.add_(1);", "%%tensordiff\ny.add_(1)", "y.add_(1);"):
        outcome = run(notebook, cell)
        if outcome.error or outcome.shown:
            return outcome.shown or outcome.error
        if "x" not in outcome.told:
            status = run(notebook, "%tensorwatch status").told
            return f"nothing is told; {(status.strip().splitlines() or [''])[-1]}"
    return ""
