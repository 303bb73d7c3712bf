"""Which leaves were updated since a graph was built: a result from before is old, and its backward is not due."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..standing_hazards import Standing, Updated

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from collections.abc import Set as AbstractSet

    from ...blame.reasoning import Reasoning
    from ...records.report_parts import Cause, Site
    from ...records.trace.saved_tensor import RootOrigin

_READS_A_GRADIENT = ".grad"


def remember_updates(reasoning: Reasoning, known: Sequence[Updated]) -> tuple[Updated, ...]:
    """Return the updates since the oldest cell with live nodes, with this cell's."""
    alive = reasoning.trace.graphs.cells
    if not alive:
        return ()
    found = {(one.cell, one.storages, one.lines): one for one in _updates(reasoning)}
    new = {one.storages for one in found.values()}
    kept = (one for one in known if one.cell >= min(alive) and one.storages not in new)
    return (*kept, *found.values())


def is_update(cause: Cause | None, site: Site | None, *, is_leaf: bool) -> bool:
    """Return whether a write is an optimizer's step, or a statement that updates a leaf by its gradient."""
    return cause == "optimizer" or (is_leaf and site is not None and _READS_A_GRADIENT in site.text)


def is_stale(root: RootOrigin, standing: Standing) -> bool:
    """Return whether all leaves below a result were updated since it was computed."""
    since = (one.storages for one in standing.updated if is_since(one.cell, one.lines, root, standing))
    return root.leaves <= frozenset[int]().union(*since)


def has_run_backward(path: str, root: RootOrigin, standing: Standing, *, has_raised: bool = False) -> bool:
    """Return whether a backward of a result, as typed, ran since it was computed: it kept its graph for another.

    Parameters
    ----------
    has_raised
        Whether the last statement of the running cell raised: it is none that ran.
    """
    cell = standing.backwards.get(path, 0)
    if cell != root.cell or cell not in standing.built:
        return cell > root.cell
    timeline = standing.built[cell]
    last = timeline.entered[-1][1] if has_raised and timeline.entered else None
    sites = (timeline.site(one) for one in dict.fromkeys(timeline.since(root.sequence)) if one != last)
    return any(site is not None and f"{path}.backward(" in site.text for site in sites)


def is_since(cell: int, lines: AbstractSet[tuple[int, str]], root: RootOrigin, standing: Standing) -> bool:
    """Return whether a write, of these lines of a cell if they are known, came after a result was computed."""
    if cell != root.cell or not lines or cell not in standing.built:
        return cell >= root.cell
    timeline = standing.built[cell]
    sites = map(timeline.site, dict.fromkeys(timeline.since(root.sequence)))
    return not lines.isdisjoint((site.line, site.text) for site in sites if site is not None)


def lines_of(site: Site | None) -> frozenset[tuple[int, str]]:
    """Return the line and the text of a statement, if it is known."""
    return frozenset(((site.line, site.text),) if site else ())


def _updates(reasoning: Reasoning) -> Iterator[Updated]:
    trace, timeline = reasoning.trace, reasoning.own.timeline
    for step in trace.own.steps:
        site = None if step.statement is None else timeline.site(step.statement)
        yield _updated(reasoning, step.storages, [site] if site else [])
    for change in reasoning.unsettled:
        reading = trace.after.get(change.path)
        if reading is not None and reading.collects_gradient and is_update(change.cause, change.site, is_leaf=True):
            yield _updated(reasoning, frozenset((reading.storage,)), change.sites)


def _updated(reasoning: Reasoning, storages: frozenset[int], sites: Iterable[Site]) -> Updated:
    lines = frozenset[tuple[int, str]]().union(*map(lines_of, sites))
    return Updated(cell=reasoning.trace.cell.count, storages=storages, lines=lines)
