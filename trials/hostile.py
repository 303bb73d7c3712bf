"""Objects that count each special method, and each method of their kind, that is called on them while we walk."""

from __future__ import annotations

import collections
import enum
import types
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch

from trials.figure import Figure, none_of
from trials.process import go_through, step
from trials.shell import opened, run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SPECIAL = (
    "__repr__ __str__ __bytes__ __format__ __lt__ __le__ __eq__ __ne__ __gt__ __ge__ __hash__ __bool__ __getattr__ "
    "__getattribute__ __setattr__ __delattr__ __dir__ __get__ __set__ __delete__ __call__ __len__ __length_hint__ "
    "__getitem__ __setitem__ __delitem__ __missing__ __iter__ __next__ __reversed__ __contains__ __add__ __radd__ "
    "__iadd__ __sub__ __mul__ __matmul__ __truediv__ __and__ __or__ __xor__ __neg__ __pos__ __abs__ __invert__ "
    "__complex__ __int__ __float__ __index__ __round__ __enter__ __exit__ __await__ __aiter__ __copy__ __deepcopy__ "
    "__reduce__ __reduce_ex__ __getstate__ __sizeof__ __fspath__ __buffer__ __array__ __array_ufunc__ "
    "__array_function__ __array_wrap__ __torch_function__ __torch_dispatch__ __dlpack__ __dlpack_device__ "
    "__instancecheck__ __subclasscheck__ __subclasshook__ _ipython_display_ _repr_html_ _repr_mimebundle_"
).split()
LOOKED_UP = "__class__ __array_interface__ __array_struct__ __cuda_array_interface__ __wrapped__ __len_hint__".split()
ORDINARY = (
    "keys values items get pop copy update setdefault append extend count index add size shape dtype strides data "
    "data_ptr storage untyped_storage stride numel element_size storage_offset is_contiguous detach numpy tolist "
    "requires_grad grad grad_fn device layout is_sparse is_leaf _version nbytes itemsize flags base ctypes ndim view "
    "parameters named_parameters buffers named_buffers modules children state_dict param_groups state "
    "_parameters _buffers _modules _fields _asdict maps default_factory name value"
).split()
BASES: dict[str, tuple[type, tuple[Any, ...]]] = {
    "object": (object, ()),
    "list": (list, ([1, 2],)),
    "dict": (dict, ({"a": 1},)),
    "tuple": (tuple, ((1, 2),)),
    "named tuple": (collections.namedtuple("Pair", "one two"), (1, 2)),  # noqa: PYI024
    "set": (set, ({1, 2},)),
    "frozenset": (frozenset, ({1, 2},)),
    "str": (str, ("word",)),
    "bytes": (bytes, (b"word",)),
    "bytearray": (bytearray, (b"word",)),
    "int": (int, (7,)),
    "float": (float, (7.5,)),
    "complex": (complex, (7.5,)),
    "OrderedDict": (collections.OrderedDict, ({"a": 1},)),
    "defaultdict": (collections.defaultdict, (list, {"a": 1})),
    "Counter": (collections.Counter, ("aab",)),
    "deque": (collections.deque, ([1, 2],)),
    "UserDict": (collections.UserDict, ({"a": 1},)),
    "UserList": (collections.UserList, ([1],)),
    "ChainMap": (collections.ChainMap, ({"a": 1},)),
    "namespace": (types.SimpleNamespace, ()),
    "module of Python": (types.ModuleType, ("hostile",)),
    "exception": (Exception, ("word",)),
    "Tensor": (torch.Tensor, ([1.0, 2.0],)),
    "Parameter": (torch.nn.Parameter, (torch.ones(2),)),
    "ndarray": (np.ndarray, ((3,),)),
    "masked array": (np.ma.MaskedArray, ([1.0, 2.0],)),
    "record array": (np.recarray, ((2,), [("a", "f4")])),
    "Module": (torch.nn.Module, ()),
    "Linear": (torch.nn.Linear, (2, 2)),
    "ModuleList": (torch.nn.ModuleList, ()),
    "Sequential": (torch.nn.Sequential, ()),
    "ParameterDict": (torch.nn.ParameterDict, ()),
    "SGD": (torch.optim.SGD, ([torch.nn.Parameter(torch.ones(2))], 0.1)),
    "Adam": (torch.optim.Adam, ([torch.nn.Parameter(torch.ones(2))],)),
}
PLACES: dict[str, Callable[[Any], dict[Any, Any]]] = {
    "a variable": lambda h: {"h": h},
    "an item": lambda h: {"h": [torch.zeros(1), h], "t": (h,)},
    "a value": lambda h: {"h": {"k": h}, "o": collections.OrderedDict(k=h)},
    "an attribute": lambda h: {"h": types.SimpleNamespace(k=h), "m": _module(h)},
    "a key": lambda h: {"h": {h: torch.zeros(2)}},
}


