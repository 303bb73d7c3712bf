"""The variables that lead to the very tensors that `functools` keeps as results of a function."""

from __future__ import annotations

import functools
import gc
from typing import TYPE_CHECKING, Any

from .containers import is_array
from .inspect_object import is_a, items_of, members_of, module_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_CACHED: type = type(functools.lru_cache(len))
MAX_RESULTS = 4096


def cached_results(namespace: Mapping[str, Any]) -> dict[str, str]:
    """Return the variables that lead to a kept result, each with the name of the function that gave it."""
    kept = {id(one): name for name, value in namespace.items() for one, name in _kept_by(name, value)}
    return {name: kept[id(value)] for name, value in namespace.items() if is_array(type(value)) and id(value) in kept}


def _kept_by(name: str, value: object) -> Iterator[tuple[object, str]]:
    """Yield the tensors that a function keeps, or the methods of a class of the notebook."""
    if type(value) is _CACHED:
        yield from ((one, name) for one in _results_of(value))
    elif is_a(type(value), type) and module_of(value) == "__main__":  # type: ignore[arg-type]
        for method, member in members_of(value).items():  # type: ignore[arg-type]
            if type(member) is _CACHED:
                yield from ((one, f"{name}.{method}") for one in _results_of(member))


def _results_of(function: object) -> Iterator[object]:
    """Yield the tensors among the results that a cache refers to, also those in tuples and lists."""
    referred = gc.get_referents(function)
    held = [part for one in referred if type(one) is dict for part in [*one.values()][:MAX_RESULTS]]
    for one in (*referred[:MAX_RESULTS], *held):
        inside = items_of(one) if type(one) is tuple or type(one) is list else (one,)
        yield from (part for part in inside if is_array(type(part)))
