"""The statement of a cell that ran a function on the ranks."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ..statements.statement import parse_statements

if TYPE_CHECKING:
    from ..records.report_parts import Site

_APPLIES = re.compile(r"\.(?:apply|map|imap)(?:_async|_sync)?\s*\(")


def applied_call(source: str) -> Site | None:
    r"""Return the statement that ran a function on the ranks: the last that says so, or the only one that calls.

    Examples
    --------
    >>> applied_call("n = 3\nview.apply_sync(grow, n)").text
    'view.apply_sync(grow, n)'
    >>> applied_call("a = 1")
    """
    calling = [one for one in parse_statements(source) if one.calls]
    applying = [one for one in calling if _APPLIES.search(one.text)]
    if not applying and len(calling) != 1:
        return None
    return (applying or calling)[-1].site("observed" if len(calling) == 1 else "inferred")
