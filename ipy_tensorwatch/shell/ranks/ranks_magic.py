"""`%tensorwatch ranks`: begin, show and end the joined view of a cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING

from IPython.core.error import UsageError

from ...render.pages.ranks_page import show_left
from .ranks import Ranks
from .registry import WATCHED

if TYPE_CHECKING:
    from ...render.page import Page


def join_ranks(view: object) -> Page:
    """Begin to join the ranks of a cluster, a client or a view; another one that was joined before is left."""
    try:
        leave_ranks()
        return Ranks(view).page()
    except TypeError as error:
        raise UsageError(f"%tensorwatch ranks: {error}") from None


def joined_page() -> Page:
    """Show the last cell on all ranks."""
    if not WATCHED:
        raise UsageError("%tensorwatch ranks: no cluster is joined; name a cluster, a client or a view of ipyparallel")
    latest: Ranks = WATCHED[-1]
    return latest.page()


def leave_ranks() -> Page:
    """Stop joining."""
    count = len(WATCHED)
    for one in [*WATCHED]:
        one.leave()
    return show_left(count)
