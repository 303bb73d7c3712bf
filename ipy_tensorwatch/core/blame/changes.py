"""Build a report's changes from differences."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..model.reading import changed_fields
from ..model.records import Change
from ..model.snapshots.difference import classify

if TYPE_CHECKING:
    from ..model.snapshots.difference import Content, Difference
    from .verdict import Verdict


def make_change(difference: Difference, content: Content, verdict: Verdict | None) -> Change | None:
    """Build the change for a difference; None if nothing worth reporting changed.

    Parameters
    ----------
    verdict
        Why the bytes changed; None if they did not.
    """
    kind = classify(difference, content)
    if kind is None:
        return None
    before, after = difference.before, difference.after
    path, versions = str(difference.path), (before.version if before else None, after.version if after else None)
    if kind in ("bound", "unbound", "rebound") or before is None or after is None:
        return Change(path=path, kind=kind, versions=versions)
    fields = changed_fields(before, after)
    if verdict is None or kind != "mutated":
        verified, since = content.verified, content.since
        return Change(path=path, kind=kind, versions=versions, fields=fields, verified=verified, since=since)
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
