"""The variables that code uses which a statement may run: functions, hooks and methods that it does not name."""

from __future__ import annotations

import functools
import types
from typing import TYPE_CHECKING, Any

import torch

from ..objects.class_names import plain_function_of
from ..objects.inspect_object import attribute, attributes, is_a, members_of, module_of, mro_of, pairs_of, value_at

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from types import CodeType, FunctionType

_HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
MAX_MODULES = 256
MAX_FUNCTIONS = 64


class UsedNames:
    """Finds the names of the notebook that the functions use which a variable leads to, once for each statement.

    Parameters
    ----------
    names
        The user's names.
    """

    def __init__(self, names: Mapping[str, Any]) -> None:
        self._names = names
        self._known: dict[tuple[int, str, int], frozenset[str]] = {}

    def of(self, statement: int, mentioned: Iterable[str]) -> frozenset[str]:
        """Return the names used by what a statement may run by those that it mentions."""
        return frozenset[str]().union(*(self._behind(statement, name) for name in mentioned))

    def _behind(self, statement: int, name: str) -> frozenset[str]:
        value = self._names.get(name)
        key = statement, name, id(value)  # hooks are seldom registered by the very statement that calls the module
        if key not in self._known:
            self._known[key] = frozenset(self._used_by(value))
        return self._known[key]

    def _used_by(self, value: object) -> Iterator[str]:
        """Yield the names that functions use which an object may run, with those that they name."""
        waiting, seen = [*_run_by(value)], set[int]()
        owners = {id(_owner_of(one)) for one in waiting}
        while waiting and len(seen) < MAX_FUNCTIONS:
            function = plain_function_of(waiting.pop())
            if type(function) is not types.FunctionType:
                waiting += _methods_of(type(function))
            elif id(function) not in seen and function.__globals__ is self._names:
                seen.add(id(function))
                used = [name for name in _names_of(function.__code__) if name in self._names]
                waiting += (one for name in used if type(one := self._names[name]) is types.FunctionType)
                yield from used
        if owners - {id(value)}:
            yield from (name for name, one in [*self._names.items()] if id(one) in owners)


def _owner_of(thing: Any) -> object:  # noqa: ANN401
    """Return the object of a method, through what gives it arguments; of other things themselves."""
    while type(thing) is functools.partial:
        thing = thing.func
    return thing.__self__ if type(thing) is types.MethodType else thing


def _run_by(value: object) -> Iterator[object]:
    """Yield what may run when an object is called: a function, or the hooks and methods of a module's parts."""
    if is_a(type(value), torch.nn.Module):
        modules = _modules(value)
        yield from (hook for one in modules for hook in _hooks_of(one))
        yield from (method for kind in dict.fromkeys(map(type, modules)) for method in _methods_of(kind))
    elif type(value) is types.FunctionType or module_of(type(value)) == "__main__":
        yield value


def _modules(root: object) -> list[object]:
    found = [root]
    for module in found:
        children = attribute(module, "_modules")
        inside = pairs_of(children) if is_a(type(children), dict) and len(found) < MAX_MODULES else ()
        found += (one for _, one in inside if is_a(type(one), torch.nn.Module))
    return found


def _hooks_of(module: object) -> Iterator[object]:
    own = attributes(module)
    for hooks in [value_at(own, name) for name in _HOOKS]:
        if is_a(type(hooks), dict) and hooks:
            yield from (one for _, one in pairs_of(hooks))


def _methods_of(kind: type) -> Iterator[FunctionType]:
    """Yield the methods of a class of the notebook, and of those that it derives from."""
    for base in mro_of(kind) if module_of(kind) == "__main__" else ():
        yield from (one for one in members_of(base).values() if type(one) is types.FunctionType)


def _names_of(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for one in code.co_consts:
        if type(one) is types.CodeType:  # a comprehension, or a function inside
            yield from _names_of(one)
