"""Nothing of the user's is run by the walk: objects of a hundred kinds, each of whose special methods counts its calls."""

from __future__ import annotations

import pytest

from tests.support.notebook import Notebook, mutated

LOUD = """
import abc, collections, contextlib, dataclasses, enum, functools, types, typing, weakref
import numpy as np
import torch
from torch import nn

called = []
NAMES = '''getattribute getattr setattr delattr dir len length_hint bool eq ne lt le gt ge hash repr str format bytes iter
next reversed contains getitem missing call index int float complex abs neg add radd iadd mul rmul sub or ror and enter
exit reduce reduce_ex getstate copy deepcopy sizeof fspath array array_interface array_struct array_ufunc
array_function array_finalize array_wrap array_priority dlpack dlpack_device torch_function buffer instancecheck
subclasscheck subclasshook get class_getitem await aiter anext'''.split()
PROPERTIES = "__wrapped__ __module__ __doc__ __slots__ __annotations__".split()
PLAIN = '''items keys values get copy pop append index count parameters named_parameters buffers named_buffers children
named_children modules named_modules state_dict forward shape dtype device strides stride data data_ptr size numel dim
storage_offset untyped_storage is_leaf requires_grad grad grad_fn is_nested is_quantized is_sparse layout _version _base
_is_view is_inference detach base flags itemsize nbytes ctypes T _is_param extra_repr param_groups state'''.split()

def loud(name):
    def method(*args, **kwargs):
        called.append(name)
        raise RuntimeError(name)
    return method

def members(*without):
    found = {f"__{name}__": loud(name) for name in NAMES} | {name: property(loud(name)) for name in PROPERTIES}
    found |= {name: property(loud(name)) for name in PLAIN}
    return {name: value for name, value in found.items() if name not in without}

def make(base, *args, without=(), fill=lambda one: None, meta=type):
    '''Make an object of a class of the user's, and then let every method of that class be a loud one.'''
    kind = meta("Loud", (base,), {"__class__": property(lambda self: called.append("class") or type(self))})
    one = kind(*args) if base is not np.ndarray and not issubclass(base, torch.Tensor) else args[0](kind)
    fill(one)
    if base is object:
        object.__setattr__(one, "held", torch.ones(2))
    for name, value in members("__getstate__", *without).items():
        type.__setattr__(kind, name, value)
    return one

class S(str):
    __hash__ = str.__hash__
    def __eq__(self, other): called.append("str eq"); return str.__eq__(self, other)
    def __ne__(self, other): called.append("str ne"); return str.__ne__(self, other)
    def __repr__(self): called.append("str repr"); return "s"
    def __str__(self): called.append("str str"); return "s"
    def __format__(self, spec): called.append("str format"); return "s"
    def startswith(self, *a): called.append("startswith"); return False
    def partition(self, *a): called.append("partition"); return ("", "", "")
    def isdigit(self): called.append("isdigit"); return False

class H(str):
    def __hash__(self): called.append("hash"); return 1
    def __eq__(self, other): called.append("eq"); return self is other
    def __repr__(self): called.append("repr"); return "h"

def spying(name):
    return property(lambda cls: called.append("meta " + name) or vars(type)[name].__get__(cls))
SPIES = {name: spying(name) for name in "__mro__ __dict__ __bases__ __flags__ __name__".split()}
Meta = type("Meta", (type,), dict(SPIES))
def arm_meta(meta=Meta):
    for name in "getattribute eq ne hash repr str len iter contains getitem instancecheck subclasscheck call bool".split():
        setattr(meta, f"__{name}__", loud("meta " + name))
    for name in "__module__ __doc__ mro".split():
        setattr(meta, name, property(loud("meta " + name)))

class Box: pass
def box(**values):
    found = Box()
    found.__dict__.update(values)
    return found
"""

