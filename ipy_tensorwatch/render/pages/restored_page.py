"""The page of `%tensorwatch restore`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..page import Page, words
from ..wording.changes.phrases import names
from ..wording.quantities import spell_bytes

if TYPE_CHECKING:
    from ...core.records.restoring import Restored


def show_restored(restored: Restored) -> Page:
    """Say which bytes were put back, and what changed with them."""
    head = f"tensorwatch  restore  as before cell {restored.cell}"
    lines = [words("restored: ") + names(restored.paths) + words(f", {spell_bytes(restored.nbytes)}")]
    if restored.aliases:
        lines.append(words("changed with it: ") + names(restored.aliases))
    return Page(head=head, parts=tuple(lines))
