"""The run of the last source, which that of the next one continues where it begins to read otherwise."""

from __future__ import annotations

from itertools import takewhile
from typing import TYPE_CHECKING

from ...interpreter.definitions import Code
from ...syntax.parsing import may_define
from ..values.stopped_error import StoppedError
from .abstract_frame import JumpError
from .checkpoint import Checkpoint, take_checkpoint

if TYPE_CHECKING:
    import ast
    from collections.abc import Sequence

    from ...records.trace.notebook import Notebook
    from ...runtime.deadline import Deadline
    from .run_statement import StatementInterpreter

MOST_CHECKPOINTS = 4


class KeptRun:
    """A run that can be continued, with checkpoints before the statements at which sources began to differ.

    Attributes
    ----------
    notebook
        The definitions of the notebook and of the source.
    """

    def __init__(self, notebook: Notebook, interpreter: StatementInterpreter) -> None:
        self.notebook, self.interpreter = notebook, interpreter
        self._lines: Sequence[str] = ()
        self._body: Sequence[ast.stmt] = ()
        self._checkpoints: list[Checkpoint] = []

    def count_same(self, lines: Sequence[str], body: Sequence[ast.stmt]) -> int:
        """Return how many of the first outermost statements of another source are those of the last one."""
        pairs = zip(self._lines, lines, strict=False)
        alike = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
        ends = zip(map(_end, self._body), map(_end, body), strict=False)
        return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1] and pair[0][0] <= alike, ends))

    def may_define(self, same: int, lines: Sequence[str]) -> bool:
        """Return whether either source may define a function or a class after the statements that are the same."""
        above = self._body[same - 1].end_lineno if same else 0
        return any(may_define("\n".join(one[above:])) for one in (self._lines, lines))

    def run(self, lines: Sequence[str], tree: ast.Module, same: int, deadline: Deadline) -> StoppedError | None:
        """Run a source whose first statements are the same; return why it would raise, if it would.

        Raises
        ------
        LateError
            If the time does not suffice.
        """
        first = self._return_to(same)
        self._lines, self._body = lines, tree.body
        run = self.interpreter
        run.read(Code(run.cell.cell, tuple(lines)), tree, deadline)
        try:
            for place, node in enumerate(tree.body[first:], first):
                if place == same and place > first:
                    self._keep(place)
                run.run([node], run.top)
        except StoppedError as error:
            return error
        except JumpError:
            pass
        return None

    def _return_to(self, same: int) -> int:
        """Make the run what it was at the last checkpoint among the statements that are the same."""
        self._checkpoints = [one for one in self._checkpoints if one.place <= same]
        if not self._checkpoints:
            self._keep(0)
            return 0
        self._checkpoints[-1].return_to(self.interpreter)
        return self._checkpoints[-1].place

    def _keep(self, place: int) -> None:
        found = take_checkpoint(self.interpreter, place)
        if found is not None:
            self._checkpoints = [*self._checkpoints[:1], *self._checkpoints[1:][1 - MOST_CHECKPOINTS :], found]


def _end(node: ast.stmt) -> tuple[int, int]:
    return node.end_lineno or 0, node.end_col_offset or 0
