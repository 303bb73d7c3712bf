"""When a cell's statements ran, measured by autograd sequence numbers."""

from __future__ import annotations

from bisect import bisect_right
from functools import cached_property
from itertools import islice
from operator import itemgetter
from typing import TYPE_CHECKING

from ...runtime.record import record
from ...statements.statement import Statement, parse_statements

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...records.report_parts import Site


@record(kw_only=False, eq=False, slots=False)
class Timeline:
    """The timeline of one cell.

    Attributes
    ----------
    entered
        (sequence number of the next node, statement) at each entry of a statement.
    """

    source: str
    entered: Sequence[tuple[int, int]]

    def maker(self, number: int) -> Site | None:
        r"""Return the statement that made a node: the last one entered before its sequence number was assigned.

        Examples
        --------
        >>> Timeline("y = x * x\nx.add_(1)", ((3, 0), (4, 1))).maker(3).text
        'y = x * x'
        """
        place = self._place(number)
        return self.site(self.entered[place][1]) if place >= 0 else None

    def site(self, index: int) -> Site | None:
        """Return a statement's site."""
        found = self.numbered.get(index)
        return found.site() if found else None

    def since(self, number: int) -> list[int]:
        """Return the statements that ran since a node was made, its maker included, once per entry.

        Examples
        --------
        >>> Timeline("", ((4, 0), (4, 1), (6, 2), (6, 1))).since(5)
        [1, 2, 1]
        """
        return [index for _, index in islice(self.entered, max(self._place(number), 0), None)]

    def ran_since(self, number: int) -> list[Statement]:
        """Return the statements that ran since a node was made, each once; all if it is not known when they ran."""
        ran = dict.fromkeys(self.since(number)) if self.entered else self.numbered
        return [self.numbered[index] for index in ran if index in self.numbered]

    def first_after(self, number: int, sites: Sequence[Site]) -> Site:
        """Among statements that wrote, return the first one entered after a node was made."""
        place = self._place(number)
        known = {(site.line, site.text): site for site in reversed(sites)}
        if len(known) > 1 and place >= 0:
            later = islice(self.entered, place + 1, None)
            for _, index in (*later, self.entered[place]):
                statement = self.numbered.get(index)
                if statement and (statement.line, statement.text) in known:
                    return known[statement.line, statement.text]
        return sites[0]

    def _place(self, number: int) -> int:
        return bisect_right(self.entered, number, key=itemgetter(0)) - 1

    @cached_property
    def numbered(self) -> dict[int, Statement]:
        """The statements by their index."""
        return {one.index: one for one in self.statements}

    @property
    def entries(self) -> list[tuple[int, Statement]]:
        """The statements at each entry, with the sequence number of the next node."""
        return [(number, self.numbered[index]) for number, index in self.entered if index in self.numbered]

    @cached_property
    def statements(self) -> tuple[Statement, ...]:
        """The statements of the cell."""
        return parse_statements(self.source)
