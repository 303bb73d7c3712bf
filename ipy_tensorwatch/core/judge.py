"""Turn what an observation found into the changes of a report."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from .diff import classify
from .reading import changed_fields
from .records import Change

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from .blame import Verdict
    from .diff import Content, Difference

    Found = tuple[Difference, Content]


def judge(found: Iterable[Found], explain: Callable[[Difference], Verdict]) -> tuple[Change, ...]:
    """Name the kind of each difference, and explain the mutations."""
    changes = (_change(difference, content, explain) for difference, content in found)
    return tuple(change for change in changes if change is not None)


def _change(difference: Difference, content: Content, explain: Callable[[Difference], Verdict]) -> Change | None:
    kind = classify(difference, content)
    if kind is None:
        return None
    before, after = difference.before, difference.after
    versions = (before.version if before else None, after.version if after else None)
    change = Change(path=str(difference.path), kind=kind, versions=versions)
    if kind in ("bound", "unbound", "rebound") or before is None or after is None:
        return change
    fields = changed_fields(before, after)
    if kind != "mutated":
        return _with(change, fields=fields, verified=content.verified, since=content.since)
    verdict = explain(difference)
    return _with(
        change,
        cause=verdict.cause,
        silent=verdict.is_silent,
        via=verdict.via,
        sites=verdict.sites,
        versioned=None if None in versions else versions[0] != versions[1],
        verified=content.verified,
        elements=content.elements,
        fields=fields,
        since=content.since,
    )


def _with(change: Change, **values: object) -> Change:
    return replace(change, **values)  # type: ignore[arg-type]