BASES = {
    "object": "make(object)",
    "list": "make(list, [torch.ones(2), 1])",
    "tuple": "make(tuple, (torch.ones(2), 1))",
    "dict": "make(dict, {'a': torch.ones(2)})",
    "set": "make(set, [1, 2])",
    "frozen set": "make(frozenset, [1, 2])",
    "deque": "make(collections.deque, [torch.ones(2)])",
    "ordered dict": "make(collections.OrderedDict, [('a', torch.ones(2))])",
    "default dict": "make(collections.defaultdict, list, {'a': torch.ones(2)})",
    "counter": "make(collections.Counter, 'abc')",
    "named tuple": "make(collections.namedtuple('N', 'a b'), torch.ones(1), 2)",
    "str": "make(str, 'text')",
    "bytes": "make(bytes, b'text')",
    "int": "make(int, 5)",
    "float": "make(float, 5.0)",
    "exception": "make(ValueError, 5)",
    "module type": "make(types.ModuleType, 'lazy')",
    "simple namespace": "make(types.SimpleNamespace)",
    "partial": "make(functools.partial, print)",
    "nn.Module": "make(nn.Module, fill=lambda m: m.register_buffer('b', torch.ones(2)))",
    "nn.Linear": "make(nn.Linear, 2, 2)",
    "nn.Sequential": "make(nn.Sequential, nn.Linear(2, 2))",
    "nn.ModuleList": "make(nn.ModuleList, [nn.Linear(2, 2)])",
    "nn.ModuleDict": "make(nn.ModuleDict, {'a': nn.Linear(2, 2)})",
    "nn.ParameterList": "make(nn.ParameterList, [torch.ones(2)])",
    "nn.ParameterDict": "make(nn.ParameterDict, {'a': nn.Parameter(torch.ones(2))})",
    "optimizer": "make(torch.optim.SGD, [nn.Parameter(torch.ones(2))])",
    "tensor": "make(torch.Tensor, torch.ones(2).as_subclass)",
    "parameter": "make(nn.Parameter, lambda kind: torch.Tensor._make_subclass(kind, torch.ones(2), True))",
    "array": "make(np.ndarray, np.ones(2).view)",
    "dataset": "make(torch.utils.data.TensorDataset, torch.ones(2))",
}
WAYS = {
    "": "h = {}",
    " in containers": "h = [1, ({0}, torch.ones(2)), {{'k': {0}}}, box(inner={0})]",
    " in a module": "h = nn.Linear(1, 1)\nh.__dict__['inner'] = {0}",
}
ODD = {
    "metaclass": "class C(metaclass=Meta): pass\nh = C()\nh.x = torch.ones(2)\narm_meta()",
    "class of a metaclass": "M2 = type('M2', (type,), dict(SPIES))\nclass C(metaclass=M2): x = torch.ones(2)\nh = [C]\narm_meta(M2)",
    "metaclass of a metaclass": "MM = type('MM', (type,), dict(SPIES))\nclass M3(type, metaclass=MM): pass\nclass C(metaclass=M3): pass\nh = C()\nh.x = torch.ones(2)\narm_meta(M3)\narm_meta(MM)",
    "metaclass of a tensor": "M4 = type('M4', (type(torch.Tensor),), dict(SPIES))\nclass T(torch.Tensor, metaclass=M4): pass\nh = [torch.ones(2).as_subclass(T), torch.ones(2)]\narm_meta(M4)",
    "metaclass of a module": "M5 = type('M5', (type,), dict(SPIES))\nclass N(nn.Module, metaclass=M5): pass\nh = nn.Sequential(N(), nn.Linear(1, 1))\narm_meta(M5)",
    "metaclass of an optimizer": "M6 = type('M6', (type,), dict(SPIES))\nclass O(torch.optim.SGD, metaclass=M6): pass\nh = O([nn.Parameter(torch.ones(1))])\narm_meta(M6)",
    "metaclass of a list": "M7 = type('M7', (type,), dict(SPIES))\nclass L(list, metaclass=M7): pass\nh = [L([torch.ones(2)]), {'a': L()}]\narm_meta(M7)",
    "metaclass with eq and no hash": "class M8(type):\n    def __eq__(self, other): called.append('eq'); return self is other\nclass C(metaclass=M8): pass\nh = C()\ncalled.clear()",
    "str keys": "h = {S('a'): torch.ones(2), S('b'): 1}",
    "hashed str keys": "h = {H('a'): torch.ones(2), 'b': torch.ones(2)}",
    "str keys inside tuples": "h = {(1, S('a')): torch.ones(2)}",
    "str attribute names": "h = Box()\nh.__dict__[S('a')] = torch.ones(2)",
    "str attribute of a module": "h = nn.Linear(1, 1)\nh.__dict__[S('extra')] = torch.ones(2)",
    "str names of buffers": "h = nn.Linear(1, 1)\nh._buffers[S('b')] = torch.ones(2)",
    "str names of parameters": "h = nn.Linear(1, 1)\nh._parameters[S('weight2')] = nn.Parameter(torch.ones(2))",
    "str names of children": "h = nn.Sequential()\nh._modules[S('0')] = nn.Linear(1, 1)",
    "str for a hook dict": "h = Box()\nh.__dict__ = {S('_parameters'): 1, S('__dict__'): 2, S('param_groups'): 3}",
    "str as __module__": "class C: pass\nC.__module__ = S('__main__')\nh = C()\nh.x = torch.ones(2)",
    "str as the module of an nn.Module": "class C(nn.Module): pass\nC.__module__ = S('torch.nn.mine')\nh = C()",
    "str as class name": "h = type(S('C'), (), {})()\nh.x = torch.ones(2)",
    "str in _fields": "class C(tuple): pass\nC._fields = (S('a'), S('b'))\nh = C((torch.ones(2), 1))",
    "_fields as property": "class C(tuple):\n    _fields = property(loud('_fields'))\nh = C((torch.ones(2), 1))",
    "_fields of a loud tuple": "class F(tuple): pass\nclass C(tuple): pass\nC._fields = F(('a', 'b'))\nF.__iter__ = F.__len__ = F.__eq__ = loud('fields')\nh = C((torch.ones(2), 1))",
    "__dict__ as property": "class C:\n    __dict__ = property(loud('dict'))\nh = C()",
    "__slots__ as property": "class C:\n    x = 1\nC.__slots__ = property(loud('slots'))\nh = C()",
    "a loud dict as __dict__": "class D(dict): pass\nh = Box()\nh.__dict__ = D(x=torch.ones(2))\nfor n, v in members('__class__').items(): setattr(D, n, v)",
    "a loud dict as a module's __dict__": "class D(dict): pass\nh = nn.Linear(1, 1)\nh.__dict__ = D(h.__dict__)\nfor n, v in members('__class__').items(): setattr(D, n, v)",
    "a loud dict as a tensor's __dict__": "class D(dict): pass\nh = torch.ones(2)\nh.__dict__ = D(x=torch.ones(2))\nfor n, v in members('__class__').items(): setattr(D, n, v)",
    "an empty loud dict as a tensor's __dict__": "class D(dict): pass\nh = torch.ones(2)\nh.__dict__ = D()\nfor n, v in members('__class__').items(): setattr(D, n, v)",
    "a loud dict of parameters": "class D(collections.OrderedDict): pass\nh = nn.Linear(1, 1)\nh.__dict__['_parameters'] = D(h._parameters)\nfor n, v in members('__class__').items(): setattr(D, n, v)",
    "a loud dict of buffers": "class D(dict): pass\nh = nn.BatchNorm1d(1)\nh.__dict__['_buffers'] = D(h._buffers)\nfor n, v in members('__class__').items(): setattr(D, n, v)",
    "a loud dict of modules": "class D(dict): pass\nh = nn.Sequential(nn.Linear(1, 1))\nh.__dict__['_modules'] = D(h._modules)\nfor n, v in members('__class__').items(): setattr(D, n, v)",
    "a loud list of groups": "h = torch.optim.SGD([nn.Parameter(torch.ones(1))])\nh.param_groups = make(list, h.param_groups)",
    "loud groups": "h = torch.optim.SGD([nn.Parameter(torch.ones(1))])\nh.param_groups[0] = make(dict, h.param_groups[0])",
    "loud params": "h = torch.optim.SGD([nn.Parameter(torch.ones(1))])\nh.param_groups[0]['params'] = make(list, h.param_groups[0]['params'])",
    "a loud object for params": "h = torch.optim.SGD([nn.Parameter(torch.ones(1))])\nh.param_groups[0]['params'] = make(object)",
    "loud settings": "h = torch.optim.SGD([nn.Parameter(torch.ones(1))])\nh.param_groups[0][S('lr2')] = make(object)",
    "loud state": "h = torch.optim.SGD([nn.Parameter(torch.ones(1))])\nh.state = make(dict, {Box(): make(dict, {'m': torch.ones(1)})})",
    "wrapper with sizes of its own": """
class W(torch.Tensor):
    @staticmethod
    def __new__(cls): return torch.Tensor._make_wrapper_subclass(cls, (2, 3), dispatch_sizes_strides_policy='sizes', dispatch_device=True, dispatch_layout=True)
    @classmethod
    def __torch_dispatch__(cls, func, types, args=(), kwargs=None): called.append(str(func)); raise RuntimeError
h = [W(), {'a': W()}]
""",
    "wrapper with strides of its own": """
class W(torch.Tensor):
    @staticmethod
    def __new__(cls): return torch.Tensor._make_wrapper_subclass(cls, (2, 3), dispatch_sizes_strides_policy='strides')
    @classmethod
    def __torch_dispatch__(cls, func, types, args=(), kwargs=None): called.append(str(func)); raise RuntimeError
h = nn.Linear(1, 1)
h.w = W()
""",
    "tensor with a dispatch": """
class W(torch.Tensor):
    @classmethod
    def __torch_dispatch__(cls, func, types, args=(), kwargs=None): called.append(str(func)); return func(*args, **(kwargs or {}))
h = torch.ones(2).as_subclass(W)
called.clear()
""",
    "lazy proxy": "class P:\n    __slots__ = ('factory',)\n    __class__ = property(loud('class'))\n    __dict__ = property(loud('dict'))\n    __getattr__ = loud('getattr')\nh = [P(), P()]",
    "loud gradient": "h = torch.ones(2, requires_grad=True)\nh.grad = make(torch.Tensor, torch.ones(2).as_subclass)",
    "loud attribute of a tensor": "h = torch.ones(2)\nh.tag = make(torch.Tensor, torch.ones(2).as_subclass)\nh.other = make(object)",
    "base of an array": "class A(np.ndarray): pass\nb = np.ones(4).view(A)\nh = b[1:].view(np.ndarray)\nfor n, v in members('__class__').items(): setattr(A, n, v)",
    "array over a loud buffer": "class B(bytearray): pass\nb = B(16)\nh = np.frombuffer(b, dtype='f4')\nt = torch.from_numpy(h)\nfor n, v in members('__class__', '__buffer__').items(): setattr(B, n, v)",
    "a patched property": "class C:\n    x = property(loud('x'))\n    y = functools.cached_property(loud('y'))\nh = C()",
    "a loud descriptor": "class D:\n    __get__ = __set__ = __set_name__ = loud('descriptor')\nclass C: pass\nC.x = D.__new__(D)\nh = C()\ncalled.clear()",
    "enum": "class E(enum.Enum):\n    a = 1\n    def __hash__(self): called.append('hash'); return 1\n    def __eq__(self, o): called.append('eq'); return self is o\nh = {E.a: torch.ones(2)}\ncalled.clear()",
    "abstract class": "class A(abc.ABC):\n    @classmethod\n    def __subclasshook__(cls, c): called.append('hook'); raise RuntimeError\nclass C(A): pass\nh = C()\ncalled.clear()",
    "generic": "T = typing.TypeVar('T')\nclass C(typing.Generic[T]):\n    __class_getitem__ = classmethod(loud('class_getitem'))\n    def __eq__(self, o): called.append('eq')\nh = C()\nh.x = torch.ones(2)",
    "dataclass": "@dataclasses.dataclass\nclass C:\n    x: object\n    def __post_init__(self): self.y = torch.ones(2)\nh = C(make(object))",
    "function with loud attributes": "def h(x=make(object)): return x\nh.tag = make(object)",
    "weak reference": "o = make(object)\nh = [weakref.ref(o), types.MappingProxyType({'a': o})]",
    "autograd function": "class F(torch.autograd.Function):\n    @staticmethod\n    def forward(ctx, x): ctx.kept = make(object); ctx.t = x.detach(); return x * 2\n    @staticmethod\n    def backward(ctx, g): return g\nh = F.apply(torch.ones(2, requires_grad=True))\ncalled.clear()",
}
KINDS = {f"{name}{way}": text.format(make) for name, make in BASES.items() for way, text in WAYS.items()} | ODD


