"""The fix of a silent change: store a copy where sharing began."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from ..hazards.fix import Edit, Fix, with_edits
from ..statements.copied_value import Copying, copied_value
from .sharing import sharings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..model.records import Change
    from ..model.snapshot import Snapshot
    from .sharing import Sharing

_IMPORTS_COPY = re.compile(r"^\s*import\s+(?:[\w., ]+,\s*)?copy\s*(?:,|;|#|$)", re.MULTILINE)
_IMPORTS_DEEPCOPY = re.compile(r"^\s*from\s+copy\s+import\s+(?:[\w, ]+,\s*)?deepcopy\b(?!\s+as)", re.MULTILINE)


def fix_change(change: Change, cell: int, after: Snapshot, cells: Mapping[int, str]) -> Fix | None:
    """Return what mends a silent change; None if nothing plain does.

    Parameters
    ----------
    cells
        The plain sources of all cells so far, by count.
    """
    if not change.silent or change.cause == "outside":
        return None
    for sharing in sharings(change, cell, cells):
        fix = _copied(sharing, after, cells)
        if fix is not None:
            return fix
    return None


def _copied(sharing: Sharing, after: Snapshot, cells: Mapping[int, str]) -> Fix | None:
    begun = sharing.begun
    known = [cells[one] for one in sorted(cells) if begun.cell is None or one <= begun.cell]
    copying = _copying(sharing, after)._replace(deepcopy=_deepcopy(known))
    code = copied_value(begun.text, copying)
    if code is None:
        return None
    fix = Fix(kind="copy-shared", code=code, names=(str(sharing.path),), target=begun, says_where=True)
    fix = with_edits(fix, lambda cell: cells[cell])
    if fix.edits and "copy.deepcopy(" in code and not any(map(_IMPORTS_COPY.search, known)):
        return _importing(fix)
    return fix if fix.edits else None


def _copying(sharing: Sharing, after: Snapshot) -> Copying:
    reading, other = after.get(str(sharing.path)), after.get(str(sharing.other))
    beside = [one for path, one in after.entries() if path.root == sharing.path.root]
    is_same = reading is not None and other is not None and reading.object == other.object
    return Copying(
        path=sharing.path,
        other=sharing.other,
        is_array=reading is not None and reading.kind == "ndarray",
        is_leaf=is_same and reading is not None and reading.requires_grad and reading.is_leaf,
        has_graph=any(one.grad_fn is not None for one in beside),
    )


def _deepcopy(sources: list[str]) -> str:
    return "deepcopy" if any(map(_IMPORTS_DEEPCOPY.search, sources)) else "copy.deepcopy"


def _importing(fix: Fix) -> Fix:
    """Add the import of `copy` at the top of the cell."""
    [edit] = fix.edits
    if edit.line == 1:
        return replace(fix, edits=(replace(edit, text=f"import copy\n{edit.text}"),))
    return replace(fix, edits=(Edit(cell=edit.cell, line=1, end_line=0, text="import copy"), edit))
