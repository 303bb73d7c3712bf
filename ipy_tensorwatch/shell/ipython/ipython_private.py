"""Names of IPython that may be missing: each is tested at load, and replaced by a stand-in if it is missing."""

from __future__ import annotations

import sys
from operator import attrgetter
from textwrap import dedent
from typing import TYPE_CHECKING, Any, NamedTuple

import IPython

from ...core.runtime.capability import take

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from IPython.core.interactiveshell import ExecutionResult, InteractiveShell

_LINE_STARTS = ("\n", "\x1b[2K\r")
"""After these, a terminal's line is empty; the second is what `clear_output` prints."""
_COUNTS_FIRST = IPython.version_info >= (9,)
"""Whether IPython increments the execution count before `pre_run_cell`."""


class _Name(NamedTuple):
    """A dotted attribute of a shell, its type, its stand-in, and the code of what is lost without it."""

    path: str
    kind: type
    instead: Any
    lost: str

    def of(self, shell: InteractiveShell) -> Any:  # noqa: ANN401
        """Return the attribute; the stand-in if it is missing or of another type."""
        try:
            found = attrgetter(self.path)(shell)
        except AttributeError:
            return self.instead
        return found if isinstance(found, self.kind) else self.instead

    def check(self, found: object) -> None:
        """Raise `TypeError` if a value is of another type."""
        if not isinstance(found, self.kind):
            raise TypeError


_expected_files: dict[str, int] = {}
"""File names of cells since loading, computed by `expect_file` if IPython's own map cannot be read."""
FILES = _Name("compile._filename_map", dict, _expected_files, "no-lines-of-magics")
_INPUTS = _Name("history_manager.input_hist_parsed", list, None, "")
HIDDEN = _Name("user_ns_hidden", dict, frozenset({"In", "Out", "exit", "get_ipython", "open", "quit"}), "")
LAST_RESULT = _Name("last_execution_result", object, None, "cut-short-unseen")
MAGICS = _Name("magics_manager.magics", dict, {}, "magics-stay")
REGISTRY = _Name("magics_manager.registry", dict, {}, "magics-stay-in-memory")
CONFIGURABLES = _Name("configurables", list, [], "settings-not-listed")
_OUTPUTS = _Name("history_manager.outputs", dict, None, "")
_RESULTS = _Name("history_manager.output_hist_reprs", dict, {}, "")

tidying: tuple[Callable[[list[str]], list[str]], ...] = take(
    "IPython.core.inputtransformer2.leading_indent",
    "IPython.core.inputtransformer2.classic_prompt",
    "IPython.core.inputtransformer2.ipython_prompt",
    lost="prompts-stay",
    make=lambda *found: found,
    instead=(lambda lines: dedent("".join(lines)).splitlines(keepends=True),),
)
"""IPython's transforms that remove indentation and pasted prompts from a cell."""
take(
    "IPython.core.interactiveshell.ExecutionResult.error_in_exec",
    lost="no-errors-explained",
    make=lambda _: None,
    instead=None,
)


def try_names(shell: InteractiveShell) -> None:
    """Test all names on a shell; what is missing is listed by `%tensorwatch status`."""
    for one in (FILES, _INPUTS, HIDDEN, LAST_RESULT, MAGICS, REGISTRY, CONFIGURABLES, _OUTPUTS, _RESULTS):
        take(f"shell.{one.path}", lost=one.lost, make=one.check, instead=None, roots={"shell": shell})
    if getattr(shell, "kernel", None) is not None:
        take(
            "shell.display_pub",
            "ipykernel.iostream.OutStream.register_hook",
            "ipykernel.iostream.IOPubThread.schedule",
            lost="said-later",
            make=_check_hooks,
            instead=None,
            roots={"shell": shell},
        )


def expect_file(shell: InteractiveShell, raw: str, transformed: str, count: int) -> None:
    """Compute the file name of a cell that is about to run, if IPython's map cannot be read."""
    if FILES.of(shell) is _expected_files:
        _expected_files[shell.compile.get_code_name(raw, transformed, count)] = count


def count_ahead(shell: InteractiveShell, *, is_stored: bool) -> int:
    """Return the execution count of the cell that is about to run; IPython 9 has incremented it by then, 8 has not."""
    count, inputs = int(shell.execution_count), _INPUTS.of(shell)
    has_counted = _COUNTS_FIRST if inputs is None else len(inputs) < count
    return count - 1 if is_stored and has_counted else count


def count_now(shell: InteractiveShell) -> int:
    """Return the execution count of the cell that runs or ran last, from the history's length; 0 before the first."""
    inputs = _INPUTS.of(shell)
    if inputs is not None:
        return len(inputs) - 1
    runs = getattr(shell.displayhook, "exec_result", None) is not None
    return int(shell.execution_count) - (0 if runs and not _COUNTS_FIRST else 1)


def error_of(result: ExecutionResult | None) -> BaseException | None:
    """Return the exception that a cell raised while it ran, or None."""
    return getattr(result, "error_in_exec", None)


def set_error(result: ExecutionResult, error: BaseException) -> None:
    """Store an error in the result of a cell that has run."""
    result.error_in_exec = error


def takes_hooks(publisher: object) -> bool:
    """Return whether others can hear what is sent; before ipykernel 6.25 they do not hear `clear_output`."""
    version: tuple[int, ...] = getattr(sys.modules.get("ipykernel"), "version_info", ())
    return version >= (6, 25) and hasattr(type(publisher), "register_hook")


def ends_with_result(shell: InteractiveShell) -> bool:
    """Return whether a result was the last that a cell put out itself; ipykernel before 7 lets nobody hear of it."""
    return shell.ast_node_interactivity != "all" and count_now(shell) in _RESULTS.of(shell)


def _check_hooks(publisher: object, *_: object) -> None:
    if not takes_hooks(publisher):
        raise TypeError


def goes_to_widget(request: str) -> bool:
    """Return whether the front end puts the output of a request into an `Output` widget of ipywidgets now."""
    output = getattr(sys.modules.get("ipywidgets"), "Output", None)
    known: dict[str, Any] = getattr(sys.modules.get("ipywidgets.widgets.widget"), "_instances", {})
    return output is not None and any(
        one.msg_id == request for one in list(known.values()) if issubclass(type(one), output)
    )


def is_line_open(shell: InteractiveShell) -> bool:
    """Return whether the cell has printed a line without its end; IPython before 9 does not record what was printed."""
    printed: Mapping[int, list[Any]] | None = _OUTPUTS.of(shell)
    if printed is None:
        return sys.stdout.isatty()
    last = (printed.get(count_now(shell)) or [None])[-1]
    pieces = getattr(last, "bundle", {}).get("stream", ())
    return bool(pieces) and not pieces[-1].endswith(_LINE_STARTS)
