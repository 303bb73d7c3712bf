"""Run a cell on abstract values: what it would write, bind and step."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

from ...interpreter.cell_definitions import definitions_in
from ...interpreter.definitions import Code
from ...interpreter.source_index import Library
from ...records.trace.evidence import Position
from ...runtime.deadline import NEVER, Deadline
from ...runtime.record import record
from ...statements.leftover_names import leftover_names
from ...statements.statement import Statement, parse_statements
from ...syntax.parsing import may_define, parse_cell
from ..values.abstract_memory import AbstractMemory
from .kept_run import KeptRun
from .known_scene import KnownScene
from .run_statement import StatementInterpreter

if TYPE_CHECKING:
    import ast
    from collections.abc import Collection, Mapping

    from ...records.trace.notebook import Definition, Notebook
    from ..known_state import KnownState
    from ..values.stopped_error import StoppedError


@record(eq=False, slots=False)
class AbstractRun:
    """A cell that was run on abstract values.

    Attributes
    ----------
    stopped
        Why the cell would raise, if it would.
    """

    source: str
    notebook: Notebook
    interpreter: StatementInterpreter
    stopped: StoppedError | None = None

    def leftovers(self, roots: Collection[str]) -> frozenset[str]:
        """Return the names that loops have left over: as this cell leaves them, if some names may be among them."""
        known = self.notebook.leftovers
        return known if known.isdisjoint(roots) and self._looped.isdisjoint(roots) else self._all_leftovers

    @cached_property
    def _looped(self) -> frozenset[str]:
        """The variables of the loops of this cell."""
        if "for" not in self.source:
            return frozenset()
        return frozenset(name for one in parse_statements(self.source) if "for" in one.text for name in one.binds)

    @cached_property
    def _all_leftovers(self) -> frozenset[str]:
        return leftover_names(self.source, self.notebook.leftovers)

    def statement_at(self, position: Position) -> Statement | None:
        """Return the statement of a position; None if it is none of the cell's own."""
        statements = parse_statements(self.source)
        return statements[position.statement] if position.statement < len(statements) else None

    @property
    def memory(self) -> AbstractMemory:
        """What it wrote."""
        return self.interpreter.memory


class CellRunner:
    """Runs sources from one known state; each run continues the one before where the source begins to read otherwise.

    Attributes
    ----------
    known
        What is known before the cell runs.
    """

    def __init__(self, known: KnownState) -> None:
        self.known = known
        self._kept: KeptRun | None = None

    def run(self, source: str, deadline: Deadline = NEVER) -> AbstractRun | None:
        """Run a cell on abstract values, until the next call; None if it is not Python.

        Raises
        ------
        LateError
            If the time does not suffice.
        RecursionError
            If the cell is nested too deep.
        """
        tree = parse_cell(source)
        if tree is None:
            return None
        lines = source.split("\n")
        kept, same = self._kept, 0
        if kept is not None:
            same = kept.count_same(lines, tree.body)
            if kept.may_define(same, lines):
                kept = None
        if kept is None:
            kept = self._kept = self._begin(source, lines, tree)
        stopped = kept.run(lines, tree, same, deadline)
        return AbstractRun(source=source, notebook=kept.notebook, interpreter=kept.interpreter, stopped=stopped)

    def _begin(self, source: str, lines: list[str], tree: ast.Module) -> KeptRun:
        known = self.known
        own = definitions_in(source, known.count) if may_define(source) else {}
        notebook = known.notebook if not own else _with_definitions(known.notebook, own)
        scene = KnownScene(known, Library(notebook) if own else known.library)
        memory = AbstractMemory(Position(0, None, blind=False), saved=known.saved, paths=_roots(known))
        gone = [one for one in known.standing.hazards if one.code == "TW213" and one.node is not None]
        memory.spent = {path: one.node or 0 for one in gone for path in one.paths}
        memory.every_leaf = scene.every_leaf
        interpreter = StatementInterpreter(memory, scene, NEVER, Code(known.count, tuple(lines)), tree)
        return KeptRun(notebook, interpreter)


def _roots(known: KnownState) -> dict[int, list[str]]:
    """Return the paths to the tensors whose graphs saved something, by the tensors' serials."""
    found: dict[int, list[str]] = {}
    spent = (path for one in known.standing.hazards if one.code == "TW213" for path in one.paths)
    for path in dict.fromkeys((*(path for one in known.saved for path in one.roots), *spent)):
        reading = known.snapshot.get(path)
        if reading is not None:
            found.setdefault(reading.object, []).append(path)
    return found


def _with_definitions(notebook: Notebook, own: Mapping[str, Definition]) -> Notebook:
    classes = {path: name for path, name in notebook.classes.items() if path not in own}
    return replace(notebook, definitions={**notebook.definitions, **own}, classes=classes)
