"""Private names of PyTorch, IPython and Python: each is tried once; a missing one disables one capability."""

from __future__ import annotations

from functools import reduce
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from .record import record

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_NO_ROOTS: Mapping[str, object] = MappingProxyType({})


@record
class Capability:
    """A feature that needs private names of a host.

    Attributes
    ----------
    needs
        The names, dotted.
    lost
        The code of what is disabled without them; empty if public names do the same.
    works
        Whether all names exist and behave as expected.
    """

    needs: tuple[str, ...]
    lost: str
    works: bool


CAPABILITIES: dict[tuple[str, ...], Capability] = {}
"""All capabilities tried in this process, by their needs."""


def lost_capabilities() -> tuple[Capability, ...]:
    """Return the capabilities that do not work and have no public fallback."""
    return tuple(one for one in CAPABILITIES.values() if one.lost and not one.works)


def take(
    *needs: str,
    lost: str,
    instead: Any,  # noqa: ANN401
    make: Callable[..., Any] | None = None,
    roots: Mapping[str, object] = _NO_ROOTS,
) -> Any:  # noqa: ANN401
    """Resolve the names that a capability needs, and return the object to use.

    Parameters
    ----------
    instead
        Returned if a name is missing or `make` raises.
    make
        Builds the object from the resolved names, and raises if they do not behave as expected. Without it, the object
        that the only name refers to is returned.
    roots
        Objects, beside modules, that a dotted name may start from.
    """
    try:
        found = [resolve_name(one, roots) for one in needs]
        taken, works = (make(*found) if make else found[0]), True
    except Exception:  # noqa: BLE001  (a changed host may raise anything)
        taken, works = instead, False
    CAPABILITIES[needs] = Capability(needs=needs, lost=lost, works=works)
    return taken


def resolve_name(name: str, roots: Mapping[str, object] = _NO_ROOTS) -> Any:  # noqa: ANN401
    """Return the object that a dotted name refers to.

    Examples
    --------
    >>> resolve_name("math.pi.real"), resolve_name("shell.stop", {"shell": slice(2)})
    (3.141592653589793, 2)
    """
    root, *parts = name.split(".")
    return reduce(getattr, parts, roots[root] if root in roots else import_module(root))
