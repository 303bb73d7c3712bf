"""An odd variable costs itself alone: it is listed with its reason where it cannot be looked at, and all else is told."""

from __future__ import annotations

import pytest

from tests.support.notebook import Notebook, mutated, paths, silent

SETUP = """
import collections, dataclasses, functools, sys, types, weakref
import numpy as np
import torch
from torch import nn

class S(str):
    __hash__ = str.__hash__
    def __eq__(self, other): raise RuntimeError
    def __repr__(self): raise RuntimeError
    __str__ = __format__ = __repr__

class Proxy:
    __slots__ = ("__wrapped__",)
    def __init__(self, value): object.__setattr__(self, "__wrapped__", value)
    __class__ = property(lambda self: type(object.__getattribute__(self, "__wrapped__")))
    __dict__ = property(lambda self: self.__wrapped__.__dict__)
    def __getattr__(self, name): return getattr(object.__getattribute__(self, "__wrapped__"), name)

class Raising(torch.Tensor):
    def __getattribute__(self, name): raise RuntimeError(name)

class Junk:
    def __getattribute__(self, name): raise RuntimeError(name)
    __len__ = __iter__ = __eq__ = __bool__ = __hash__ = __repr__ = __getattribute__

def sgd(): return torch.optim.SGD([nn.Parameter(torch.ones(1))], lr=0.1, momentum=0.9)
x = torch.zeros(3)
y = x.view(-1)
"""

