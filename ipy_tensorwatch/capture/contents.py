"""How to look inside an object without calling any of its own code."""

from __future__ import annotations

import datetime as dt
import decimal
import enum
import fractions
import types
from collections import deque
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from ..core.path import OF_SET
from .read import TORCH_TYPES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from ..core.outline import Style

    Contents = Iterator[tuple[Style, Sequence[Any], Sequence[Any], str]]
    Opener = Callable[[Any], Contents]

ATOMS: frozenset[type] = frozenset(
    {
        *(int, float, complex, bool, str, bytes, bytearray, memoryview, range, slice, type(None), type(...)),
        *(types.FunctionType, types.BuiltinFunctionType, types.MethodType, types.ModuleType, types.CodeType),
        *(types.GeneratorType, types.CoroutineType, types.AsyncGeneratorType, types.MethodWrapperType, types.FrameType),
        *(property, staticmethod, classmethod, object, enum.EnumMeta),
        *(dt.datetime, dt.date, dt.timedelta, decimal.Decimal, fractions.Fraction),
        *(torch.Size, torch.device, torch.dtype, torch.layout, torch.memory_format, torch.Generator),
        *(np.float64, np.float32, np.int64, np.int32, np.bool_, np.dtype),
    }
)
"""Types that hold no tensor, so that a whole list of them is passed over at once."""

FOREIGN = frozenset(
    [
        "matplotlib",
        "mpl_toolkits",
        "pandas",
        "plotly",
        "bokeh",
        "seaborn",
        "sklearn",
        "scipy",
        "PIL",
        "IPython",
        "ipywidgets",
        "ipykernel",
        "traitlets",
        "zmq",
        "asyncio",
        "logging",
        "concurrent",
        "threading",
        "multiprocessing",
        "unittest",
        "tqdm",
        "numpy",
        "polars",
        "pyarrow",
        "altair",
        "networkx",
        "sympy",
        "tornado",
        "jupyter_client",
        "ipy_tensorwatch",
        "weakref",
        "contextlib",
        "functools",
        "pathlib",
        "re",
        "io",
        "random",
        "collections",
        "inspect",
        "typing",
        "importlib",
        "tensorwatch",
        "ast",
        "subprocess",
        "socket",
        "ssl",
        "sqlite3",
        "tempfile",
    ]
)
"""Packages whose objects hold arrays of their own that are nobody's variables."""

HOOKS = frozenset(torch.nn.Module().__dict__)
"""What every module holds besides the user's own attributes."""

PLAIN = TORCH_TYPES | {np.ndarray}


def is_array(kind: type) -> bool:
    """Tell whether objects of this type are what we watch."""
    return kind in PLAIN or issubclass(kind, _ARRAYS)


_ARRAYS = (torch.Tensor, np.ndarray)
_chosen: dict[type, Opener | None] = {}


def opener(kind: type) -> Opener | None:
    """Choose how to look inside objects of a type; None where nothing of the user's can be inside."""
    try:
        return _chosen[kind]
    except KeyError:
        chosen = _choose(kind)
        if (
            type.__getattribute__(kind, "__module__") != "__main__"
        ):  # a class of the notebook must not live longer for our sake
            _chosen[kind] = chosen
        return chosen


def _choose(kind: type) -> Opener | None:
    if kind in ATOMS or is_array(kind) or issubclass(kind, types.ModuleType):
        return None
    for base, reader in _OPENERS:
        if issubclass(kind, base):
            return reader
    return None if _is_foreign(kind) else open_object


def _is_foreign(kind: type) -> bool:
    if issubclass(kind, BaseException | type(torch.ops)):
        return True
    module = type.__getattribute__(kind, "__dict__").get("__module__", "")
    return not isinstance(module, str) or module.partition(".")[0] in FOREIGN


def open_list(values: list[object]) -> Contents:
    """Look inside a list."""
    copied = list.copy(values)
    yield "index", range(len(copied)), copied, ""


def open_tuple(values: tuple[object, ...]) -> Contents:
    """Look inside a tuple, by field names where it has them."""
    names = type(values).__dict__.get("_fields")
    copied = [*tuple.__iter__(values)]
    if isinstance(names, tuple) and len(names) == len(copied):
        yield "attribute", names, copied, ""
    else:
        yield "index", range(len(copied)), copied, ""


def open_deque(values: deque[object]) -> Contents:
    """Look inside a deque."""
    copied = list(deque.copy(values))
    yield "index", range(len(copied)), copied, ""


def open_set(values: set[object] | frozenset[object]) -> Contents:
    """Look inside a set; its members have no path of their own, so they are typed as items of its list."""
    copied = [*(set if isinstance(values, set) else frozenset).__iter__(values)]  # type: ignore[arg-type]
    yield "typed", [f"{OF_SET}[{position}]" for position in range(len(copied))], copied, ""


