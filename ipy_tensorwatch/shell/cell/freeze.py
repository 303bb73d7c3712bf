"""Freeze tensors by name, and guard them while cells run."""

from __future__ import annotations

import sys
from functools import partial
from threading import get_ident
from time import perf_counter, thread_time
from typing import TYPE_CHECKING

from IPython.core.error import UsageError

from ...capture.running.memory_watch.look_budget import LookBudget
from ...core.records.freezing import Culprit, FrozenError
from ...core.runtime.guard import GUARD
from ...core.runtime.record import field, mutable
from ...render.pages.frozen_page import show_freeze, show_frozen, show_thaw
from ...render.wording.not_frozen import let_go, not_frozen, written, written_between
from ..ipython.cell_sources import user_variables
from ..ipython.find_path import explain_unknown, follow, normalize
from ..ipython.ipython_private import count_now
from ..ipython.print_below_cell import say
from .late_error import raise_late

if TYPE_CHECKING:
    from collections.abc import Sequence

    from IPython.core.interactiveshell import ExecutionResult, InteractiveShell

    from ...capture.protect.freezer import Freezer
    from ...capture.protect.frozen_memory import Frozen
    from ...core.records.freezing import FreezeRefusal
    from ...render.page import Page
    from ..ipython.waiting_clear import WaitingClears
    from .running_cell import RunningCell

SHARE, FLOOR = 0.1, 0.01
"""Time for comparing frozen bytes between statements: a share of the cell's run time, and seconds in any cell."""

MAX_NAMED = 5


@mutable(eq=False)
class GuardedCell:
    """A cell that runs while something is frozen.

    Attributes
    ----------
    ran
        The indices of the statements that ran since the frozen bytes were last compared.
    told
        What was written while an error was handled, to be raised afterwards.
    """

    cell: RunningCell
    ran: set[int] = field(default_factory=set)
    told: str = ""
    look_budget: LookBudget = field(default_factory=lambda: LookBudget(share=SHARE, floor=FLOOR))

    def note(self) -> None:
        """Add the current statement, or the one that ran last."""
        if self.cell.write_log.current is not None:
            self.ran.add(self.cell.write_log.current)

    def culprit(self) -> Culprit:
        """Return which statements may have written."""
        if self.cell.beside:
            return Culprit(place="cells")
        ran = [one for one in self.cell.statements if one.index in self.ran]
        lines = tuple(one.line + self.cell.offset for one in ran)
        return Culprit(lines=lines, text=ran[0].text if len(ran) == 1 else "")


