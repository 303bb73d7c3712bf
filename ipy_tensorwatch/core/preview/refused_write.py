"""The hazard of a write that PyTorch would refuse."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ..explain.inplace_refused import refused_hazard
from ..hazards.error_facts import Raised, Refused
from ..records.typed_line import typed_line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..hazards.hazard import Hazard
    from ..records.report_parts import Site
    from .snapshot_afterwards import Afterwards
    from .values.abstract_values import AbstractTensor
    from .values.stopped_error import StoppedError

_OVERLAPPING = ("expanded", "shared")


def refused_write(stopped: StoppedError, site: Site | None, after: Afterwards, cell: int) -> Iterator[Hazard]:
    """Yield the hazard of a write that ends a cell, if PyTorch refuses it."""
    if stopped.trouble is None or stopped.tensor is None:
        return
    names = names_of(stopped.tensor, after)
    line = typed_line(cell, site.inner or site) if site else None
    one = Refused(
        code="TW206" if stopped.trouble in _OVERLAPPING else "TW204",
        trouble=stopped.trouble,
        raised=Raised(statement=line),
        path=next(iter(names), None),
        names=names,
        reading=stopped.tensor.reading,
    )
    yield replace(refused_hazard(one, site), happened=False)


def names_of(tensor: AbstractTensor, after: Afterwards) -> tuple[str, ...]:
    """Return the variables that lead to a tensor and to what it is a view of; else all over its memory."""
    near = after.beside(tensor.reading)
    base = tensor.base.reading.object if tensor.base is not None else None
    own = [str(path) for path, one in near if one.object == tensor.reading.object]
    bases = [str(path) for path, one in near if one.object == base]
    return tuple(dict.fromkeys((*own, *bases))) or tuple(str(path) for path, _ in near)