def open_dict(mapping: dict[object, object]) -> Contents:
    """Look inside a dict; keys that only their own code could print are numbered."""
    keys, values = _items(mapping)
    if _all_printable(keys):
        yield "key", keys, values, ""
    else:
        yield "typed", [_key_step(position, key) for position, key in enumerate(keys)], values, ""
    if type.__getattribute__(type(mapping), "__module__") == "__main__":
        yield from open_object(mapping)


def open_module(module: torch.nn.Module) -> Contents:
    """Look inside a module: parameters, buffers, children, and the attributes that the user gave it."""
    inside = attributes(module)
    for name, role in (("_parameters", ""), ("_buffers", "buffer"), ("_modules", "")):
        part = inside.get(name)
        if part:
            keys, values = _items(part)
            yield *module_steps(module, keys), values, role
    own = [(name, value) for name, value in _pairs(inside) if name not in HOOKS]
    if own:
        yield "attribute", [name for name, _ in own], [value for _, value in own], ""


def open_optimizer(optimizer: torch.optim.Optimizer) -> Contents:
    """Look inside an optimizer: the settings of its groups; the walk adds its state once parameters have paths."""
    groups = attributes(optimizer).get("param_groups", ())
    for number, group in enumerate(groups if isinstance(groups, list) else ()):
        settings = [(key, value) for key, value in _pairs(group) if key != "params"]
        steps = [f".param_groups[{number}][{key!r}]" for key, _ in settings]
        yield "typed", steps, [value for _, value in settings], ""


def open_object(thing: object) -> Contents:
    """Look inside a plain object: its `__dict__` and its `__slots__`."""
    inside = attributes(thing)
    if inside:
        keys, values = _items(inside)
        yield "attribute", keys, values, ""
    for name, value in _slots(thing):
        yield "attribute", [name], [value], ""


def open_class(kind: type) -> Contents:
    """Look inside a class that the notebook defined: tensors shared by all its instances."""
    inside = type.__getattribute__(kind, "__dict__")
    if inside.get("__module__") == "__main__":
        own = [(name, value) for name, value in inside.items() if is_array(type(value))]
        yield "attribute", [name for name, _ in own], [value for _, value in own], ""


def attributes(thing: object) -> dict[Any, Any]:
    """Return an object's own `__dict__` without running a property of that name."""
    for base in type.__getattribute__(type(thing), "__mro__"):
        descriptor = type.__getattribute__(base, "__dict__").get("__dict__")
        if descriptor is not None:
            if not isinstance(descriptor, types.GetSetDescriptorType):
                return {}
            found = descriptor.__get__(thing)
            return found if isinstance(found, dict) else {}
    return {}


def _slots(thing: object) -> Iterator[tuple[str, object]]:
    for base in type.__getattribute__(type(thing), "__mro__"):
        own = type.__getattribute__(base, "__dict__")
        for name, member in own.items() if "__slots__" in own else ():
            if isinstance(member, types.MemberDescriptorType):
                try:
                    yield name, member.__get__(thing)
                except AttributeError:
                    continue


def _pairs(mapping: dict[Any, Any]) -> list[tuple[Any, Any]]:
    for _ in range(3):
        try:
            return list(dict.items(mapping))
        except RuntimeError:  # another thread changed the dict under our hands
            continue
    return []


def _items(mapping: dict[Any, Any]) -> tuple[list[Any], list[Any]]:
    if type(mapping) is dict:
        keys, values = list(mapping), list(mapping.values())
        if len(keys) == len(values):
            return keys, values
    pairs = _pairs(mapping)
    return [key for key, _ in pairs], [value for _, value in pairs]


def module_steps(module: torch.nn.Module, keys: list[str]) -> tuple[Style, Sequence[object]]:
    """Choose how a module's parameters, buffers and children are typed."""
    if isinstance(module, torch.nn.ModuleDict | torch.nn.ParameterDict):
        return "key", keys
    if isinstance(module, _NUMBERED) and all(key.isdigit() for key in keys):
        return "typed", [f"[{key}]" for key in keys]
    return "attribute", keys


_NUMBERED = (torch.nn.Sequential, torch.nn.ModuleList, torch.nn.ParameterList)


_PRINTABLE = frozenset({str, int, float, bool, bytes, type(None), torch.dtype, torch.device})


def _all_printable(keys: Sequence[object]) -> bool:
    return _PRINTABLE.issuperset(map(type, keys))


def _key_step(position: int, key: object) -> str:
    kind = type(key)
    if kind in _PRINTABLE:
        return f"[{key!r}]"
    if kind is tuple and _all_printable(key):  # type: ignore[arg-type]
        return f"[{key!r}]"
    return f"[<{kind.__name__} {position}>]"


_OPENERS: tuple[tuple[type | tuple[type, ...], Opener], ...] = (
    (torch.nn.Module, open_module),
    (torch.optim.Optimizer, open_optimizer),
    (dict, open_dict),
    (list, open_list),
    (tuple, open_tuple),
    ((set, frozenset), open_set),
    (deque, open_deque),
    (type, open_class),
    (types.MappingProxyType, lambda _: iter(())),
)
