"""How to open an object without calling any of its own code."""

from __future__ import annotations

import datetime as dt
import decimal
import enum
import fractions
import types
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
import torch

from ...core.records.path import OF_SET
from ...core.records.reason import Reason
from ...core.records.snapshots.outline import steps_of
from .inspect_object import (
    Odd,
    PerClass,
    are_all,
    attribute,
    attributes,
    columns_of,
    dict_reader,
    inside_of,
    is_a,
    items_of,
    member_of,
    members_of,
    module_of,
    mro_of,
    name_of,
    pairs_of,
    slot_readers,
    slots_of,
    text_of,
    value_at,
)
from .look_limits import HUGE, SEGMENT
from .pandas_private import frame_arrays, is_frame
from .slices import columns_in_slices, slices_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from ...core.records.snapshots.outline import Style

    Contents = Iterator[tuple[Style | Literal["odd"], Sequence[Any], Sequence[Any], str]]
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
"""Types that hold no tensor, so that a whole list of them is skipped at once."""

FOREIGN = frozenset((
    "matplotlib", "mpl_toolkits", "pandas", "plotly", "bokeh", "seaborn", "sklearn", "scipy", "PIL", "IPython",
    "ipywidgets", "ipykernel", "traitlets", "zmq", "asyncio", "logging", "concurrent", "threading",
    "multiprocessing", "unittest", "tqdm", "numpy", "polars", "pyarrow", "altair", "networkx", "sympy", "tornado",
    "jupyter_client", "ipy_tensorwatch", "weakref", "contextlib", "functools", "pathlib", "re", "io", "random",
    "collections", "inspect", "typing", "importlib", "tensorwatch", "ast", "subprocess", "socket", "ssl", "sqlite3",
    "tempfile",
))  # fmt: skip
"""Packages whose objects hold internal arrays that are no variable's."""

ODD: Final = "odd"
"""Marks steps to objects that were not opened, each with the reason."""

HOOKS = frozenset(torch.nn.Module().__dict__)
"""The attributes that every module has besides the user's own."""

TORCH_IDS = frozenset(map(id, (torch.Tensor, torch.nn.Parameter)))
PLAIN_IDS, ATOM_IDS = TORCH_IDS | {id(np.ndarray)}, frozenset(map(id, ATOMS))
"""As ids: a user's class may define its own hash, and PyTorch's, NumPy's and Python's classes never die."""


def is_array(kind: type) -> bool:
    """Return whether objects of this type are watched."""
    return id(kind) in PLAIN_IDS or issubclass(kind, _ARRAYS)


_ARRAYS = (torch.Tensor, np.ndarray)


def _choose(kind: type) -> Opener | None:
    if id(kind) in ATOM_IDS or is_array(kind) or is_a(kind, types.ModuleType):
        return None
    for base, reader in _OPENERS:
        if is_a(kind, base):
            return reader
    if is_frame(kind):
        return open_frame
    return None if _is_foreign(kind) else open_object


opener = PerClass(_choose)
"""How to open objects of a type; None if they cannot hold anything of the user's."""


def _is_foreign(kind: type) -> bool:
    if is_a(kind, BaseException, type(torch.ops)):
        return True
    module = text_of(member_of(kind, "__module__")) or ""
    return module.partition(".")[0] in FOREIGN or module.startswith(_DISTRIBUTED)


def _find_quick_reader(kind: type) -> Callable[[Any], Any] | None:
    if opener(kind) is not open_object or slot_readers(kind):
        return None
    read: Any = dict_reader(kind)
    return None if type(read) is Odd else read or _nothing


def _nothing(_: object) -> dict[str, object]:
    return {}


quick_reader = PerClass(_find_quick_reader)
"""A reader of all that objects of a plain class hold; None if they hold more than a `__dict__`."""


def is_barren(read: Callable[[Any], Any] | None, thing: object) -> bool:
    """Return True quickly for an object that holds only numbers and strings, so no tensors."""
    inside = read(thing) if read else None
    try:
        return type(inside) is dict and ATOM_IDS.issuperset(map(id, map(type, inside.values())))
    except RuntimeError:  # another thread changed it meanwhile
        return False


def odd(steps: Sequence[str], why: Reason) -> tuple[Literal["odd"], Sequence[str], Sequence[Reason], str]:
    """Return the steps to objects that are not opened, each with the reason."""
    return ODD, steps, [why] * len(steps), ""


