"""Load and unload the extension; holds its one instance."""

from __future__ import annotations

from types import MethodType
from typing import TYPE_CHECKING, Any

from ..core.runtime.guard import GUARD
from ..core.runtime.record import field, mutable
from .ipython.ipython_private import CONFIGURABLES, MAGICS, REGISTRY, try_names
from .ipython.other_tensorwatch import describe_other_tensorwatch
from .ipython.print_below_cell import CellPrinter, say
from .ipython.settings import TensorWatch
from .ipython.tensordiff_header import HeadingTransformer
from .ipython.waiting_clear import WaitingClears
from .magics.tensorwatch_magics import TensorMagics
from .panel_host import PanelHost
from .previewer import Previewer
from .ranks.registry import FEEDS, HERE, WATCHED, OwnRank, own_version
from .watcher import Watcher

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from ..panel.widget import TensorWatchWidget
    from ..render.preview import Preview
    from ..render.report import Report

_loaded: list[Extension] = []


@mutable(eq=False)
class Extension:
    """Everything that is added to a shell, so that all of it can be removed again."""

    shell: InteractiveShell
    settings: TensorWatch = field(init=False)
    printer: CellPrinter = field(init=False)
    watcher: Watcher = field(init=False)
    heading: HeadingTransformer = field(init=False)
    previewer: Previewer = field(init=False)
    panel_host: PanelHost = field(init=False)
    rank: OwnRank = field(init=False)
    magics: TensorMagics = field(init=False)
    _replaced: dict[str, dict[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Create the parts without touching the shell."""
        clears = WaitingClears(self.shell)
        self.settings = TensorWatch(parent=self.shell)

        def tell(report: Report) -> None:
            GUARD.run("showing-report", self.panel_host.tell, report, default=None)
            is_told_jointly = not self.watcher.asked and self.rank.tell(report)
            self.printer.tell(report, self.watcher.asked, is_said=is_told_jointly)

        self.watcher = Watcher(shell=self.shell, settings=self.settings, on_report=tell, clears=clears)
        self.previewer = Previewer(self.watcher)
        self.panel_host = PanelHost(self.shell, self.watcher, self.previewer)
        self.printer = CellPrinter(
            self.shell, self.settings, self.panel_host.is_visible, clears, hushed=self.panel_host.hushed
        )
        self.heading = HeadingTransformer(lambda: self.watcher.is_running)
        self.rank = OwnRank(self.watcher, own_version())
        self.magics = TensorMagics(self.shell, self.watcher, self.printer, self.previewer, own_version())

    def load(self) -> None:
        """Add everything to the shell and start watching."""
        GUARD.clear()
        try_names(self.shell)
        self._replaced = {kind: dict(known) for kind, known in MAGICS.of(self.shell).items()}
        self.shell.register_magics(self.magics)
        CONFIGURABLES.of(self.shell).append(self.settings)  # `%config` looks there
        self.shell.input_transformers_cleanup.append(self.heading)
        self.watcher.start()
        HERE[:] = [self.rank]
        FEEDS[:] = [self.panel_host.feed]
        GUARD.run("showing-report", self.panel_host.tell, self.watcher.report, default=None)

    def unload(self) -> None:
        """Remove everything, and restore magics of other extensions that ours replaced."""
        HERE.clear()
        GUARD.run("at-end", self.rank.close, default=None)
        for joined in [*WATCHED]:
            GUARD.run("at-end", joined.leave, default=None)
        FEEDS.clear()
        for step in (self.printer.tell_held, self.watcher.stop, self.panel_host.close):
            GUARD.run("at-end", step, default=None)
        _remove(self.shell.input_transformers_cleanup, self.heading)
        for one in (self.settings, self.magics):  # the base class of magics appended itself
            _remove(CONFIGURABLES.of(self.shell), one)
        REGISTRY.of(self.shell).pop(type(self.magics).__name__, None)
        for kind, known in MAGICS.of(self.shell).items():
            for name, magic in list(known.items()):
                if type(magic) is MethodType and magic.__self__ is self.magics:  # a lazy magic loads if it is read
                    _restore(known, name, self._replaced.get(kind, {}))


def load_ipython_extension(shell: InteractiveShell) -> None:
    """Start watching a shell; do nothing if it is watched already, as when loaded under the second name."""
    if _loaded and _loaded[0].shell is shell:
        return
    unload_ipython_extension(shell)
    extension = Extension(shell)
    extension.load()
    _loaded.append(extension)
    other = describe_other_tensorwatch()
    if other:
        say(shell, other)


def unload_ipython_extension(shell: InteractiveShell) -> None:
    """Stop watching and remove everything that was added."""
    del shell  # whichever it was loaded in
    while _loaded:
        _loaded.pop().unload()


def report() -> Report:
    """Return the last cell's report, its fixes tried on copies.

    Raises
    ------
    RuntimeError
        If no cell has been watched yet.
    """
    from .fix_trials import prove_fixes  # noqa: PLC0415  (only a report that somebody reads needs it)

    watcher = _loaded[0].watcher if _loaded else None
    if watcher is None or watcher.report is None:
        message = "no cell has been watched yet: run %load_ext tensorwatch, then a cell"
        raise RuntimeError(message)
    watcher.complete()
    return prove_fixes(watcher, watcher.report)


def preview(source: str) -> Preview:
    """Return what a cell would do.

    Raises
    ------
    RuntimeError
        If the extension is not loaded.
    TypeError
        If the source is no text.
    """
    extension = _loaded_extension()
    if not isinstance(source, str):
        raise TypeError("the source of a cell must be a str")
    return extension.previewer.preview(source)


def widget() -> TensorWatchWidget:
    """Return the panel's widget.

    Raises
    ------
    RuntimeError
        If the extension is not loaded.
    """
    return _loaded_extension().panel_host.open()


def _loaded_extension() -> Extension:
    if not _loaded:
        raise RuntimeError("nothing is watched yet: run %load_ext tensorwatch first")
    return _loaded[0]


def _remove(items: list[Any], one: object) -> None:
    items[:] = [item for item in items if item is not one]


def _restore(known: dict[str, Any], name: str, earlier: dict[str, Any]) -> None:
    if name in earlier:
        known[name] = earlier[name]
    else:
        del known[name]
