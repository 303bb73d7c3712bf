"""Apply a fix, edit by edit, so that tests can run the result."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.support.notebook import Hazard


def mend(cells: list[str], hazard: Hazard) -> list[str]:
    """Return the cells with the edits of a hazard's fix applied."""
    assert hazard["fix"]["edits"], hazard["remedy"]
    return apply_fix(cells, hazard["fix"])


def apply_fix(cells: list[str], fix: dict[str, Any]) -> list[str]:
    """Return the cells with the edits of a fix applied."""
    lines = [one.split("\n") for one in cells]
    for edit in sorted(fix["edits"], key=lambda edit: (-edit["line"], -edit["end_line"])):
        lines[edit["cell"] - 1][edit["line"] - 1 : edit["end_line"]] = edit["text"].split("\n")
    return ["\n".join(one) for one in lines]


def type_instead(cells: list[str], hazard: Hazard, code: str, *, is_before: bool) -> list[str]:
    """Return the cells with an alternative from the remedy, in place of the edited statement or before it."""
    assert f"`{code}`" in hazard["remedy"]
    [edit] = hazard["fix"]["edits"]
    lines = [one.split("\n") for one in cells]
    own = lines[edit["cell"] - 1]
    old = own[edit["line"] - 1]
    own[edit["line"] - 1 : edit["line"] - is_before] = [old[: len(old) - len(old.lstrip())] + code]
    return ["\n".join(one) for one in lines]
