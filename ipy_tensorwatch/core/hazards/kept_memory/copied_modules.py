"""Shallow copies of a module that are trained, or used beside it: both have the same parameters."""

from __future__ import annotations

from dataclasses import replace
from operator import itemgetter
from typing import TYPE_CHECKING

from ...runtime.grouped import grouped
from ...syntax.parsing import parse_path
from ...syntax.statement_text import words_in
from ..hazard_facts import KeptReference
from .kept_in_a_role import are_used_together
from .state_dict_reference import SharedItem, kept_with, last_word

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from ...blame.reasoning import Reasoning
    from ...records.path import AccessPath
    from ...records.report_parts import Change
    from ...records.trace.cell_trace import CellTrace
    from ...records.trace.notebook import ShallowCopy
    from ..lasting_hazard import Lasting
    from ..optimizers.made_optimizer import MadeOptimizer


def trained_copies(reasoning: Reasoning, optimizers: Iterable[MadeOptimizer]) -> Iterator[Lasting]:
    """Yield a hazard for each shallow copy whose parameters a cell updated, if it is meant to have its own.

    It is where an optimizer, or the statement that updates, names the copy; where a statement or a function uses both
    together; and where several copies were made of one module.
    """
    trace, made = reasoning.trace, [one.line.text for one in optimizers if one.line is not None]
    for one in trace.notebook.copies:
        for (copied, owner), items in _updated(one, reasoning).items():
            changes = [change for _, _, change in items]
            is_one_of_two = _is_trained_itself(copied, changes, made) or are_used_together(copied, owner, trace)
            if one.is_several or is_one_of_two:
                lasting = kept_with(items, trace.after, trace.cell.count, copied)
                fact = KeptReference(container=str(copied), owner=str(owner), is_shallow=True)
                yield replace(lasting, hazard=replace(lasting.hazard, fact=fact))


def _updated(one: ShallowCopy, reasoning: Reasoning) -> dict[tuple[AccessPath, AccessPath], list[SharedItem]]:
    """Return the updated parameters that a copy and its module share, by the paths of the two."""
    target, owner, trace = parse_path(one.target), parse_path(one.owner), reasoning.trace
    found: list[tuple[tuple[AccessPath, AccessPath], SharedItem]] = []
    last = target.parts[-1]
    for change in reasoning.updates_of(lambda name: name == last):
        path = parse_path(change.path)
        for copied, original in _pairs(path, target, owner, one, trace):
            other = original.then(*path.steps[len(copied.steps) :])
            mine, theirs = trace.after.get(change.path), trace.after.get(str(other))
            if mine and theirs and mine.kind == "parameter" and mine.object == theirs.object:
                kept = copied.owner if one.is_several else copied
                found.append(((kept, original), (path, str(other), change)))
    return {pair: [item for _, item in several] for pair, several in grouped(found, itemgetter(0)).items()}


def _pairs(
    path: AccessPath, target: AccessPath, owner: AccessPath, one: ShallowCopy, trace: CellTrace
) -> Iterator[tuple[AccessPath, AccessPath]]:
    """Yield the copies that a path goes through, each with its module, where these are two objects."""
    for start in range(len(path.steps)) if one.within else range(1):
        holder, size = path.first(start), len(target.steps) + one.is_several
        copied = path.first(start + size)
        kept = copied.steps[start : start + len(target.steps)]
        is_it = trace.notebook.classes.get(str(holder)) == one.within if one.within else holder.root == target.root
        if not is_it or kept != target.steps or len(copied.steps) == len(path.steps):
            continue
        original = holder.then(*owner.steps) if one.within and owner.root == target.root else owner
        if _are_two(copied, original, trace):
            yield copied, original


def _are_two(copied: AccessPath, original: AccessPath, trace: CellTrace) -> bool:
    modules, objects = trace.notebook.modules, trace.notebook.objects
    both = str(copied), str(original)
    return all(one in modules for one in both) and objects.get(both[0]) != objects.get(both[1])


def _is_trained_itself(copied: AccessPath, changes: Sequence[Change], made: Iterable[str]) -> bool:
    """Return whether an optimizer, or a statement that updates, names the copy."""
    texts = [*made, *(site.text for change in changes for site in change.sites)]
    return any(last_word(copied) in words_in(one) for one in texts)