LISTED = {
    "param_groups of text": ("o = sgd()\no.param_groups = 'junk'", "o"),
    "param_groups of a number": ("o = sgd()\no.__dict__['param_groups'] = 5", "o"),
    "param_groups of numbers": ("o = sgd()\no.param_groups = [1, 2]", "o.param_groups[0]"),
    "params that are no list": ("o = sgd()\no.param_groups[0]['params'] = 5", "o.param_groups[0]['params']"),
    "params that are junk": ("o = sgd()\no.param_groups[0]['params'] = Junk()", "o.param_groups[0]['params']"),
    "params that are no tensors": ("o = sgd()\no.param_groups[0]['params'] = [5]", "o.param_groups[0]['params'][0]"),
    "state of text": ("o = sgd()\no.state = 'junk'", "o"),
    "state of junk": ("o = sgd()\no.__dict__['state'] = Junk()", "o"),
    "a number for buffers": ("m = nn.Linear(1, 1)\nm.__dict__['_buffers'] = 5", "m._buffers"),
    "a list for parameters": (
        "m = nn.Linear(1, 1)\nm.__dict__['_parameters'] = [nn.Parameter(torch.ones(1))]",
        "m._parameters",
    ),
    "junk for children": ("m = nn.Linear(1, 1)\nm.__dict__['_modules'] = Junk()", "m._modules"),
    "a number among buffers": ("m = nn.Linear(1, 1)\nm._buffers['b'] = 5", "m.b"),
    "a text among parameters": ("m = nn.Linear(1, 1)\nm._parameters['p'] = 'text'", "m.p"),
    "junk among buffers": ("m = nn.Linear(1, 1)\nm._buffers['b'] = Junk()", "m.b"),
    "a list among children": ("m = nn.Sequential()\nm._modules['0'] = [torch.ones(2)]", "m[0]"),
    "a number for a name": ("globals()[5] = 1", "globals()[5]"),
    "a text of its own for a name": ("globals()[S('z')] = torch.ones(2)", "globals()[<S "),
    "a tuple for a name": ("globals()[(1, 2)] = torch.ones(2)", "globals()[<tuple "),
    "None for a name": ("globals()[None] = 1", "globals()[<NoneType "),
    "a list for a group": ("o = sgd()\no.param_groups = [[1]]", "o.param_groups[0]"),
    "a compiled module": ("m = torch.jit.script(nn.Linear(1, 1))", "m._parameters"),
    "a lazy proxy": ("p = Proxy([1])", "p"),
    "a lazy proxy of a tensor": ("p = Proxy(torch.ones(2))", "p"),
    "a lazy proxy of a module": ("p = [Proxy(nn.Linear(1, 1))]", "p[0]"),
    "a __dict__ as property": ("class C:\n    @property\n    def __dict__(self): raise RuntimeError\nc = C()", "c"),
    "a wrapper of tensors": (
        """
class W(torch.Tensor):
    @staticmethod
    def __new__(cls): return torch.Tensor._make_wrapper_subclass(cls, (2,), dispatch_sizes_strides_policy='sizes')
    @classmethod
    def __torch_dispatch__(cls, *a, **k): raise RuntimeError
w = W()
""",
        "w",
    ),
    "a fake tensor": (
        "from torch._subclasses import FakeTensorMode\nf = FakeTensorMode().from_tensor(torch.ones(2))",
        "f",
    ),
    "a lazy parameter": ("p = nn.UninitializedParameter()", "p"),
    "a nested tensor": ("n = torch.nested.nested_tensor([torch.ones(1), torch.ones(2)], layout=torch.jagged)", "n"),
}
SEEN = {
    "a tensor whose __getattribute__ raises": ("t = torch.ones(2).as_subclass(Raising)", "t"),
    "such a tensor in a list": ("s = [torch.ones(2).as_subclass(Raising), torch.ones(2)]", "s[0]"),
    "such a gradient": ("t = torch.ones(2, requires_grad=True)\nt.grad = torch.ones(2).as_subclass(Raising)", "t.grad"),
    "such a parameter": ("m = nn.Linear(1, 1)\nm._parameters['p'] = torch.ones(2).as_subclass(Raising)", "m.p"),
    "a __class__ that raises": (
        "class C:\n    @property\n    def __class__(self): raise RuntimeError\n    def __init__(self): self.t = torch.ones(2)\nc = C()",
        "c.t",
    ),
    "a metaclass with no hash": (
        "class M(type):\n    def __eq__(cls, other): return False\nclass C(metaclass=M): pass\nc = C()\nc.t = torch.ones(2)",
        "c.t",
    ),
    "a metaclass whose hash raises": (
        "class M(type):\n    def __hash__(cls): raise RuntimeError\nclass C(list, metaclass=M): pass\nc = C([torch.ones(2)])",
        "c[0]",
    ),
    "a module of a metaclass with no hash": (
        "class M(type):\n    def __eq__(cls, other): return False\nclass C(nn.Linear, metaclass=M): pass\nc = C(1, 1)",
        "c.weight",
    ),
    "a loud OrderedDict of parameters": (
        "class D(collections.OrderedDict):\n    def __iter__(self): raise RuntimeError\n    items = keys = values = __iter__\nm = nn.Linear(1, 1)\nm.__dict__['_parameters'] = D(weight=m.weight)",
        "m.weight",
    ),
    "a loud dict of attributes": (
        "class D(dict):\n    def __iter__(self): raise RuntimeError\n    items = keys = values = __len__ = __getitem__ = __iter__\nclass C: pass\nc = C()\nc.__dict__ = D(t=torch.ones(2))",
        "c.t",
    ),
    "a module that was never initialized": ("m = nn.Linear.__new__(nn.Linear)\nm.__dict__['t'] = torch.ones(2)", "m.t"),
    "attribute names of a text's subclass": (
        "class C: pass\nc = C()\nc.__dict__[S('a')] = 1\nc.t = torch.ones(2)",
        "c.t",
    ),
    "attribute names that are numbers": ("class C: pass\nc = C()\nc.__dict__[5] = 1\nc.t = torch.ones(2)", "c.t"),
    "keys of a text's subclass": ("d = {S('a'): torch.ones(2)}", "d[<S 0>]"),
    "keys that print nothing": ("d = {Junk: torch.ones(2)}", "d[<type 0>]"),
    "fields of a text's subclass": ("class T(tuple): pass\nT._fields = (S('a'),)\nt = T((torch.ones(2),))", "t[0]"),
    "fields that are no tuple": ("class T(tuple): pass\nT._fields = 5\nt = T((torch.ones(2),))", "t[0]"),
    "a module name that is no text": ("class C: pass\nC.__module__ = 5\nc = C()\nc.t = torch.ones(2)", "c.t"),
    "a module name of a text's subclass": (
        "class C: pass\nC.__module__ = S('mine')\nc = C()\nc.t = torch.ones(2)",
        "c.t",
    ),
    "slots that are shadowed": (
        "class C:\n    __slots__ = ('t',)\nclass E(C):\n    t = property(lambda self: 1 / 0)\nc = E()\nC.t.__set__(c, torch.ones(2))",
        "c.t",
    ),
    "a tensor with junk for an attribute": ("t = torch.ones(2)\nt.junk = Junk()", "t"),
    "a tensor whose __dict__ is a loud one": (
        "class D(dict):\n    def __len__(self): raise RuntimeError\n    __iter__ = items = __bool__ = __len__\nt = torch.ones(2)\nt.__dict__ = D()",
        "t",
    ),
    "an array whose shape raises": (
        "class A(np.ndarray):\n    shape = strides = dtype = base = flags = property(lambda self: 1 / 0)\na = np.ones(2).view(A)",
        "a",
    ),
    "a module that loads lazily": (
        "class L(types.ModuleType):\n    def __getattribute__(self, name): raise ImportError(name)\nsys.modules['lazy'] = lazy = L('lazy')\nt = torch.ones(2)",
        "t",
    ),
    "a deque that cannot be made again": (
        "class Q(collections.deque):\n    def __init__(self, *a): raise RuntimeError\nq = Q.__new__(Q)\ncollections.deque.append(q, torch.ones(2))",
        "q[0]",
    ),
    "a simple namespace": ("n = types.SimpleNamespace(t=torch.ones(2))", "n.t"),
    "a patched tensor class": ("torch.Tensor.data_ptr = property(lambda self: 1 / 0)\nt = torch.ones(2)", "t"),
}
CLEAN = "for n in [k for k in globals() if type(k) is not str]: dict.pop(globals(), n)\ntorch.Tensor.__dict__.get('data_ptr') and delattr(torch.Tensor, 'data_ptr')\nsys.modules.pop('lazy', None)"


