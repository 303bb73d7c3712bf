"""Run a cell on abstract values: what it would write, bind and step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...host.deadline import NEVER, Deadline
from ...interpreter.cell_definitions import definitions_in
from ...interpreter.definitions import Code
from ...interpreter.source_index import Library
from ...model.trace.evidence import Position
from ...model.trace.notebook import Notebook
from ...syntax.parsing import parse_cell
from ..values.abstract_memory import AbstractMemory, StoppedError
from .known_scene import KnownScene
from .run_statement import JumpError, StatementInterpreter

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..known_state import KnownState


@dataclass(frozen=True, kw_only=True, eq=False)
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

    @property
    def memory(self) -> AbstractMemory:
        """What it wrote."""
        return self.interpreter.memory


def run_cell(source: str, known: KnownState, deadline: Deadline = NEVER) -> AbstractRun | None:
    """Run a cell on abstract values; None if it is not Python.

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
    own = definitions_in(source, known.count) if "def " in source or "class " in source or "lambda" in source else {}
    notebook = known.notebook if not own else _with_definitions(known.notebook, own)
    scene = KnownScene(known, Library(notebook) if own else known.library)
    memory = AbstractMemory(Position(0, None, blind=False), saved=known.saved, paths=_roots(known))
    memory.every_leaf = scene.every_leaf
    cell = Code(known.count, tuple(source.split("\n")))
    interpreter = StatementInterpreter(memory, scene, deadline, cell, tree)
    stopped: StoppedError | None = None
    try:
        interpreter.run(tree.body, interpreter.top)
    except StoppedError as error:
        stopped = error
    except JumpError:
        pass
    return AbstractRun(source=source, notebook=notebook, interpreter=interpreter, stopped=stopped)


def _roots(known: KnownState) -> dict[int, list[str]]:
    """Return the paths to the tensors whose graphs saved something, by the tensors' serials."""
    found: dict[int, list[str]] = {}
    for path in dict.fromkeys(path for one in known.saved for path in one.roots):
        reading = known.snapshot.get(path)
        if reading is not None:
            found.setdefault(reading.object, []).append(path)
    return found


def _with_definitions(notebook: Notebook, own: Mapping[str, object]) -> Notebook:
    return Notebook(
        definitions={**notebook.definitions, **own},  # type: ignore[dict-item]
        classes={path: name for path, name in notebook.classes.items() if path not in own},
        inplace=notebook.inplace,
        leftovers=notebook.leftovers,
        objects=notebook.objects,
        modules=notebook.modules,
        optimizers=notebook.optimizers,
        evaluating=notebook.evaluating,
    )
