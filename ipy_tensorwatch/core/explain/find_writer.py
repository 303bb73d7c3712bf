"""Find the write that overwrote a saved tensor: the first one after the save."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ..interpreter.candidate_lines import is_counted
from ..records.trace.saved_tensor import Spoiled, Writing
from ..runtime.record import record
from ..statements.rewrite_statement import written_path
from ..syntax.magic_calls import MAGIC_CALL
from .known_writes import KnownWrites, line_and_text, writes_by_name

if TYPE_CHECKING:
    from collections.abc import Collection

    from ..records.report_parts import Site
    from ..statements.statement import Statement
    from .error_scene import ErrorScene


@record
class OverwriteSearch:
    """Asks the sources of evidence for the write, the most reliable first.

    Attributes
    ----------
    saved_in
        The cell that saved the tensor.
    known_writes
        The statements of this cell that wrote to the memory.
    """

    scene: ErrorScene
    spoiled: Spoiled
    saved_in: int | None
    known_writes: KnownWrites

    def find_write(self) -> Writing | None:
        """Return the write; None if it was not observed."""
        if self.spoiled.is_detached:
            return self._detached()
        recorded = self.scene.built.dated.get((self.spoiled.reading.storage, self.spoiled.expected))
        proven = recorded or self._from_graph()
        found = self._with_names(proven) if proven else self._remembered() or self._in_this_cell()
        return found and _as_typed(found)

    def _detached(self) -> Writing | None:
        """Return the statement that detached the tensor: that moves no version counter."""
        here = (one for one in self.known_writes.told() if one.site and "detach_(" in one.site.text)
        before = (one for one in self.known_writes.strips(self.scene.history) if one.cell >= (self.saved_in or 0))
        return next(here, next(before, None))

    def saved_at(self) -> Site | None:
        """Return the statement that saved; None for code that a magic ran."""
        site = None if self.saved_in is None else self._site_of(self.saved_in, self.spoiled.sequence)
        return None if site is not None and site.text.startswith(MAGIC_CALL) else site

    def _site_of(self, cell: int, sequence: int) -> Site | None:
        """Return the statement that built a node."""
        return self.scene.timeline(cell).maker(sequence)

    def _from_graph(self) -> Writing | None:
        """Return the write proven by the graph: the node of the write identifies its statement."""
        sequence = self.spoiled.writer[1] if self.spoiled.writer else None
        cell = None if sequence is None else self.scene.built.cell_of(sequence)
        if sequence is None or cell is None:
            return None
        return Writing(cell=cell, site=self._site_of(cell, sequence))

    def _with_names(self, proven: Writing) -> Writing:
        """Add the variable and the inner line through which a statement wrote."""
        site, remembered = proven.site, self._remembered()
        if site is None:
            return proven
        told = self.known_writes.told() if proven.cell == self.scene.count else [remembered] if remembered else []
        alike = [one for one in told if one.cell == proven.cell and line_and_text(one.site) == line_and_text(site)]
        best = next((one for one in alike if one.cause == "direct"), alike[0] if alike else None)
        if best is None or best.site is None:
            return proven
        return replace(best, site=site if site.inner else best.site)

    def _remembered(self) -> Writing | None:
        """Return the write remembered from an earlier cell; if its line cannot have written, search by name."""
        known = self._known_cell()
        if known is None or known.site is None:
            return known
        names = [*filter(None, [known.path]), *(str(path) for path, _ in self.known_writes.family)]
        is_own_result = self.saved_in == known.cell and self.spoiled.is_output
        for one in self.ran_in(known.cell)[is_own_result:]:
            if is_counted(one.text) and line_and_text(one) == line_and_text(known.site):
                return known
            name = next((name for name in names if is_counted(one.text) and writes_by_name(one, name)), None)
            if name is not None:
                return replace(known, path=name, site=one.site())
        return replace(known, site=None)

    def _known_cell(self) -> Writing | None:
        """Return the earlier cell that moved the version counter, as recorded or as predicted by a hazard."""
        known, version = self._foretold(), self.spoiled.expected
        moves = [one for one, before, after in self.known_writes.moves(self.scene.history) if before <= version < after]
        counted = next((one for one in moves if one.cell >= (self.saved_in or 0)), None)
        if counted is None:
            return known
        if counted.cell == self.scene.count:
            return None
        return known if known is not None and known.cell == counted.cell else counted

    def _foretold(self) -> Writing | None:
        for one in self.scene.reasoning.trace.graphs.overwritten:
            saved, known = one.saved, self.scene.standing.writings.get(one.key)
            is_it = (saved.reading.storage, saved.version) == (self.spoiled.reading.storage, self.spoiled.expected)
            if is_it and known is not None and known.cell != self.scene.count:
                return known
        return None

    def _in_this_cell(self) -> Writing | None:
        """Return the first statement since the save that wrote, by name or as observed."""
        here = self.saved_in == self.scene.count
        if not here and not self.known_writes.saw(self.spoiled.expected, at_once=self.saved_in is None):
            return None
        since = [*dict.fromkeys(self.ran_since(self.scene.count))]
        statements = {line_and_text(one): one.index for one in self.scene.reasoning.own.statements}
        told = [(statements.get(line_and_text(one.site)), one) for one in self.known_writes.told()]
        saver = since[0] if here and since else None
        is_explained = self._is_explained({index for index, _ in told if index in since} - {saver})
        found = [(_turn(one, since.index(index), is_before=index == saver and (is_explained or self._makes(one))), turn)
                 for turn, (index, one) in enumerate(told) if index in since]  # fmt: skip
        return told[min(found)[1]][1] if found else None

    def _is_explained(self, others: Collection[int | None]) -> bool:
        """Return whether statements that wrote after the one that saved are as many as the writes since.

        Then that one wrote before it saved, as a batch norm updates its buffers.
        """
        return 0 < self.spoiled.now - self.spoiled.expected <= len(others)

    def _makes(self, one: Writing) -> bool:
        """Return whether a statement that saved wrote by name what it saved as its result."""
        return self.spoiled.is_output and one.cause == "direct"

    def ran_since(self, cell: int) -> list[int]:
        """Return the statements of a cell that ran since the save, once per entry."""
        return self.scene.timeline(cell).since(self._saved_at_node(cell))

    def ran_in(self, cell: int) -> list[Statement]:
        """Return these statements, each once, in order; all of the cell if it is not known when they ran."""
        return self.scene.timeline(cell).ran_since(self._saved_at_node(cell))

    def _saved_at_node(self, cell: int) -> int:
        return self.spoiled.sequence if self.saved_in == cell else 0


def _as_typed(one: Writing) -> Writing:
    """Use the path as spelled in the statement, which may be rebound by now."""
    path = written_path(one.site.text) if one.site and not one.site.inner else None
    return one if path is None else replace(one, path=path)


def _turn(one: Writing, place: int, *, is_before: bool) -> tuple[bool, bool, int, bool]:
    """Sort key for writes: one from before the save comes last."""
    return one.site is not None and not is_counted(one.site.text), is_before, place, one.cause != "direct"