@pytest.fixture(scope="module")
def outcomes() -> dict[str, tuple[list[str], set[str], list[dict]]]:
    """Run each kind beside an ordinary write, in one notebook; tell what was called, and what was reported."""
    found = {}
    with Notebook() as nb:
        nb.run(LOUD + "x = torch.zeros(3)\ny = x.view(-1)")
        for name, make in KINDS.items():
            nb.run(f"{make}\ncalled.clear()")
            nb.run("pass")
            report = nb.run("y.add_(1)")
            found[name] = [*nb.ns["called"]], mutated(report), report["coverage"]["unverified"]
            nb.run("del h")
    return found


def test_there_are_a_hundred_kinds():
    assert len(KINDS) >= 100


@pytest.mark.parametrize("name", KINDS)
def test_no_special_method_is_called(name: str, outcomes):
    called, changed, unverified = outcomes[name]

    assert called == []
    assert {"x", "y"} <= changed
    assert all(one["why"] for one in unverified)


ASKED = """
import abc, collections.abc, sys, torch
asked = []
class Meta(abc.ABCMeta):
    def __subclasscheck__(cls, other):
        frame = sys._getframe()
        while frame is not None:
            asked.extend([other.__name__] if "/ipy_tensorwatch/" in frame.f_code.co_filename else [])
            frame = frame.f_back
        return abc.ABCMeta.__subclasscheck__(cls, other)
class Mine(collections.abc.MutableMapping, metaclass=Meta): pass
def forget():
    '''Let abstract classes forget which classes they have asked about.'''
    collections.abc.Mapping.register(type("New", (), {}))
x = torch.zeros(3); y = x.view(3)
net = torch.nn.Linear(1, 1); opt = torch.optim.SGD(net.parameters(), lr=0.1)
"""
LOOKS = [
    "y.add_(1);",
    "net(torch.ones(1, 1)).sum().backward(); opt.step()",
    "kept = []\nfor i in range(3):\n    y += 1\n    kept.append(y)",
    "y.add_(1);\n%tensorwatch",
    "%tensorwatch status",
    "%tensorwatch why y",
    "1 / 0",
]


def test_no_abstract_class_is_asked_whose_subclass_may_be_the_users(notebook: Notebook):
    notebook.run(ASKED)
    for cell in LOOKS:
        notebook.run("forget()")
        notebook.cell(cell)
    asked = [*notebook.ns["asked"]]
    notebook.run("del Meta.__subclasscheck__")  # the class may live longer than the names that it uses

    assert [] == asked
