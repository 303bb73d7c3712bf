"""The order of the statements that wrote, the one to show first, and their lines in the body of a magic."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from ..records.report_parts import Site
from ..statements.statement import parse_statements
from ..syntax.magic_calls import runs_magic
from ..syntax.parsing import parse_path
from ..syntax.statement_text import words_in
from .verdict import SILENT

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from ..records.path import AccessPath
    from ..records.report_parts import Cause


def order_sites(
    found: Sequence[tuple[Cause, Sequence[Site]]], cause: Cause, path: AccessPath, via: Collection[str]
) -> tuple[Site, ...]:
    """Order the statements that wrote to a path.

    Of a silent change, those whose write nobody expects come first. Then observed ones come before inferred ones, and
    those that name the tensor, or what it changed through, before others.

    Parameters
    ----------
    found
        The sites of each statement, with the cause if that alone had written.
    """

    def rank(one: tuple[bool, Site]) -> tuple[bool, int, int, bool]:
        is_expected, site = one
        return is_expected, _doubt(site), _distance(site, path, via), not _has_target(site.text)

    told = [(cause in SILENT and own not in SILENT, site) for own, sites in found for site in sites]
    return tuple(site for _, site in (sorted(told, key=rank) if len(told) > 1 else told))


def unwrap(site: Site, cell: int) -> Site:
    """Convert a line of a magic's body, of the cell with this number, to the line of the cell."""
    inner = site.inner
    if inner is None or inner.cell != cell or not runs_magic(site.text):
        return site
    return Site(line=inner.line, end_line=inner.line, text=inner.text, certainty="inferred")


def _doubt(site: Site) -> int:
    """Rank observed sites before inferred ones with a line inside a function, and these before mere candidates."""
    return (site.certainty == "inferred") * (1 + (site.inner is None))


def _distance(site: Site, path: AccessPath, via: Collection[str]) -> int:
    """Rank statements that name the tensor before those that name an alias it changed through; headers come later."""
    named = set(words_in(site.text))
    through = {parse_path(one).root for one in via}
    distance = 0 if path.root in named else 1 if through & named else 2
    return max(distance, 1) + 1 if site.text.endswith(":") else distance


@lru_cache(maxsize=256)
def _has_target(text: str) -> bool:
    return any(one.targets for one in parse_statements(text))
