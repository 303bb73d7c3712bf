"""The class names behind the user's names: enough to interpret calls of notebook functions."""

from __future__ import annotations

import dis
import functools
import types
from collections import defaultdict
from itertools import islice
from typing import TYPE_CHECKING, Any

import torch
from torch.utils.data import ConcatDataset, Subset

from ...core.records.trace.notebook import FORWARD_HOOKS, FORWARD_PRE_HOOKS, name_of_partial
from ...core.runtime.record import field, mutable
from .inspect_object import (
    Odd,
    PerClass,
    attribute,
    attributes,
    is_a,
    is_number_or_text,
    items_of,
    let_go_of_classes,
    member_of,
    module_of,
    mro_of,
    name_of,
    pairs_of,
    text_of,
    value_at,
)
from .pandas_private import is_frame

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_LAMBDA = "<lambda>"
_LOADERS = "torch.utils.data.dataloader"
"""The module of data loaders, and of what iterates over them."""
MAX_NAMES = 5_000
MAX_NESTED = 4
"""The depth up to which objects inside objects are catalogued."""
MAX_ITEMS = 100
"""The maximum number of items of a list or a dict catalogued."""


@mutable
class ClassNames:
    """The class names of modules, optimizers, and notebook instances and functions.

    Attributes
    ----------
    classes
        Class name, or function name, by access path.
    inplace
        The paths of modules that write to their inputs, or to their own parameters.
    objects
        The address of each object, by access path.
    modules, optimizers
        The paths of all modules, and of all optimizers.
    evaluating
        The paths of the modules in evaluation mode.
    initializing
        The paths of modules of imported files that set a mark of theirs when they are first called.
    lambdas
        The file of each lambda's code, and the line and column of its body, by access path.
    """

    classes: dict[str, str] = field(default_factory=dict)
    inplace: set[str] = field(default_factory=set)
    objects: dict[str, int] = field(default_factory=dict)
    modules: set[str] = field(default_factory=set)
    optimizers: set[str] = field(default_factory=set)
    evaluating: set[str] = field(default_factory=set)
    initializing: set[str] = field(default_factory=set)
    lambdas: dict[str, tuple[str, int, int]] = field(default_factory=dict)

    def add(self, path: str, thing: object) -> None:
        """Add the class of one object."""
        self.classes[path], self.objects[path] = _name_of(thing), id(thing)
        if _is_function(thing) and self.classes[path].endswith(_LAMBDA) and (place := _place_of(thing)) is not None:
            self.lambdas[path] = place
        if _is_module(thing):
            self.modules.add(path)
            if attribute(thing, "training") is False:
                self.evaluating.add(path)
            if _writes_in_forward(thing):
                self.inplace.add(path)
            if any(type(attribute(thing, mark)) is bool for mark in _marks_of(type(thing))):
                self.initializing.add(path)
        elif is_a(type(thing), torch.optim.Optimizer):
            self.optimizers.add(path)

    def name_lambda(self, path: str, name: str) -> None:
        """Name a lambda by its place; Python calls all of them the same."""
        self.classes[path] = self.classes[path].removesuffix(_LAMBDA) + name


def collect_class_names(namespace: Mapping[str, object]) -> ClassNames:
    """Return the classes of what a namespace leads to, by access path."""
    found = ClassNames()
    for name, value in namespace.items():
        try:
            for path, thing in islice(_reachable(name, value), max(0, MAX_NAMES - len(found.classes))):
                found.add(path, thing)
        except Odd:  # only this name is left out
            continue
    let_go_of_classes()
    return found


def _reachable(name: str, value: Any, depth: int = 0) -> Iterator[tuple[str, object]]:  # noqa: ANN401
    if _is_module(value):
        yield from _modules(name, value, depth)
    elif _is_notebooks_generator(value):
        yield name, value
    elif _is_function(value) or _is_told(value):
        yield name, value
        yield from _members(name, value, depth) if depth <= MAX_NESTED else ()
    elif is_a(type(value), list, tuple):
        for index, one in enumerate(items_of(value)[:MAX_ITEMS]):
            yield from _reachable(f"{name}[{index}]", one, depth) if _is_told(one) or _is_function(one) else ()
    elif is_a(type(value), dict):
        if type(value) is defaultdict and _is_function(value.default_factory):
            yield f"{name}.default_factory", value.default_factory
        for key, one in pairs_of(value)[:MAX_ITEMS]:
            yield from (
                _reachable(f"{name}[{key!r}]", one, depth)
                if is_number_or_text(key) and (_is_told(one) or _is_function(one))
                else ()
            )


def _members(name: str, value: object, depth: int) -> Iterator[tuple[str, object]]:
    for step, inner in _attributes(value) if not (_is_function(value) or is_a(type(value), type)) else ():
        yield from _reachable(f"{name}.{step}", inner, depth + 1)


def _attributes(value: object) -> Iterator[tuple[str, object]]:
    """Yield the attributes of an object by name, without methods."""
    for key, inner in pairs_of(attributes(value)):
        if (step := text_of(key)) is not None and type(inner) is not types.MethodType:
            yield step, inner


def _is_module(value: object) -> bool:
    return is_a(type(value), torch.nn.Module)


