"""Why bytes cannot be restored, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .not_frozen import frozen

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ...core.records.restoring import RestoreCode, RestoreRefusal

_WHY: Mapping[RestoreCode, str] = {
    "never-changed": "no cell was seen to change it",
    "all-undone": "every change that was seen is undone already: name the cell to go back to",
    "no-such-cell": "there is no cell {cell}, the last one is {latest}",
    "not-since": "no change to it was seen since cell {cell} began",
    "another-tensor": "{path} was another tensor before cell {cell}",
    "changed-form": "the {fields} of {path} changed in cell {cell} or later",
    "not-writable": "the memory of {path} cannot be written",
    "same-bytes": "{path} has the bytes that it had before cell {cell}: nothing to restore",
    "references": "its bytes are references to Python objects, or to text",
    "frozen": "{known}",
    "not-kept": "no copy of its bytes from before cell {cell} was kept",
    "not-kept-there": "no copy is kept on its device of storages as large as that of {path}",
    "device-busy": "the device of {path} is still working: ask again when it is done",
    "device-captured": "the stream of the device of {path} is being captured",
    "device-failed": "the device of {path} failed, or is out of memory",
    "another-form": "the {fields} of {path} {was} different then",
    "not-compared": "the bytes of {path} were not compared just before cell {cell}",
}


def not_restored(refusal: RestoreRefusal) -> str:
    """Return why bytes cannot be restored."""
    return _WHY[refusal.code].format(
        path=refusal.path,
        cell=refusal.cell,
        latest=refusal.latest,
        fields=" and the ".join(refusal.fields),
        was="was" if len(refusal.fields) == 1 else "were",
        known=frozen(refusal.known) if refusal.known else "",
    )