class Calls:
    """What was called while it listens."""

    listens: ClassVar[bool] = False
    names: ClassVar[collections.Counter[str]] = collections.Counter()


def counting(base: type, *, raises: bool = False) -> type:
    """Make a class in which all that could be called counts itself, also those of its metaclass."""
    names = [name for name in SPECIAL if _may(base, name)]
    if base in (object, dict, list):
        names += ORDINARY
    elif issubclass(base, (torch.Tensor, np.ndarray)):
        names += [name for name in ORDINARY if callable(getattr(base, name, None))]
    body: dict[str, Any] = {name: _method(base, name, raises=raises) for name in names}
    body |= {name: _lookup(base, name, raises=raises) for name in LOOKED_UP}
    kind = type(base)
    asked = ("__instancecheck__", "__subclasscheck__", "__eq__", "__hash__", "__getattribute__", "__repr__", "__call__")
    meta = type("Meta", (kind,), {name: _of_meta(kind, name, raises=raises) for name in asked})
    return meta(f"Hostile{base.__name__}", (base,), body)


def _heard(name: str, *, raises: bool) -> None:
    if Calls.listens:
        Calls.names[name] += 1
        if raises:
            raise RuntimeError(name)


def _method(base: type, name: str, *, raises: bool) -> Callable[..., Any]:
    theirs = getattr(base, name, None)

    def called(self: Any, *arguments: Any, **named: Any) -> Any:
        _heard(name, raises=raises)
        if theirs is None:
            raise AttributeError(name)
        return theirs(self, *arguments, **named)

    return called


def _lookup(base: type, name: str, *, raises: bool) -> property:
    theirs = vars(base).get(name)

    def called(self: Any) -> Any:
        _heard(name, raises=raises)
        if name != "__class__" and theirs is None:
            raise AttributeError(name)
        return base if name == "__class__" else theirs.__get__(self, base)

    return property(called)


def _of_meta(kind: type, name: str, *, raises: bool) -> Callable[..., Any]:
    theirs = getattr(kind, name)

    def called(cls: Any, *arguments: Any) -> Any:
        _heard(f"{name} of the metaclass", raises=raises)
        return theirs(cls, *arguments)

    return called


def _may(base: type, name: str) -> bool:
    """Leave out what would change what the class is rather than what is called."""
    if name in ("__set__", "__delete__", "__get__") or (name == "__buffer__" and not hasattr(base, name)):
        return base is object and name == "__get__"
    if name == "__hash__" and base.__hash__ is None:
        return False
    if name == "__getattr__":
        return base is object
    return name not in ("__torch_function__", "__torch_dispatch__", "__subclasshook__") or not issubclass(
        base, torch.Tensor
    )


def make(base: str, place: str, *, raises: bool = False) -> dict[Any, Any] | None:
    """Put such an object there; None where it cannot stand there."""
    kind, arguments = BASES[base]
    hostile = counting(kind, raises=raises)
    try:
        thing = (
            kind.__new__(hostile, *arguments)
            if base != "Parameter"
            else torch.Tensor._make_subclass(hostile, arguments[0])
        )
        if (
            not issubclass(kind, (tuple, str, bytes, int, float, complex, frozenset, torch.Tensor, np.ndarray))
            and kind is not object
        ):
            kind.__init__(thing, *arguments)
        return PLACES[place](thing)
    except TypeError:
        return None


