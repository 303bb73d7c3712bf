"""Several modules of a container that are one, because a list repeats it: `nn.ModuleList([nn.Linear(2, 2)] * 3)`."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

from ...records.report_parts import Site
from ...records.typed_line import TypedLine
from ...statements.repeated_calls import repeated_calls
from ...syntax.parsing import parse_path
from ..fix import Fix
from ..hazard import Hazard
from ..hazard_facts import RepeatedModule
from ..lasting_hazard import Lasting

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ...blame.reasoning import Reasoning
    from ...records.path import AccessPath
    from ...records.reading import Reading
    from ...records.trace.cell_trace import CellTrace

    Leaves = dict[tuple[str, ...], Reading]

_ITEM = re.compile(r"\[\d+\]")


class _Repeating(NamedTuple):
    """A statement that repeats an object in a list.

    Attributes
    ----------
    ends_with
        How the paths of the container end; the whole path for a statement of the cell itself.
    owner
        The class whose objects have the container; empty for a statement of the cell itself.
    """

    ends_with: AccessPath
    owner: str
    line: TypedLine
    code: str


def repeated_modules(reasoning: Reasoning) -> Iterator[Lasting]:
    """Yield a hazard for each container, bound by a statement that repeats a module, in which several items are one."""
    trace = reasoning.trace
    for made in _made(reasoning):
        for container, items in _containers(made, trace).items():
            several = _most_alike(items)
            if len(several) > 1:
                yield _lasting(container, several, made, trace.cell.count)


def _made(reasoning: Reasoning) -> Iterator[_Repeating]:
    trace, own = reasoning.trace, repeated_calls(reasoning.trace.own.plain)
    ran = {one.line for one in reasoning.own.statements if one.index in trace.own.ran} if own else ()
    for one in own:
        if one.line in ran and not one.target.startswith("self."):
            line = TypedLine(cell=trace.cell.count, line=one.line, text=one.text)
            yield _Repeating(parse_path(one.target), "", line, one.code)
    for defined in trace.notebook.definitions.values():
        for one in repeated_calls(defined.source):
            if one.target.startswith("self."):
                line = TypedLine(cell=defined.cell, line=one.line + defined.offset, text=one.text)
                yield _Repeating(parse_path(one.target), defined.name, line, one.code)


def _containers(made: _Repeating, trace: CellTrace) -> Mapping[AccessPath, dict[str, Leaves]]:
    """Return the containers that a statement may have bound: of each item, by its step, the leaves behind it."""
    found: dict[AccessPath, dict[str, Leaves]] = defaultdict(lambda: defaultdict(dict))
    for path, reading in trace.after.entries():
        container = _container_of(path, made, trace) if reading.collects_gradient else None
        if container is not None:
            step, *rest = path.steps[len(container.steps) :]
            found[container][step][tuple(rest)] = reading
    return found


def _container_of(path: AccessPath, made: _Repeating, trace: CellTrace) -> AccessPath | None:
    """Return the part of a path that leads to such a container, if an item of it follows."""
    ends, size = made.ends_with, len(made.ends_with.steps)
    starts = range(len(path.steps) - size) if made.owner else range(1)
    for start in starts:
        container = path.first(start + size)
        is_it = container.steps[start:] == ends.steps if made.owner else container == ends
        if is_it and made.owner in ("", trace.notebook.classes.get(str(path.first(start)))):
            return container if _ITEM.fullmatch("".join(path.steps[start + size : start + size + 1])) else None
    return None


def _most_alike(items: Mapping[str, Leaves]) -> list[tuple[str, Leaves]]:
    """Return the most items that lead to the same leaves."""
    alike: dict[object, list[tuple[str, Leaves]]] = defaultdict(list)
    for step, leaves in items.items():
        alike[frozenset((rest, one.object) for rest, one in leaves.items())].append((step, leaves))
    return max(alike.values(), key=len)


def _lasting(container: AccessPath, several: Sequence[tuple[str, Leaves]], made: _Repeating, cell: int) -> Lasting:
    first = [(container.then(step, *rest), one) for step, leaves in several for rest, one in [*leaves.items()][:1]]
    line = made.line
    hazard = Hazard(
        code="TW211",
        outcome="risk",
        paths=tuple(str(path) for path, _ in first),
        fact=RepeatedModule(container=str(container), count=len(several)),
        fix=Fix(kind="make-each", code=made.code, target=line, says_where=line.cell != cell),
        saved_at=Site(line=line.line, end_line=line.line, text=line.text),
        saved_cell=line.cell,
    )
    return Lasting.of(hazard, first)
