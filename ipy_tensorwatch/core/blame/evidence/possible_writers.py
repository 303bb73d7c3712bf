"""The statements that may have written to one path: those that were seen to, else the likeliest."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ...interpreter.ranking import MAY_REACH, NAMES_IT
from ...runtime.record import field, mutable, record
from ...statements.told_by_text import calls_only, mentions
from ...syntax.name_promises import promises_to_read
from .module_calls import leads_to_call

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator

    from ...interpreter.inferred_lines import Reached
    from ...records.path import AccessPath
    from ...records.trace.evidence import Position
    from ...statements.statement import Statement
    from .cell_index import CellIndex
    from .seen_lines import SeenLines

_STEP = re.compile(r"[\w.\[\]'\"]+\.step\(\)")
_TOLD, _CALLS_MODULE, _ASKS, _MENTIONS, _CALLS, _HANDS_OVER, _CANNOT = 100, 70, 50, 45, MAY_REACH - 1, MAY_REACH - 2, 0
"""Grades beside the scores of lines inside functions."""
FEW = 8
"""The most candidate statements considered after the deadline."""


@record
class PossibleWriter:
    """A statement that may have written.

    Attributes
    ----------
    certain
        Whether it was seen to write.
    is_named
        Whether it, or a line that it reaches, names the memory as written.
    """

    statement: Statement
    certain: bool
    is_named: bool


@mutable(kw_only=True)
class WriterSearch:
    """The search for the statements that wrote to one path.

    Attributes
    ----------
    family
        The path itself, then the others in its memory: all in one block have the same writers.
    telling
        The statements that may name this memory as written.
    tells
        Returns whether such a statement does name it as written.
    reach
        Returns what a statement reaches inside the notebook's functions.
    recorded
        The statements of which an operator was recorded to write.
    is_buffer
        Whether the path leads to a module's buffer, which a call of the module may write.
    """

    cell: CellIndex
    family: tuple[AccessPath, ...]
    telling: frozenset[int]
    tells: Callable[[Statement], bool]
    reach: Callable[[Statement], Reached]
    recorded: Collection[int]
    is_buffer: bool = False
    _grades: dict[int, int] = field(default_factory=dict)

    def writers(self, writes: Collection[frozenset[Position]], sightings: SeenLines) -> Iterator[PossibleWriter]:
        """Yield the statements that wrote, in order.

        Parameters
        ----------
        writes
            Sets of positions, one of which wrote.
        sightings
            Receives the lines inside functions that were seen to write.
        """
        numbered, evidence = self.cell.numbered, self.cell.evidence
        seen: dict[int, bool] = {}
        caught = frozenset(one.statement for positions in writes if len(positions) == 1 for one in positions)
        for positions in writes:
            places: dict[int, list[Position]] = {}
            for one in positions:
                places.setdefault(one.statement, []).append(one)
            is_alone = len(places) == 1
            for index in self._likeliest(self.cell.able_among(frozenset(places)), caught):
                is_seen = (is_alone and index in self.cell.able) or index in self.recorded
                seen[index] = seen.get(index, False) or is_seen
                sightings.add(numbered[index], places[index], certain=is_alone)
        if not seen:
            every = evidence.ran or frozenset(numbered)
            ran = self.cell.able_among(every)
            is_alone = len(every) == 1 and ran <= self.cell.able
            seen = {index: is_alone or index in self.recorded for index in self._likeliest(ran)}
        for index in sorted(seen):
            if index in numbered:
                yield PossibleWriter(
                    statement=numbered[index],
                    certain=seen[index],
                    is_named=self._grades.get(index, _TOLD) >= NAMES_IT,
                )

    def in_time(self, writers: Iterable[PossibleWriter]) -> Iterator[PossibleWriter]:
        """Yield the statements that there is time to ask about, at least a few."""
        for count, one in enumerate(writers):
            if count >= FEW and self.cell.deadline.has_passed():
                self.cell.curtailed[str(self.family[0])] = None
                return
            yield one

    def _likeliest(self, indices: frozenset[int], caught: frozenset[int] = frozenset()) -> list[int]:
        """Among statements that ran between two looks, return those that wrote.

        These are the ones that name the memory as written; else those in `caught`, seen to write alone at another
        time; else the likeliest.
        """
        if len(indices) <= 1:
            return list(indices)
        if self.cell.deadline.has_passed():
            self.cell.curtailed[str(self.family[0])] = None
            return sorted(caught & indices or self.telling & indices or indices)[:FEW]
        ordered = sorted(indices)
        may_name = self.telling | self.cell.calling  # the others name nothing as written, and need not be interpreted
        named = [index for index in ordered if index in may_name and self._grade(index) >= NAMES_IT]
        if named or caught & indices:
            return named or sorted(caught & indices)
        best = max(map(self._grade, ordered))
        return [index for index in ordered if self._grade(index) == best]

    def _grade(self, index: int) -> int:
        if index not in self._grades:
            self._grades[index] = self._judge(self.cell.numbered[index])
        return self._grades[index]

    def _judge(self, statement: Statement) -> int:
        if statement.index in self.telling and self.tells(statement):
            return _TOLD
        if not statement.calls or (self.cell.steps_in(statement) and _STEP.fullmatch(statement.text)):
            return _CANNOT
        best = max((one.score for one in self.reach(statement).candidates), default=_CANNOT)
        if self.is_buffer and leads_to_call(self.cell, statement, self.family):
            best = max(best, _CALLS_MODULE)
        if best:
            return best
        asked = (one for one in statement.methods if not promises_to_read(one.name, of_module=True))
        if any(one.owner.leads_to(path) for one in asked for path in self.family):
            return _ASKS
        mentioned = any(mentions(statement, path) for path in self.family)
        if calls_only(statement, self.cell.defines):
            return _HANDS_OVER if mentioned else _CANNOT
        return _MENTIONS if mentioned else _CALLS