def open_list(values: list[object]) -> Contents:
    """Open a list or a deque."""
    parts = slices_of(values)
    copied = parts if len(parts) > SEGMENT else items_of(values)
    yield "index", range(len(copied)), copied, ""


def open_tuple(values: tuple[object, ...]) -> Contents:
    """Open a tuple, by field names if it has them."""
    names, parts = fields_of(type(values)), slices_of(values)
    copied = parts if len(parts) > SEGMENT else items_of(values)
    if len(names) == len(copied):
        yield "attribute", names, copied, ""
    else:
        yield "index", range(len(copied)), copied, ""


def _find_fields(kind: type) -> tuple[str, ...]:
    names = member_of(kind, "_fields")
    return names if type(names) is tuple and are_all(names, str) else ()


fields_of = PerClass(_find_fields)
"""The field names of a named tuple's class; none for another class."""


def open_set(values: set[object] | frozenset[object]) -> Contents:
    """Open a set; its members have no path of their own, so they are spelled as items of its list."""
    copied = items_of(values)
    yield "typed", [f"{OF_SET}[{position}]" for position in range(len(copied))], copied, ""


def open_dict(mapping: dict[object, object]) -> Contents:
    """Open a dict; keys that only their own code could print are numbered."""
    if type(mapping) is dict and len(mapping) > HUGE:
        yield "key", *columns_in_slices(mapping), ""
        return
    keys, values = columns_of(mapping)
    yield *spell_keys(keys), values, ""
    if module_of(type(mapping)) == "__main__":
        yield from open_object(mapping)


def open_module(module: torch.nn.Module) -> Contents:
    """Open a module: parameters, buffers, children, and the user's attributes."""
    inside = inside_of(module)
    for name, role, what in _PARTS:
        part = value_at(inside, name)
        if is_a(type(part), dict):
            yield from _open_part(module, part, role, what)
        elif part is not None:
            yield odd((f".{name}",), Reason("no-dict"))
    hidden = HOOKS | _kept_by_torch(type(module))
    own = [(key, value) for key, value in pairs_of(inside) if not (type(key) is str and key in hidden)]
    if own:
        yield *_attributes_named([key for key, _ in own]), [value for _, value in own], ""


_DISTRIBUTED = "torch.distributed."
"""The package whose plain objects hold what is the user's by another name, and buffers of their own."""
_KEPT_BY_TORCH = {
    "DistributedDataParallel": ("_module_parameters", "modules_buffers", "named_module_buffers"),
    "FullyShardedDataParallel": ("params",),
    "RNNBase": ("_flat_weights",),
}
"""The lists in which PyTorch's modules keep their parameters and buffers a second time."""


def _find_kept(kind: type) -> frozenset[str]:
    torchs = (name_of(one) for one in mro_of(kind) if (module_of(one) or "").startswith("torch."))
    return frozenset(name for one in torchs for name in _KEPT_BY_TORCH.get(one, ()))


_kept_by_torch = PerClass(_find_kept)

_PARTS = (("_parameters", "", torch.Tensor), ("_buffers", "buffer", torch.Tensor), ("_modules", "", torch.nn.Module))


def _open_part(module: torch.nn.Module, part: dict[Any, Any], role: str, what: type) -> Contents:
    """Return what a module keeps in one of its dicts, and mark what does not belong there."""
    keys, values = columns_of(part)
    style, steps = module_steps(module, keys) if are_all(keys, str) else _attributes_named(keys)
    yield style, steps, values, role
    strange = [i for i, value in enumerate(values) if value is not None and not is_a(type(value), what)]
    if strange:
        places = [*steps_of(style, [steps[i] for i in strange])]
        yield odd(places, Reason("no-tensor" if what is torch.Tensor else "no-module"))


def open_optimizer(optimizer: torch.optim.Optimizer) -> Contents:
    """Open an optimizer: what a class of the user's keeps in it, such as another one, and the settings of its groups.

    The walk adds its state once parameters have paths.
    """
    own = [(key, value) for key, value in pairs_of(attributes(optimizer)) if _is_kept(key, value)]
    if own:
        yield *_attributes_named([key for key, _ in own]), [value for _, value in own], ""
    for place, group in groups_of(optimizer):
        if not is_a(type(group), dict):
            yield odd((place,), Reason("no-dict"))
            continue
        settings = [(key, value) for key, value in pairs_of(group) if not (type(key) is str and key == "params")]
        if ATOM_IDS.issuperset([id(type(value)) for _, value in settings]):
            continue  # numbers alone, as nearly always
        steps = [place + _key_step(number, key) for number, (key, _) in enumerate(settings)]
        yield "typed", steps, [value for _, value in settings], ""