def _is_function(value: object) -> bool:
    kind = type(value)  # compared by identity: a class of the user's may have an `==` of its own
    return kind is types.FunctionType or kind is types.MethodType or kind is functools.partial


def _is_notebooks_generator(value: object) -> bool:
    """Return whether an object is a generator, not yet finished, of a function of the notebook."""
    frame = value.gi_frame if type(value) is types.GeneratorType else None
    return frame is not None and text_of(value_at(frame.f_globals, "__name__")) == "__main__"


def _is_told(value: object) -> bool:
    return _is_kind_told(type(value))


def _is_catalogued(kind: type) -> bool:
    """Return whether a class is the notebook's, or a library's of which the notebook's code is told."""
    data = Subset, ConcatDataset  # they call the notebook's datasets, as loaders and their iterators do
    models = torch.nn.Module, torch.optim.Optimizer, types.SimpleNamespace
    return is_a(kind, *data, *models) or is_frame(kind) or module_of(kind) in ("__main__", _LOADERS)


_is_kind_told = PerClass(_is_catalogued)


def _modules(name: str, root: object, depth: int) -> Iterator[tuple[str, object]]:
    found = [(name, root)]
    for path, module in found:
        yield path, module
        yield from _hooks(path, module)
        yield from _own_attributes(path, module, depth) if depth <= MAX_NESTED else ()
        numbered = is_a(type(module), torch.nn.Sequential, torch.nn.ModuleList)
        children = attribute(module, "_modules")
        for place, (key, child) in enumerate(pairs_of(children) if is_a(type(children), dict) else ()):
            if _is_module(child) and (step := text_of(key)) is not None and len(found) < MAX_NAMES:
                found.append((f"{path}[{place}]" if numbered and step.isdigit() else f"{path}.{step}", child))


def _own_attributes(path: str, module: object, depth: int) -> Iterator[tuple[str, object]]:
    """Yield what a notebook's module keeps beside parameters, buffers and modules: a cache, a meter, a list of them."""
    for step, inner in _attributes(module) if module_of(type(module)) == "__main__" else ():
        if not step.startswith("_") and not any(map(_is_module, (inner, *_items(inner)))):
            yield from _reachable(f"{path}.{step}", inner, depth + 1)


def _items(value: Any) -> Sequence[object]:  # noqa: ANN401
    """Return the first items of a plain list, tuple or dict."""
    if is_a(type(value), dict):
        return [one for _, one in pairs_of(value)[:MAX_ITEMS]]
    return items_of(value)[:MAX_ITEMS] if is_a(type(value), list, tuple) else ()


def _hooks(path: str, module: object) -> Iterator[tuple[str, object]]:
    """Yield the notebook's functions that are called after a module's forward, and before it."""
    for step in (FORWARD_HOOKS, FORWARD_PRE_HOOKS):
        hooks = attribute(module, step[1:])
        for number, (_, one) in enumerate(pairs_of(hooks)[:MAX_ITEMS] if is_a(type(hooks), dict) and hooks else ()):
            if _is_function(one) or _is_told(one):
                yield f"{path}{step}[{number}]", one


def _name_of(thing: Any) -> str:  # noqa: ANN401
    if type(thing) is types.GeneratorType:
        return text_of(thing.gi_code.co_name) or "generator"
    if type(thing) is functools.partial:
        return name_of_partial(len(thing.args), _name_of(thing.func))
    function = plain_function_of(thing)
    if type(function) is types.FunctionType:
        return text_of(function.__name__) or "function"
    return name_of(type(thing))


def plain_function_of(thing: Any) -> object:  # noqa: ANN401
    """Return the plain function of a method, or of a function with given arguments."""
    while type(thing) is types.MethodType or type(thing) is functools.partial:
        thing = thing.__func__ if type(thing) is types.MethodType else thing.func
    return thing


def _place_of(thing: object) -> tuple[str, int, int] | None:
    """Return the file of a lambda's code, and the line and column where its body begins; None before Python 3.11."""
    code = getattr(plain_function_of(thing), "__code__", None)
    if type(code) is not types.CodeType or not hasattr(code, "co_positions"):
        return None
    spans = ((line, column, end) for line, _, column, end in code.co_positions())
    places = [(line, column) for line, column, end in spans if line and column is not None and column != end]
    return (code.co_filename, *min(places)) if places else None


def _writes_in_forward(module: object) -> bool:
    return attribute(module, "inplace") is True or attribute(module, "max_norm") is not None


def _find_marks(kind: type) -> frozenset[str]:
    """Return the attributes that the `forward` of an imported class both reads and sets: `if not self.done: …`."""
    if (module_of(kind) or "__main__").partition(".")[0] in ("__main__", "torch"):
        return frozenset()
    found = next((one for base in mro_of(kind) if (one := member_of(base, "forward")) is not None), None)
    code = found.__code__ if type(found) is types.FunctionType else None
    names: dict[str, set[str]] = {"STORE_ATTR": set(), "LOAD_ATTR": set()}
    for one in dis.get_instructions(code) if code is not None else ():
        names.get(one.opname, set()).add(one.argval)
    return frozenset(names["STORE_ATTR"] & names["LOAD_ATTR"])


_marks_of = PerClass(_find_marks)
