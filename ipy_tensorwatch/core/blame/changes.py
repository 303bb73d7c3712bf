"""Turn what an observation found into the changes of a report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..model.diff import classify
from ..model.reading import changed_fields
from ..model.records import Change

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ..model.diff import Content, Difference
    from ..model.differences import Found
    from .silent import Verdict


def judge(found: Iterable[Found], explain: Callable[[Difference], Verdict]) -> tuple[Change, ...]:
    """Name the kind of each difference, and explain the mutations."""
    changes = (_change(difference, content, explain) for difference, content in found)
    return tuple(change for change in changes if change is not None)


def _change(difference: Difference, content: Content, explain: Callable[[Difference], Verdict]) -> Change | None:
    kind = classify(difference, content)
    if kind is None:
        return None
    before, after = difference.before, difference.after
    path, versions = str(difference.path), (before.version if before else None, after.version if after else None)
    if kind in ("bound", "unbound", "rebound") or before is None or after is None:
        return Change(path=path, kind=kind, versions=versions)
    fields = changed_fields(before, after)
    if kind != "mutated":
        verified, since = content.verified, content.since
        return Change(path=path, kind=kind, versions=versions, fields=fields, verified=verified, since=since)
    verdict = explain(difference)
    return Change(
        path=path,
        kind=kind,
        versions=versions,
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
