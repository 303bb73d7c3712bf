"""`%tensorwatch restore`: choose which bytes to put back, and show the result."""

from __future__ import annotations

from typing import TYPE_CHECKING

from IPython.core.error import UsageError

from ...capture.protect.restorer import Restorer
from ...core.records.restoring import RefusedError, RestoreRefusal
from ...render.pages.restored_page import show_restored
from ...render.wording.not_restored import not_restored
from ..ipython.cell_sources import user_variables
from ..ipython.find_path import find_paths
from ..ipython.ipython_private import count_now

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ...core.records.report_parts import Change
    from ...render.page import Page
    from ..watcher import Watcher


def restore(text: str, cell: int | None, watcher: Watcher) -> Page:
    """Put back the bytes from before `cell`, or from before the last cell whose change is not undone yet.

    Raises
    ------
    UsageError
        If the path is unknown, or its bytes cannot be restored.
    """
    paths = find_paths(text, watcher.observer, watcher.shell.user_ns)
    past = [(count, one) for count, one in watcher.reporter.history if one.path in paths]
    restorer = Restorer(watcher.observer.snapshotter, watcher.archive, watcher.freezing.freezer)
    try:
        _refuse_unsettled(paths, watcher)
        since = _choose_cell(past, cell, watcher)
        changed = _changed([one for count, one in past if count >= since], since)
        restored = restorer.restore(user_variables(watcher.shell), changed, since)
    except RefusedError as error:
        raise UsageError(f"{text} cannot be restored: {not_restored(error.refusal)}") from None
    if watcher.running is not None:
        watcher.restored[watcher.running.count] = since
    return show_restored(restored)


def _refuse_unsettled(paths: Sequence[str], watcher: Watcher) -> None:
    """Refuse the tensors of a device at work: what the last cells changed there is not known yet."""
    snapshot = watcher.observer.shot.snapshot
    for path in paths if watcher.unsettled.cells else ():
        reading = snapshot.get(path)
        if reading is not None and reading.device != "cpu":
            raise RefusedError(RestoreRefusal(code="device-busy", path=path))


def _choose_cell(past: Sequence[tuple[int, Change]], cell: int | None, watcher: Watcher) -> int:
    counts = [count for count, one in past if one.kind == "mutated"]
    if not counts:
        raise RefusedError(RestoreRefusal(code="never-changed"))
    if cell is None:
        return _last_not_undone(counts, watcher.restored)
    latest = count_now(watcher.shell)
    if cell > latest:
        raise RefusedError(RestoreRefusal(code="no-such-cell", cell=cell, latest=latest))
    if cell > counts[-1]:
        raise RefusedError(RestoreRefusal(code="not-since", cell=cell))
    return cell


def _last_not_undone(counts: Sequence[int], restored: Mapping[int, int]) -> int:
    """Return the last of the cells that changed a tensor, without those that a restore has undone."""
    left: list[int] = []
    for count in counts:
        if count in restored:
            left = [one for one in left if one < restored[count]]
        else:
            left.append(count)
    if not left:
        raise RefusedError(RestoreRefusal(code="all-undone"))
    return left[-1]


def _changed(past: Sequence[Change], since: int) -> list[str]:
    """Return the mutated paths; raise `RefusedError` for one that was another tensor or had other memory."""
    for one in past:
        if one.kind == "rebound":
            raise RefusedError(RestoreRefusal(code="another-tensor", path=one.path, cell=since))
        lost = tuple(name for name in ("shape", "dtype", "storage") if name in one.fields)
        if lost:
            raise RefusedError(RestoreRefusal(code="changed-form", path=one.path, cell=since, fields=lost))
    return [one.path for one in past if one.kind == "mutated"]
