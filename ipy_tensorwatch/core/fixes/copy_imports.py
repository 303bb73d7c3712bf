"""How a cell may call `copy.deepcopy`, by what the cells before it import."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ..hazards.fix import Fix, importing

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..records.typed_line import TypedLine

_MODULE = "copy"
_COPY = re.compile(r"^\s*import\s+(?:[\w., ]+,\s*)?copy\s*(?:,|;|#|$)", re.MULTILINE)
_FROM_COPY = re.compile(r"^\s*from\s+copy\s+import\b", re.MULTILINE)
_DEEPCOPY = re.compile(r"^\s*from\s+copy\s+import\s+(?:[\w, ]+,\s*)?deepcopy\b(?!\s+as)", re.MULTILINE)
_COPY_VARIABLE = re.compile(r"^\s*(?:copy\s*(?::\s*\w+\s*)?=(?!=)|def\s+copy\b|for\s+copy\b)", re.MULTILINE)
"""The imports of the module `copy`, of something from it, and of `deepcopy`; what binds a variable `copy`."""


def spelled_deepcopy(cells: Mapping[int, str], target: TypedLine) -> str:
    """Return how a statement spells `copy.deepcopy`: its bare name if it was imported so, or `copy` is a variable."""
    return "deepcopy" if _has_bare_name(cells, target) else "copy.deepcopy"


def with_deepcopy(fix: Fix, cells: Mapping[int, str], target: TypedLine) -> Fix:
    """Add the import that the edits of a fix need, if no cell up to its statement has it."""
    if not fix.edits or "deepcopy(" not in fix.code or _has_deepcopy(cells, target):
        return fix
    line = "import copy" if "copy.deepcopy(" in fix.code else f"from {_MODULE} import deepcopy"
    return importing(fix, line, cells[fix.edits[0].cell])


def _has_deepcopy(cells: Mapping[int, str], target: TypedLine) -> bool:
    return _is_imported(_DEEPCOPY if _has_bare_name(cells, target) else _COPY, cells, target)


def _has_bare_name(cells: Mapping[int, str], target: TypedLine) -> bool:
    return _is_imported(_FROM_COPY, cells, target) or any(map(_COPY_VARIABLE.search, cells.values()))


def _is_imported(pattern: re.Pattern[str], cells: Mapping[int, str], target: TypedLine) -> bool:
    """Return whether a cell up to a statement's has such an import."""
    return any(pattern.search(text) for count, text in cells.items() if count <= (target.cell or 0))