def _is_kept(key: object, value: object) -> bool:
    """Return whether an attribute of an optimizer is not PyTorch's own."""
    is_public = type(key) is str and not key.startswith("_") and key not in ("defaults", "state", "param_groups")
    return is_public and id(type(value)) not in ATOM_IDS


def groups_of(optimizer: object) -> list[tuple[str, Any]]:
    """Return an optimizer's parameter groups, each with the step to it.

    Raises
    ------
    Odd
        If they are no list.
    """
    groups = attribute(optimizer, "param_groups")
    if groups is None:
        return []
    if not is_a(type(groups), list):
        raise Odd("groups-no-list")
    return [(f".param_groups[{number}]", group) for number, group in enumerate(items_of(groups))]


def open_object(thing: object) -> Contents:
    """Open a plain object: its `__dict__` and its `__slots__`."""
    keys, values = columns_of(attributes(thing))
    if keys:
        yield *_attributes_named(keys), values, ""
    for name, value in slots_of(thing):
        yield "attribute", (name,), [value], ""
    why = dict_reader(type(thing))
    if isinstance(why, Odd):
        yield odd(("",), Reason(why.code))


def open_frame(frame: object) -> Contents:
    """Open a frame or a series of pandas: the arrays of its columns."""
    for step, values in frame_arrays(frame):
        yield "typed", (step,), [values], ""


def open_class(kind: type) -> Contents:
    """Open a class that the notebook defined: its tensors are shared by all instances."""
    if module_of(kind) == "__main__":
        own = [(name, value) for name, value in members_of(kind).items() if is_array(type(value))]
        yield *_attributes_named([name for name, _ in own]), [value for _, value in own], ""


def module_steps(module: torch.nn.Module, keys: list[str]) -> tuple[Style, Sequence[object]]:
    """Return how a module's parameters, buffers and children are spelled."""
    if is_a(type(module), torch.nn.ModuleDict, torch.nn.ParameterDict):
        return "key", keys
    if is_a(type(module), *_NUMBERED) and any(key.isdigit() for key in keys):
        return "typed", [f"[{place}]" if key.isdigit() else f".{key}" for place, key in enumerate(keys)]
    return "attribute", ["module"] if keys == ["_fsdp_wrapped_module"] else keys  # the name of its property


_NUMBERED = (torch.nn.Sequential, torch.nn.ModuleList, torch.nn.ParameterList)


def _attributes_named(keys: list[Any]) -> tuple[Style, Sequence[object]]:
    """Return how attributes are spelled; names that are not plain strings are numbered."""
    if are_all(keys, str):
        return "attribute", keys
    return "typed", [f".{key}" if type(key) is str else f".<{_numbered(key, i)}>" for i, key in enumerate(keys)]


def spell_keys(keys: Sequence[object], start: int = 0) -> tuple[Style, Sequence[object]]:
    """Return how the keys of a dict are spelled; `start` is the place of the first."""
    if are_printable(keys):
        return "key", keys
    return "typed", [_key_step(start + position, key) for position, key in enumerate(keys)]


_PRINTABLE = frozenset(map(id, (str, int, float, bool, bytes, type(None), torch.dtype, torch.device)))


def are_printable(keys: Sequence[object]) -> bool:
    """Return whether all keys are of types that Python prints without calling code of the user's."""
    return _PRINTABLE.issuperset(map(id, map(type, keys)))


def _key_step(position: int, key: object) -> str:
    if are_printable((key,)) or (type(key) is tuple and are_printable(key)):
        with suppress(ValueError):  # Python prints no integer of many digits
            return f"[{key!r}]"
    return f"[<{_numbered(key, position)}>]"


def _numbered(key: object, position: int) -> str:
    return f"{name_of(type(key))} {position}"


_OPENERS: tuple[tuple[type, Opener], ...] = (
    (torch.nn.Module, open_module),
    (torch.optim.Optimizer, open_optimizer),
    (dict, open_dict),
    (list, open_list),
    (tuple, open_tuple),
    (set, open_set),
    (frozenset, open_set),
    (deque, open_list),
    (type, open_class),
    (types.MappingProxyType, lambda _: iter(())),
)
