"""The tensors under one of the user's names, as the walk finds them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from ...core.host.record import field, mutable
from ...core.model.path import AccessPath
from ...core.model.snapshots.outline import Outline, OutlineRun
from .inspect_object import numbers_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ...core.model.reason import Reason


@mutable
class Branch:
    """One name's outline, and the live objects in the outline's order.

    Attributes
    ----------
    odd
        The paths of objects that could not be opened, each with the reason.
    kinds
        The ids of the objects' types.
    spelled
        The paths spelled so far, by their places; kept between looks along with the outline.
    """

    outline: Outline = field(default_factory=Outline)
    objects: list[Any] = field(default_factory=list)
    signature: list[object] | None = None
    odd: list[tuple[str, Reason]] = field(default_factory=list)
    kinds: set[int] = field(default_factory=set)
    spelled: dict[int, str] = field(default_factory=dict)

    def take(self, run: OutlineRun, values: Sequence[object], kinds: set[int] | None = None) -> None:
        """Add neighbours; `kinds` are the ids of their types, if known."""
        self.outline.runs.append(run)
        self.objects.extend(values)
        self.kinds |= kinds or numbers_of(values)

    def pass_by(self, node: int, steps: Iterable[str], reasons: Iterable[Reason]) -> None:
        """Record objects that could not be opened."""
        here = self.outline.node_path(node)
        for step, why in zip(steps, reasons, strict=True):
            self.odd.append((str(AccessPath(here.root, (*here.steps, step)) if step else here), why))


class Tree(NamedTuple):
    """What is remembered of a module tree: its signature, its outline, and its spelled paths."""

    signature: list[object]
    outline: Outline
    spelled: dict[int, str]
