"""Apply the remedy that a hazard tells, as a person would who reads it: so that it can be tried."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.support.notebook import Hazard

CODE = re.compile(r"`([^`]*)`")
PLACE = re.compile(r"in cell (\d+), line (\d+): `")
WRITTEN = re.compile(r"overwritten[^:]* in cell (\d+), line (\d+)")
SAVED = re.compile(r"saved by .*? in cell (\d+), line (\d+)")
RAISED = re.compile(r" in cell (\d+), line (\d+) raised: ")
BEFORE = re.compile(r"`([^`]*)` before (it|`([^`]*)`)")
ROUND = re.compile(r"for [^`]* in [^`]*:")


def mend(cells: list[str], hazard: Hazard, choice: int = 0) -> list[str]:
    """Write the cells as a hazard's remedy says.

    Parameters
    ----------
    choice
        Which piece of code of the remedy to take, where it names several.
    """
    remedy = hazard["remedy"]
    code = CODE.findall(remedy)[choice]
    cell, line = place_of(hazard, remedy, len(cells))
    lines = [one.split("\n") for one in cells]
    if code.endswith(".inplace = False"):
        cell, line = map(int, SAVED.search(hazard["message"]).groups())
        lines[cell - 1].insert(max(0, line - 1), code)
    elif ROUND.fullmatch(code):
        head = max(number for number in range(line) if lines[cell - 1][number].lstrip().startswith("for "))
        lines[cell - 1][head] = indent(lines[cell - 1][head]) + code
    elif any(one[0] == code for one in BEFORE.findall(remedy)):
        other = next(one[2] for one in BEFORE.findall(remedy) if one[0] == code)
        at = next((n for n, one in enumerate(lines[cell - 1]) if other and one.strip() == other), line - 1)
        lines[cell - 1].insert(at, indent(lines[cell - 1][at]) + code)
    else:
        lines[cell - 1][line - 1] = indent(lines[cell - 1][line - 1]) + code
    return ["\n".join(one) for one in lines]


def place_of(hazard: Hazard, remedy: str, last: int) -> tuple[int, int]:
    """Find the cell and the line that a remedy is about."""
    found = PLACE.search(remedy) or re.search(r"in cell (\d+), line (\d+)", remedy)
    found = found or WRITTEN.search(hazard["message"]) or RAISED.search(hazard["message"])
    if found:
        return int(found[1]), int(found[2])
    return last, (hazard["written_at"] or {}).get("line", 1)


def indent(line: str) -> str:
    """Give the blanks that a line begins with."""
    return line[: len(line) - len(line.lstrip())]