@mutable(eq=False)
class Freezing:
    """The frozen tensors of a shell, and the running cell of each thread."""

    shell: InteractiveShell
    freezer: Freezer
    clears: WaitingClears
    cells: dict[int, GuardedCell] = field(default_factory=dict)

    def freeze(self, texts: Sequence[str], known: Sequence[str]) -> Page:
        """Freeze all tensors that the expressions lead to.

        Raises
        ------
        UsageError
            If an expression cannot be evaluated or leads to no tensor, or if no tensor can be frozen; nothing is
            frozen then.
        """
        found: list[Frozen] = []
        refused: dict[str, FreezeRefusal] = {}
        for text in texts:
            ready, why = self._examine(normalize(text), known)
            found += ready
            refused |= why
        if not found:
            path, reason = next(iter(refused.items()))
            more = f" (and {len(refused) - 1:,} more)" if len(refused) > 1 else ""
            raise UsageError(f"{path} cannot be frozen{more}: {not_frozen(reason)}")
        once = list({id(one.thing()): one for one in found}.values())
        self.freezer.freeze(once)
        return show_freeze([one.record() for one in once], refused)

    def thaw(self, texts: Sequence[str]) -> Page:
        """Thaw what the expressions name or lead to; everything if there are none.

        Raises
        ------
        UsageError
            If one of them is not frozen.
        """
        found = [one for text in texts for one in self._find(normalize(text))] if texts else self._all()
        self.freezer.thaw(found)
        if not self.freezer.frozen:
            self.freezer.close()
        return show_thaw([one.record() for one in found])

    def show(self) -> Page:
        """Return the page of all frozen tensors."""
        return show_frozen([one.record() for one in self._all()])

    def begin(self) -> None:
        """Begin a cell: undo writes since the last one, and stop operators from now on."""
        if self.freezer.frozen:
            for one in self.freezer.mend():
                say(self.shell, written_between(one.record()))
            self.freezer.open()
        self._tell_let_go()

    def guard(self, cell: RunningCell | None) -> None:
        """Stop operators and compare frozen bytes while a cell of this thread runs."""
        if not self.freezer.frozen:
            return
        self.freezer.open()
        if cell is not None and get_ident() not in self.cells:
            guarded = self.cells[get_ident()] = GuardedCell(cell)
            cell.write_log.verify = partial(self._verify, guarded)
            guarded.look_budget.begin()

    def end(self, result: ExecutionResult | None) -> None:
        """End a cell: undo its last writes, and raise them as the cell's own error."""
        guarded = self.cells.pop(get_ident(), None)
        GUARD.run("keeping-frozen", self.freezer.close, default=None)
        if guarded is not None:
            guarded.note()
        last = _accuse(self.freezer.mend(), guarded)
        told = (guarded.told if guarded else "") or last
        if self.freezer.let_go and not self.clears.is_waiting(guarded.cell.source if guarded else ""):
            self._tell_let_go()
        if told:
            raise_late(self.shell, FrozenError(told), result)

    def _tell_let_go(self) -> None:
        for one, why in self.freezer.let_go:
            say(self.shell, let_go(one.record(), why))
        self.freezer.let_go.clear()

    def give_up(self) -> None:
        """Thaw everything and disable all dispatch modes."""
        self.freezer.close()
        self.freezer.rest()
        self.freezer.thaw(self._all())
        self.cells.clear()

    def _examine(self, text: str, known: Sequence[str]) -> tuple[list[Frozen], dict[str, FreezeRefusal]]:
        try:
            thing = follow(text, user_variables(self.shell))
        except Exception:  # noqa: BLE001  (any error means that it leads nowhere)
            explain_unknown(text, known, self.shell.user_ns)
        found, refused = self.freezer.examine(text, thing, count_now(self.shell))
        if not found and not refused:
            explain_unknown(text, known, self.shell.user_ns)
        return found, refused

    def _find(self, text: str) -> list[Frozen]:
        named = [one for one in self._all() if one.path == text or one.path.startswith((f"{text}.", f"{text}["))]
        thing = None if named else self._led_to(text)
        found = named or [one for one in self._all() if one.thing() is thing]
        if not found:
            frozen = ", ".join(one.path for one in self._all()[:MAX_NAMED])
            raise UsageError(f"{text} is not frozen" + (f"; frozen: {frozen}" if frozen else "; nothing is"))
        return found

    def _led_to(self, text: str) -> object:
        try:
            return follow(text, user_variables(self.shell))
        except Exception:  # noqa: BLE001  (it leads nowhere)
            return self  # which nobody can freeze

    def _all(self) -> list[Frozen]:
        return list(self.freezer.frozen.values())

    def _verify(self, guarded: GuardedCell) -> FrozenError | None:
        """Compare the frozen bytes between two statements; return the error to raise if they were written."""
        told = GUARD.run("keeping-frozen", self._check, guarded, default="")
        return FrozenError(told) if told else None

    def _check(self, guarded: GuardedCell) -> str:
        if guarded.cell.write_log.current is None:
            return ""
        guarded.note()
        if not guarded.look_budget.has_time(perf_counter()):
            return ""
        began = thread_time()
        last = _accuse(self.freezer.mend(), guarded)
        guarded.look_budget.charge(thread_time() - began)
        guarded.ran.clear()
        told, guarded.told = guarded.told or last, ""
        if sys.exc_info()[0] is None:
            return told
        guarded.told = told  # an error of the cell stays its error
        return ""


def _accuse(mended: Sequence[Frozen], guarded: GuardedCell | None) -> str:
    """Return, in words, what was written and by which statement; empty if nothing was."""
    if not mended:
        return ""
    return written(mended[0].record(), guarded.culprit() if guarded else Culprit(), len(mended) - 1)
