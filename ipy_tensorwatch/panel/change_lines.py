"""Changes for the panel, in the same words as in every other output."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..render.wording.changes.origin_sentences import shared_since
from ..render.wording.changes.phrases import amount, counter, how
from ..render.wording.changes.sites import line_of, site_text
from ..render.wording.hazards.explained_changes import fold_explained

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..core.hazards.hazard import Hazard
    from ..core.records.report_parts import Change
    from ..render.page import Line
    from ..render.wording.changes.fold_changes import Fold

Told = dict[str, Any]


def tell_changes(changes: Sequence[Change], hazards: Sequence[Hazard] = ()) -> list[Told]:
    """Return changes as JSON; those that a hazard explains, and similar ones, are folded, with their paths."""
    return [_tell(one) for one in fold_explained(changes, hazards)]


def tell_change(change: Change) -> Told:
    """Return one change as JSON."""
    return tell_changes([change])[0]


def _tell(one: Fold) -> Told:
    change = one.change
    site = change.site
    return {
        "label": one.label,
        "paths": one.paths,
        "kind": change.kind,
        "cause": change.cause,
        "silent": change.silent,
        "how": line_as_json(how(change, one.via)),
        "where": line_as_json(line_of(change)),
        "line": site and site.line,
        "inner": site and site.inner and {"count": site.inner.cell, "line": site.inner.line},
        "statement": line_as_json(site_text(change)),
        "amount": line_as_json(amount(change, one.elements)),
        "counter": line_as_json(counter(change)),
        "since": linked(shared_since(change.shared_since)) if change.silent else [],
    }


def linked(line: Line) -> list[str | list[Any]]:
    """Return a line as JSON: words as strings, code as one-item lists, places with cell and line."""
    return [[one.text, *one.leads] if one.leads else [one.text] if one.code else one.text for one in line.spans]


def line_as_json(line: Line) -> list[str | list[str]]:
    """Return a line as JSON: words as strings, code as one-item lists."""
    return [[one.text] if one.code else one.text for one in line.spans]
