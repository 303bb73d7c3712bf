"""What the user's names lead to, as class names: enough to follow a call into the notebook's own functions."""

from __future__ import annotations

import types
from typing import TYPE_CHECKING, Any

import torch

from .contents import attributes

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MAX_NAMES = 5_000


def catalog(namespace: Mapping[str, object]) -> tuple[dict[str, str], frozenset[str]]:
    """Name the classes of modules, optimizers, and instances and functions of the notebook, by access path.

    Returns
    -------
    classes
        Class name, or function name, by access path.
    inplace
        The paths of modules that write to what they are called with, or to their own parameters.
    """
    classes: dict[str, str] = {}
    inplace: set[str] = set()
    for name, value in namespace.items():
        for path, thing in _reachable(name, value):
            if len(classes) >= MAX_NAMES:
                break
            classes[path] = _name_of(thing)
            if isinstance(thing, torch.nn.Module) and _writes_in_forward(thing):
                inplace.add(path)
    return classes, frozenset(inplace)


def _reachable(name: str, value: object) -> Iterator[tuple[str, object]]:
    if isinstance(value, torch.nn.Module):
        yield from _modules(name, value)
    elif isinstance(value, types.FunctionType | types.MethodType) or _is_told(value):
        yield name, value
        yield from _members(name, value)
    elif isinstance(value, list | tuple):
        for index, one in enumerate([*(list if isinstance(value, list) else tuple).__iter__(value)][:100]):  # type: ignore[arg-type]
            yield from _reachable(f"{name}[{index}]", one) if _is_told(one) else ()


def _members(name: str, value: object) -> Iterator[tuple[str, object]]:
    for key, inner in attributes(value).items() if not isinstance(value, types.FunctionType | type) else ():
        if isinstance(inner, torch.nn.Module):
            yield from _modules(f"{name}.{key}", inner)
        elif _is_told(inner) or isinstance(inner, types.FunctionType):
            yield f"{name}.{key}", inner


def _is_told(value: object) -> bool:
    kind = type(value)
    return isinstance(value, torch.nn.Module | torch.optim.Optimizer) or kind.__module__ == "__main__"


def _modules(name: str, root: torch.nn.Module) -> Iterator[tuple[str, torch.nn.Module]]:
    found = [(name, root)]
    for path, module in found:
        yield path, module
        numbered = isinstance(module, torch.nn.Sequential | torch.nn.ModuleList)
        for key, child in attributes(module).get("_modules", {}).items():
            if isinstance(child, torch.nn.Module) and len(found) < MAX_NAMES:
                found.append((f"{path}[{key}]" if numbered else f"{path}.{key}", child))


def _name_of(thing: Any) -> str:  # noqa: ANN401
    function = getattr(thing, "__func__", thing) if isinstance(thing, types.MethodType) else thing
    return function.__name__ if isinstance(function, types.FunctionType) else type(thing).__name__


def _writes_in_forward(module: torch.nn.Module) -> bool:
    own = attributes(module)
    return own.get("inplace") is True or own.get("max_norm") is not None
