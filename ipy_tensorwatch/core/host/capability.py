"""Private names of PyTorch, IPython and Python: each is tried once, and one that is missing costs one capability."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_NO_ROOTS: Mapping[str, object] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Capability:
    """Something that only private names of a host allow.

    Attributes
    ----------
    needs
        The names, dotted.
    lost
        What is switched off without them, as a clause; empty where public names do the same.
    works
        Whether all of them are there and do what is expected.
    """

    needs: tuple[str, ...]
    lost: str
    works: bool


CAPABILITIES: dict[tuple[str, ...], Capability] = {}
"""All that were tried in this process, by what they need."""


def lost_capabilities() -> tuple[Capability, ...]:
    """Return those that do not work, and have no public name in their place."""
    return tuple(one for one in CAPABILITIES.values() if one.lost and not one.works)


def take(
    *needs: str,
    lost: str,
    instead: Any,  # noqa: ANN401
    make: Callable[..., Any] | None = None,
    roots: Mapping[str, object] = _NO_ROOTS,
) -> Any:  # noqa: ANN401
    """Try the names that a capability needs, and return what is used from then on.

    Parameters
    ----------
    instead
        Used where a name is missing, or `make` raised.
    make
        Makes it of what the names stand for, and raises where they do not do what is expected. Without it, it is what
        the only name stands for.
    roots
        What a name may begin with beside a module.
    """
    try:
        found = [resolve_name(one, roots) for one in needs]
        taken, works = (make(*found) if make else found[0]), True
    except Exception:  # noqa: BLE001  (whatever a host that has changed raises)
        taken, works = instead, False
    CAPABILITIES[needs] = Capability(needs=needs, lost=lost, works=works)
    return taken


def resolve_name(name: str, roots: Mapping[str, object] = _NO_ROOTS) -> Any:  # noqa: ANN401
    """Return what a dotted name stands for.

    Examples
    --------
    >>> resolve_name("math.pi.real"), resolve_name("shell.stop", {"shell": slice(2)})
    (3.141592653589793, 2)
    """
    root, *parts = name.split(".")
    return reduce(getattr, parts, roots[root] if root in roots else import_module(root))
