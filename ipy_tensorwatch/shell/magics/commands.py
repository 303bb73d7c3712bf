"""What the magics do: each parses its options, queries the watcher, and shows a page."""

from __future__ import annotations

import ast
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from IPython.core.error import UsageError

from ...capture.compare.compare_on_request import compare, is_comparable
from ...capture.snapshot.holders import find_holders
from ...core.origins.origins import Origins
from ...core.records.tensor_memory import Holder, Memory
from ...core.runtime.capability import lost_capabilities
from ...core.runtime.guard import GUARD
from ...core.runtime.record import mutable
from ...render.pages.blame_page import show_blame
from ...render.pages.comparison_page import show_comparison
from ...render.pages.diff_page import show_diff
from ...render.pages.history_page import history
from ...render.pages.overview_page import overview
from ...render.pages.preview_page import show_preview
from ...render.pages.status_page import StatusFacts, show_settings, show_status, show_switch
from ...render.pages.why_page import explain
from ..fix_trials import prove_fixes
from ..ipython.cell_sources import typed_source, user_variables
from ..ipython.find_path import find_path, find_paths, watched_paths
from ..ipython.magic_options import DiffOptions, Helped, diff_options, watch_options, watch_parser
from ..ipython.print_below_cell import CellPrinter, diff_view, show
from ..ranks.ranks_magic import join_ranks, joined_page, leave_ranks
from .config_magic import change, settings_of
from .mend_cell import mend_cell
from .nested_cell import run_body
from .restore import restore

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Sequence

    from IPython.core.interactiveshell import InteractiveShell

    from ...render.page import Page
    from ...render.report import Report
    from ..previewer import Previewer
    from ..watcher import Watcher


