"""`%tensorwatch restore`: choose which bytes to put back, and show the result."""

from __future__ import annotations

from typing import TYPE_CHECKING

from IPython.core.error import UsageError

from ...capture.protect.restorer import Restorer
from ...core.model.restoring import RefusedError
from ...render.pages.restored_page import show_restored
from ..ipython.cell_sources import user_variables
from ..ipython.find_path import find_paths, watched_paths

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...core.model.records import Change
    from ...render.page import Page
    from ..watcher import Watcher


def restore(text: str, cell: int | None, watcher: Watcher) -> Page:
    """Put back the bytes from before the last cell that changed them, or from before `cell`.

    Raises
    ------
    UsageError
        If the path is unknown, or its bytes cannot be restored.
    """
    paths = find_paths(text, watcher.observer, watcher.shell.user_ns, watched_paths(watcher.observer))
    past = [(count, one) for count, one in watcher.history if one.path in paths]
    restorer = Restorer(watcher.observer.lens, watcher.archive, watcher.freezing.freezer)
    try:
        since = _choose_cell(past, cell)
        changed = _changed([one for count, one in past if count >= since], since)
        return show_restored(restorer.restore(user_variables(watcher.shell), changed, since))
    except RefusedError as refusal:
        raise UsageError(f"{text} cannot be restored: {refusal}") from None


def _choose_cell(past: Sequence[tuple[int, Change]], cell: int | None) -> int:
    counts = [count for count, one in past if one.kind == "mutated"]
    if not counts:
        raise RefusedError("no cell has changed it since it is watched")
    if cell is not None and cell > counts[-1]:
        raise RefusedError(f"it has not changed since cell {cell} began")
    return counts[-1] if cell is None else cell


def _changed(past: Sequence[Change], since: int) -> list[str]:
    """Return the mutated paths; raise `RefusedError` for one that was another tensor or had other memory."""
    for one in past:
        if one.kind == "rebound":
            raise RefusedError(f"{one.path} was another tensor before cell {since}")
        lost = [name for name in ("shape", "dtype", "storage") if name in one.fields]
        if lost:
            raise RefusedError(f"the {' and the '.join(lost)} of {one.path} changed in cell {since} or later")
    return [one.path for one in past if one.kind == "mutated"]
