"""What one rank knows of its state's tensors: where they come from, and what changed them in the last cell."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from ...capture.ranks.known_placements import known_placements
from ...capture.ranks.state_tree import StatePlace, StateTree, gradients_of
from ...core.ranks.state_leaf import BranchKey, StateLeaf
from ...core.statements.carried_names import assigns_made_of
from ...core.syntax.parsing import parse_body
from ...core.syntax.syntax_tree import names_stored
from ..ipython.cell_sources import user_variables

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...core.records.report_parts import Change, Site
    from ...render.report import Report
    from ..watcher import Watcher


def describe_leaves(
    watcher: Watcher, tree: StateTree, key: BranchKey, places: Sequence[tuple[int, int]]
) -> list[StateLeaf]:
    """Return what is known of the tensors of a branch in some runs of places."""
    branch, names = tree.branches.get(key, []), user_variables(watcher.shell)
    found = [one for first, end in places for one in branch[first:end]]
    observer = watcher.observer
    gradients = gradients_of(observer.shot.snapshot, {one.path for one in found}, observer.prints)
    placed, objects = known_placements(names), observer.snapshotter.objects
    shards, wrapped = objects.of_ids(placed.shards), objects.of_ids(placed.wrapped)
    _, number, cell = tree.born.get(key.name, (0, 0, 0))
    line, text = _binding(watcher.sources.plain.get(cell, ""), key.name)
    return [
        StateLeaf(
            path=one.path,
            digest=one.digest,
            gradient=gradients.get(one.path, b""),
            is_shard=one.reading.object in shards,
            is_wrapped=one.reading.object in wrapped,
            is_renewed=_is_renewed(watcher.report, one, key.name),
            cause=change.cause if (change := _change_of(watcher.report, one.path)) else None,
            line=site.line if (site := _site_of(change)) else 0,
            text=site.text if site else "",
            born=max(number, tree.appeared.get(one.path, 0)),
            born_cell=cell,
            born_line=line,
            born_text=text,
        )
        for one in found
    ]


def _change_of(report: Report | None, path: str) -> Change | None:
    return report.by_path.get(path) if report else None


def _site_of(change: Change | None) -> Site | None:
    return (change.site or change.born) if change else None


def _is_renewed(report: Report | None, one: StatePlace, name: str) -> bool:
    before = report.reasoning.trace.before.get(one.path) if report else None
    if before is None or (before.shape == one.reading.shape and before.object == one.reading.object):
        return False
    if before.shape != one.reading.shape:
        return True
    site = _site_of(_change_of(report, one.path))
    return one.reading.kind == "parameter" and not (site and assigns_made_of(site.text, name))


def _binding(source: str, name: str) -> tuple[int, str]:
    """Return the line and the text of the last statement of a cell that binds a name; (0, "") if none does."""
    bound = [one for one in parse_body(source) if name in names_stored(one)]
    return (bound[-1].lineno, ast.unparse(bound[-1]).partition("\n")[0]) if bound else (0, "")