@pytest.fixture(scope="module")
def outcomes() -> dict[str, tuple[set[str], set[str], dict[str, str], set[str], str]]:
    """Make each variable, write silently beside it, and ask for the status, in one notebook."""
    found = {}
    with Notebook() as nb:
        nb.run(SETUP)
        for name, (make, _) in (LISTED | SEEN).items():
            nb.run(make)
            report = nb.run("y.add_(1)")
            why = {one["path"]: one["why"] for one in report["coverage"]["unverified"]}
            found[name] = mutated(report), silent(report), why, paths(report), nb.status()
            nb.run(CLEAN)
        nb.run("c = m = o = p = t = None")
    return found


def test_there_are_fifty_kinds():
    assert len(LISTED | SEEN) >= 50


@pytest.mark.parametrize("name", LISTED | SEEN)
def test_a_silent_change_beside_it_is_told(name: str, outcomes):
    changed, is_silent, *_ = outcomes[name]

    assert changed == {"x", "y"}
    assert is_silent == {"x"}


@pytest.mark.parametrize("name", LISTED)
def test_what_cannot_be_looked_at_is_listed_with_its_reason(name: str, outcomes):
    _, _, why, *_ = outcomes[name]
    (listed,) = [path for path in why if path.startswith(LISTED[name][1])]

    assert why[listed]


@pytest.mark.parametrize("name", LISTED)
def test_the_status_says_the_reason_too(name: str, outcomes):
    *_, status = outcomes[name]

    assert "Not compared" in status, status


@pytest.mark.parametrize("name", SEEN)
def test_what_can_be_looked_at_is_watched(name: str, outcomes):
    _, _, why, known, _ = outcomes[name]

    assert SEEN[name][1] in known
    assert SEEN[name][1] not in why


def test_a_name_of_the_namespace_itself_leads_to_no_variable_a_second_time(notebook: Notebook):
    notebook.run(SETUP)
    report = notebook.run("names = globals()")
    assert set() == {path for path in paths(report) if path.startswith("names")}

    assert {"x"} == silent(notebook.run("y.add_(1);"))
    assert {"x", "y"} == silent(notebook.run("names['y'].add_(1);"))
