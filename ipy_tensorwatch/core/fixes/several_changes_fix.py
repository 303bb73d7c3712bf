"""What mends all silent changes of a cell: those that one statement made, or one edit mends, together."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from operator import attrgetter
from typing import TYPE_CHECKING

from ..runtime.deadline import NEVER, Deadline
from ..runtime.grouped import grouped
from ..runtime.record import field, record
from ..statements.statement import parse_statements
from ..syntax.parsing import parse_path
from .sharing import binds_path
from .silent_change_fix import FixSearch, change_fixes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from ..hazards.fix import Edit, Fix
    from ..records.report_parts import Change
    from ..records.snapshots.snapshot import Snapshot
    from ..records.typed_line import TypedLine
    from .derivation import FixContext

MAX_SEVERAL = 8
"""The most fixes of the changes of one statement for which one is looked for that mends all."""


@record
class FoundFixes:
    """What mends silent changes.

    Attributes
    ----------
    by_change
        Without those that nothing plain mends.
    late
        The paths for which there was no time.
    guesses
        The changes whose fix may copy the very tensor that was written, so that only a trial can tell whether it mends.
    """

    by_change: Mapping[Change, Fix] = field(default_factory=dict)
    late: tuple[str, ...] = ()
    guesses: frozenset[Change] = frozenset()


def fix_changes(changes: Iterable[Change], context: FixContext, deadline: Deadline = NEVER) -> FoundFixes:
    """Return what mends silent changes, those with one statement together, as far as there is time to look for it."""
    offer = partial(change_fixes, context=context, deadline=deadline)
    every = [(one, next(offer(one), None), deadline.has_passed()) for one in changes]
    found = {one: fix for one, fix, _ in every if fix is not None}
    for alike in (attrgetter("sites"), _written_by):
        found |= {one: fix for several in grouped(found, alike).values()
                  for one, fix in _mended_at_once({one: found[one] for one in several}, offer)}  # fmt: skip
    shared: dict[TypedLine, list[Change]] = {}
    for one, fix in found.items():
        if fix.kind == "copy-shared" and fix.target is not None and len(_replaced(fix)) == 1:
            shared.setdefault(fix.target, []).append(one)
    for target, several in shared.items():
        different = {found[one].edits: one for one in several}.values()
        search = FixSearch(change=several[0], context=context, deadline=deadline)
        together = search.copied_together(target, different) if len(different) > 1 else None
        if together is not None:
            found |= dict.fromkeys(several, search.complete(together))
    left = ((one, _of_another(one, found)) for one, fix, _ in every if fix is None)
    known = _joined(found | {one: other for one, other in left if other is not None})
    late = tuple(one.path for one, fix, is_late in every if is_late and fix is None)
    return FoundFixes(by_change=known, late=late, guesses=_guesses([one for one, _, _ in every], known, context.after))


def _guesses(changes: Sequence[Change], found: Mapping[Change, Fix], after: Snapshot) -> frozenset[Change]:
    """Return the changes whose fix leaves another path of their memory, where no name of what wrote is known.

    A weak reference, a closure or a bound method may lead to either of them.
    """
    unnamed = [one for one in changes if one.cause == "alias" and not one.via]
    several = grouped(unnamed, lambda one: (one.sites, _storage(one, after)))

    def leaves_another(one: Change) -> bool:
        alike = several[one.sites, _storage(one, after)]
        return any(each not in found or found[each].edits != found[one].edits for each in alike)

    return frozenset(
        one for one in unnamed if one in found and _copies_where_bound(one, found[one]) and leaves_another(one)
    )


def _storage(change: Change, after: Snapshot) -> int | None:
    reading = after.get(change.path)
    return None if reading is None else reading.storage


def _copies_where_bound(change: Change, fix: Fix) -> bool:
    path = parse_path(change.path)
    return fix.target is not None and any(binds_path(one, path) for one in parse_statements(fix.target.text))


def _written_by(change: Change) -> object:
    """Return the line inside a function that wrote in each of its calls; the statements where there is none."""
    inner = {site.inner for site in change.sites}
    return change.sites if None in inner else frozenset(inner)


def _mended_at_once(
    found: Mapping[Change, Fix], offer: Callable[[Change], Iterable[Fix]]
) -> Iterator[tuple[Change, Fix]]:
    """Yield, for changes that one statement made, the first fix that mends each of them, if they have several."""
    if 1 < len({fix.edits for fix in found.values()}) <= MAX_SEVERAL:
        first, *others = ({fix.edits: fix for fix in offer(one) if fix.edits} for one in found)
        for_all = next((fix for edits, fix in first.items() if all(edits in one for one in others)), None)
        yield from ((one, for_all) for one in found if for_all is not None)


def _joined(found: Mapping[Change, Fix]) -> dict[Change, Fix]:
    """Give all changes that the same edits mend one fix, with the names of all."""
    joined: dict[tuple[Edit, ...], Fix] = {}
    for fix in found.values():
        first = joined.setdefault(fix.edits, fix)
        joined[fix.edits] = replace(first, names=tuple(dict.fromkeys((*first.names, *fix.names))))
    return {one: joined[fix.edits] if fix.edits else fix for one, fix in found.items()}


def _of_another(change: Change, found: Mapping[Change, Fix]) -> Fix | None:
    """Return the fix of a change that began with the same statement and was written through the same paths."""
    place = _begun_at(change)
    if place is None:
        return None
    alike = (fix for one, fix in found.items() if one.via == change.via and _begun_at(one) == place)
    copies = (fix for fix in alike if fix.kind == "copy-shared" and fix.target is not None)
    return next((one for one in copies if one.target and (one.target.cell, one.target.line) == place), None)


def _begun_at(change: Change) -> tuple[int, int] | None:
    return (change.shared_since.cell, change.shared_since.line) if change.shared_since is not None else None


def _replaced(fix: Fix) -> list[Edit]:
    """Return the edits of a fix that replace lines."""
    return [one for one in fix.edits if one.end_line >= one.line]
