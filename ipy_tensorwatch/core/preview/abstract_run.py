"""Run a cell on abstract values: what it would write, bind and step."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..host.deadline import NEVER, Deadline, LateError
from ..interpreter.cell_definitions import definitions_in
from ..interpreter.definitions import Code
from ..interpreter.source_index import Library
from ..model.evidence import Position
from ..model.notebook import Notebook
from ..model.snapshot import Snapshot
from ..syntax.parsing import parse_cell
from .abstract_memory import AbstractMemory, StoppedError
from .known_scene import KnownScene
from .run_statement import JumpError, StatementInterpreter

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..hazards.standing import Standing
    from ..model.evidence import OptimizerHolding
    from ..model.saved_tensor import SavedTensor


@dataclass(frozen=True, kw_only=True, eq=False)
class KnownState:
    """What is known before the cell runs.

    Attributes
    ----------
    snapshot
        What the names lead to.
    constants
        The plain values of variables that lead to no tensor, and `list` or `dict` for such containers.
    optimizers
        What each optimizer holds.
    saved
        What the living graphs saved, each with the paths whose backward needs it.
    """

    count: int = 1
    snapshot: Snapshot = field(default_factory=Snapshot)
    notebook: Notebook = field(default_factory=Notebook)
    constants: Mapping[str, object] = field(default_factory=dict)
    optimizers: Sequence[OptimizerHolding] = ()
    saved: Sequence[tuple[SavedTensor, tuple[str, ...]]] = ()
    standing: Standing | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class AbstractRun:
    """A cell that was run on abstract values.

    Attributes
    ----------
    is_stopped
        Whether the cell would raise.
    """

    source: str
    notebook: Notebook
    interpreter: StatementInterpreter
    is_stopped: bool = False

    @property
    def memory(self) -> AbstractMemory:
        """What it wrote."""
        return self.interpreter.memory


def run_cell(source: str, known: KnownState, deadline: Deadline = NEVER) -> AbstractRun | None:
    """Run a cell on abstract values; None if it is not Python, or too long for the time there is."""
    tree = parse_cell(source)
    if tree is None:
        return None
    own = definitions_in(source, known.count) if "def " in source or "class " in source or "lambda" in source else {}
    notebook = known.notebook if not own else _with_definitions(known.notebook, own)
    scene = KnownScene(known.snapshot, Library(notebook), known.optimizers, known.constants)
    memory = AbstractMemory(Position(0, None, blind=False))
    cell = Code(known.count, tuple(source.split("\n")))
    interpreter = StatementInterpreter(memory, scene, deadline, cell, tree)
    is_stopped = False
    try:
        interpreter.run(tree.body, interpreter.top)
    except (StoppedError, JumpError):
        is_stopped = True
    except (RecursionError, LateError):
        return None
    return AbstractRun(source=source, notebook=notebook, interpreter=interpreter, is_stopped=is_stopped)


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
