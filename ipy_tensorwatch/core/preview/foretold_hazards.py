"""The hazards that a cell alone would make: a write that PyTorch refuses, a graph of its own that it breaks."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ..explain.inplace_refused import refused_hazard
from ..hazards.error_facts import Raised, Refused
from ..hazards.hazard import Hazard
from ..hazards.hazard_facts import OverwrittenSave
from ..hazards.overwritten.overwritten_fix import fix_overwritten
from ..records.trace.saved_tensor import Writing
from ..records.typed_line import typed_line
from .values.abstract_values import AbstractTensor, GraphNode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from ..records.report_parts import Site
    from ..records.trace.evidence import Position
    from .run.abstract_run import AbstractRun
    from .snapshot_afterwards import Afterwards
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


class OwnSaves:
    """Tells of the tensors that nodes made by a cell have saved and that the cell overwrites.

    Parameters
    ----------
    site_of
        Returns the statement at a position, and the line inside a function.
    """

    def __init__(
        self, run: AbstractRun, after: Afterwards, cell: int, site_of: Callable[[Position], Site | None]
    ) -> None:
        self._run, self._after, self._cell, self._site_of = run, after, cell, site_of

    def broken(self) -> Iterator[Hazard]:
        """Yield a hazard for each overwritten memory whose backward is still to come; updates of leaves are none."""
        memory, told = self._run.memory, set[int]()
        for name, value in self._run.interpreter.top.names.items():
            found = memory.find_broken(value.graph - memory.gone) if isinstance(value, AbstractTensor) else None
            if found is not None and not found[1].is_leaf and found[1].reading.storage not in told:
                told.add(found[1].reading.storage)
                yield self.hazard(*found, (name,))

    def hazard(self, node: GraphNode, saved: AbstractTensor, roots: Sequence[str]) -> Hazard:
        """Return the hazard of a backward that needs what was overwritten."""
        names, writing = names_of(saved, self._after), self._writing(saved)
        return Hazard(
            code="TW201",
            outcome="raises",
            paths=names,
            fact=OverwrittenSave(
                names=names[:1],
                shape=saved.reading.shape,
                via=None,
                root=next(iter(roots), None),
                is_scalar=False,
                will_raise=True,
                is_read_again=False,
            ),
            fix=fix_overwritten(writing, names),
            saved_at=self._site_of(node.position),
            written_at=writing.site,
            saved_cell=self._cell,
            written_cell=self._cell,
        )

    def _writing(self, saved: AbstractTensor) -> Writing:
        """Return the last write to what a node has saved."""
        storage = saved.reading.storage
        writes = [
            (max(moments), one) for one, moments in self._run.memory.writes.items() if one.reading.storage == storage
        ]
        last = max(writes, key=lambda one: one[0])[1] if writes else None
        return Writing(cell=self._cell, site=self._site_of(last.position) if last else None, is_leaf=saved.is_leaf)
