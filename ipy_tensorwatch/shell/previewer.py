"""Preview cells: from the last report, the notebook's definitions, and the source, without running anything."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ..capture.objects.plain_variables import held_by_function, plain_variables, read_only_arrays
from ..core.runtime.deadline import Deadline
from ..core.runtime.guard import GUARD
from ..core.runtime.record import field, mutable
from ..core.syntax.magic_calls import RUNNING
from ..render.preview import Preview
from .cell.take_trace import read_notebook
from .ipython.cell_sources import user_variables
from .ipython.ipython_private import count_now
from .ipython.plain_python import plain_python

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..core.preview.run.abstract_run import CellRunner
    from ..render.report import Report
    from .watcher import Watcher

SECONDS = 0.25
"""The time limit of one preview, in seconds of CPU time."""
LONGEST_SOURCE, MOST_LINES = 100_000, 2_000
"""The most characters, and the most lines, of a cell that is previewed."""
_HEADER = re.compile(rf"\A(?:\s*\n)*(?:%%(?:{'|'.join(sorted(RUNNING))})\b[^\n]*\n)+")
_OWN_LINE = re.compile(r"^[ \t]*%tensorwatch\b[^\n]*$", re.MULTILINE)


@mutable(eq=False)
class Previewer:
    """Previews cells; what depends on the last report alone is kept until the next one."""

    watcher: Watcher
    _kept: tuple[Report, CellRunner] | None = field(default=None)

    def preview(self, source: str) -> Preview:
        """Return what a cell would do; nothing if it is not Python, or nothing has been watched yet."""
        return GUARD.run("previewing", self._preview, source, default=Preview(source=source))

    def preview_if_idle(self, source: str) -> Preview | None:
        """Return what a cell would do; None at once while a cell runs."""
        return None if self.watcher.cells.any_running else self.preview(source)

    def _preview(self, source: str) -> Preview:
        report = self.watcher.report
        if len(source) > LONGEST_SOURCE or source.count("\n") > MOST_LINES:
            return Preview(source=source, unread="length")
        plain = plain_python(self.watcher.shell, _OWN_LINE.sub("#", _HEADER.sub(_comment_out, source)))
        if report is None or not plain:
            return Preview(source=source, unread=None if plain else "syntax")
        from ..core.preview.foresee import foresee  # noqa: PLC0415  (only previews need it)

        deadline = Deadline.after(SECONDS)
        runner = self._take(report)
        found = foresee(plain, runner, deadline)
        self._kept = report, runner
        return Preview(source=source, changes=found.changes, hazards=found.hazards, unread=found.unread)

    def _take(self, report: Report) -> CellRunner:
        """Return what runs a source from a report; a thread that comes meanwhile gets another one."""
        running = self.watcher.running
        count = running.count if running else count_now(self.watcher.shell) + 1
        kept, self._kept = self._kept, None
        is_same = kept is not None and kept[0] is report and kept[1].known.count == count
        if kept is not None and is_same:
            return kept[1]
        made = self._read(report, count)
        if kept is not None:
            made.known.take_over(kept[1].known)
        return made

    def _read(self, report: Report, count: int) -> CellRunner:
        from ..core.preview.known_state import KnownState  # noqa: PLC0415  (only previews need it)
        from ..core.preview.run.abstract_run import CellRunner  # noqa: PLC0415

        shell, watcher = self.watcher.shell, self.watcher
        variables = user_variables(shell)
        plain = plain_variables(variables)
        known = KnownState(
            count=count,
            snapshot=report.snapshot,
            notebook=read_notebook(shell, watcher.sources),
            constants=plain.values,
            sizes=plain.sizes,
            optimizers=watcher.observer.snapshotter.holdings(),
            saved=tuple(watcher.observer.graphs.kept()),
            users=watcher.observer.graphs.users(),
            standing=watcher.reporter.standing,
            origins=report.origins,
            read_only=read_only_arrays(variables),
            closures=_closures(variables, watcher),
        )
        return CellRunner(known)


def _closures(variables: Mapping[str, object], watcher: Watcher) -> dict[str, dict[str, int]]:
    """Return the serials of the tensors that functions hold in their defaults and closures."""
    objects = watcher.observer.snapshotter.objects
    found = {name: held for name, value in variables.items() if (held := held_by_function(value))}
    return {
        name: {one: serial for one, address in held.items() for serial in objects.of_ids(frozenset((address,)))}
        for name, held in found.items()
    }


def _comment_out(found: re.Match[str]) -> str:
    return "".join(f"# {line}\n" for line in found.group().splitlines())
