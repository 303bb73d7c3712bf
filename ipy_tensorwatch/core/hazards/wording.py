"""Say where something is, and what is typed there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..model.records import Site


@dataclass(frozen=True, slots=True, kw_only=True)
class Raised:
    """The statement at which an error arose: the innermost one that is the user's.

    Attributes
    ----------
    place
        Where it stands, where that is not the cell itself: `cell 1, line 7`, `trainer.py, line 12`.
    root
        The variable that a backward began from, as typed.
    """

    text: str
    place: str = ""
    root: str | None = None

    def __str__(self) -> str:
        """Say what raised."""
        what = f"`{quoted(self.text)}`" if self.text else "the cell"
        return f"{what} in {self.place} raised" if self.place else f"{what} raised"


def where(cell: int, site: Site | None) -> str:
    """Say in which cell and line a statement stands.

    Examples
    --------
    >>> where(3, None)
    'cell 3'
    """
    return f"cell {cell}" if site is None else f"cell {cell}, line {site.line}"


def quote(cell: int, site: Site | None) -> str:
    """Say in which cell and line a statement stands, and what is typed there.

    Examples
    --------
    >>> from ipy_tensorwatch.core.model.records import Site
    >>> quote(3, Site(line=2, end_line=2, text="x.add_(1)"))
    'cell 3, line 2: `x.add_(1)`'
    """
    return where(cell, site) + typed(site, hedges=False)


def typed(site: Site | None, *, hedges: bool = True) -> str:
    """Say what is typed at a site, and at the line inside a function that it led to."""
    if site is None:
        return ""
    inner = site.inner
    likely = "likely " if hedges and site.certainty == "inferred" else ""
    inside = f" → {likely}cell {inner.cell}, line {inner.line}: `{quoted(inner.text)}`" if inner else ""
    return f": `{quoted(site.text)}`{inside}"


def named(names: Sequence[str], joint: str = "and", most: int = 3) -> str:
    """List names.

    Examples
    --------
    >>> named(["a", "b", "c"])
    '`a`, `b` and `c`'
    """
    told = [f"`{one}`" for one in names[:most]]
    if len(names) > most:
        return f"{', '.join(told)} {joint} {len(names) - most} more"
    return f" {joint} ".join([", ".join(told[:-1]), told[-1]] if told[1:] else told)


def quoted(text: str) -> str:
    """Keep code from ending the backquotes that it stands in."""
    return text.replace("`", "'")
