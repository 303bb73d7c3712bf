"""The magics as IPython knows them; what they do is imported when one of them first runs."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from IPython.core.magic import Magics, line_cell_magic, line_magic, magics_class, output_can_be_silenced

from ..ipython.magic_options import diff_parser, watch_parser

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from ..ipython.print_below_cell import CellPrinter
    from ..previewer import Previewer
    from ..watcher import Watcher
    from .commands import Commands


@magics_class
class TensorMagics(Magics):
    """`%tensorwatch` and `%tensordiff`."""

    shell: InteractiveShell

    def __init__(
        self, shell: InteractiveShell, watcher: Watcher, printer: CellPrinter, previewer: Previewer, version: str
    ) -> None:
        super().__init__(shell)
        self._asked = watcher, printer, previewer, version

    @cached_property
    def _commands(self) -> Commands:
        from .commands import Commands  # noqa: PLC0415  (few notebooks run a magic)

        return Commands(self.shell, *self._asked)

    @line_magic
    def tensorwatch(self, line: str) -> None:
        """Show what shares memory, and what the last cell changed; `%tensorwatch --help` tells more."""
        self._commands.watch(line)

    @output_can_be_silenced
    @line_cell_magic
    def tensordiff(self, line: str, cell: str | None = None) -> Any:  # noqa: ANN401  (what the cell gives)
        """Show what a cell or the last one changed, or compare two tensors; `%tensordiff --help` tells more."""
        return self._commands.diff(line, cell)

    for _magic, _parser in ((tensorwatch, watch_parser), (tensordiff, diff_parser)):
        vars(_magic)["getdoc"] = lambda parser=_parser: parser().format_help()  # IPython asks for it at `%tensorwatch?`