@mutable(eq=False)
class Commands:
    """Runs the commands of one shell's magics."""

    shell: InteractiveShell
    watcher: Watcher
    printer: CellPrinter
    previewer: Previewer
    version: str

    def watch(self, line: str) -> None:
        """Run `%tensorwatch`."""
        try:
            asked = watch_options(line)
        except Helped:
            return
        if asked.command == "help":
            watch_parser().print_help()
            return
        self._answer(
            f"%tensorwatch {asked.command or ''}".rstrip(), getattr(self, f"_{asked.command or 'overview'}"), asked
        )

    def diff(self, line: str, cell: str | None) -> Any:  # noqa: ANN401  (what the cell gives)
        """Run `%tensordiff` or `%%tensordiff`."""
        try:
            options = diff_options(line)
        except Helped:
            return None
        if cell is not None:
            if options.tensors:
                raise UsageError("%%tensordiff takes only options on its line: the code goes on the lines below")
            if options.preview:
                self._answer("%%tensordiff", lambda _: show_preview(self.previewer.preview(f"#\n{cell}")), options)
                return None
            return run_body(self.shell, self.watcher, options, line, cell)
        if len(options.tensors) == 1:
            raise UsageError("%tensordiff compares two tensors: name another, or none to see what the last cell did")
        if len(options.tensors) > 2:  # noqa: PLR2004  (A and B)
            raise UsageError(
                f"%tensordiff compares two tensors, not {len(options.tensors)}: {', '.join(options.tensors)}"
            )
        if options.preview:
            raise UsageError("%tensordiff shows what has run: write %%tensordiff --preview above a cell")
        things = [self._comparable(text) for text in options.tensors]
        self._answer("%tensordiff", partial(self._compare, things) if things else self._diff, options)
        return None

    def _answer(self, command: str, make: Callable[[Any], Page | None], asked: object) -> None:
        """Show the page of a command; signals wait meanwhile, and our own errors become a one-line `UsageError`."""
        GUARD.signals.hold()
        try:
            page = make(asked)
            if page is not None:
                show(self.shell, page)
        except UsageError:
            raise
        except Exception as error:  # noqa: BLE001  (our own error, or an object's)
            GUARD.note(command, error)
            raise UsageError(f"{command} failed; %tensorwatch status tells why") from None
        finally:
            GUARD.signals.release()
            if GUARD.signals.are_waiting:
                GUARD.signals.send_later()

    def _diff(self, options: DiffOptions) -> Page:
        recorded = bool(self.printer.asked and self.printer.asked.ops)
        return show_diff(self._report(), diff_view(options, recorded=recorded and options.ops))

    def _compare(self, things: Sequence[object], options: DiffOptions) -> Page:
        texts = options.tensors[0], options.tensors[1]
        return show_comparison(compare(texts, (things[0], things[1]), options.values), options.values)

    def _evaluate(self, command: str, text: str) -> object:
        try:
            ast.parse(text, mode="eval")
            return self.shell.ev(text)
        except Exception as error:  # noqa: BLE001  (the user's expression may raise anything)
            raise UsageError(f"{command}: {text}: {type(error).__name__}: {error}") from None

    def _comparable(self, text: str) -> object:
        thing = self._evaluate("%tensordiff", text)
        if not is_comparable(thing):
            raise UsageError(
                f"%tensordiff: {text} is neither a tensor nor an array; its type is {type(thing).__name__}"
            )
        return thing

    def _report(self) -> Report:
        if self.printer.report is None:
            is_on = self.watcher.settings.enabled
            raise UsageError(f"no cell has been watched yet: run {'one' if is_on else '%tensorwatch on'} first")
        return self.printer.report

    def _overview(self, _: argparse.Namespace) -> Page:
        return overview(self._report())

    def _on(self, _: argparse.Namespace) -> Page:
        self.watcher.settings.enabled = True
        return show_switch(enabled=True)

    def _off(self, _: argparse.Namespace) -> Page:
        self.watcher.settings.enabled = False
        return show_switch(enabled=False)

    def _status(self, _: argparse.Namespace) -> Page:
        watcher = self.watcher
        return show_status(
            StatusFacts(
                version=self.version,
                enabled=watcher.settings.enabled,
                report=self.printer.report,
                changes=len(watcher.reporter.history),
                faults=tuple(GUARD.faults),
                failed=GUARD.count,
                lost=lost_capabilities(),
            )
        )

    def _why(self, asked: argparse.Namespace) -> Page:
        path = find_path(asked.path, self.watcher.observer, self.shell.user_ns)
        record = next(one for one in self.watcher.observer.shot.snapshot.records if str(one.path) == path)
        several, unnamed = holders_of(self.shell, path)
        origins = Origins.now(self.watcher.reporter.origins, self.watcher.observer.shot.snapshot)
        holders = tuple(replace(one, origin=origins.of_pair(path, one.path)) for one in several)
        past = [(count, one) for count, one in self.watcher.reporter.history if one.path == path]
        return explain(Memory(record=record, holders=holders, unnamed=unnamed, past=past))

    def _history(self, asked: argparse.Namespace) -> Page:
        past = list(self.watcher.reporter.history)
        paths = set(self._paths(asked.path)) if asked.path else None
        turns = [one for one in self.watcher.reporter.turns if paths is None or not paths.isdisjoint(one.hazard.paths)]
        shown = [(count, one) for count, one in past if paths is None or one.path in paths]
        return history(shown, asked.count, asked.path, turns)

    def _paths(self, text: str) -> tuple[str, ...]:
        """Return the paths that an expression means, now or in the history."""
        past = (one.path for _, one in self.watcher.reporter.history)
        return find_paths(text, self.watcher.observer, self.shell.user_ns, past)

    def _freeze(self, asked: argparse.Namespace) -> Page:
        page = self.watcher.freezing.freeze(asked.paths, watched_paths(self.watcher.observer))
        self.watcher.guard()
        return page

    def _thaw(self, asked: argparse.Namespace) -> Page:
        return self.watcher.freezing.thaw(asked.paths)

    def _frozen(self, _: argparse.Namespace) -> Page:
        return self.watcher.freezing.show()

    def _blame(self, asked: argparse.Namespace) -> Page:
        paths = set(self._paths(asked.path))
        return show_blame(
            [(count, one) for count, one in self.watcher.reporter.history if one.path in paths], asked.path
        )

    def _restore(self, asked: argparse.Namespace) -> Page:
        return restore(asked.path, asked.cell, self.watcher)

    def _fix(self, asked: argparse.Namespace) -> Page:
        return mend_cell(self.shell, prove_fixes(self.watcher, self._report()), asked.what, self._paths)

    def _preview(self, asked: argparse.Namespace) -> Page:
        count = asked.cell
        source = typed_source(self.shell, count) if count else getattr(self.watcher.running, "source", "")
        return show_preview(self.previewer.preview(source), count)

    def _ranks(self, asked: argparse.Namespace) -> Page | None:
        if asked.view is None:
            return joined_page()
        if asked.view == "off":
            return leave_ranks()
        return join_ranks(self._evaluate("%tensorwatch ranks", asked.view))

    def _config(self, asked: argparse.Namespace) -> Page:
        name, sign, value = (part.strip() for part in " ".join(asked.setting).partition("="))
        if sign:
            change(self.watcher.settings, name, value)
        return show_settings(settings_of(self.watcher.settings, name or None))


def holders_of(shell: InteractiveShell, path: str) -> tuple[tuple[Holder, ...], int | None]:
    """Return the holders of a path's memory, IPython's names included, and the number of unnamed ones."""
    return find_holders(path, user_variables(shell), kept_by_ipython(shell))


def kept_by_ipython(shell: InteractiveShell) -> dict[str, object]:
    """Return the objects that IPython keeps, by name: `_`, `__`, `___`, `_3` and `Out[3]`."""
    names = shell.user_ns
    results = names.get("_oh", names.get("Out"))
    kept = {f"Out[{count}]": value for count, value in results.items()} if isinstance(results, dict) else {}
    numbered = [f"_{count}" for count in results] if isinstance(results, dict) else []
    return kept | {name: names[name] for name in ("_", "__", "___", *numbered) if name in names}
