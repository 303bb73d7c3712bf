"""Results that `functools` keeps for all callers of a function, and a cell wrote to in place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...records.typed_line import typed_line
from ...syntax.parsing import parse_header
from ...syntax.syntax_tree import names_in
from ..fix import Fix, copy_call
from ..hazard import Hazard
from ..hazard_facts import CachedResult
from ..lasting_hazard import Lasting

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ...blame.reasoning import Reasoning
    from ...records.reading import Reading
    from ...records.report_parts import Change

_BY_NAME = ("direct", "object")
_MAKES_ROOM = ("empty(", "empty_like(", "new_empty(", "empty_strided(")


def written_in_cache(reasoning: Reasoning, changes: Iterable[Change]) -> Iterator[Lasting]:
    """Yield a hazard for each variable that is such a result, where nothing else is told of the write.

    A parameter that is kept is there to be trained.
    """
    trace = reasoning.trace
    if not trace.notebook.cached:
        return
    mutated = [(one, reading) for one in changes if (reading := trace.after.get(one.path)) and one.kind == "mutated"]
    told = {reading.storage for one, reading in mutated if one.silent}
    for one, reading in mutated:
        function = trace.notebook.cached.get(one.path)
        is_meant = one.cause not in _BY_NAME or reading.collects_gradient or reading.storage in told
        if function is not None and not is_meant and not _keeps_room(reasoning, function):
            yield Lasting.of(_hazard(one, reading, function, trace.cell.count), [(one.path, reading)])


def _keeps_room(reasoning: Reasoning, function: str) -> bool:
    """Return whether a function makes memory without values: what keeps that is meant to be written."""
    defined = reasoning.trace.notebook.definitions.get(function.split(".", maxsplit=1)[0])
    return defined is not None and any(one in defined.source for one in _MAKES_ROOM)


def _hazard(change: Change, reading: Reading, function: str, cell: int) -> Hazard:
    name, site = change.path, change.site
    is_plain = site is not None and site.inner is None and name in names_in(parse_header(site.text))
    code = f"{name} = {name}{copy_call(reading)}"
    return Hazard(
        code="TW211",
        outcome="risk",
        paths=(name,),
        fact=CachedResult(function=function),
        fix=Fix(kind="copy-before-write", code=code, target=typed_line(cell, site) if is_plain else None),
        written_at=site,
        written_cell=cell,
    )