def _module(value: Any) -> torch.nn.Module:
    module = torch.nn.Linear(1, 1)
    module.__dict__["extra"] = value
    module.__dict__["_buffers"]["odd"] = value
    return module


def more() -> dict[str, Callable[[], dict[Any, Any]]]:
    """Give the kinds that are no subclass in a place."""
    return {
        "a class with a hostile metaclass": lambda: {"h": counting(object)},
        "a key of the namespace": lambda: {make_of("str"): torch.zeros(2)},
        "a member of an enumeration": lambda: {"h": _enumeration().one},
        "a key of a module's parameters": lambda: _as_parameters({make_of("str"): torch.nn.Parameter(torch.ones(1))}),
        "a module's parameters": lambda: _as_parameters(make_of("OrderedDict")),
        "an optimizer's groups": lambda: _as_groups(make_of("list")),
        "a group of an optimizer": lambda: _as_groups([make_of("dict")]),
        "an optimizer's state": lambda: _as_groups([], make_of("defaultdict")),
        "attributes with hostile keys": lambda: _with_keys(make_of("str")),
        "a graph behind a hostile tensor": lambda: {"h": make_of("Tensor") * torch.ones(2, requires_grad=True)},
    }


def make_of(base: str) -> Any:
    made = make(base, "a variable")
    return made["h"] if made else None


def _enumeration() -> Any:
    return enum.Enum("Hostile", {"one": make_of("int")})


def _as_parameters(parameters: Any) -> dict[Any, Any]:
    module = torch.nn.Module()
    module.__dict__["_parameters"] = parameters
    return {"h": module}


def _as_groups(groups: Any, state: Any = None) -> dict[Any, Any]:
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.ones(1))], 0.1)
    optimizer.__dict__["param_groups"] = groups
    if state is not None:
        optimizer.__dict__["state"] = state
    return {"h": optimizer}


def _with_keys(key: Any) -> dict[Any, Any]:
    holder = type("Holder", (), {})()
    vars(holder)[key] = torch.ones(2)
    return {"h": holder}


def kinds() -> dict[str, Callable[[], dict[Any, Any] | None]]:
    """List all kinds, each with what makes it; None where such an object cannot stand in such a place."""
    found: dict[str, Callable[[], dict[Any, Any] | None]] = {
        f"{base} as {place}": lambda base=base, place=place: make(base, place) for base in BASES for place in PLACES
    }
    return found | more()


def trial(*, quick: bool) -> Iterator[Figure]:
    values, died = go_through("hostile", "count", list(kinds())[:: 7 if quick else 1], 5)
    tried, called, blind = ([one for value in values for one in value[sort]] for sort in ("tried", "called", "blind"))
    total = len(tried) + len(died)
    what = f"special methods called by walking {total} kinds of hostile object"
    yield none_of(f"{what}: kinds on which one was", called + died, total, "kinds")
    yield none_of("the same: kinds beside which a silent change is not told", blind, total, "kinds")


def count(items: list[str]) -> dict[str, list[str]]:
    """Walk each kind for a few cells, in which a tensor beside it is written through a view."""
    known = kinds()
    found: dict[str, list[str]] = {"tried": [], "called": [], "blind": []}
    with opened(watched=True) as notebook:
        run(notebook, "import torch\nx = torch.zeros(3); y = x.view(3)")
        for kind in items:
            step(kind)
            made = known[kind]()
            if made is None:
                continue
            found["tried"].append(kind)
            if not listen(notebook, made):
                found["blind"].append(kind)
            if Calls.names:
                found["called"].append(f"{kind}: {dict(Calls.names)}")
            for name in made:
                dict.pop(notebook.shell.user_ns, name, None)
            del made
    return found


def listen(notebook: Any, made: dict[Any, Any]) -> bool:
    """Run cells with it, and say whether a silent change was told all the same."""
    dict.update(notebook.shell.user_ns, made)
    Calls.names.clear()
    Calls.listens = True
    try:
        cells = ("pass", "y.add_(1);", "%%tensordiff\ny.add_(1)", "y.add_(1);")
        outcomes = [run(notebook, cell) for cell in cells]
    finally:
        Calls.listens = False
    return all("x" in outcomes[place].told and not outcomes[place].shown for place in (1, 3))
